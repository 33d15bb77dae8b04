"""Describe the rows of a scoring set: the keys of an entity, each at one time or at each time of a grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from feature_platform_py.core.data_types import Columns
from feature_platform_py.registry.field import Field

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


@dataclass(frozen=True)
class Instants:
    """The times at which each key has a row: `number` of them, `every_seconds` apart.

    A start that is None is the time at which a run begins. Dates are days, other times have a zone.
    """

    start: date | None = None
    every_seconds: int = 1
    number: int = 1

    @property
    def type(self) -> str:
        """The type of the column with these times."""
        return "timestamp" if self.start is None or isinstance(self.start, datetime) else "date"

    @property
    def shown(self) -> str:
        """The times, in words."""
        if self.start is None:
            return "at the time of the run"
        if self.number == 1:
            return f"at {shown_time(self.start)}"
        last = self.start + timedelta(seconds=self.every_seconds) * (self.number - 1)
        every = shown_length(self.every_seconds)
        return f"every {every} from {shown_time(self.start)} to {shown_time(last)}, {self.number:,} times"


def shown_time(value: date) -> str:
    """Return a day, or a time with its zone, as SQL reads it."""
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()


def shown_length(seconds: int) -> str:
    """Return a length of time in its greatest whole unit: 604,800 seconds are `7d`."""
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


@dataclass(frozen=True)
class EntityRows:
    """The rows that a job's file asks for: the keys of an entity, at some times.

    With `active_seconds`, a key is there only with a row in that time before. `source`, with `keys` and `timestamp_col`, says whose
    rows these are; without one they are those of the registry's sources of the entity.
    """

    entity: str
    instants: Instants
    active_seconds: int | None = None
    source: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    timestamp_col: str | None = None


@dataclass(frozen=True)
class KeyHolder:
    """A source with keys of an entity: its names in dbt, and its columns with the parts of the key, in the order of the rows' columns.

    `time` is its event time, if it matters when a row was there; `known` says from when on, where that is not its event time.
    """

    relation: tuple[str, str]
    keys: tuple[str, ...]
    time: tuple[str, str] | None = None
    known: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoringRows:
    """The rows of a scoring set, completely decided: the columns with the key, the time, and the sources that hold the keys.

    With `is_open`, a row at the very time does not make a key active. `fields` describe the columns.
    """

    rows: EntityRows
    keys: Columns
    time: tuple[str, str]
    holders: tuple[KeyHolder, ...]
    is_open: bool = False
    fields: tuple[Field, ...] = ()

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """The names and types of all columns, in order."""
        return (*self.keys, self.time)

    @property
    def shown(self) -> str:
        """The rows, in words, without the names of the sources."""
        active = self.rows.active_seconds
        only = f", with a row in the {shown_length(active)} before" if active else ""
        return f"the keys of {self.rows.entity} {self.rows.instants.shown}{only}"
