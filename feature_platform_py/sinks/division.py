"""Divide a result by the periods of its rows' times, so that a sink can replace those that differ from what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from feature_platform_py.core.data_types import Columns, parse_type
from feature_platform_py.core.spread import Spread, finite, spread_sql
from feature_platform_py.core.sql_text import literal, quoted
from feature_platform_py.warehouse.file_states import states_below

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

NO_PERIOD = "none"
"""The period of rows without a time of the calendar, and of all rows where a result has no periods."""
_EPOCH = date(1970, 1, 1)
_STARTS = {
    "month": "make_date(year({day}), month({day}), 1)",
    "year": "make_date(year({day}), 1, 1)",
}

FileStamp = tuple[int, int, int]
"""The size of a file, the time of its last write, and that of its last change, which only the file system sets."""


@dataclass(frozen=True)
class PeriodRows:
    """The rows of a period: how many, the fingerprint of what they have from the source, in how many each feature has a value, and
    where the features that are numbers lie.
    """

    rows: int
    fingerprint: str
    filled: Mapping[str, int]
    spreads: Mapping[str, Spread] = field(default_factory=dict)


@dataclass(frozen=True)
class HeldPeriod:
    """What a sink holds of a period: its rows, and the names and stamps of the files that hold them and no others."""

    rows: PeriodRows
    files: Mapping[str, FileStamp]


@dataclass(frozen=True)
class Division:
    """How a result is divided into periods, and what is known of those that its sink holds.

    `rows` is the relation with the rows of the result before their features, `columns` are its columns. Without an `event_time` (its
    name and type) and a `unit` all rows are of one period. `held` are the periods as the sink was last written, None if that is not
    known; `stale` are days of those whose features may be others by now, None if all may.
    """

    rows: str
    columns: Columns
    event_time: tuple[str, str] | None = None
    unit: str | None = None
    held: Mapping[str, HeldPeriod] | None = None
    stale: frozenset[date] | None = None

    @property
    def has_periods(self) -> bool:
        """Whether rows are of several periods."""
        return self.event_time is not None and self.unit is not None

    @property
    def period_sql(self) -> str:
        """SQL of the name of a row's period: its first day, or `NO_PERIOD`."""
        if self.event_time is None or self.unit is None:
            return literal(NO_PERIOD)
        day = f"cast({quoted(self.event_time[0])} as date)"
        start = _STARTS[self.unit].format(day=day)
        known = f"year({day}) between 1 and 9999"
        return f"case when {known} then cast({start} as string) else {literal(NO_PERIOD)} end"

    @property
    def month_sql(self) -> str:
        """SQL of a number for the month of a row's time; a text for each row would take longer than to count them."""
        day = f"cast({quoted(self.event_time[0] if self.event_time else '')} as date)"
        return f"year({day}) * 12 + month({day})"

    def period_of(self, day: date) -> str:
        """Return the name of the period of a day."""
        match self.unit:
            case None:
                return NO_PERIOD
            case "month":
                return day.replace(day=1).isoformat()
            case _:
                return day.replace(month=1, day=1).isoformat()

    def condition(self, periods: Iterable[str]) -> str:
        """Return the SQL condition that a row is of one of the periods."""
        if self.event_time is None or self.unit is None:
            return "true"
        column, data_type = quoted(self.event_time[0]), self.event_time[1]
        named = sorted(set(periods))
        ranges = [
            f"{column} >= cast('{start}' as {data_type})"
            + (f" and {column} < cast('{end}' as {data_type})" if end else "")
            for start, end in self._ranges([each for each in named if each != NO_PERIOD])
        ]
        if NO_PERIOD in named:
            day = f"cast({column} as date)"
            ranges.append(f"{column} is null or year({day}) not between 1 and 9999")
        return " or ".join(f"({each})" for each in ranges) or "false"

    def _ranges(self, periods: Iterable[str]) -> list[tuple[str, str | None]]:
        """Return first days and the first days after them, those of periods that follow each other as one."""
        found: list[tuple[str, str | None]] = []
        for period in periods:
            end = self._end(date.fromisoformat(period))
            if found and found[-1][1] == period:
                found[-1] = (found[-1][0], end)
            else:
                found.append((period, end))
        return found

    def _end(self, start: date) -> str | None:
        """Return the first day after a period, None if the calendar has none."""
        try:
            return self.period_of(start + timedelta(days=31 if self.unit == "month" else 366))
        except OverflowError:
            return None

    def rows_now(self, rows: DataFrame) -> dict[str, PeriodRows]:
        """Count and fingerprint the rows of each period as they are now, in one pass over the relation."""
        day = f"unix_date(cast({quoted(self.event_time[0])} as date))" if self.event_time else "cast(null as int)"
        hashed = rows.selectExpr(f"{day} as `_day`", f"{self._hash_sql} as `_hash`")
        found: dict[str, list[int]] = {}
        for row in hashed.groupBy("`_day`").agg(*_sums()).collect():
            totals = found.setdefault(self._period_of_number(row[0]), [0, 0, 0])
            for index in range(3):
                totals[index] += row[index + 1]
        return {period: PeriodRows(rows, f"{rows}:{low}:{high}", {}) for period, (rows, low, high) in found.items()}

    def _period_of_number(self, day: int | None) -> str:
        first, last = (date.min - _EPOCH).days, (date.max - _EPOCH).days
        return NO_PERIOD if day is None or not first <= day <= last else self.period_of(_EPOCH + timedelta(days=day))

    def rows_of(
        self, frame: DataFrame, period: str, features: Iterable[str], numeric: Iterable[str] = ()
    ) -> dict[str, PeriodRows]:
        """Count, fingerprint and look for values in the rows of each period of a frame; `period` is SQL of a row's period."""
        names, numbers = list(features), list(numeric)
        columns = [f"{period} as `_period`", f"{self._hash_sql} as `_hash`"]
        filled = [
            f"case when {quoted(name)} is not null then 1 end as `_filled_{number}`"
            for number, name in enumerate(names)
        ]
        doubles = [f"{finite(quoted(name))} as `_number_{number}`" for number, name in enumerate(numbers)]
        hashed = frame.selectExpr(*columns, *filled, *doubles)
        sums = _sums(len(names), len(numbers))
        return {row[0]: _period_rows(row, names, numbers) for row in hashed.groupBy("`_period`").agg(*sums).collect()}

    @property
    def _hash_sql(self) -> str:
        """SQL of a 64-bit hash of what a row has from its source. NULLs are marked, because the hash itself passes over them."""
        if not self.columns:
            return "cast(0 as bigint)"
        values = [_hashed(quoted(name), data_type) for name, data_type in self.columns]
        return f"xxhash64({', '.join(values + [f'{quoted(name)} is null' for name, _ in self.columns])})"


