"""Describe plans and the work of tables for terminals and notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from feature_platform_py.core.project import Target
from feature_platform_py.core.text import aligned
from feature_platform_py.features.feature_set import FeatureSet
from feature_platform_py.features.transformer import FeatureTransformer
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.jobs.work import TableWork


def work_lines(works: Mapping[str, TableWork]) -> list[str]:
    """Return the work of each table as lines of text."""
    rows = [(name, work.extent, _input_rows(work), work.why) for name, work in works.items()]
    return aligned([("table", "computes", "from", "because"), *rows])


def _input_rows(work: TableWork) -> str:
    return "" if work.rows is None or work.action == "skip" else f"{work.rows:,} rows"


def plan_lines(plan: JobPlan, target: Target) -> list[str]:
    """Return the plan as lines of text."""
    rows = [("table", "grain", "adds"), *(_set_row(each) for each in (*plan.feature_sets, *plan.python_sets))]
    lines = [
        f"{plan.job_name} on target {target.name} ({target.engine})",
        f"  reads   {plan.source.shown}",
        *(f"          {each}" for each in plan.read_as),
        *(
            f"  filter  {each.column} {each.op} {_filter_value(each.value)}".rstrip()
            for each in plan.config.input_source.filters
        ),
        f"  writes  {plan.sink.shown}",
        "",
        *aligned(rows),
    ]
    return [*lines, *_look_ahead_lines(plan)]


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


def _set_row(feature_set: FeatureSet) -> tuple[str, str, str]:
    return feature_set.model, ", ".join(feature_set.keys), ", ".join(column.name for column in feature_set.features)


def _filter_value(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def plan_html(plan: JobPlan, target: Target) -> str:
    """Return the plan as HTML for a notebook."""
    facts = [
        ("reads", plan.source.shown),
        *(("", each) for each in plan.read_as),
        *(
            ("filter", f"{each.column} {each.op} {_filter_value(each.value)}".rstrip())
            for each in plan.config.input_source.filters
        ),
        ("writes", plan.sink.shown),
        ("target", f"{target.name} ({target.engine})"),
    ]
    features = [
        (
            each.model,
            ", ".join(each.keys),
            column.name,
            column.type or "",
            "yes" if column.looks_ahead else "no",
            column.description,
        )
        for each in (*plan.feature_sets, *plan.python_sets)
        for column in each.features
    ]
    title = f"<b>{escape(plan.job_name)}</b> {escape(plan.config.description)}"
    return (
        title + _table((), facts) + _table(("table", "grain", "feature", "type", "looks ahead", "what it is"), features)
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f'<{tag} style="text-align:left">{escape(cell)}</{tag}>' for cell in cells) + "</tr>"

    return "<table>" + (line(header, "th") if header else "") + "".join(line(row, "td") for row in rows) + "</table>"
