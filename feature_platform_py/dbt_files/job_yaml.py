"""Write the dbt YAML of jobs and feature groups: models with columns and tests, and a job's exposure and own source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feature_platform_py.core.locations import table_parts
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.dbt_files.dbt_yaml import AsIs, group_name, schema_of_sources
from feature_platform_py.features.columns import OutputColumn
from feature_platform_py.features.feature_set import FeatureSet
from feature_platform_py.files.declared import TEXT_FORMATS
from feature_platform_py.jobs.plan import (
    ENRICHED_MODEL,
    INPUT_MODEL,
    JOINED_MODEL,
    MATURE_MODEL,
    SPLIT_MODEL,
    GroupPlan,
    JobPlan,
    JoinedColumn,
    TablesPlan,
    transformer_params,
)
from feature_platform_py.jobs.point_in_time import ASKS, KNOWN_AT, Use
from feature_platform_py.jobs.split import SPLIT_COLUMN
from feature_platform_py.registry.feature import Feature, FeatureGroup
from feature_platform_py.registry.field import field_named
from feature_platform_py.registry.registry import Registry
from feature_platform_py.sources.resolve import own_input
from feature_platform_py.sources.scoring import ScoringRows

_OWN_COLUMNS = {
    "_feature_set": ("int", "Which of the table's sets of features the row belongs to, counted from 0."),
    "period_start": ("date", "The first day of the row's period, by which the table's files are laid out."),
    "_input_fingerprint": ("string", "What the input of the row's period was when the row was computed."),
    "_input_loaded_at": ("timestamp", "The newest load time of the period's input when the row was computed."),
}


@dataclass(frozen=True)
class PlannedJob:
    """A job of the project, and the path of its file below the project's root."""

    path: Path
    plan: JobPlan


def job_content(job: PlannedJob, registry: Registry) -> dict[str, Any]:
    """Return the dbt YAML of a job: its own source if not registered, its models with columns and tests, and its exposure."""
    plan = job.plan
    models = [_input_model(plan)]
    for table in plan.tables:
        if use := plan.use(table):
            models += [_rows_model(use, plan), _use_model(use, plan, registry)]
        else:
            models.append(_table_model(table, plan, registry))
    if MATURE_MODEL in plan.rows_models:
        models.append(_mature_model(plan))
    if SPLIT_MODEL in plan.rows_models:
        models.append(_split_model(plan))
    models.append(_result_model(plan, registry))
    if plan.config.python_transformers:
        models.append(_enriched_model(plan, registry))
    own = {} if plan.source.registered or plan.source.scoring else {"sources": [_own_source(plan)]}
    return own | {"models": models, "exposures": [_exposure(job, registry)]}


def group_content(plan: GroupPlan, registry: Registry) -> dict[str, Any]:
    """Return the dbt YAML of a feature group: its models with columns and tests."""
    models = [_input_model(plan), *(_table_model(model, plan, registry) for model in plan.tables)]
    if JOINED_MODEL in plan.models:
        models.append(_joined_model(plan, registry))
    return {"models": models}


def _own_source(plan: JobPlan) -> dict[str, Any]:
    """Return the source of a job without a registry entry: a table, or files that are registered under the job's name."""
    source, name = plan.source, plan.job_name
    description = f"What the job `{name}` reads, without an entry in the registry."
    own_table, schema = own_input(name), schema_of_sources()
    if source.query is not None:
        table: dict[str, Any] = {"name": name, "description": description, "identifier": own_table}
        return {"name": "ad_hoc", "schema": schema, "tables": [table]}
    if source.format is None:
        database, named_schema, identifier = table_parts(source.location)
        place: dict[str, Any] = {"database": database} if database else {}
        table = {"name": name, "description": description, "identifier": identifier}
        return {"name": "ad_hoc", **place, "schema": named_schema, "tables": [table]}
    read: dict[str, Any] = {"location": source.location, "format": source.format, "options": dict(source.options)}
    if source.readings:
        read["columns"] = [{"name": column, **asdict(reading)} for column, reading in source.readings.items()]
    # Types are inferred from all files, so dbt reads the same copy as the plan.
    is_looked_at = source.format in {*TEXT_FORMATS, "parquet"}
    columns = [] if is_looked_at else [{"name": column, "type": data_type} for column, data_type in plan.columns]
    config = {"meta": {"locations": {"local": read}, "columns": columns}}
    files: dict[str, Any] = {"name": name, "description": description, "identifier": own_table, "config": config}
    return {"name": "ad_hoc", "schema": schema, "tables": [files]}


