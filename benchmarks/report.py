"""The page of results: each part of the benchmark between marks of its own, with its plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import plots, training_tables
from benchmarks.engines import OURS, PEERS
from benchmarks.features import CONFIGURATIONS
from benchmarks.marked import write_between
from benchmarks.tables import (
    curve_table,
    engines_table,
    gigabytes,
    jvm_table,
    models_table,
    step_models_table,
    steps_table,
    theirs_table,
)

_IMAGES = "images"


def write_report(page: Path, results: Mapping[str, Any]) -> None:
    """Replace the parts that have results, and leave the others; ValueError if the page has no marks for one."""
    images = page.parent / _IMAGES
    images.mkdir(exist_ok=True)
    for mark, section in _sections(results, images):
        write_between(page, mark, section)


def _sections(results: Mapping[str, Any], images: Path) -> Iterator[tuple[str, str]]:
    yield from ((name, _configuration(results[name])) for name in CONFIGURATIONS if name in results)
    incremental = {name: result for name in CONFIGURATIONS if (result := results.get(f"incremental_{name}"))}
    if incremental:
        yield "incremental", _incremental(incremental, images)
    if "rows" in results:
        yield "rows", _rows(results["rows"], images)
    if "density" in results:
        yield "density", _windows(results["density"], images)
    if "large" in results:
        yield "large", _large(results["large"])
    if "jvm" in results:
        yield "jvm", _jvm(results["jvm"])
    if "training" in results:
        yield "training", training_tables.section(results["training"])
    if "training_large" in results:
        yield "training_large", training_tables.large_section(results["training_large"])


def _configuration(result: Mapping[str, Any]) -> str:
    title = f"### `{result['configuration']}`: {_features(result)}"
    facts = f"{_table_read(result)}; {_runs(result)} {result['agreement']}"
    return _paragraphs(title, facts, engines_table(result["engines"]), models_table(result["models"]))


def _incremental(results: Mapping[str, Mapping[str, Any]], images: Path) -> str:
    plots.plot_steps(images / "benchmark_incremental.png", results)
    return _paragraphs(
        "### Incremental: new rows in the last month, and nothing new",
        "The job runs four times on one warehouse: from the start, after the new rows were added to its source, once more "
        "with nothing new, and as a full refresh of all rows. *models* is the time in which at least one model ran, without "
        "the tests between them; *models, summed* is the sum over the models, which run at the same time; *dbt* is the models "
        "with dbt's own start and the tests. A run with nothing new loads neither "
        "dbt nor the engine. The sink of `as_of` is a Delta table, of which the changed months are replaced; in the others a "
        "total has no periods, so that each row may differ, and all are written. The peers know no increments: they compute "
        "all rows.",
        f"![Seconds of each step by stage]({_IMAGES}/benchmark_incremental.png)",
        *(_steps(name, result) for name, result in results.items()),
    )


def _steps(name: str, result: Mapping[str, Any]) -> str:
    share = 100 * result["new_rows"] / result["rows"]
    return _paragraphs(
        f"#### `{name}`: {_features(result)}",
        f"{_table_read(result)}, then {result['new_rows']:,} new rows ({share:.3g} %) in the last month; {_runs(result)} "
        f"{result['agreement']} (Compared: after the new rows, full refresh{', peers' if result.get('engines') else ''}.)",
        steps_table(result["steps"]),
        step_models_table(result["models"]),
        theirs_table(result["engines"], result["steps"]) if result["engines"] else "",
    )


def _rows(curve: Mapping[str, Any], images: Path) -> str:
    points = curve["points"]
    plots.plot_rows(images / "benchmark_rows.png", points)
    per_user = points[-1]["rows"] / points[-1]["users"]
    return _paragraphs(
        f"### Time against rows: `{curve['configuration']}`",
        f"{per_user:,.0f} rows of each user on average, in {points[0]['months']} months; {_runs(points[0])} {_agreements(points)}",
        f"![Seconds and peak memory against the rows of the table]({_IMAGES}/benchmark_rows.png)",
        "Seconds, and in brackets peak memory in GB:",
        curve_table(curve, _measured(points), first={"rows": "rows", "users": "users"}),
        _left_out(curve),
    )


def _windows(curve: Mapping[str, Any], images: Path) -> str:
    points = curve["points"]
    plots.plot_windows(images / "benchmark_windows.png", points)
    return _paragraphs(
        "### Time against rows per window: the same rows of fewer and fewer users, windows of 365 days",
        f"{points[0]['rows']:,} rows in {points[0]['months']} months; {_runs(points[0])} {_agreements(points)}",
        f"![Seconds and peak memory against the rows in a window]({_IMAGES}/benchmark_windows.png)",
        "Seconds, and in brackets peak memory in GB:",
        curve_table(curve, _measured(points), first={"rows_per_window": "rows in a window", "users": "users"}),
        _left_out(curve),
    )


def _large(result: Mapping[str, Any]) -> str:
    ours = result["engines"][OURS]
    return _paragraphs(
        f"### A large table: {_features(result)}",
        f"{_table_read(result)}; {_runs(result)} `fpjob run` alone, from an empty warehouse: **{ours['seconds']:.0f} seconds**, "
        f"of which {ours['models_wall_seconds']:.0f} for the models and {ours['sink_seconds']:.0f} for the sink; "
        f"**{gigabytes(ours['peak_bytes'])} GB** of memory at most; {result['rows'] / ours['seconds']:,.0f} rows a second.",
        models_table(result["models"]),
    )


def _jvm(curve: Mapping[str, Any]) -> str:
    points = curve["points"]
    return _paragraphs(
        "### JVM Spark: our SQL and a sliding frame, windows of 365 days on busy users",
        f"Both on one JVM Spark with the platform's settings; {points[0]['months']} months; {_runs(points[0])} "
        f"{_agreements(points)} Seconds are of the whole process, dbt and the start of the JVM included; *in tasks* are the "
        "CPU seconds of Spark's tasks alone.",
        jvm_table(curve),
        _left_out(curve),
    )


def _features(result: Mapping[str, Any]) -> str:
    windows = ", ".join(map(str, result["windows"]))
    known = ", as known at the time" if result["is_as_of"] else ""
    return f"windows of {windows} days, spend on {', '.join(result['categories'])}{known}"


def _table_read(result: Mapping[str, Any]) -> str:
    return f"{result['rows']:,} rows of {result['users']:,} users in {result['months']} months"


def _runs(result: Mapping[str, Any]) -> str:
    return f"runs of each engine: {result['repeats']}, measured on {result['measured']}, {result['machine']}."


def _agreements(points: Sequence[Mapping[str, Any]]) -> str:
    """What is said of the outputs at every point; each thing once."""
    return " ".join(dict.fromkeys(point["agreement"] for point in points))


def _measured(points: Sequence[Mapping[str, Any]]) -> list[str]:
    known = {engine for point in points for engine in (*point["engines"], *point["stopped"])}
    return [engine for engine in (OURS, *PEERS) if engine in known]


def _left_out(curve: Mapping[str, Any]) -> str:
    if not any(point["stopped"] for point in curve["points"]):
        return ""
    return f"An engine that was stopped, after {curve['limit_seconds']:.0f} seconds, was not run again at the points after that one."


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text)
