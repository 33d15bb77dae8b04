"""`fpjob diff`: how the feature tables of an environment differ from production's."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from feature_platform_py.cli.diff_html import ARROW, diff_page, there_and_here
from feature_platform_py.cli.output import print_json, print_progress, print_text
from feature_platform_py.cli.screen import fitted, table_lines, table_width
from feature_platform_py.cli.signs import step
from feature_platform_py.core.bins import short_number
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.suggestions import escaped
from feature_platform_py.dbt_files.prepare import prepare_named
from feature_platform_py.runs.table_diff import FeatureDiff, Side, TableDiff, diff_tables
from feature_platform_py.targets import backend_of

PRODUCTION = "prod"
_TOP = 4
_LONGEST = 40


def diff_command(
    name: str, *, target: str | None, against: str, tolerance: float, output: Path | None, output_format: str
) -> None:
    """Print how the tables of a job or feature group in the target's schema differ from those in another one."""
    project = open_project(target=target)
    other = project.production if against == PRODUCTION else project.in_schema(against)
    if other.target.schema == project.target.schema:
        raise ConfigurationError(
            f"`diff` compares two schemas, given `{project.target.schema}` twice; name an environment with `--schema`, or another"
            " schema with `--against`"
        )
    with backend_of(project).unchanged():
        plan = prepare_named(name, project)
        diffs = diff_tables(plan, project, other, tolerance=tolerance, on_step=step)
    title = f"{plan.name} on target {project.target.name}: {_named(other)} (there){ARROW}{_named(project)} (here)"
    if output_format == "json":
        tables = [each.as_dict() for each in diffs]
        print_json({"name": plan.name, "here": project.target.schema, "there": other.target.schema, "tables": tables})
    elif output:
        replace_file(output, diff_page(title, diffs))
        print_progress(f"{_summary(diffs)}: {output}")
    else:
        width = table_width(sys.stdout)
        lines = [title, *(line for each in diffs for line in ("", *_lines(each, width))), "", _summary(diffs)]
        print_text("\n".join(fitted(line, width) for line in lines), is_fitted=False)


def _named(project: Project) -> str:
    return project.target.schema if project.target.environment else f"{project.target.schema}, production"


def _summary(diffs: list[TableDiff]) -> str:
    equal = sum(each.is_equal for each in diffs)
    return f"{equal} of {len(diffs)} tables are equal"


def _lines(diff: TableDiff, width: int | None) -> Iterator[str]:
    yield f"{diff.name}  {', '.join(diff.grain)}"
    if diff.fault:
        yield f"  {diff.fault}"
        return
    yield f"  rows: {diff.in_both:,} in both, {diff.only_here:,} only here, {diff.only_there:,} only there"
    for side, keys in (("here", diff.examples_here), ("there", diff.examples_there)):
        if keys:
            yield f"  only {side}: {'; '.join(map(_keys, keys))}"
    if diff.is_equal:
        yield f"  equal: {', '.join(each.name for each in diff.features)}"
        return
    yield ""
    rows = [_row(each) for each in diff.features]
    room = None if width is None else width - 2
    columns = ("feature", "changed", "%", "NULL %", "mean", "min", "max")
    yield from (f"  {line}".rstrip() for line in table_lines(columns, rows, width=room, first=columns))
    details = [line for each in diff.features for line in _details(each)]
    yield from ["", *details] if details else []


def _row(feature: FeatureDiff) -> tuple[str, ...]:
    changed = feature.note if feature.changed is None else f"{feature.changed:,}"
    share = "" if feature.changed_share is None else _percent(feature.changed_share)
    nulls = there_and_here(feature, lambda side: _percent(side.null_share))
    means = there_and_here(feature, lambda side: None if side.mean is None else short_number(side.mean))
    bounds = (there_and_here(feature, lambda side, name=name: _bound(side, name)) for name in ("minimum", "maximum"))  # type: ignore[misc]
    return (feature.name, changed, share, nulls, means, *bounds)


def _bound(side: Side, name: str) -> str | None:
    value = getattr(side, name)
    return None if value is None else _shown(value, 20)


def _percent(share: float) -> str:
    """Return a part as a percentage, in which neither a few rows are none nor nearly all are all."""
    text = f"{100 * share:.2f}"
    if share > 0 and text == "0.00":
        return "<0.01"
    return ">99.99" if share < 1 and text == "100.00" else text


def _details(feature: FeatureDiff) -> Iterator[str]:
    """Yield the type if it has changed, examples of changed values, and the most frequent values if they are texts."""
    if feature.here and feature.there and feature.note:
        yield f"  {feature.name}: {feature.note}"
    for each in feature.examples:
        yield f"  {feature.name}  {_keys(each.keys)}: {_shown(each.there)}{ARROW}{_shown(each.here)}"
    is_text = all(side is None or side.mean is None for side in (feature.here, feature.there))
    if feature.changed and is_text and feature.bars:
        values = ", ".join(f"{_shown(each.label)} {each.there:,}{ARROW}{each.here:,}" for each in feature.bars[:_TOP])
        yield f"  {feature.name}  most frequent: {values}"


def _keys(keys: Mapping[str, str | None]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in keys.items())


def _shown(value: str | None, longest: int = _LONGEST) -> str:
    text = "NULL" if value is None else escaped(value.removesuffix(" 00:00:00"))
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