def _model(
    plan: TablesPlan, model: str, *, tags: Iterable[str], meta: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the start of a model: its name, and a configuration with the job or the group, and the tags."""
    kind = "job" if isinstance(plan, JobPlan) else "feature_group"
    own = {"tags": [*dict.fromkeys(tags), plan.name], "meta": {kind: plan.name, **(meta or {})}}
    return {"name": plan.table_name(model), "description": "", "config": own}


def _named_test(test: str, plan: TablesPlan, model: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a test of a model with a name that stays readable at any length."""
    given = {"arguments": dict(arguments)} if arguments else {}
    return {test: {"name": f"{test}_{plan.table_name(model)}"} | given}


def _input_model(plan: TablesPlan) -> dict[str, Any]:
    if plan.source.scoring:
        return _scoring_model(plan, plan.source.scoring)
    return _model(plan, INPUT_MODEL, tags=_tags(plan)) | {
        "description": (
            f"The source rows of {_shown(plan)}: one row per source row that passes its filters, the source's columns with"
            " their declared types."
        ),
        "data_tests": [
            _named_test("input_types", plan, INPUT_MODEL),
            _named_test("values_parse", plan, INPUT_MODEL),
            _named_test("registry_rules", plan, INPUT_MODEL, _rules(plan)),
        ],
        "columns": _input_columns(plan),
    }


def _scoring_model(plan: TablesPlan, scoring: ScoringRows) -> dict[str, Any]:
    return _model(plan, INPUT_MODEL, tags=_tags(plan)) | {
        "description": f"The rows of {_shown(plan)}: {scoring.shown}. One row per key and time.",
        "columns": _input_columns(plan),
    }


def _shown(plan: TablesPlan) -> str:
    return f"the {'job' if isinstance(plan, JobPlan) else 'feature group'} `{plan.name}`"


def _rules(plan: TablesPlan) -> dict[str, Any]:
    """Return the rules of the registry for each row: required values, a unique key, and references to other entities."""
    source = plan.source
    rules = {
        "primary_key": list(source.registered.primary_key) if source.registered else [],
        "required": list(source.registered.required) if source.registered else [],
        "references": [
            {
                "entity": each.entity,
                "columns": list(each.columns),
                "sources": [list(holder.dbt_source) for holder in each.sources],
            }
            for each in source.references
        ],
    }
    return {name: rule for name, rule in rules.items() if rule}


def _table_model(model: str, plan: TablesPlan, registry: Registry) -> dict[str, Any]:
    group = _group_of(model, plan, registry)
    tags = [each.tag for each in plan.sets_of(model)]
    found = _model(plan, model, tags=tags, meta=_group_meta(group, registry)) | {
        "description": group.description if group else f"Features of {_shown(plan)}.",
        "data_tests": [_named_test("unique_grain", plan, model)],
        "columns": _feature_table_columns(model, group, plan),
    }
    if group:
        found["config"]["group"] = group_name(group.owner)
    return found


def _rows_model(use: Use, plan: JobPlan) -> dict[str, Any]:
    own = [(ASKS, "boolean", "Whether the row asks.")] if use.time else []
    of_copies = "Tells apart the copies of rows for times at which not all rows were there; in microseconds."
    own += [(KNOWN_AT, "bigint", of_copies)] if use.has_copies else []
    return _model(plan, use.rows_model, tags=[use.feature_set.tag]) | {
        "description": (
            f"The rows that count for `{use.name}` of {_shown(plan)}, and the job's rows, which ask for features at their own time and"
            " count for nobody."
        ),
        "columns": [*_use_columns(use), *(_column(*each) for each in own)],
    }


def _column(name: str, data_type: str, description: str) -> dict[str, Any]:
    return {"name": name, "data_type": data_type, "description": description}


def _use_model(use: Use, plan: JobPlan, registry: Registry) -> dict[str, Any]:
    keys = [column for column in _use_columns(use) if column["name"] in use.feature_set.keys]
    features = _group_features(use.feature_set, use.group)
    about = use.group.description if use.group else "What happened after a time, as far as that is known."
    found = _model(plan, use.name, tags=[use.feature_set.tag], meta=_group_meta(use.group, registry)) | {
        "description": f"{about} For the rows of {_shown(plan)}: one row per key and time that they ask for.",
        "data_tests": [_named_test("unique_grain", plan, use.name)],
        "columns": [*keys, *features, *_own_columns(use.name, plan)],
    }
    if use.group:
        found["config"]["group"] = group_name(use.group.owner)
    return found


def _use_columns(use: Use) -> list[dict[str, Any]]:
    fields = use.source.registered.fields if use.source and use.source.registered else ()
    return [
        {"name": name, "data_type": data_type}
        | ({"description": field.description} if (field := field_named(name, fields)) else {})
        for name, data_type in use.columns
    ]


def _group_of(model: str, plan: TablesPlan, registry: Registry) -> FeatureGroup | None:
    return plan.group if isinstance(plan, GroupPlan) else registry.feature_group(model)


def _joined_model(plan: GroupPlan, registry: Registry) -> dict[str, Any]:
    keys = _key_columns(plan.feature_sets[0], plan, plan.group)
    features = [_feature_column(column, plan.group.feature_of(column.name), {}) for column in plan.features]
    found = _model(plan, JOINED_MODEL, tags=_tags(plan), meta=_group_meta(plan.group, registry)) | {
        "description": plan.group.description,
        "columns": [*keys, *features],
    }
    found["config"]["group"] = group_name(plan.group.owner)
    return found


def _group_meta(group: FeatureGroup | None, registry: Registry) -> dict[str, Any]:
    if group is None:
        return {}
    entity = registry.entity(group.entity)
    return {"entity": entity.name, "entity_version": entity.version, "feature_group": group.name}


def _mature_model(plan: JobPlan) -> dict[str, Any]:
    return _model(plan, MATURE_MODEL, tags=_tags(plan)) | {
        "description": f"The rows of {_shown(plan)} without those of which a target is not known yet.",
        "columns": _input_columns(plan),
    }


def _split_model(plan: JobPlan) -> dict[str, Any]:
    return _model(plan, SPLIT_MODEL, tags=_tags(plan)) | {
        "description": f"The rows of {_shown(plan)} in their parts by time, without those from which a later part can be seen.",
        "columns": [*_input_columns(plan), *_split_columns(plan)],
    }


def _split_columns(plan: JobPlan) -> list[dict[str, Any]]:
    return [_feature_column(SPLIT_COLUMN, None, {})] if plan.config.asking.split else []


def _result_model(plan: JobPlan, registry: Registry) -> dict[str, Any]:
    features = [_of_groups(plan), *(_features_of(each, registry) for each in plan.own_sets)]
    return _model(plan, JOINED_MODEL, tags=_tags(plan)) | {
        "description": (
            f"One row per source row of the job `{plan.job_name}`: the source's columns, then the features of {_adding(plan)}."
        ),
        "data_tests": [_row_count_test(plan, JOINED_MODEL)],
        "columns": _merged([_input_columns(plan), *features, _split_columns(plan)]),
    }


def _enriched_model(plan: JobPlan, registry: Registry) -> dict[str, Any]:
    features = [_of_groups(plan), *(_features_of(each, registry) for each in (*plan.own_sets, *plan.python_sets))]
    found = _model(plan, ENRICHED_MODEL, tags=["generic", *_tags(plan)]) | {
        "description": (
            f"One row per source row of the job `{plan.job_name}`: the source's columns, then the features of all its transformers."
        ),
        "data_tests": [_row_count_test(plan, ENRICHED_MODEL)],
        "columns": _merged([_input_columns(plan), *features, _split_columns(plan)]),
    }
    found["config"] |= {
        "materialized": "table",
        "python_transformers": [
            {"name": each.name, "params": transformer_params(each)} for each in plan.config.python_transformers
        ],
        "result": [name for name, _ in plan.columns] + [column.name for column in plan.features],
    }
    return found


def _adding(plan: JobPlan) -> str:
    names = dict.fromkeys(each.group.name for each in plan.joined_columns if each.group)
    groups = f"the groups {ticked(names)}" if names else ""
    return " and ".join(filter(None, [groups, "its transformers in SQL" if plan.own_sets or not groups else ""]))


def _row_count_test(plan: JobPlan, model: str) -> dict[str, Any]:
    rows = AsIs(f"ref('{plan.table_name(plan.result_rows)}')")
    return _named_test("one_row_per_source_row", plan, model, {"input": rows})


def _tags(plan: TablesPlan) -> list[str]:
    """Return the tags of the feature tables; the input and the result have them too."""
    return sorted({each.tag for each in plan.feature_sets})


def _feature_table_columns(model: str, group: FeatureGroup | None, plan: TablesPlan) -> list[dict[str, Any]]:
    sets = plan.sets_of(model)
    keys = [_key_columns(each, plan, group) for each in sets]
    features = [_group_features(each, group) for each in sets]
    return _merged([*keys, *features, _own_columns(model, plan)])


def _key_columns(feature_set: FeatureSet, plan: TablesPlan, group: FeatureGroup | None) -> list[dict[str, Any]]:
    known = {column["name"]: column for column in [*_input_columns(plan), *_group_features(feature_set, group)]}
    return [known[key] for key in feature_set.keys]


def _own_columns(model: str, plan: TablesPlan) -> list[dict[str, Any]]:
    registered = plan.source.registered
    is_there = {
        "_feature_set": len(plan.sets_of(model)) > 1,
        "period_start": plan.period(model) is not None,
        "_input_fingerprint": True,
        "_input_loaded_at": plan.period(model) is not None and bool(registered and registered.loaded_at),
    }
    return [
        {"name": name, "data_type": data_type, "description": description}
        for name, (data_type, description) in _OWN_COLUMNS.items()
        if is_there[name]
    ]


def _input_columns(plan: TablesPlan) -> list[dict[str, Any]]:
    scoring, registered = plan.source.scoring, plan.source.registered
    fields = scoring.fields if scoring else registered.fields if registered else ()
    return [
        {"name": name, "data_type": data_type}
        | ({"description": field.description} if (field := field_named(name, fields)) else {})
        for name, data_type in plan.columns
    ]


def _features_of(feature_set: FeatureSet, registry: Registry) -> list[dict[str, Any]]:
    return _group_features(feature_set, registry.feature_group(feature_set.model))


def _group_features(feature_set: FeatureSet, group: FeatureGroup | None) -> list[dict[str, Any]]:
    return [
        _feature_column(column, group.feature_of(column.name) if group else None, feature_set.params)
        for column in feature_set.features
    ]


def _of_groups(plan: JobPlan) -> list[dict[str, Any]]:
    """Return the columns that the job has of feature groups, as the groups describe them."""
    return [_feature_column(each.column, _described(each), {}) for each in plan.joined_columns]


def _described(joined: JoinedColumn) -> Feature | None:
    return joined.group.feature_of(joined.name) if joined.group else None


def _feature_column(column: OutputColumn, feature: Feature | None, params: Mapping[str, Any]) -> dict[str, Any]:
    found = {"name": column.name, **({"data_type": column.type} if column.type else {})}
    if feature is None:
        return found | {"description": column.description}
    return found | {
        "description": feature.description_of(column.name, params),
        "config": {
            "meta": {"feature": feature.name, "owner": feature.owner},
            **({"tags": list(feature.tags)} if feature.tags else {}),
        },
    }


def _merged(lists: Iterable[Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return each column once, as in the first list, without its type if the lists disagree."""
    merged: dict[str, dict[str, Any]] = {}
    for column in _chained(lists):
        known = merged.setdefault(column["name"], dict(column))
        if known.get("data_type") != column.get("data_type"):
            known.pop("data_type", None)
    return list(merged.values())


def _chained(lists: Iterable[Iterable[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for columns in lists:
        yield from columns


def _exposure(job: PlannedJob, registry: Registry) -> dict[str, Any]:
    plan = job.plan
    groups = [each.group for each in plan.joined_columns if each.group]
    groups += [group for model in plan.models if (group := registry.feature_group(model))]
    owners = [group.owner for group in groups] or [
        plan.source.registered.owner if plan.source.registered else "unknown"
    ]
    return {
        "name": plan.job_name,
        "label": plan.job_name.replace("_", " "),
        "type": "ml",
        "description": plan.config.description or plan.job_name,
        "owner": {"name": ", ".join(dict.fromkeys(owners))},
        "depends_on": [AsIs(f"ref('{plan.table_name(plan.output_model)}')")],
        "config": {
            "tags": [plan.job_name],
            "meta": {
                "job_file": job.path.as_posix(),
                "source": plan.source_name,
                "features": [column.name for column in plan.features],
                "sink": plan.sink.kind,
            },
        },
    }
