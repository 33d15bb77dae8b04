"""Random tables and features of windows: many small tables in one, each with keys of its own, and features of every kind.

A batch is one call of the transformer. Ten of them have every function with every kind of window and every closed side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

Row = dict[str, Any]
Pair = tuple[str, str]

TABLES = 30
ROUND = 10
"""So many batches have all combinations, and so many tables each."""

PERIODS = ("day", "week", "month", "quarter", "year")
KINDS = ("trailing", "offset", "lifetime", *PERIODS, *(f"previous {period}" for period in PERIODS))
SIDES = ("right", "left", "both", "none")
PAIRS: tuple[Pair, ...] = tuple((kind, closed) for kind in KINDS for closed in SIDES)

TYPES: Mapping[str, pa.DataType] = {
    "id": pa.int64(),
    "place": pa.int32(),
    "whole": pa.int32(),
    "long": pa.int64(),
    "small": pa.int8(),
    "cents": pa.decimal128(12, 2),
    "micros": pa.decimal128(20, 6),
    "fine": pa.decimal128(14, 10),
    "wide": pa.decimal128(38, 10),
    "deep": pa.decimal128(38, 38),
    "huge": pa.decimal128(38, 0),
    "x": pa.float64(),
    "y": pa.float64(),
    "single": pa.float32(),
    "kind": pa.string(),
    "code": pa.int16(),
    "flag": pa.bool_(),
    "day": pa.date32(),
    "moment": pa.timestamp("us", "UTC"),
}
# Variances are of numbers with at most 14 digits.
TAME = ("whole", "small", "cents", "fine", "y", "single")
NUMBERS = (*TAME, "long", "micros", "wide", "deep", "huge", "x")
ORDERED = (*NUMBERS, "kind", "day", "moment", "at")
ANY = (*ORDERED, "flag", "code")
COLUMNS: Mapping[str, Sequence[str]] = {
    "count": ANY,
    "sum": NUMBERS,
    "avg": NUMBERS,
    "min": ORDERED,
    "max": ORDERED,
    "stddev": TAME,
    "variance": TAME,
    "count_distinct": ANY,
    "first": ANY,
    "last": ANY,
    "first_k": ANY,
    "last_k": ANY,
}
FUNCTIONS = ("count of rows", *COLUMNS, "seconds_since_first", "seconds_since_last")

NAN, INFINITY = float("nan"), float("inf")
KEYS: Mapping[str, tuple[pa.DataType, Sequence[Any]]] = {
    "bigint": (pa.int64(), (1, 2, -(2**63))),
    "string": (pa.string(), ("a", "A", "ä'", "")),
    "double": (pa.float64(), (0.0, -0.0, NAN, -NAN, 1.5)),
    "boolean": (pa.bool_(), (True, False)),
    "date": (pa.date32(), (date(1970, 1, 1), date(1969, 12, 31))),
    "timestamp": (pa.timestamp("us", "UTC"), (datetime(1970, 1, 1, tzinfo=UTC), datetime(2024, 3, 31, 1, tzinfo=UTC))),
    "timestamp_ntz": (pa.timestamp("us"), (datetime(1970, 1, 1), datetime(2024, 3, 31, 2, 30))),
    "decimal": (pa.decimal128(38, 10), (Decimal("0.0000000001"), Decimal("9999999999999999999999999999"))),
}
TIMES: Mapping[str, pa.DataType] = {
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "timestamp_ntz": pa.timestamp("us"),
}
ZONES = (None, "Europe/Prague", None, "America/New_York", "Europe/Prague", "Asia/Kolkata")
ANCHORS = (
    datetime(2024, 5, 15, 12, tzinfo=UTC),
    datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2024, 3, 31, 1, tzinfo=UTC),
    datetime(2024, 10, 27, 1, tzinfo=UTC),
    datetime(2023, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1900, 2, 28, 12, tzinfo=UTC),
)
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
LENGTHS = ("1s", "90s", "5m", "1h", "36h", "1d", "7d", "30d", "2w", "365d")
KIND_VALUES = ("food", "Food", "food ", "it's", 'say "1"', "", "null", "日本", "🍕", "\uff5e", "nai\u0308ve", "naïve")
# Names that SQL may give to something of its own, made from other columns or not.
ODD_NAMES = (
    *("where", "month", "week", "quarter", "year", "event_time", "key", "key_1", "rows", "count", "terms"),
    *(
        "x exact",
        "x_exact_given",
        "x before",
        "x units",
        "x total",
        "x_count",
        "x size",
        "x value",
        "x deviation",
        "x_1",
    ),
    *("day 2", "next_time", "next day", "in_windows", "before", "windowed", "_day", "Betrag (€)", "it's `odd`"),
)
NAMED_KINDS = ("food", "it's", 'say "1"', "naïve")


@dataclass(frozen=True, repr=False)
class Batch:
    """Tables in one, and the parameters of the transformer over them. `covered` are function, window kind and closed side."""

    schema: pa.Schema
    rows: Sequence[Row]
    params: Mapping[str, Any]
    covered: frozenset[tuple[str, str, str]]

    def table(self) -> pa.Table:
        return pa.Table.from_pylist(list(self.rows), schema=self.schema)


def batch(number: int) -> Batch:
    """Return a batch, always the same one for a number."""
    choice = Random(number)
    pairs = list(PAIRS)
    Random(number // ROUND).shuffle(pairs)
    mine = pairs[number % ROUND :: ROUND]
    time_type = choice.choice(("timestamp", "timestamp", "date", "timestamp_ntz"))
    zone = choice.choice(ZONES)
    keys, types = _keys(choice)
    windows = [(window_text(kind, choice, is_date=time_type == "date"), kind, closed) for kind, closed in mine]
    features = [
        feature(choice, function, f"f{place}_{position}", text, closed)
        for place, (text, _, closed) in enumerate(windows)
        for position, function in enumerate(FUNCTIONS)
    ]
    steps = sorted({step for text, *_ in windows for step in _steps(text)}) or [86_400]
    tables = [_table(choice, number, keys, types, steps, zone) for number in range(TABLES)]
    rows = [row | {"id": place} for place, row in enumerate(row for table in tables for row in table)]
    if time_type != "timestamp":
        rows = [row | {"at": _as_type(row["at"], time_type)} for row in rows]
    params = {"keys": list(keys), "timestamp_col": "at", "features": features} | ({"time_zone": zone} if zone else {})
    schema = pa.schema([*types.items(), ("at", TIMES[time_type]), *TYPES.items()])
    covered = frozenset((function, kind, closed) for _, kind, closed in windows for function in FUNCTIONS)
    new = _new_names(choice, [*keys, "at", *TYPES])
    rows = [{new[name]: row[name] for name in schema.names} for row in rows]
    return Batch(pa.schema([each.with_name(new[each.name]) for each in schema]), rows, _renamed(params, new), covered)


def _new_names(choice: Random, names: Sequence[str]) -> Mapping[str, str]:
    """Return the names that columns get in a batch: an odd one for about every third, others as they are."""
    odd = iter(choice.sample(ODD_NAMES, len(ODD_NAMES)))
    return {name: next(odd) if name not in ("id", "x") and choice.random() < 0.3 else name for name in names}


def _renamed(params: Mapping[str, Any], new: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters with new names of columns."""

    def feature(definition: Mapping[str, Any]) -> dict[str, Any]:
        named = {key: new[definition[key]] for key in ("column", "order_by") if key in definition}
        where = [condition | {"column": new[condition["column"]]} for condition in definition.get("where", ())]
        by = definition.get("by")
        more = {"by": by | {"column": new[by["column"]]}} if by else {}
        return {**definition, **named, **({"where": where} if where else {}), **more}

    keys = [new[name] for name in params["keys"]]
    features = [feature(each) for each in params["features"]]
    return {**params, "keys": keys, "timestamp_col": new["at"], "features": features}


