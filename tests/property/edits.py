"""What happens to a source between two runs of a job: rows arrive, late ones too, are corrected, doubled and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from hypothesis import strategies as st

from tests.oracle.generators import Kind, Row, rows


class Edit(Protocol):
    """A change of a table; positions count on from its first row again after its last."""

    def __call__(self, table: list[Row]) -> list[Row]: ...


@dataclass(frozen=True)
class Insert:
    row: Row

    def __call__(self, table: list[Row]) -> list[Row]:
        return [*table, self.row]


@dataclass(frozen=True)
class Change:
    position: int
    column: str
    value: Any

    def __call__(self, table: list[Row]) -> list[Row]:
        changed = self.position % len(table)
        return [row | {self.column: self.value} if each == changed else row for each, row in enumerate(table)]


@dataclass(frozen=True)
class Swap:
    """Two rows exchange a value, so that every sum over both stays as it is."""

    position: int
    other: int
    column: str

    def __call__(self, table: list[Row]) -> list[Row]:
        one, other = table[self.position % len(table)], table[self.other % len(table)]
        swapped = Change(self.position, self.column, other[self.column])(table)
        return Change(self.other, self.column, one[self.column])(swapped)


@dataclass(frozen=True)
class Duplicate:
    position: int

    def __call__(self, table: list[Row]) -> list[Row]:
        return [*table, dict(table[self.position % len(table)])]


@dataclass(frozen=True)
class Delete:
    position: int

    def __call__(self, table: list[Row]) -> list[Row]:
        return [row for each, row in enumerate(table) if each != self.position % len(table)]


@dataclass(frozen=True)
class DeleteMonth:
    """All rows of the month that a row is in."""

    position: int

    def __call__(self, table: list[Row]) -> list[Row]:
        month = _month(table[self.position % len(table)]["at"])
        return [row for row in table if _month(row["at"]) != month]


@dataclass(frozen=True)
class Clear:
    def __call__(self, table: list[Row]) -> list[Row]:
        return []


def apply(edits: Sequence[Edit], table: list[Row]) -> list[Row]:
    """The table after all edits; an empty one has nothing to edit, but may be filled."""
    for edit in edits:
        if table or isinstance(edit, Insert):
            table = edit(table)
    return table


def edits(kind: Kind, anchor: datetime, *, is_load: bool) -> st.SearchStrategy[Edit]:
    """Any edit; with `is_load`, those that a load time shows: no deletion, and no time of a row that becomes another."""
    position = st.integers(0, 19)
    times = {"at", "booked"} & set(kind.schema().names) if is_load else set()
    values = {name: value for name, value in kind.values(anchor).items() if name not in times}
    changes = [st.builds(Change, position, st.just(name), value) for name, value in values.items()]
    change = st.sampled_from(range(len(changes))).flatmap(lambda column: changes[column])
    insert = st.builds(Insert, rows(kind, anchor))
    swap = st.builds(Swap, position, position, st.sampled_from(sorted(values)))
    shown = (insert, insert, change, change, swap, st.builds(Duplicate, position))
    deletions = (st.builds(Delete, position), st.builds(Delete, position), st.builds(DeleteMonth, position))
    return st.one_of(*shown, *(() if is_load else (*deletions, st.builds(Clear))))


def _month(moment: date | None) -> tuple[int, int] | None:
    return (moment.year, moment.month) if moment else None