def stamps(folder: Path, names: Iterable[str]) -> dict[str, FileStamp]:
    """Return the stamps of files below a folder; one that is missing has a size of -1, which no file has."""
    listed = list(names)
    return {name: state[1:] for name, state in zip(listed, states_below(folder, listed), strict=True)}


def _hashed(column: str, data_type: str) -> str:
    kind = parse_type(data_type).kind
    if kind in {"array", "map", "struct"}:
        return f"to_json(struct({column}))"
    # NaN, -0.0 and times without a zone as they are written.
    return f"cast({column} as string)" if kind == "floating" or data_type == "timestamp_ntz" else column


def _sums(features: int = 0, numbers: int = 0) -> list[object]:
    """Return the aggregates of rows with `_hash`: no engine overflows with sums of the halves of 64 bits."""
    from pyspark.sql import functions

    sums = ["count(*)", "coalesce(sum(`_hash` & 4294967295), 0)", "coalesce(sum(shiftright(`_hash`, 32)), 0)"]
    sums += [f"count(`_filled_{number}`)" for number in range(features)]
    sums += [each for number in range(numbers) for each in spread_sql(f"`_number_{number}`")]
    return [functions.expr(each) for each in sums]


def _period_rows(row: Row, features: list[str], numbers: list[str]) -> PeriodRows:
    _, rows, low, high, *values = row
    filled, spreads = values[: len(features)], values[len(features) :]
    each = len(spreads) // len(numbers) if numbers else 0
    return PeriodRows(
        rows,
        f"{rows}:{low}:{high}",
        dict(zip(features, filled, strict=True)),
        {name: Spread.read(spreads[at * each : (at + 1) * each]) for at, name in enumerate(numbers)},
    )
