"""Write the dbt models of a job or a feature group: for its input, each feature table and its result a file that calls a macro."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from feature_platform_py.core.project_files import GENERATED
from feature_platform_py.dbt_files.jinja import Call, jinja
from feature_platform_py.features.definitions import MODEL as CUSTOM_MODEL
from feature_platform_py.features.feature_set import FeatureSet
from feature_platform_py.features.row_filters import filter_variable
from feature_platform_py.jobs.plan import (
    ENRICHED_MODEL,
    INPUT_MODEL,
    JOINED_MODEL,
    MATURE_MODEL,
    SPLIT_MODEL,
    GroupPlan,
    JobPlan,
    TablesPlan,
)
from feature_platform_py.jobs.point_in_time import Use
from feature_platform_py.jobs.split import SPLIT_COLUMN
from feature_platform_py.sources.scoring import KeyHolder, ScoringRows, shown_time

_ENRICHED = '''\
"""The job's result: its transformers in Python run on the rows of `{joined}`, in the order of the job's file."""

from pathlib import Path

from feature_platform_py.features.enrich import enriched


def model(dbt, session):  # noqa: ARG001, D103 - dbt's own signature
    # dbt finds what a Python model reads of its configuration by reading the code: each is a statement of its own.
    steps = dbt.config.get("python_transformers")
    result = dbt.config.get("result")
    rows = dbt.ref("{joined}")
    # dbt changes into the project's folder.
    return enriched(rows, steps, result, Path.cwd())
'''


def model_texts(plan: TablesPlan, origin: str) -> Iterator[tuple[str, str]]:
    """Yield the name and text of each model's file; a model comes after those that it reads.

    `origin` is the path of the file of the job or the group.
    """
    for model in plan.sql_models:
        yield f"{plan.table_name(model)}.sql", _sql(plan, origin, _call(plan, model))
    if isinstance(plan, JobPlan) and plan.config.python_transformers:
        text = _ENRICHED.format(joined=plan.table_name(JOINED_MODEL))
        yield f"{plan.table_name(ENRICHED_MODEL)}.py", f"# {generated_from(origin)}\n{text}"


def generated_from(origin: str) -> str:
    """Return the mark of a generated file, without a file name that could be code there."""
    shown = origin if re.fullmatch(r"[\w./ -]+", origin) else "a job file"
    return f"{GENERATED} {shown} by `fpjob registry sync`; edit that instead."


def _call(plan: TablesPlan, model: str) -> Call:
    if isinstance(plan, JobPlan) and (use := plan.use(model)):
        return _rows_of(use, plan) if model == use.rows_model else _feature_table(plan, model, rows=use.rows_model)
    if model in plan.tables:
        return _feature_table(plan, model)
    if model == INPUT_MODEL:
        return _input(plan)
    if isinstance(plan, JobPlan) and model == MATURE_MODEL:
        return _mature_rows(plan)
    if isinstance(plan, JobPlan) and model == SPLIT_MODEL:
        return _split_rows(plan)
    return _result(plan) if isinstance(plan, JobPlan) else _group(plan)


def _sql(plan: TablesPlan, origin: str, call: Call) -> str:
    mark, text = f"{{#- {generated_from(origin)} -#}}\n", f"{{{{ {jinja(call)} }}}}"
    if not isinstance(plan, JobPlan):
        return f"{mark}{text}\n"
    # A fault in the macros of one job must not stop others, whose runs therefore leave its models empty.
    return f"{mark}{{% if {jinja(Call('builds_job', (plan.name,)))} -%}}\n{text}\n{{%- endif %}}\n"


def _ref(plan: TablesPlan, model: str) -> Call:
    return Call("ref", (plan.table_name(model),))


def _input(plan: TablesPlan) -> Call:
    source = plan.source
    if source.scoring:
        return _scoring_rows(plan, source.scoring)
    arguments: dict[str, Any] = {
        "relation": Call("source", plan.dbt_source),
        "columns": dict(plan.columns),
    }
    if filters := [filter_variable(each, plan.columns) for each in plan.filters]:
        arguments["filters"] = filters
    if source.registered and source.registered.loaded_at:
        arguments["loaded_at"] = source.registered.loaded_at
    return Call("job_input", (), arguments)


def _scoring_rows(plan: TablesPlan, scoring: ScoringRows) -> Call:
    """Return the call that makes the rows of a scoring set."""
    instants, active = scoring.rows.instants, scoring.rows.active_seconds
    start = {"start": shown_time(instants.start)} if instants.start else {}
    arguments: dict[str, Any] = {
        "keys": dict(scoring.keys),
        "event_time": dict([scoring.time]),
        "sources": [_key_source(each, scoring) for each in scoring.holders],
        "instants": {**start, "every_seconds": instants.every_seconds, "number": instants.number},
        **({"active_within": active} if active else {}),
        **({"is_open": True} if active and scoring.is_open else {}),
    }
    if filters := [filter_variable(each, plan.columns) for each in plan.filters]:
        arguments["filters"] = filters
    return Call("scoring_rows", (), arguments)


def _key_source(holder: KeyHolder, scoring: ScoringRows) -> dict[str, Any]:
    keys = {name: own for (name, _), own in zip(scoring.keys, holder.keys, strict=True)}
    time = {"event_time": dict([holder.time])} if holder.time else {}
    return {"relation": Call("source", holder.relation), "keys": keys, **time, **holder.known}


def _rows_of(use: Use, plan: JobPlan) -> Call:
    """Return the call that puts the rows that count, and the rows that ask, into one view."""
    arguments: dict[str, Any] = {
        "asking": _ref(plan, INPUT_MODEL),
        "keys": dict(use.keys),
        **({"event_time": dict([use.time])} if use.time else {}),
        "relation": Call("source" if len(use.relation) > 1 else "ref", use.relation),
        "columns": dict(use.columns),
    }
    if filters := [filter_variable(each, use.source.columns or () if use.source else ()) for each in use.filters]:
        arguments["filters"] = filters
    if use.reach_days is not None:
        arguments["reach_days"] = use.reach_days
    arguments |= use.known if use.has_copies else {}
    if use.ahead_seconds is not None:
        arguments["ahead_seconds"] = use.ahead_seconds
    if use.newest_of:
        arguments["newest_of"] = use.newest_of
    return Call("point_in_time_rows", (), arguments)


def _feature_table(plan: TablesPlan, model: str, *, rows: str = INPUT_MODEL) -> Call:
    sets = plan.sets_of(model)
    names = ["input_rows"] if len(sets) == 1 else [f"input_rows_{number}" for number in range(len(sets))]
    arguments: dict[str, Any] = {
        "input": _ref(plan, rows),
        "feature_sets": [_feature_set(each, name) for each, name in zip(sets, names, strict=True)],
    }
    if period := plan.period(model):
        arguments["period"] = period
    if (reach_days := plan.reach_days(model)) is not None:
        arguments["reach_days"] = reach_days
        if reach_periods := plan.reach_periods(model):
            arguments["reach_periods"] = reach_periods
    return Call("feature_table", (), arguments)


def _feature_set(feature_set: FeatureSet, rows: str) -> dict[str, Any]:
    told = feature_set.variable()
    # The macro of a user may be gone, which dbt does not say by itself.
    is_users = feature_set.model == CUSTOM_MODEL
    macro = jinja(Call("_named_macro", (feature_set.macro,))) if is_users else feature_set.macro
    query = Call(macro, (rows,), told["params"])
    parts = {name: told[name] for name in ("keys", "features", "reads", "timestamp_col", "month_key")}
    return {name: part for name, part in parts.items() if part is not None} | {"query": query}


def _mature_rows(plan: JobPlan) -> Call:
    """Return the call that leaves out the rows with a target that is not known yet."""
    targets = [
        {
            "relation": Call("source", use.relation),
            "newest_of": use.newest_of or use.time[0],
            "event_time": use.time[1],
            "ahead_seconds": use.ahead_seconds,
        }
        for use in plan.uses
        if use.ahead_seconds is not None and use.time
    ]
    return Call(
        "mature_rows", (), {"input": _ref(plan, INPUT_MODEL), "columns": dict(plan.columns), "targets": targets}
    )


def _split_rows(plan: JobPlan) -> Call:
    """Return the call that puts the rows into parts by their time."""
    split = plan.config.asking.split
    arguments: dict[str, Any] = {
        "input": _ref(plan, plan.rows_models[-2]),
        "columns": dict(plan.columns),
        "event_time": dict([plan.event_time] if plan.event_time else []),
        "parts": [
            {"name": each.name, **({"end": shown_time(each.end)} if each.end else {})}
            for each in (split.parts if split else ())
        ],
    }
    if split and (reach := split.reach_seconds(plan.ahead_seconds)):
        arguments["reach_seconds"] = reach
    return Call("split_rows", (), arguments)


def _result(plan: JobPlan) -> Call:
    arguments: dict[str, Any] = {"input": _ref(plan, plan.result_rows)}
    tables = [*map(_joined_group, plan.groups), *(_joined(each, plan) for each in plan.feature_sets)]
    if tables:
        arguments["tables"] = tables
        split = {SPLIT_COLUMN.name: "source_rows"} if plan.config.asking.split else {}
        arguments["features"] = _group_columns(plan) | _tables_of_features(plan) | split
    return Call("job_features", (), arguments)


def _group(plan: TablesPlan) -> Call:
    """Return the call that joins a group's tables, which have the same keys."""
    tables = {column.name: each.model for each in plan.feature_sets for column in each.features}
    features = [column.name for column in plan.features]
    return Call(
        "group_features",
        (),
        {
            "tables": {table: _ref(plan, table) for table in plan.tables},
            "keys": list(plan.feature_sets[0].keys),
            "features": {name: tables[name] for name in features},
        },
    )


