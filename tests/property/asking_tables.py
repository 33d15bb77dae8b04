"""Random rows that ask, and the sources that answer: many small cases in one batch, each with keys of its own.

Rows ask before any event, between two, at an event's instant, at the end of its windows, when it was loaded, and long after;
there are duplicates, NULLs, composite keys, a second entity, rows that arrive late, and corrections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Literal

import pyarrow as pa

from tests.property import window_tables
from tests.property.window_tables import Row

CASES = 50
"""So many cases has a batch."""

MICROSECOND, LONG = timedelta(microseconds=1), timedelta(days=1500)
TARGET_WINDOWS = ("next 1s", "next 1h", "next 7d", "next 30d", "next 365d", "next 1h offset 36h", "next 30d offset 7d")
TARGET_FUNCTIONS = (
    "count of rows",
    "sum",
    "avg",
    "min",
    "max",
    "count_distinct",
    "first",
    "last",
    "seconds_since_first",
)
COMMON_TIME = {("date", "date"): "date"}
# A column of a source, the column of the asking rows, the types of both, and that in which they are compared.
KEYS: Mapping[str, tuple[str, pa.DataType, pa.DataType, str]] = {
    "who": ("customer no.", pa.int64(), pa.int32(), "bigint"),
    "name": ("it's `who`", pa.string(), pa.string(), "string"),
    "short": ("month", pa.int16(), pa.int64(), "bigint"),
    "born": ("born", pa.date32(), pa.date32(), "date"),
    "since": ("since", pa.timestamp("us", "UTC"), pa.timestamp("us", "UTC"), "timestamp"),
    "flag_key": ("flag", pa.bool_(), pa.bool_(), "boolean"),
    "rate": ("rate", pa.decimal128(12, 2), pa.decimal128(10, 1), "decimal(12,2)"),
}
_PARTS: Mapping[str, Sequence[Any]] = {
    "name": ("a", "A", "ab", "bc", "c", ""),
    "short": (0, 1, -1),
    "born": (date(1970, 1, 1), date(1969, 12, 31)),
    "since": (datetime(1970, 1, 1, tzinfo=UTC), datetime(2024, 3, 31, 1, tzinfo=UTC)),
    "flag_key": (True, False),
    "rate": (1, 0, -1),
}


@dataclass(frozen=True, kw_only=True, repr=False)
class Batch:
    """Asking rows, the events, versions and rows by key that answer them, and how they are asked."""

    asking: pa.Table
    events: pa.Table
    versions: pa.Table | None = None
    people: pa.Table | None = None
    keys: Mapping[str, str]
    other: Mapping[str, str] = field(default_factory=dict)
    times: tuple[str, str] = ("at", "asked")
    common: Mapping[str, str]
    closed: Literal["right", "left"] = "right"
    loaded_at: str | None = None
    available_after: int | None = None
    filters: Sequence[Mapping[str, Any]] = ()
    zone: str | None = None
    features: Sequence[Mapping[str, Any]] = ()
    others: Sequence[Mapping[str, Any]] = ()
    targets: Sequence[Mapping[str, Any]] = ()
    order_by: Sequence[str] = ()
    max_age_days: int | None = None


def batch(number: int) -> Batch:
    """Return a batch, always the same one for a number."""
    choice = Random(f"asking {number}")
    time_types = choice.choice((("timestamp", "timestamp"), ("timestamp", "timestamp"), ("date", "date"), ("date", "timestamp"),
                                ("timestamp", "date"), ("timestamp_ntz", "timestamp"), ("timestamp", "timestamp_ntz")))  # fmt: skip
    keys = ["who", *choice.sample(list(_PARTS), choice.choice((0, 0, 1, 2)))]
    zone = choice.choice((None, None, "Europe/Prague"))
    is_date = time_types[0] == "date"
    features = [_feature(choice, f"f{place}", keys, is_date=is_date) for place in range(9)]
    others = [_feature(choice, f"o{place}", keys, is_date=is_date) for place in range(3)]
    window = choice.choice(TARGET_WINDOWS[2:] if "date" in time_types else TARGET_WINDOWS)
    targets = [
        window_tables.feature(choice, function, f"t{place}", window, "right")
        for place, function in enumerate(choice.sample(TARGET_FUNCTIONS, 3))
    ]
    available_after = choice.choice((None, None, 3600, 172_800))
    steps = _steps([each["windows"][0] for each in (*features, *others)]) + _steps([window.removeprefix("next ")])
    steps += [available_after] if available_after else []
    has_ties = choice.random() < 0.5
    cases = [_Case(choice, number, keys, steps, zone, has_ties=has_ties) for number in range(CASES)]
    events = [row | {"id": place} for place, row in enumerate(row for case in cases for row in case.events)]
    loaded_at = choice.choice((None, "loaded"))
    newest = max(row["loaded" if loaded_at else "at"] or datetime(1, 1, 1, tzinfo=UTC) for row in events)
    horizon = sum(_steps([window.removeprefix("next ")])[1:])
    asking = [row for case in cases for row in case.asking(choice, newest - timedelta(seconds=horizon))]
    asking = [row | {"row": place} for place, row in enumerate(asking)]
    names = dict(zip(("at", "asked"), time_types, strict=True))
    return Batch(
        asking=_table(asking, _asking_schema(keys, time_types[1]), "asked", names["asked"]),
        events=_table(events, _events_schema(keys, time_types[0]), "at", names["at"]),
        versions=_table([row for case in cases for row in case.versions], _versions_schema(keys, time_types[0]), "at", names["at"]),
        people=_table([row for case in cases for row in case.people], _people_schema(keys), "", ""),
        keys={name: KEYS[name][0] for name in keys},
        other={"payee": "asked payee"},
        times=("at", "asked"),
        common={name: KEYS[name][3] for name in keys} | {"payee": "string", "at": COMMON_TIME.get(time_types, "timestamp")},
        closed=choice.choice(("right", "right", "left")),
        loaded_at=loaded_at,
        available_after=available_after,
        filters=[window_tables.condition(choice)] if choice.random() < 0.3 else [],
        zone=zone,
        features=features,
        others=others,
        targets=targets,
        order_by=["place", "no"] if has_ties else [],
        max_age_days=choice.choice((None, None, 1, 7, 365)),
    )  # fmt: skip


def _feature(choice: Random, name: str, keys: Sequence[str], *, is_date: bool) -> dict[str, Any]:
    kind = choice.choice(("trailing", "trailing", "trailing", "offset", "lifetime", "month", "day", "previous month"))
    window = window_tables.window_text(kind, choice, is_date=is_date)
    function = choice.choice(window_tables.FUNCTIONS)
    found = window_tables.feature(choice, function, name, window, choice.choice(window_tables.SIDES))
    # Asking rows have keys and a time, which must not count.
    places = (*keys, "payee", "at") if function in ("count", "count_distinct", "first", "last") else ()
    return found | ({"column": choice.choice(places)} if places and choice.random() < 0.2 else {})


def _steps(windows: Sequence[str]) -> list[int]:
    """Return how many seconds the ends of windows lie back: of each the whole, the length and the offset."""
    return [
        step
        for window in windows
        if window[0].isdigit()
        for lengths in [[int(part[:-1]) * window_tables.SECONDS[part[-1]] for part in window.split(" offset ")]]
        for step in (sum(lengths), *lengths)
    ]


class _Case:
    """The rows of one case: keys that no other case has, and a few times that they share."""

    def __init__(
        self,
        choice: Random,
        number: int,
        keys: Sequence[str],
        steps: Sequence[int],
        zone: str | None,
        *,
        has_ties: bool,
    ) -> None:
        self.number, self.key_names, self.steps = number, keys, [*steps, 86_400]
        anchor = choice.choice(window_tables.ANCHORS)
        self.times = list(
            window_tables._times(choice, anchor, self.steps, window_tables.ZoneInfo(zone) if zone else UTC)
        )
        self.events = list(self._events(choice))
        self.versions = self._versions(choice, has_ties=has_ties)
        self.people = self._people(choice)

    def _key(self, choice: Random) -> Row:
        drawn = {name: choice.choice(_PARTS[name]) for name in self.key_names[1:]}
        return {"who": 10 * self.number + choice.randrange(2)} | drawn

    def _payee(self, choice: Random) -> str:
        return f"{self.number}{choice.choice(('a', 'A'))}"

    def _loaded(self, choice: Random, at: datetime) -> datetime | None:
        back = choice.choice(self.steps)
        return choice.choice(
            (at, at, at + timedelta(seconds=back), at + timedelta(seconds=2 * back), at - timedelta(hours=1), None)
        )

    def _events(self, choice: Random) -> Iterator[Row]:
        found: list[Row] = []
        for _ in range(choice.choice((0, 1, 2, 3, 5, 8, 12, 16))):
            at = choice.choice(self.times)
            values = {name: _or_null(choice, value) for name, value in window_tables._values(choice).items()}
            key = {name: _or_null(choice, value, often=12) for name, value in self._key(choice).items()}
            row = key | {"payee": _or_null(choice, self._payee(choice)), "loaded": self._loaded(choice, at)} | values
            found.append(row | {"at": _or_null(choice, at, often=12)})
            again = choice.randrange(8)
            if again == 0:
                found.append(dict(found[-1]))
            elif again == 1:
                later = {**found[-1], "cents": window_tables._values(choice)["cents"]}
                found.append(later | {"loaded": at + timedelta(seconds=3 * choice.choice(self.steps))})
        choice.shuffle(found)
        return iter(found)

    def _versions(self, choice: Random, *, has_ties: bool) -> list[Row]:
        found = []
        for place in range(choice.choice((0, 1, 3, 6))):
            at = choice.choice(self.times)
            key = {name: _or_null(choice, value, often=12) for name, value in self._key(choice).items()}
            values = window_tables._values(choice)
            kept = {name: _or_null(choice, values[name], often=3) for name in ("kind", "cents", "place")}
            found.append(
                key | kept | {"at": _or_null(choice, at, often=12), "loaded": self._loaded(choice, at), "no": place}
            )
        if has_ties:
            return found
        # Where versions have dates, those of one day are of one time.
        return list(
            {(*(row[name] for name in self.key_names), row["at"] and row["at"].date()): row for row in found}.values()
        )

    def _people(self, choice: Random) -> list[Row]:
        rows = [
            self._key(choice) | {"colour": choice.choice(window_tables.KIND_VALUES), "day": date(2024, 2, 29)}
            for _ in range(3)
        ]
        once = {tuple(row[name] for name in self.key_names): row for row in rows}
        return [*once.values(), {**rows[0], self.key_names[-1]: None}]

    def asking(self, choice: Random, just_known: datetime) -> Iterator[Row]:
        """Yield rows that ask, some of them twice; `just_known` is the last time whose targets are known."""
        known = [row["at"] for row in self.events if row["at"]] or self.times
        loaded = [row["loaded"] for row in self.events if row["loaded"]] or known
        versions = [row["at"] for row in self.versions if row["at"]] or known
        for _ in range(choice.choice((1, 2, 4, 8))):
            at = choice.choice(known)
            step = timedelta(seconds=choice.choice(self.steps))
            jitter = choice.choice((timedelta(0), timedelta(0), MICROSECOND, -MICROSECOND))
            asked = choice.choice((
                at, at + jitter, at + step, at + step + jitter, at - step + jitter, choice.choice(loaded) + jitter,
                choice.choice(versions) + jitter, at + (choice.choice(known) - at) / 2, min(known) - LONG, max(known) + LONG,
                just_known + jitter,
            ))  # fmt: skip
            key = {KEYS[name][0]: _or_null(choice, value, often=12) for name, value in self._key(choice).items()}
            row = key | {
                "asked payee": _or_null(choice, self._payee(choice)),
                "asked": _or_null(choice, asked, often=12),
            }
            yield row
            if choice.random() < 0.2:
                yield dict(row)


def _or_null(choice: Random, value: Any, *, often: int = 8) -> Any:
    return None if choice.randrange(often) == 0 else value


def _asking_schema(keys: Sequence[str], time_type: str) -> pa.Schema:
    return pa.schema([
        ("row", pa.int64()), *((KEYS[name][0], KEYS[name][2]) for name in keys),
        ("asked payee", pa.string()), ("asked", window_tables.TIMES[time_type]),
    ])  # fmt: skip


def _events_schema(keys: Sequence[str], time_type: str) -> pa.Schema:
    own = [(name, KEYS[name][1]) for name in keys]
    times = [("at", window_tables.TIMES[time_type]), ("loaded", pa.timestamp("us", "UTC"))]
    return pa.schema([*own, ("payee", pa.string()), *times, *window_tables.TYPES.items()])


def _versions_schema(keys: Sequence[str], time_type: str) -> pa.Schema:
    own = [(name, KEYS[name][1]) for name in keys]
    times = [("at", window_tables.TIMES[time_type]), ("loaded", pa.timestamp("us", "UTC")), ("no", pa.int32())]
    return pa.schema([*own, *times, *((name, window_tables.TYPES[name]) for name in ("kind", "cents", "place"))])


def _people_schema(keys: Sequence[str]) -> pa.Schema:
    return pa.schema([*((name, KEYS[name][1]) for name in keys), ("colour", pa.string()), ("day", pa.date32())])


def _table(rows: Sequence[Row], schema: pa.Schema, time_column: str, time_type: str) -> pa.Table:
    def placed(moment: datetime | None) -> Any:
        if moment is None or time_type == "timestamp":
            return moment
        return moment.date() if time_type == "date" else moment.replace(tzinfo=None)

    converted = [{**row, time_column: placed(row[time_column])} for row in rows] if time_column else list(rows)
    return pa.Table.from_pylist(converted, schema=schema)
