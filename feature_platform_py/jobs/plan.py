"""Plan jobs and feature groups as data: the source, the feature tables that they build, and a job's sink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from feature_platform_py.core.data_types import NUMERIC, kind_of
from feature_platform_py.core.document import NOWHERE, Place
from feature_platform_py.features.columns import OutputColumn, column_named
from feature_platform_py.features.feature_set import FeatureSet, longest_periods
from feature_platform_py.features.row_filters import RowFilter
from feature_platform_py.features.sql import SqlTransformer
from feature_platform_py.jobs.config import JobConfig, TransformerSpec
from feature_platform_py.jobs.point_in_time import Use
from feature_platform_py.jobs.split import SPLIT_COLUMN
from feature_platform_py.registry.feature import FeatureGroup
from feature_platform_py.registry.schema import Period
from feature_platform_py.sinks.sink import Sink
from feature_platform_py.sources.resolve import ResolvedSource

INPUT_MODEL = "stg_job_input"
MATURE_MODEL = "mature_rows"
SPLIT_MODEL = "split_rows"
JOINED_MODEL = "job_features"
ENRICHED_MODEL = "job_enriched"
SOURCE_TESTS = ("declared_types", "not_null", "unique", "unique_key", "relationships")
"""The tests that registered sources have in dbt."""


@dataclass(frozen=True, repr=False, kw_only=True)
class TablesPlan:
    """Feature tables over the rows of a source, completely decided: those of a job, or of a feature group.

    `name` is the job's or the group's, which its tables and its caches carry; `file` declares it. `features` are all columns that
    are added, in the order of the YAML.
    """

    name: str
    file: Path
    source: ResolvedSource
    columns: tuple[tuple[str, str], ...]
    filters: tuple[RowFilter, ...]
    feature_sets: tuple[FeatureSet, ...]
    features: tuple[OutputColumn, ...]

    @property
    def dbt_source(self) -> tuple[str, str]:
        """The names of its dbt source: `source('transaction', 'mm_transaction')`, or one of a job's own."""
        return self.source.registered.dbt_source if self.source.registered else ("ad_hoc", self.name)

    @property
    def source_name(self) -> str:
        """The name of its dbt source, or of those with the keys of a scoring set."""
        holders = self.source.scoring.holders if self.source.scoring else ()
        return ", ".join(".".join(each.relation) for each in holders) or ".".join(self.dbt_source)

    @property
    def was(self) -> tuple[str, ...]:
        """The names that the job or the group had before."""
        return ()

    @property
    def knows_loads(self) -> bool:
        """Whether its source says when each row arrived, so that a run looks only at periods with newly loaded rows."""
        return bool(self.source.registered and self.source.registered.loaded_at)

    @property
    def tables(self) -> tuple[str, ...]:
        """The models that are feature tables."""
        return tuple(dict.fromkeys(each.model for each in self.feature_sets))

    @property
    def sql_models(self) -> tuple[str, ...]:
        """The models that are SQL, in the order in which they are built."""
        return (INPUT_MODEL, *self.tables, JOINED_MODEL)

    @property
    def models(self) -> tuple[str, ...]:
        """The dbt models that are needed, in the order in which they are built."""
        return self.sql_models

    @property
    def stored_models(self) -> tuple[str, ...]:
        """The models that are tables; the others are views."""
        return tuple(model for model in self.models if model not in (INPUT_MODEL, JOINED_MODEL))

    @property
    def output_model(self) -> str:
        """The model that holds all of the features."""
        return self.models[-1]

    @property
    def parts(self) -> tuple[TablesPlan, ...]:
        """The plans whose models a run builds together, a job's after those of the groups that it reads."""
        return (self,)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of all models that a run builds."""
        return tuple(part.table_name(model) for part in self.parts for model in part.models)

    @property
    def table_nodes(self) -> tuple[str, ...]:
        """The names of the feature tables that a run builds."""
        return tuple(part.table_name(table) for part in self.parts for table in part.tables)

    def shown(self, node: str) -> str:
        """Return the name of one of `nodes` in reports."""
        return node

    def sets_of(self, model: str) -> tuple[FeatureSet, ...]:
        """Return the feature sets of one model, in the order of the YAML."""
        return tuple(each for each in self.feature_sets if each.model == model)

    def period(self, model: str) -> Period | None:
        """Return the period by which a model's table is partitioned; None if some rows have no time."""
        feature_sets = self.sets_of(model)
        if not all(feature_set.has_time for feature_set in feature_sets):
            return None
        source = self.source.registered
        period = source.period if source else "month"
        return "month" if period == "day" and any(each.is_by_month for each in feature_sets) else period

    def reach_days(self, model: str) -> int | None:
        """For how many days after its event time a source row counts in a model's table; None: for ever."""
        reaches = [feature_set.reach_days for feature_set in self.sets_of(model)]
        known = [reach for reach in reaches if reach is not None]
        return max(known) if known and len(known) == len(reaches) else None

    def reach_periods(self, model: str) -> dict[str, int]:
        """For how many calendar periods, its own included, a source row counts in a model's table."""
        return longest_periods(feature_set.reach_periods for feature_set in self.sets_of(model))

    def table_name(self, model: str) -> str:
        """Return the name of the table or view for a model, without its schema."""
        return f"{self.name}__{model}"