def _joined_group(group: GroupPlan) -> Mapping[str, Any]:
    return {
        "name": _group_join(group),
        "relation": _ref(group, group.output_model),
        "keys": list(group.grain),
        "is_shared": True,
    }


def _group_join(table: GroupPlan | Use) -> str:
    # Other joins have the names of models, or of steps of the query.
    return f"{table.name}_group" if isinstance(table, GroupPlan) else table.name


def _group_columns(plan: JobPlan) -> dict[str, Any]:
    """Return the join of each feature of a group by its name in the result, with its name in the group where that differs."""
    return {
        each.column.name: _group_join(each.table)
        if each.column.name == each.name
        else {"table": _group_join(each.table), "column": each.name}
        for each in plan.joined_columns
    }


def _joined(feature_set: FeatureSet, plan: JobPlan) -> Mapping[str, Any]:
    sets = plan.sets_of(feature_set.model)
    joined: dict[str, Any] = {
        "name": _join_name(feature_set, plan),
        "relation": _ref(plan, feature_set.model),
        "keys": list(feature_set.keys),
    }
    if use := plan.use(feature_set.model):
        return joined | {"row_columns": use.row_columns}
    if feature_set.month_key:
        joined |= {"timestamp_col": feature_set.timestamp_col, "month_key": feature_set.month_key}
    return joined if len(sets) == 1 else joined | {"feature_set": sets.index(feature_set)}


def _tables_of_features(plan: JobPlan) -> dict[str, str]:
    return {
        column.name: _join_name(each, plan)
        for column in plan.features
        for each in plan.own_sets
        if column in each.features
    }


def _join_name(feature_set: FeatureSet, plan: JobPlan) -> str:
    sets = plan.sets_of(feature_set.model)
    return feature_set.model if len(sets) == 1 else f"{feature_set.model}_{sets.index(feature_set)}"


def models_folder(job_name: str) -> Path:
    """Return the folder of a registered job's models, below the project's root."""
    return Path("models", "jobs", job_name)
