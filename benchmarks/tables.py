"""The tables of the results page, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.engines import JVM_SLIDING, JVM_SQL, OURS
from benchmarks.parts import STEPS

LABELS = {
    OURS: "`fpjob run`",
    "pyspark": "PySpark `local[2]`",
    "duckdb": "DuckDB query",
    "polars": "Polars",
    JVM_SQL: "our SQL",
    JVM_SLIDING: "sliding frame",
}
_STEP_LABELS = {
    "first run": "first run, without the new rows",
    "new rows": "new rows",
    "nothing new": "nothing new",
    "full refresh": "full refresh, of all rows",
}


def engines_table(engines: Mapping[str, Mapping[str, float]]) -> str:
    """Seconds and memory of each engine, and ours in relation to it."""
    ours = engines[OURS]
    rows = [
        [
            LABELS[name],
            f"{engine['seconds']:.1f}",
            f"{ours['seconds'] / engine['seconds']:.2f}",
            f"{engine['whole_seconds']:.1f}",
            f"{engine['cpu_seconds']:.1f}",
            f"{ours['cpu_seconds'] / engine['cpu_seconds']:.2f}",
            gigabytes(engine["peak_bytes"]),
        ]
        for name, engine in engines.items()
    ]
    heads = ["", "seconds", "ours / this", "whole process", "CPU seconds", "ours / this", "peak memory, GB"]
    return table(heads, rows)


def models_table(models: Sequence[Mapping[str, Any]]) -> str:
    """Rows, seconds and memory of each model, the tests and the sink."""
    rows = [
        [
            model["name"],
            "" if model["rows"] is None else f"{model['rows']:,}",
            f"{model['seconds']:.1f}",
            gigabytes(model["peak_bytes"]),
        ]
        for model in models
    ]
    return table(["`fpjob run`, by model", "rows", "seconds", "peak memory meanwhile, GB"], rows)


def steps_table(steps: Mapping[str, Mapping[str, float]]) -> str:
    """Seconds of each step by stage, and in relation to the full refresh."""
    full = steps["full refresh"]
    rows = [
        [
            _STEP_LABELS[name],
            f"{step['models_wall_seconds']:.1f}",
            f"{step['models_wall_seconds'] / full['models_wall_seconds']:.2f}",
            f"{step['models_seconds']:.1f}",
            f"{step['dbt_seconds']:.1f}",
            f"{step['start_seconds']:.1f}",
            f"{step['sink_seconds']:.1f}",
            f"{step['whole_seconds']:.1f}",
            f"{step['whole_seconds'] / full['whole_seconds']:.2f}",
            gigabytes(step["peak_bytes"]),
        ]
        for name, step in _in_order(steps)
    ]
    heads = ["`fpjob run`", "models", "/ full refresh", "models, summed", "dbt", "start-up", "sink", "whole process"]
    return table([*heads, "/ full refresh", "peak memory, GB"], rows)


def step_models_table(models: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Seconds of each feature table in each step, with what was computed; the sum over tests and the sink as well."""
    steps = _in_order(models)
    found = {step: {model["name"]: model for model in of_step} for step, of_step in steps}
    names = [model["name"] for model in models["full refresh"]]
    rows = [[name, *(_step_model(found[step].get(name)) for step in found)] for name in names]
    return table(["seconds, and what was computed", *(_STEP_LABELS[step].partition(",")[0] for step in found)], rows)


def theirs_table(engines: Mapping[str, Mapping[str, float]], steps: Mapping[str, Mapping[str, float]]) -> str:
    """Seconds of each peer, which computes everything, and those of our steps in relation to them."""
    compared = ("new rows", "nothing new", "full refresh")
    rows = [
        [
            LABELS[name],
            f"{engine['seconds']:.1f}",
            *(f"{steps[step]['seconds'] / engine['seconds']:.2f}" for step in compared),
            gigabytes(engine["peak_bytes"]),
        ]
        for name, engine in engines.items()
    ]
    return table(["", "seconds", *(f"our {step} / this" for step in compared), "peak memory, GB"], rows)


def curve_table(curve: Mapping[str, Any], engines: Sequence[str], *, first: Mapping[str, str]) -> str:
    """Seconds, and gigabytes in brackets, of each engine at each point; `first` are the columns that tell the points apart."""
    points, limit_seconds = curve["points"], curve["limit_seconds"]
    rows = [
        [
            *(_number(point[name]) for name in first),
            *(_seconds_and_memory(point, engine, limit_seconds) for engine in engines),
        ]
        for point in points
    ]
    return table([*first.values(), *(LABELS[engine] for engine in engines)], rows, is_first_a_number=True)


def jvm_table(curve: Mapping[str, Any]) -> str:
    """Seconds and CPU seconds of our SQL and of the sliding frame, and how many times ours the latter's are.

    A run that was stopped took more than the limit, and more CPU than it had used by then.
    """
    rows = [_jvm_row(point, curve["limit_seconds"]) for point in curve["points"]]
    heads = ["rows", "users", "rows in a window", "our SQL", "sliding frame", "times ours"]
    return table([*heads, "our CPU", "its CPU", "times ours", "times ours, in tasks"], rows, is_first_a_number=True)


def _jvm_row(point: Mapping[str, Any], limit_seconds: float) -> list[str]:
    ours, sliding = point["engines"][JVM_SQL], point["engines"].get(JVM_SLIDING)
    cells = [_number(point[name]) for name in ("rows", "users", "rows_per_window")]
    if sliding is None and JVM_SLIDING not in point["stopped"]:
        return [*cells, f"{ours['whole_seconds']:.0f}", "-", "-", f"{ours['cpu_seconds']:.0f}", "-", "-", "-"]
    at_least = "> " if sliding is None else ""
    theirs = sliding or {"whole_seconds": limit_seconds, "cpu_seconds": point["stopped"][JVM_SLIDING]}
    for name in ("whole_seconds", "cpu_seconds"):
        cells += [f"{ours[name]:.0f}", f"{at_least}{theirs[name]:.0f}", f"{at_least}{theirs[name] / ours[name]:.1f}"]
    return [*cells, "-" if sliding is None else f"{sliding['task_cpu_seconds'] / ours['task_cpu_seconds']:.1f}"]


def gigabytes(size: float | None) -> str:
    """The bytes as gigabytes; nothing for None."""
    return "" if size is None else f"{size / 1e9:.1f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, is_first_a_number: bool = False) -> str:
    """A Markdown table; all columns but the first are numbers."""
    lines = [heads, ["--:" if is_first_a_number else "---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _in_order(steps: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(step, steps[step]) for step in STEPS]


def _number(value: float) -> str:
    return f"{value:,.1f}" if isinstance(value, float) and value < 100 else f"{value:,.0f}"


def _seconds_and_memory(point: Mapping[str, Any], engine: str, limit_seconds: float) -> str:
    if engine in point["stopped"]:
        return f"> {limit_seconds:.0f}"
    figures = point["engines"].get(engine)
    return "-" if figures is None else f"{figures['seconds']:.1f} ({gigabytes(figures['peak_bytes'])})"


def _step_model(model: Mapping[str, Any] | None) -> str:
    if model is None:
        return ""
    seconds = f"{model['seconds']:.1f}"
    work = model.get("work")
    return f"{seconds}: {_computed(work)}" if work else seconds


def _computed(work: Mapping[str, Any]) -> str:
    if work["action"] == "skip":
        return "nothing"
    if work["action"] == "rebuild":
        return "all"
    number = len(work["periods"])
    return f"{number} {work['period']}{'s' if number > 1 else ''}"
