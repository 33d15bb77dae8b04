"""The curves as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.engines import OURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABELS = {OURS: "fpjob run", "pyspark": "PySpark local[2]", "duckdb": "DuckDB", "polars": "Polars"}
# Told apart without colours as well: by the markers, and by the lightness.
_COLOURS = {OURS: "#0b3c8c", "pyspark": "#d1495b", "duckdb": "#c98a00", "polars": "#2a9d8f"}
_MARKERS = {OURS: "o", "pyspark": "s", "duckdb": "^", "polars": "D"}
_STAGES = {
    "start_seconds": ("start-up", "#c9ced6"),
    "own_dbt_seconds": ("dbt itself, tests", "#9db4d6"),
    "models_wall_seconds": ("models", "#0b3c8c"),
    "sink_seconds": ("sink", "#c98a00"),
}


def plot_rows(path: Path, points: Sequence[Mapping[str, Any]]) -> None:
    """Seconds and peak memory against the rows of the table, both logarithmic."""
    figure, (seconds, memory) = _panels("seconds", "peak memory (GB)")
    rows = [point["rows"] for point in points]
    _lines(seconds, rows, points, "seconds", scale=1)
    _line_of_models(seconds, rows, points)
    _lines(memory, rows, points, "peak_bytes", scale=1e9)
    for axes in (seconds, memory):
        axes.set_xlabel("rows of the table")
        _logarithmic(axes, _rows_text)
    _save(figure, seconds, path)


def plot_windows(path: Path, points: Sequence[Mapping[str, Any]]) -> None:
    """Seconds and peak memory against the rows that a window has on average, both logarithmic."""
    figure, (seconds, memory) = _panels("seconds", "peak memory (GB)")
    rows = [point["rows_per_window"] for point in points]
    _lines(seconds, rows, points, "seconds", scale=1)
    _line_of_models(seconds, rows, points)
    _lines(memory, rows, points, "peak_bytes", scale=1e9)
    for axes in (seconds, memory):
        axes.set_xlabel("rows in a 365-day window, on average")
        _logarithmic(axes, _rows_text)
    _save(figure, seconds, path)


def plot_steps(path: Path, results: Mapping[str, Mapping[str, Any]]) -> None:
    """The stages of each incremental step, a panel for each configuration."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, grid = pyplot.subplots(
        1, len(results), figsize=(5.5 * len(results), 2.9), squeeze=False, layout="constrained"
    )
    for axes, (name, result) in zip(grid[0], results.items(), strict=True):
        _stacked(axes, result["steps"])
        axes.set_title(f"{name}: {result['rows']:,} rows and {result['new_rows']:,} new ones", fontsize=10)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _stacked(axes: Axes, steps: Mapping[str, Mapping[str, float]]) -> None:
    shown = ["full refresh", "new rows", "nothing new"]
    figures = {step: {**steps[step], "own_dbt_seconds": _own_dbt_seconds(steps[step])} for step in shown}
    left = [0.0] * len(shown)
    for stage, (label, colour) in _STAGES.items():
        widths = [figures[step][stage] for step in shown]
        axes.barh(shown, widths, left=left, label=label, color=colour, height=0.62)
        left = [begin + width for begin, width in zip(left, widths, strict=True)]
    for position, end in enumerate(left):
        axes.annotate(f"{end:.1f}", (end, position), xytext=(4, 0), textcoords="offset points", va="center")
    axes.set_xlim(0, max(left) * 1.12)
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _own_dbt_seconds(step: Mapping[str, float]) -> float:
    return max(0.0, step["dbt_seconds"] - step["models_wall_seconds"])


def _panels(*heads: str) -> tuple[Figure, Sequence[Axes]]:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(heads), figsize=(5.2 * len(heads), 4.3), layout="constrained")
    for axes, head in zip(panels, heads, strict=True):
        axes.set_ylabel(head)
        axes.set_axisbelow(True)
        axes.grid(visible=True, which="major", color="#d9d9d9", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def _lines(
    axes: Axes, across: Sequence[float], points: Sequence[Mapping[str, Any]], name: str, *, scale: float
) -> None:
    """A line for each engine, over the points that it has."""
    for engine, label in _LABELS.items():
        found = [
            (x, point["engines"][engine][name] / scale)
            for x, point in zip(across, points, strict=True)
            if engine in point["engines"]
        ]
        if found:
            line: dict[str, Any] = {
                "color": _COLOURS[engine],
                "marker": _MARKERS[engine],
                "linewidth": 2,
                "markersize": 6,
            }
            axes.plot(*zip(*found, strict=True), label=label, zorder=3 if engine == OURS else 2, **line)


def _line_of_models(axes: Axes, across: Sequence[float], points: Sequence[Mapping[str, Any]]) -> None:
    found = [
        (x, point["engines"][OURS]["models_wall_seconds"])
        for x, point in zip(across, points, strict=True)
        if OURS in point["engines"]
    ]
    if found:
        line: dict[str, Any] = {"color": _COLOURS[OURS], "linestyle": "--", "linewidth": 1.4}
        axes.plot(*zip(*found, strict=True), label="fpjob run, its models alone", **line)


def _logarithmic(axes: Axes, text_of_across: Any) -> None:
    """Both axes logarithmic, with plain numbers at 1, 2 and 5 of each power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis, text in ((axes.xaxis, text_of_across), (axes.yaxis, lambda value, _: f"{value:g}")):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(text))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())


def _rows_text(value: float, _: int) -> str:
    return f"{value / 1e6:g} M" if value >= 1e5 else f"{value:,g}"


def _save(figure: Figure, axes: Axes, path: Path) -> None:
    from matplotlib import pyplot

    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
