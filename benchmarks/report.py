"""The page of results, written anew between its markers."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
OURS = "fpjob"
_LABELS = {OURS: "`fpjob run`", "pyspark": "PySpark `local[2]`", "duckdb": "DuckDB query"}


def write_report(page: Path, results: Sequence[Mapping[str, Any]]) -> None:
    """Replace what is between the page's markers; ValueError if it has none."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page}: expected the lines `{BEGIN}` and `{END}`; put them where the results belong")
    sections = [_machine(), *(_section(result) for result in results)]
    page.write_text("\n\n".join([before + BEGIN, *sections, END + after]))


def _machine() -> str:
    import os

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    engines = ", ".join(f"{name} {version(name)}" for name in ("pysail", "pyspark", "duckdb"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB of memory; "
        f"Python {platform.python_version()}, {engines}."
    )


def _section(result: Mapping[str, Any]) -> str:
    windows = ", ".join(map(str, result["windows"]))
    known = ", as known at the time" if result["is_as_of"] else ""
    categories = ", ".join(result["categories"])
    title = f"### `{result['configuration']}`: windows of {windows} days, spend on {categories}{known}"
    data = f"{result['rows']:,} rows of {result['users']:,} users in {result['months']} months"
    facts = f"{data}; runs of each engine: {result['repeats']}. {result['agreement']}"
    return "\n\n".join([title, facts, _engines(result["engines"]), _models(result["models"])])


def _engines(engines: Mapping[str, Mapping[str, float]]) -> str:
    ours = engines[OURS]
    rows = [
        [
            _LABELS[name],
            f"{engine['seconds']:.1f}",
            f"{ours['seconds'] / engine['seconds']:.2f}",
            f"{engine['whole_seconds']:.1f}",
            f"{engine['cpu_seconds']:.1f}",
            f"{ours['cpu_seconds'] / engine['cpu_seconds']:.2f}",
            _gigabytes(engine["peak_bytes"]),
        ]
        for name, engine in engines.items()
    ]
    heads = ["", "seconds", "ours / this", "whole process", "CPU seconds", "ours / this", "peak memory, GB"]
    return _table(heads, rows)


def _models(models: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            model["name"],
            "" if model["rows"] is None else f"{model['rows']:,}",
            f"{model['seconds']:.1f}",
            _gigabytes(model["peak_bytes"]),
        ]
        for model in models
    ]
    return _table(["`fpjob run`, by model", "rows", "seconds", "peak memory meanwhile, GB"], rows)


def _gigabytes(size: float | None) -> str:
    return "" if size is None else f"{size / 1e9:.1f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