def window_text(kind: str, choice: Random, *, is_date: bool) -> str:
    """Return a window of a kind; those of dates are mostly of whole days."""
    lengths = LENGTHS[4:] if is_date else LENGTHS
    if kind == "trailing":
        return choice.choice(lengths)
    return f"{choice.choice(lengths)} offset {choice.choice(lengths)}" if kind == "offset" else kind


def feature(choice: Random, function: str, name: str, window: str, closed: str) -> dict[str, Any]:
    """Return the definition of a feature of one window, with a random column, condition and whatever else the function takes."""
    found: dict[str, Any] = {"name": name, "function": function.removesuffix(" of rows"), "windows": [window]}
    if closed != "right" or choice.random() < 0.5:
        found["closed"] = closed
    if function in COLUMNS:
        found["column"] = choice.choice(COLUMNS[function])
    if function in ("first", "last", "first_k", "last_k"):
        found["order_by"] = choice.choice(("id", "place", "place", "x", "kind"))
    if function.endswith("_k"):
        found["k"] = choice.choice((1, 2, 3, 5, 1000))
    if function == "sum" and choice.random() < 0.5:
        found["fill_value"] = 0 if found["column"] == "deep" else choice.choice((0, -1, 7))
    if choice.random() < 0.3:
        found["where"] = [condition(choice) for _ in range(choice.choice((1, 1, 2)))]
    if choice.random() < 0.1:
        column, values = choice.choice((("kind", NAMED_KINDS), ("code", (5411, 0))))
        found["by"] = {"column": column, "values": choice.sample(values, 2)}
    return found


