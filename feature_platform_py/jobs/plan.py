"""What a job will do, as data: the feature tables it builds, the dbt variable that says so, and where the result goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from feature_platform_py.core.locations import table_parts
from feature_platform_py.features.financial import (
    CategoricalSpendParams,
    MonthlyCountParams,
    OutputColumn,
    UserSpendParams,
)
from feature_platform_py.jobs.checks import ResolvedSource
from feature_platform_py.jobs.config import JobConfig, RowFilter, SinkSpec
from feature_platform_py.registry.schema import Period

MODELS = ("user_spend", "user_monthly_transactions", "user_categorical_spend")
INPUT_MODEL = "stg_job_input"
OUTPUT_MODEL = "job_features"
EXTERNAL_SCHEMA = "sources"


@dataclass(frozen=True)
class FeatureSet:
    """Features of one model that share their keys and inputs; `params` are the arguments of the model's macro."""

    model: str
    keys: tuple[str, ...]
    features: tuple[OutputColumn, ...]
    timestamp_col: str | None
    params: Mapping[str, Any]

    @property
    def has_time(self) -> bool:
        """Whether a row of the features stands for a time, not for a user's whole history."""
        return "year_month" in self.keys or self.timestamp_col in self.keys

    @property
    def reach_days(self) -> int | None:
        """For how many days after its event time a source row counts, beyond its own month; None: for ever."""
        if self.model == "user_categorical_spend":
            return None
        windows: list[int] = self.params.get("window_days", [])
        return max(windows, default=0)


@dataclass(frozen=True)
class JobPlan:
    """A job that is ready to run: checked against its source's columns, nothing left to decide."""

    config: JobConfig
    source: ResolvedSource
    columns: tuple[tuple[str, str], ...]
    feature_sets: tuple[FeatureSet, ...]
    features: tuple[OutputColumn, ...]

    @property
    def job_name(self) -> str:
        """The job's name, which its tables and its caches carry."""
        return self.config.job_name

    @property
    def sink(self) -> SinkSpec:
        """Where the result goes."""
        return self.config.output_sink

    @property
    def models(self) -> tuple[str, ...]:
        """The dbt models that the job needs, in the order in which they are built."""
        return (INPUT_MODEL, *self.tables, OUTPUT_MODEL)

    @property
    def tables(self) -> tuple[str, ...]:
        """Those of the models that are feature tables."""
        return tuple(model for model in MODELS if self.sets_of(model))

    def sets_of(self, model: str) -> tuple[FeatureSet, ...]:
        """The feature sets of one model, in the order of the YAML."""
        return tuple(feature_set for feature_set in self.feature_sets if feature_set.model == model)

    def period(self, model: str) -> Period | None:
        """The length of time by which a model's table is partitioned; None if its rows do not all stand for a time."""
        if not all(feature_set.has_time for feature_set in self.sets_of(model)):
            return None
        source = self.source.registered
        period = source.period if source else "month"
        return "month" if period == "day" and model == "user_monthly_transactions" else period

    def table_name(self, model: str) -> str:
        """The name of the job's table or view for a model, without its schema."""
        return f"{self.job_name}__{model}"


def plan_job(config: JobConfig, source: ResolvedSource, columns: Sequence[tuple[str, str]]) -> JobPlan:
    """Return the plan of a checked job; `columns` are the source's names and types, in order."""
    types = dict(columns)
    feature_sets: dict[tuple[Any, ...], FeatureSet] = {}
    for transformer in config.feature_transformers:
        new = _feature_set(transformer.params, types, transformer.outputs(columns))
        identity = (new.model, new.keys, *(new.params.get(name) for name in _SHARED_PARAMS))
        feature_sets[identity] = _merged(feature_sets[identity], new) if identity in feature_sets else new
    return JobPlan(
        config=config,
        source=source,
        columns=tuple(columns),
        feature_sets=tuple(feature_sets.values()),
        features=tuple(
            column for transformer in config.feature_transformers for column in transformer.outputs(columns)
        ),
    )


_SHARED_PARAMS = ("amount_col", "category_col", "timestamp_col", "as_of")
_LISTED_PARAMS = ("window_days", "target_category_value")


def _feature_set(
    params: UserSpendParams | MonthlyCountParams | CategoricalSpendParams,
    types: Mapping[str, str],
    outputs: Sequence[OutputColumn],
) -> FeatureSet:
    arguments: dict[str, Any] = {"user_id_col": params.user_id_col}
    keys: tuple[str, ...]
    match params:
        case UserSpendParams():
            model, keys = "user_spend", (params.user_id_col, params.timestamp_col)
            arguments |= {"timestamp_col": params.timestamp_col, "window_days": list(params.window_days)}
        case MonthlyCountParams():
            model = "user_monthly_transactions"
            keys = (params.user_id_col, params.timestamp_col if params.as_of else "year_month")
            arguments |= {"timestamp_col": params.timestamp_col, "as_of": params.as_of}
        case CategoricalSpendParams():
            model = "user_categorical_spend"
            keys = (
                (params.user_id_col, params.timestamp_col)
                if params.as_of and params.timestamp_col
                else (params.user_id_col,)
            )
            arguments |= {
                "category_col": params.category_col,
                "target_category_value": list(params.target_category_value),
                "timestamp_col": params.timestamp_col if params.as_of else None,
                "as_of": params.as_of,
            }
    if not isinstance(params, MonthlyCountParams):
        arguments |= {"amount_col": params.amount_col, "amount_type": types[params.amount_col]}
    return FeatureSet(model, keys, tuple(outputs), params.timestamp_col, arguments)