@dataclass(frozen=True, repr=False, kw_only=True)
class GroupPlan(TablesPlan):
    """The tables of a feature group, which all jobs share: a job without rows of its own.

    Bounded windows and whole histories have a table each. The group's name is that of its only table, or of a view that joins both.
    """

    group: FeatureGroup

    def __repr__(self) -> str:
        return f"<GroupPlan {self.name}: {self.source.shown} -> {', '.join(column.name for column in self.features)}>"

    @property
    def was(self) -> tuple[str, ...]:
        """The names that the group had before."""
        return self.group.was

    @property
    def grain(self) -> tuple[str, ...]:
        """The columns that decide which features a row gets: the source's columns with the entity's key, and the event time."""
        return self.feature_sets[0].keys

    @property
    def sql_models(self) -> tuple[str, ...]:
        """The models that are SQL, in the order in which they are built."""
        return (INPUT_MODEL, *self.tables, *([JOINED_MODEL] if len(self.tables) > 1 else []))

    def table_name(self, model: str) -> str:
        """Return the name of the table or view for a model, without its schema."""
        if model == self.output_model:
            return self.name
        return f"{self.name}__{'input' if model == INPUT_MODEL else model.removesuffix('_features')}"


@dataclass(frozen=True)
class JoinedColumn:
    """A column of a job's result that a table beside its rows has: its name there, and the column of the result.

    It is a feature of a group, whose table is the group's own, which jobs share, or that of a use by this job. Without a group it is a
    target of the job.
    """

    group: FeatureGroup | None
    table: GroupPlan | Use
    name: str
    column: OutputColumn
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, repr=False, kw_only=True)
class JobPlan(TablesPlan):
    """A job that is ready to run: checked against its source's columns, and completely decided.

    `feature_sets` are those of the uses of groups and of the SQL transformers; Python transformers run on rows with their features.
    `read_as` names the columns of the source that get another type than in the files.
    """

    config: JobConfig
    joined_columns: tuple[JoinedColumn, ...] = ()
    read_as: tuple[str, ...] = ()

    def __repr__(self) -> str:
        features = ", ".join(column.name for column in self.features)
        return f"<JobPlan {self.job_name}: {self.source.shown} -> {features} -> {self.sink.kind}>"

    @property
    def job_name(self) -> str:
        """The job's name, which its tables and its caches carry."""
        return self.name

    @property
    def was(self) -> tuple[str, ...]:
        """The names that the job had before."""
        return self.config.was

    @property
    def sink(self) -> Sink:
        """The sink of the result."""
        return self.config.output_sink

    @property
    def numeric_features(self) -> tuple[str, ...]:
        """The names of the features that are known to be numbers."""
        return tuple(each.name for each in self.features if each.type and kind_of(each.type) in NUMERIC)

    @property
    def groups(self) -> tuple[GroupPlan, ...]:
        """The feature groups whose own tables the job reads, each once."""
        tables = [each.table for each in self.joined_columns]
        return tuple({table.name: table for table in tables if isinstance(table, GroupPlan)}.values())

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """The job's own tables with features of groups, at the times of its rows."""
        tables = [each.table for each in self.joined_columns]
        return tuple({table.name: table for table in tables if isinstance(table, Use)}.values())

    @property
    def sources(self) -> tuple[ResolvedSource, ...]:
        """What the job reads: its own sources first, then those of the features of groups."""
        return (*self.source.parts, *(use.source for use in self.uses if use.source))

    @property
    def selected(self) -> tuple[str, ...]:
        """What a run builds, as dbt selects it: its nodes, and the models that people wrote with all that these read.

        A source whose rows count, or whose keys are scored, is tested, as that of a group's own tables is.
        """
        models = [f"+{use.relation[0]}" for use in self.uses if use.source is None]
        holders = self.source.scoring.holders if self.source.scoring else ()
        relations = [*(each.relation for each in holders), *(use.relation for use in self.uses if use.source)]
        sources = dict.fromkeys(".".join(each) for each in relations)
        tests = [f"source:{source},test_name:{test}" for source in sources for test in SOURCE_TESTS]
        return (*self.nodes, *models, *tests)

    @cached_property
    def own_sets(self) -> tuple[FeatureSet, ...]:
        """The feature sets of the job's transformers in SQL."""
        return tuple(each for each in self.feature_sets if not self.use(each.model))

    def use(self, model: str) -> Use | None:
        """Return the use whose table, or whose view of rows, a model is."""
        return self._uses_by_model.get(model)

    @cached_property
    def _uses_by_model(self) -> dict[str, Use]:
        return {model: use for use in self.uses for model in (use.name, use.rows_model)}

    @property
    def parts(self) -> tuple[TablesPlan, ...]:
        """The plans whose models a run builds together, a job's after those of the groups that it reads."""
        return (*self.groups, self)

    @property
    def sql_models(self) -> tuple[str, ...]:
        """The models that are SQL, in the order in which they are built."""
        of_tables = [[use.rows_model, table] if (use := self.use(table)) else [table] for table in self.tables]
        return (INPUT_MODEL, *(model for models in of_tables for model in models), *self.rows_models[1:], JOINED_MODEL)

    @property
    def rows_models(self) -> tuple[str, ...]:
        """The models of the job's rows, in the order in which each leaves out some of those before it."""
        mature = [MATURE_MODEL] if self.config.drops_immature else []
        return (INPUT_MODEL, *mature, *([SPLIT_MODEL] if self.config.asking.split else []))

    @property
    def result_rows(self) -> str:
        """The model of the rows that the result has, each once."""
        return self.rows_models[-1]

    @property
    def ahead_seconds(self) -> int:
        """How far ahead of a row its targets look."""
        return max((use.ahead_seconds or 0 for use in self.uses), default=0)

    @property
    def event_time(self) -> tuple[str, str] | None:
        """The name and the type of the column with the rows' time; None if there is none."""
        name = self.config.asking.event_time or self.source.event_time
        return column_named(name, self.columns) if name else None

    @property
    def stored_models(self) -> tuple[str, ...]:
        """The models that are tables; the others are views."""
        views = {MATURE_MODEL, SPLIT_MODEL, *(use.rows_model for use in self.uses)}
        return tuple(model for model in super().stored_models if model not in views)

    def period(self, model: str) -> Period | None:
        """Return the period by which a model's table is partitioned; None for one that is computed whole."""
        return None if self.use(model) else super().period(model)

    @property
    def models(self) -> tuple[str, ...]:
        """The dbt models of the job's own, in the order in which they are built."""
        return (*self.sql_models, *([ENRICHED_MODEL] if self.config.python_transformers else []))

    @property
    def python_sets(self) -> tuple[FeatureSet, ...]:
        """The columns of the Python transformers, each as a feature set of the model that runs them."""
        source = self.source.registered
        return tuple(
            FeatureSet(
                model=ENRICHED_MODEL,
                macro=each.name,
                keys=source.primary_key if source else (),
                features=each.outputs(self.columns),
                reads=(),
                timestamp_col=None,
                reach_days=0,
                params=transformer_params(each),
            )
            for each in self.config.python_transformers
        )

    @property
    def dbt_packages(self) -> dict[str, Path]:
        """The folders of installed dbt packages that hold macros of the job, by the packages' names."""
        sql = [
            each.transformer
            for each in self.config.feature_transformers
            if isinstance(each.transformer, SqlTransformer)
        ]
        return {name: folder for each in sql for name, folder in each.packages().items()}

    def shown(self, node: str) -> str:
        """Return the name of one of `nodes` in reports: without the job's, if it is the job's own."""
        return node.removeprefix(f"{self.name}__")

    def sets_of(self, model: str) -> tuple[FeatureSet, ...]:
        """Return the feature sets of one model, in the order of the YAML."""
        return tuple(each for each in (*self.feature_sets, *self.python_sets) if each.model == model)


