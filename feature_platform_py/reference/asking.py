"""Match rows that ask with the rows that count for them: same key, there at the time, not filtered out.

Rows that ask (labels, customers today) have a key and a time, under names of their own, and count for nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from feature_platform_py.reference.definitions import Found, meets
from feature_platform_py.reference.equality import canonical
from feature_platform_py.reference.tables import Row, Table, as_table
from feature_platform_py.reference.windows import micros_of

_MICROS = 1_000_000
Events = list[tuple[int, Row]]


@dataclass(frozen=True, kw_only=True)
class PointInTime:
    """Which source rows count for an asking row.

    `keys` maps columns of the source to those of the asking rows, and `event_time` is such a pair. With `closed: left`, rows at
    the asking row's own time do not count. With `loaded_at` (a column) or `available_after` (seconds), a row counts at t only if
    it was there at t. `filters` are those of a job.
    """

    keys: Mapping[str, str]
    event_time: tuple[str, str]
    closed: Literal["right", "left"] = "right"
    loaded_at: str | None = None
    available_after: int | None = None
    filters: Sequence[Mapping[str, Any]] = ()

    def asked_at(self, row: Row) -> tuple[Hashable, int] | None:
        """Return the key and the time of an asking row; None if one of them is NULL."""
        return _placed([row[name] for name in self.keys.values()], row[self.event_time[1]])

    def counting_rows(self, table: Table) -> dict[Hashable, Events]:
        """Return the source rows that can count, with their times, by key."""
        found: defaultdict[Hashable, Events] = defaultdict(list)
        for row in table.rows:
            place = _placed([row[name] for name in self.keys], row[self.event_time[0]])
            if place is not None and all(meets(row, each, table.types) for each in self.filters):
                found[place[0]].append((place[1], row))
        return found

    def is_known(self, micros: int, row: Row, at: int) -> bool:
        """Return whether a row with an event time was there at another time; a row that was never loaded was not."""
        if self.loaded_at is not None:
            loaded = row[self.loaded_at]
            if loaded is None or micros_of(loaded) > at:
                return False
        return micros + (self.available_after or 0) * _MICROS <= at

    def newest(self, table: Table) -> int | None:
        """Return the newest load of a source with `loaded_at`, the newest event time of another; None without one."""
        times = [row[self.loaded_at or self.event_time[0]] for row in table.rows]
        return max((micros_of(each) for each in times if each is not None), default=None)


@dataclass(frozen=True)
class Answers(Table):
    """The asking rows with their features, as a table, and what counted for each.

    `newest` has for each row the event time, in microseconds since 1970, of the newest row that counted for each feature, None if
    none did. `immature` has for each row the targets that are not known yet.
    """

    newest: Sequence[Mapping[str, int | None]] = ()
    immature: Sequence[frozenset[str]] = field(default=())


def answers(
    asking: Table, names: Sequence[str], types: Mapping[str, str], given: Iterator[Mapping[str, Found | None]]
) -> Answers:
    """Return the asking rows with what was found for each; a value that is None is a target that is not known yet."""
    rows: list[Row] = []
    newest: list[Mapping[str, int | None]] = []
    immature: list[frozenset[str]] = []
    for row, found in zip(asking.rows, given, strict=True):
        rows.append({**row, **{name: each.value if each else None for name, each in found.items()}})
        newest.append({name: each.newest if each else None for name, each in found.items()})
        immature.append(frozenset(name for name, each in found.items() if each is None))
    columns = (*(asking.columns or ()), *names)
    return Answers(columns, {**asking.types, **types}, rows, newest=newest, immature=immature)


def as_rows(given: Any, role: str, types: Mapping[str, str] | None = None) -> Table:
    """Return any kind of table with the known types of its columns; a column that only looks like NULL is NULL."""
    table = as_table(given, role)
    rows: list[Row] = [
        {name: None if name in table.blurred and each != each else each for name, each in row.items()}
        for row in table.rows
    ]
    return Table(table.columns or tuple(types or ()), {**table.types, **(types or {})}, rows)


def key_of(row: Row, names: Sequence[str]) -> Hashable | None:
    """Return a row's key; None if a part of it is NULL."""
    key = [row[name] for name in names]
    return None if None in key else canonical(key)


def _placed(key: list[Any], event_time: Any) -> tuple[Hashable, int] | None:
    return None if event_time is None or None in key else (canonical(key), micros_of(event_time))