def condition(choice: Random) -> dict[str, Any]:
    """Return a condition on rows."""
    compared: Mapping[str, Sequence[Any]] = {
        "kind": ("food", "Food", "it's", ""),
        "code": (5411, 0),
        "whole": (0, 5),
        "cents": (0.5, 0, "0.10"),
        "wide": (0, 0.5),
        "x": (0.0, 0.1, -1),
        "day": ("2024-02-29", "1970-01-01"),
        "moment": ("2024-05-15 12:00:00", "1970-01-01"),
        "flag": (True, False),
    }
    column = choice.choice(list(compared))
    ops = ["equals", "not_equals", "in", "not_in", "is_null", "is_not_null"]
    op = choice.choice(ops if column == "flag" else [*ops, "gt", "gte", "lt", "lte"])
    if op in ("is_null", "is_not_null"):
        return {"column": column, "op": op}
    values = compared[column]
    value = choice.sample(values, 2) if op in ("in", "not_in") else choice.choice(values)
    return {"column": column, "op": op, "value": value}


def _keys(choice: Random) -> tuple[Mapping[str, Sequence[Any]], Mapping[str, pa.DataType]]:
    """Return the columns of the key with values, and with types; the first one tells tables apart."""
    more = choice.sample(list(KEYS), choice.choice((0, 1, 1, 2)))
    names = {f"key_{name}": KEYS[name] for name in more}
    found: dict[str, Sequence[Any]] = {"who": ("0",) if more else ("1", "2", "3")}
    types = {"who": choice.choice((pa.int64(), pa.string()))}
    for name, (data_type, values) in names.items():
        found[name], types[name] = values, data_type
    return found, types


def _table(
    choice: Random,
    number: int,
    keys: Mapping[str, Sequence[Any]],
    types: Mapping[str, pa.DataType],
    steps: Sequence[int],
    zone: str | None,
) -> list[Row]:
    anchor = choice.choice(ANCHORS)
    size = choice.choice((1, 2, 3, 5, 8, 8, 12, 12, 16))
    times = list(_times(choice, anchor, steps, ZoneInfo(zone) if zone else UTC))
    return [
        {name: _or_null(choice, value) for name, value in _key(choice, number, keys, types).items()}
        | {"at": _or_null(choice, choice.choice(times))}
        | {name: _or_null(choice, value, often=4 if name == "place" else 8) for name, value in _values(choice).items()}
        for _ in range(size)
    ]


def _key(choice: Random, number: int, keys: Mapping[str, Sequence[Any]], types: Mapping[str, pa.DataType]) -> Row:
    drawn = {name: choice.choice(values) for name, values in keys.items()}
    who = f"{number}{drawn['who']}"
    return drawn | {"who": who if types["who"] == pa.string() else int(who)}