def _merged(one: FeatureSet, other: FeatureSet) -> FeatureSet:
    """Two uses of a transformer that differ only in their windows or categories, as one pass over the data."""
    listed = {name: one.params[name] + other.params[name] for name in _LISTED_PARAMS if name in one.params}
    return FeatureSet(one.model, one.keys, one.features + other.features, one.timestamp_col, {**one.params, **listed})


def job_variable(plan: JobPlan) -> dict[str, Any]:
    """The dbt variable `job`: everything that the models read, as plain lists, mappings and scalars."""
    return {
        "name": plan.job_name,
        "input": {
            "source": list(plan.source.dbt_source),
            "columns": _columns_variable(plan),
            "filters": [_filter_variable(row_filter, plan) for row_filter in plan.config.input_source.filters],
            "loaded_at": plan.source.registered.loaded_at if plan.source.registered else None,
            "rules": _rules_variable(plan.source),
            "ad_hoc": _ad_hoc_variable(plan),
        },
        **{model: _table_variable(model, plan) for model in MODELS},
        "joins": [_join_variable(feature_set, plan) for feature_set in plan.feature_sets],
        "features": [{"name": column.name, "table": _table_of(column, plan)} for column in plan.features],
    }


def _rules_variable(source: ResolvedSource) -> dict[str, Any]:
    """What the registry demands of each row: values where they are required, a key of its own, and whose key it names."""
    return {
        "primary_key": list(source.registered.primary_key) if source.registered else [],
        "required": list(source.registered.required) if source.registered else [],
        "references": [
            {"entity": each.source.entity, "source": list(each.source.dbt_source), "columns": list(each.columns)}
            for each in source.references
        ],
    }


def _filter_variable(row_filter: RowFilter, plan: JobPlan) -> dict[str, Any]:
    column_type = dict(plan.columns)[row_filter.column]
    values = row_filter.value if isinstance(row_filter.value, tuple) else (row_filter.value,)
    literals = [_literal(value, column_type) for value in values if value is not None]
    return {"column": row_filter.column, "op": row_filter.op, "literals": literals}


def _literal(value: object, column_type: str) -> dict[str, str]:
    """A filter's value as text, and the type that it is compared as: never rounded to the column's scale."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, float) and column_type not in ("float", "double"):
        exact = Decimal(text)
        return {"text": f"{exact:f}", "type": f"decimal(38, {max(0, -int(exact.as_tuple().exponent))})"}
    if isinstance(value, int) and column_type.startswith("decimal"):
        return {"text": text, "type": "decimal(38, 0)"}
    return {"text": text, "type": column_type}


def _ad_hoc_variable(plan: JobPlan) -> dict[str, Any]:
    """The lineage node of an unregistered source: a table by its name, or files that are registered under the job's name."""
    source = plan.source
    if source.registered is None and source.format is None:
        database, schema, identifier = table_parts(source.location)
        return {"database": database, "schema": schema, "identifier": identifier, "meta": {}}
    meta: dict[str, Any] = {}
    if source.registered is None:
        place = {"location": source.location, "format": source.format, "options": dict(source.options)}
        meta = {"locations": {"local": place}, "columns": _columns_variable(plan)}
    return {"database": None, "schema": EXTERNAL_SCHEMA, "identifier": f"{plan.job_name}__input", "meta": meta}


def _columns_variable(plan: JobPlan) -> list[dict[str, str]]:
    return [{"name": name, "type": data_type} for name, data_type in plan.columns]


def _table_variable(model: str, plan: JobPlan) -> dict[str, Any]:
    feature_sets = plan.sets_of(model)
    reaches = [feature_set.reach_days for feature_set in feature_sets]
    known = [reach for reach in reaches if reach is not None]
    return {
        "period": plan.period(model) if feature_sets else None,
        "reach_days": max(known) if known and len(known) == len(reaches) else None,
        "feature_sets": [_set_variable(feature_set) for feature_set in feature_sets],
    }


def _set_variable(feature_set: FeatureSet) -> dict[str, Any]:
    return {
        "keys": list(feature_set.keys),
        "features": [column.name for column in feature_set.features if column.name not in feature_set.keys],
        "params": {name: value for name, value in feature_set.params.items() if value is not None},
    }


def _join_variable(feature_set: FeatureSet, plan: JobPlan) -> dict[str, Any]:
    number = plan.sets_of(feature_set.model).index(feature_set)
    is_only_one = len(plan.sets_of(feature_set.model)) == 1
    return {
        "name": _join_name(feature_set, plan),
        "model": feature_set.model,
        "feature_set": None if is_only_one else number,
        "keys": list(feature_set.keys),
        "timestamp_col": feature_set.timestamp_col,
    }


def _join_name(feature_set: FeatureSet, plan: JobPlan) -> str:
    sets = plan.sets_of(feature_set.model)
    return feature_set.model if len(sets) == 1 else f"{feature_set.model}_{sets.index(feature_set)}"


def _table_of(column: OutputColumn, plan: JobPlan) -> str:
    return next(_join_name(each, plan) for each in plan.feature_sets if column in each.features)
