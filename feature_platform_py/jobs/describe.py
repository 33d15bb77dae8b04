"""Describe plans and the work of tables for terminals and notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from feature_platform_py.core.project import Target
from feature_platform_py.core.text import aligned, html_table
from feature_platform_py.features.columns import OutputColumn
from feature_platform_py.features.transformer import FeatureTransformer
from feature_platform_py.jobs.changed_periods import why_whole
from feature_platform_py.jobs.plan import JobPlan, TablesPlan
from feature_platform_py.jobs.point_in_time import Use
from feature_platform_py.jobs.work import TableWork


def work_lines(works: Mapping[str, TableWork]) -> list[str]:
    """Return the work of each table as lines of text."""
    rows = [(name, work.extent, _input_rows(work), work.why) for name, work in works.items()]
    return aligned([("table", "computes", "from", "because"), *rows])


def _input_rows(work: TableWork) -> str:
    return "" if work.rows is None or work.action == "skip" else f"{work.rows:,} rows"


def plan_lines(plan: TablesPlan, target: Target) -> list[str]:
    """Return the plan of a job or a feature group as lines of text."""
    rows = [("table", "grain", "adds"), *_tables(plan)]
    job = plan if isinstance(plan, JobPlan) else None
    lines = [
        f"{plan.name} on target {target.name} ({target.engine}){_environment(target)}",
        f"  reads   {plan.source.shown}",
        *(f"          {each}" for each in (job.read_as if job else ())),
        *(f"  filter  {each.column} {each.op} {_filter_value(each.value)}".rstrip() for each in plan.filters),
        *([f"  split   {job.config.asking.split.shown(job.ahead_seconds)}"] if job and job.config.asking.split else []),
        *([f"  writes  {job.sink.shown}"] if job else []),
        *([f"          all of it {whole}"] if job and (whole := why_whole(job)) else []),
        "",
        *aligned(rows),
        *(_use_lines(job.uses) if job else ()),
    ]
    return [*lines, *(_look_ahead_lines(job) if job else [])]


def _environment(target: Target) -> str:
    return f", environment {target.environment} beside {target.production}" if target.environment else ""


def _tables(plan: TablesPlan) -> Iterator[tuple[str, str, str]]:
    """Yield the name, grain and features of each table; those of a feature group are one for a job."""
    job = plan if isinstance(plan, JobPlan) else None
    for group in job.groups if job else ():
        features = [each.column for each in job.joined_columns if each.table == group] if job else []
        yield group.name, ", ".join(group.grain), _names(features)
    for feature_set in (*plan.feature_sets, *(job.python_sets if job else ())):
        table = plan.shown(plan.table_name(feature_set.model))
        yield table, ", ".join(feature_set.keys), _names(feature_set.features)


def _use_lines(uses: Sequence[Use]) -> Iterator[str]:
    """Yield lines with what each table at the times of the job's rows reads: whose rows, of where, and from which time on."""
    if uses:
        rows = [(use.name, use.asked, use.time[1] if use.time else "any", use.reads, use.counting) for use in uses]
        yield from ("", *aligned([("table", "for", "at", "reads rows of", "that are"), *rows]))


def _names(columns: Iterable[OutputColumn]) -> str:
    return ", ".join(column.name for column in columns)


def _look_ahead_lines(plan: JobPlan) -> list[str]:
    """Return lines that name the columns that look ahead, and the parameters that avoid it."""
    looking = [
        (spec.transformer, names)
        for spec in plan.config.feature_transformers
        if (names := [column.name for column in spec.outputs(plan.columns) if column.looks_ahead])
    ]
    if not looking:
        return []
    ways: dict[str, list[str]] = {}
    for transformer, names in looking:
        ways.setdefault(_param_as_known(transformer), []).extend(names)
    # `as_of` needs a `timestamp_col`.
    is_timeless = any(getattr(each, "timestamp_col", "") is None for each, _ in looking)
    told = {
        "as_of": "`as_of: event_time`" + (", with a `timestamp_col`" if is_timeless else ""),
        "as_of_col": "`as_of_col`",
    }
    advice = [told[way] + (f" for {', '.join(ways[way])}" if len(ways) > 1 else "") for way in told if way in ways]
    return [
        "",
        f"  Looks ahead of the row: {', '.join(name for _, names in looking for name in names)}",
        *([f"  (training data should use {'; '.join(advice)})"] if advice else []),
        *([f"  (no parameter changes that for {', '.join(ways[''])})"] if "" in ways else []),
    ]


def _param_as_known(transformer: FeatureTransformer) -> str:
    """Return the parameter that limits a transformer to what was known at the row's time, or an empty text."""
    return next((name for name in ("as_of", "as_of_col") if name in type(transformer).model_fields), "")


def _filter_value(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def plan_html(plan: JobPlan, target: Target) -> str:
    """Return the plan as HTML for a notebook."""
    facts = [
        ("reads", plan.source.shown),
        *(("", each) for each in plan.read_as),
        *(("filter", f"{each.column} {each.op} {_filter_value(each.value)}".rstrip()) for each in plan.filters),
        *([("split", split.shown(plan.ahead_seconds))] if (split := plan.config.asking.split) else []),
        ("writes", plan.sink.shown),
        ("target", f"{target.name} ({target.engine})"),
    ]
    of_groups = [(each.table.name, each.table.grain, each.column) for each in plan.joined_columns]
    own = [(each.model, each.keys, column) for each in (*plan.own_sets, *plan.python_sets) for column in each.features]
    features = [
        (table, ", ".join(keys), each.name, each.type or "", "yes" if each.looks_ahead else "no", each.description)
        for table, keys, each in (*of_groups, *own)
    ]
    title = f"<b>{escape(plan.job_name)}</b> {escape(plan.config.description)}"
    return (
        title
        + html_table((), facts)
        + html_table(("table", "grain", "feature", "type", "looks ahead", "what it is"), features)
    )