def plan_job(
    config: JobConfig,
    source: ResolvedSource,
    columns: Sequence[tuple[str, str]],
    *,
    joined_columns: Sequence[JoinedColumn] = (),
) -> JobPlan:
    """Return the plan of a checked job; `columns` are the source's names and types, in order."""
    feature_sets: dict[tuple[object, ...], FeatureSet] = {}
    for spec in config.feature_transformers:
        if isinstance(spec.transformer, SqlTransformer):
            for new in spec.transformer.feature_sets(columns):
                known = feature_sets.get(new.identity)
                feature_sets[new.identity] = known.merged(new) if known else new
    added = [column for spec in config.feature_transformers for column in spec.outputs(columns)]
    return JobPlan(
        name=config.job_name,
        file=config.path,
        source=source,
        columns=tuple(columns),
        filters=config.input_source.filters,
        feature_sets=(*_sets_of_uses(joined_columns), *feature_sets.values()),
        config=config,
        features=(
            *(each.column for each in joined_columns if each.group),
            *added,
            *(each.column for each in joined_columns if each.group is None),
            *([SPLIT_COLUMN] if config.asking.split else []),
        ),
        joined_columns=tuple(joined_columns),
    )


def _sets_of_uses(joined_columns: Sequence[JoinedColumn]) -> tuple[FeatureSet, ...]:
    tables = {each.table.name: each.table for each in joined_columns}
    return tuple(table.feature_set for table in tables.values() if isinstance(table, Use))


def transformer_params(spec: TransformerSpec) -> dict[str, Any]:
    """Return the parameters of a transformer as plain values, without those that are None."""
    return spec.transformer.model_dump(mode="json", exclude_none=True)
