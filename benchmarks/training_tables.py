"""The page's part on training sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.tables import gigabytes, table

MARK = "training"
_LABELS = {
    ("windows", "fpjob"): "windows at the label's time: `fpjob run`",
    ("windows", "ours"): "the statements of its models alone",
    ("windows", "duckdb"): "DuckDB, range join",
    ("versions", "fpjob"): "values of the newest event: `fpjob run`",
    ("versions", "ours"): "the statements of its models alone",
    ("versions", "duckdb"): "DuckDB `asof join`",
    ("versions", "polars"): "Polars `join_asof`",
    ("versions", "tempo"): "tempo `asofJoin`",
}
_BASES = (("versions", "duckdb"), ("versions", "tempo"))


def section(found: Mapping[str, Any]) -> str:
    """The part: sizes, then what was measured of dense users, late rows and many groups."""
    texts = [
        "### Training sets: features of labels at their own time",
        f"Five features of each label; runs of each engine: {found['repeats']}, measured on {found['measured']}, {found['machine']}."
        " The last two columns are ratios of CPU seconds, which other load on the machine disturbs less than seconds.",
        *(text for size in found["sizes"] for text in _size(size)),
    ]
    texts += [text for name, told in _FURTHER.items() if found.get(name) for text in told(found[name])]
    return "\n\n".join(texts)


def large_section(result: Mapping[str, Any]) -> str:
    """The part on the large table."""
    engines, report = result["engines"]["windows"], result["stages"]["windows"]
    ours, seconds = engines["fpjob"], report["phases"]
    return (
        f"### A large training set\n\n{_tables(result)}: **{ours['seconds']:.0f} seconds**, of which {seconds['dbt']:.0f} for dbt with"
        f" models and tests, {seconds['proof']:.0f} for the proof and {seconds['sink']:.0f} for the sink;"
        f" **{gigabytes(ours['peak_bytes'])} GB** of memory at most. Measured on {result['measured']}, {result['machine']}."
    )


def _tables(size: Mapping[str, Any]) -> str:
    return f"{size['rows']:,} events of {size['users']:,} users in {size['months']} months, {size['labels']:,} labels"


def _size(size: Mapping[str, Any]) -> Iterator[str]:
    yield f"#### {_tables(size)}"
    timed = [((case, name), figures) for case, of in size["engines"].items() for name, figures in of.items()]
    bases = [dict(timed).get(each) for each in _BASES]
    rows = [
        [_LABELS[name], *_cells(figures), *(_ratio(figures, base) for base in bases)] if isinstance(figures, Mapping)
        # An engine that did not end has no figures.
        else [_LABELS[name], str(figures), *[""] * 4]
        for name, figures in timed
    ]  # fmt: skip
    yield table(["", "seconds", "peak memory, GB", "CPU seconds", "/ `asof join`", "/ tempo"], rows)
    if size["differences"]:
        yield f"**The outputs differ**: {'; '.join(size['differences'])}."
    else:
        yield "Each value of each label agrees among those that compute windows, and among those that look values up."
    if size["stale"]:
        shares = ", ".join(f"{share:.0%} of `{name}`" for name, share in size["stale"].items() if name != "labels")
        yield f"The values of the newest event are not those at the label's time for {shares}."
    yield from _stages(size["stages"])


def _cells(figures: Mapping[str, float]) -> list[str]:
    return [f"{figures['seconds']:.1f}", gigabytes(figures["peak_bytes"]), f"{figures['cpu_seconds']:.1f}"]


def _ratio(figures: Mapping[str, float], base: Mapping[str, float] | str | None) -> str:
    return f"{figures['cpu_seconds'] / base['cpu_seconds']:.2f}" if isinstance(base, Mapping) else ""


def _stages(reports: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if "windows" not in reports:
        return
    report = reports["windows"]
    parts = [
        *((model["name"], model["seconds"]) for model in report["models"] if model["seconds"] >= 0.05),
        (f"{len(report['tests'])} tests, beside the models", sum(test["seconds"] for test in report["tests"])),
        *((name, report["phases"][name]) for name in ("dbt", "proof", "sink")),
        ("whole job, without Python's start", report["seconds"]),
    ]
    yield table(["`fpjob run`, windows", "seconds"], [[name, f"{seconds:.1f}"] for name, seconds in parts])


def _dense(points: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "#### The same events of fewer users"
    yield f"{points[0]['rows']:,} events, {points[0]['labels']:,} labels, users all alike; CPU seconds, ours of the statements alone:"
    heads = ["events of each user", "users", "windows", "DuckDB, range join", "newest values", "DuckDB `asof join`"]
    timed = [("windows", "ours"), ("windows", "duckdb"), ("versions", "ours"), ("versions", "duckdb")]
    rows = [
        [
            f"{point['rows'] // point['users']:,}",
            f"{point['users']:,}",
            *(_seconds(point["engines"][case][engine]) for case, engine in timed),
        ]
        for point in points
    ]
    yield table(heads, rows, is_first_a_number=True)


def _late(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "#### Rows that are known later"
    yield "Windows over the first of these tables, `available_after` in its source; CPU seconds of the statements alone:"
    rows = [
        [name, _seconds(figures), gigabytes(figures["peak_bytes"]) if isinstance(figures, Mapping) else ""]
        for name, each in found.items()
        for figures in [each["engines"]["windows"]["ours"]]
    ]
    yield table(["rows are there", "CPU seconds", "peak memory, GB"], rows)


def _seconds(figures: Mapping[str, float] | str) -> str:
    return figures if isinstance(figures, str) else f"{figures['cpu_seconds']:.1f}"


def _wide(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"#### {found['groups']} groups with {found['features']} features each"
    yield "One job of all of them, over 1,000 events and 100 labels, from an empty warehouse; dbt first has parsed nothing."
    rows = []
    for name, each in zip(("first run", "second run"), found["runs"], strict=True):
        report = each["report"]
        models = sum(model["seconds"] for model in report["models"])
        times = (
            each["seconds"],
            each["cpu_seconds"],
            models,
            *(report["phases"][part] for part in ("dbt", "proof", "sink")),
        )
        rows.append([name, *(f"{seconds:.0f}" for seconds in times)])
    yield table(["", "seconds", "CPU seconds", "models, summed", "dbt", "proof", "sink"], rows)


_FURTHER = {"dense": _dense, "late": _late, "wide": _wide}
