"""Profile a built table: samples, NULLs, and the distribution of each column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from feature_platform_py.core.bins import bin_of, labelled
from feature_platform_py.core.data_types import NUMERIC, kind_of
from feature_platform_py.core.rows import Rows
from feature_platform_py.core.sql_text import quoted

Query = Callable[[str], Rows]

TOP_VALUES = 10
SAMPLES = 5


@dataclass(frozen=True)
class ColumnProfile:
    """A column of a table: its rows and NULLs, a few values, and its distribution; `table` is the table's name on the site.

    `bars` are (label, rows). Numbers have equal ranges from the 1st to the 99th percentile; the first and the last range include
    what lies outside. Other types have their most frequent values.
    """

    rows: int
    nulls: int
    minimum: str | None
    maximum: str | None
    samples: tuple[str, ...]
    bars: tuple[tuple[str, int], ...]
    table: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the profile as plain values."""
        return asdict(self)


def profile_table(query: Query, table: str, columns: Sequence[tuple[str, str]]) -> dict[str, ColumnProfile]:
    """Return the profiles of a table's columns (name, type), in three queries for any number of columns."""
    numeric = [name for name, data_type in columns if kind_of(data_type) in NUMERIC]
    others = [name for name, _ in columns if name not in numeric]
    summary = query(_summary_query(table, columns, numeric)).dicts()[0]
    names = ", ".join(quoted(name) for name, _ in columns)
    samples = query(f"select {names} from {table} limit {SAMPLES}").values  # noqa: S608
    bars = _histograms(query, table, numeric, summary) | {name: _frequent(query, table, name) for name in others}
    return {
        name: ColumnProfile(
            rows=summary["row_count"],
            nulls=summary[f"nulls_{number}"],
            minimum=_shown(summary[f"min_{number}"]),
            maximum=_shown(summary[f"max_{number}"]),
            samples=tuple(_shown(row[number]) or "NULL" for row in samples),
            bars=tuple(bars[name]),
        )
        for number, (name, _) in enumerate(columns)
    }


def _summary_query(table: str, columns: Sequence[tuple[str, str]], numeric: Sequence[str]) -> str:
    parts = ["count(*) as row_count"]
    for number, (name, _) in enumerate(columns):
        column = quoted(name)
        parts.append(f"count(*) - count({column}) as nulls_{number}")
        parts.append(f"min({column}) as min_{number}, max({column}) as max_{number}")
    for number, name in enumerate(numeric):
        value = f"cast({quoted(name)} as double)"
        parts.append(
            f"percentile_approx({value}, 0.01) as low_{number}, percentile_approx({value}, 0.99) as high_{number}"
        )
    return f"select {', '.join(parts)} from {table}"  # noqa: S608 - names are quoted


def _histograms(
    query: Query, table: str, names: Sequence[str], summary: dict[str, Any]
) -> dict[str, list[tuple[str, int]]]:
    ranges = {name: (summary[f"low_{number}"], summary[f"high_{number}"]) for number, name in enumerate(names)}
    queries = [
        f"select {number} as number, {bin_of(name, *ranges[name])} as bin, count(*) as rows from {table} "  # noqa: S608
        f"where {quoted(name)} is not null group by 1, 2"
        for number, name in enumerate(names)
        if ranges[name][0] is not None
    ]
    found: dict[str, dict[int, int]] = {name: {} for name in names}
    for row in query(" union all ".join(queries)).dicts() if queries else ():
        found[names[row["number"]]][row["bin"]] = row["rows"]
    return {name: [] if ranges[name][0] is None else labelled(bins, *ranges[name]) for name, bins in found.items()}


def _frequent(query: Query, table: str, name: str) -> list[tuple[str, int]]:
    statement = (
        f"select {quoted(name)} as value, count(*) as rows from {table} where {quoted(name)} is not null "  # noqa: S608
        f"group by 1 order by rows desc, value limit {TOP_VALUES}"
    )
    return [(_shown(row["value"]) or "", row["rows"]) for row in query(statement).dicts()]


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    text = f"{value:,.10g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