def _values(choice: Random) -> Row:
    return {
        "place": choice.choice((1, 1, 2, 3)),
        "whole": choice.choice((0, 1, -1, 5, 2**31 - 1, -(2**31), choice.randint(-1000, 1000))),
        "long": choice.choice((0, 2**63 - 1, -(2**63), choice.randint(-1000, 1000))),
        "small": choice.randint(-128, 127),
        "cents": _decimal(choice, 12, 2, ("0.10", "0.50", "0.00", "-0.01")),
        "micros": _decimal(choice, 20, 6, ("0.000001", "0.000000")),
        "fine": _decimal(choice, 14, 10, ("0.0000000001", "0.1000000000")),
        "wide": _decimal(choice, 36, 10, ("0.0000000001", "0.5000000000", "0.0000000000")),
        "deep": _decimal(choice, 36, 38, ("0." + "0" * 37 + "1",)),
        "huge": _decimal(choice, 36, 0, ("1", "0")),
        "x": choice.choice((*_DOUBLES, 1e15, -1e21, 9.9e21, choice.randint(-(10**9), 10**9) / 10**6)),
        "y": choice.choice((*_DOUBLES, choice.randint(-(10**8), 10**8) / 10**6, choice.uniform(-1e7, 1e7))),
        "single": choice.choice((0.5, -0.0, 0.0, NAN, 1.25, 2.0**-20, float(choice.randint(-1000, 1000)))),
        "kind": choice.choice(KIND_VALUES),
        "code": choice.choice((5411, 0, -1)),
        "flag": choice.choice((True, False)),
        "day": choice.choice((date(2024, 2, 29), date(1970, 1, 1), date(1969, 12, 31), date(2024, 5, 15))),
        "moment": choice.choice(ANCHORS),
    }


_DOUBLES = (0.1, 0.2, -0.0, 0.0, 1e-7, 5e-7, -5e-7, 1 / 3, INFINITY, -INFINITY, NAN, -NAN)


def _decimal(choice: Random, digits: int, scale: int, often: Sequence[str]) -> Decimal:
    limit = 10 ** choice.choice((1, digits // 2, digits)) - 1
    return choice.choice((*map(Decimal, often), Decimal(choice.randint(-limit, limit)).scaleb(-scale)))


def _or_null(choice: Random, value: Any, *, often: int = 8) -> Any:
    return None if choice.randrange(often) == 0 else value


def _steps(window: str) -> list[int]:
    """Return how many seconds the ends of a window lie back."""
    if window == "lifetime" or window.removeprefix("previous ") in PERIODS:
        return []
    lengths = [int(part[:-1]) * SECONDS[part[-1]] for part in window.split(" offset ")]
    return [sum(lengths), *lengths]


def _times(choice: Random, anchor: datetime, steps: Sequence[int], zone: Any) -> Iterator[datetime]:
    """Yield few times, which rows then share: the ends of windows, and starts of periods, about an anchor."""
    for _ in range(choice.choice((2, 4, 8, 12))):
        jitter = timedelta(microseconds=choice.choice((0, 0, 0, 0, -1, 1)))
        if choice.random() < 0.7:
            back = choice.choice((0, 1, 1, 1, 2)) * choice.choice(steps)
            yield anchor + choice.choice((1, -1)) * timedelta(seconds=back) + jitter
        else:
            local = anchor.astimezone(zone).date()
            start = _period_starts(local)[choice.randrange(8)]
            yield datetime.combine(start, time(), zone).astimezone(UTC) + jitter


def _period_starts(day: date) -> list[date]:
    monday = day - timedelta(days=day.weekday())
    month = day.replace(day=1)
    next_month = (month + timedelta(days=31)).replace(day=1)
    quarter = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    before = quarter - timedelta(days=1)
    last_quarter = date(before.year, before.month - 2, 1)
    years = [date(day.year, 1, 1), date(day.year - 1, 1, 1)]
    return [day, monday, monday - timedelta(days=7), month, next_month, quarter, last_quarter, *years]


def _as_type(moment: datetime | None, time_type: str) -> Any:
    if moment is None:
        return None
    return moment.date() if time_type == "date" else moment.replace(tzinfo=None)
