"""Make rows of transactions that break naive feature code, each with the reason why it is included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from feature_platform_py.core.sql_text import quoted
from feature_platform_py.reference.windows import trailing_lengths, window_interval

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NOON = datetime(2024, 5, 15, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HUGE, TINY = Decimal("9999999999999999999999.999999"), Decimal("0.000001")
CATEGORIES = (
    "food",
    "Food",
    "food ",
    "",
    "null",
    "it's",
    'say "1"',
    "back\\slash",
    "`tick`",
    "{{ 1 }}",
    "100 %_",
    "naïve café",
    # The other Unicode form of the accents.
    "nai\u0308ve cafe\u0301",
    "日本",
    "🍕",
)
DOUBLES = (0.0, -0.0, float("nan"), -float("nan"), float("inf"), float("-inf"), 0.1, 5e-7, -1e-7, 1e21, None)
# UTC instants at which clocks change: New York and Prague, in spring and in autumn.
CLOCK_CHANGES = (
    datetime(2024, 3, 10, 7, tzinfo=UTC),
    datetime(2024, 3, 31, 1, tzinfo=UTC),
    datetime(2024, 10, 27, 1, tzinfo=UTC),
    datetime(2024, 11, 3, 6, tzinfo=UTC),
)


class EdgeCases(NamedTuple):
    """The rows, and their schema as Spark's `createDataFrame` takes it."""

    rows: list[dict[str, Any]]
    schema: str


@dataclass(frozen=True)
class _Event:
    """An event of one user. Events of one story share a key, which no other story has."""

    why: str
    story: str | None
    time: datetime | None
    amount: Decimal | None = Decimal("10.000000")
    category: str | None = "food"
    is_late: bool = False
    double: float | None = 0.5
    more_key: str | None = "a"


def edge_case_rows(
    *,
    key: str | Sequence[str] = "user_id",
    time: str = "timestamp",
    amount: str = "amount",
    category: str = "category",
    double: str | None = None,
    edge_case: str | None = "edge_case",
    window_days: int | Sequence[int] = 30,
    windows: str | Sequence[str] = (),
    seed: int = 0,
) -> EdgeCases:
    """Return rows with a bigint key, a UTC time, a decimal(28,6) amount and a string category, and their schema.

    NULLs, ties, rows exactly a window apart and a microsecond to either side, changes of the clock, the leap
    day, starts of weeks, months, quarters and years in UTC and in Prague, times before 1970, late rows (the last ones),
    duplicates, extreme amounts, odd categories.

    A list of names in `key` makes a composite key, of which all columns but the first are strings. `double` names a column
    of doubles with NaN, infinities and both zeros. `windows` are trailing windows as WindowAggregator takes them, `12h` or
    `30d offset 7d`, beside `window_days`; other windows need no rows of their own. `edge_case` names the column with the
    reason of each row; None leaves it out. `seed` decides the keys, the order and some ordinary rows. The same
    arguments give the same rows. Raises ValueError for an unknown window, or two columns of one name.
    """
    days = [window_days] if isinstance(window_days, int) else list(window_days)
    if not days or min(days) < 1:
        raise ValueError(f"edge cases: expected `window_days` of at least 1, got {window_days}")
    choice = Random(seed)  # noqa: S311
    events = [*_events(days, _as_list(windows)), *_composite_keys(), *_doubles(), *_ordinary(choice, max(days))]
    stories = sorted({event.story for event in events if event.story})
    users = dict(zip(stories, choice.sample(range(1, 10 * len(stories)), len(stories)), strict=True))
    choice.shuffle(events)
    events.sort(key=lambda event: event.is_late)
    keyed = [
        (name, "more_key" if place else "user", "string" if place else "bigint")
        for place, name in enumerate(_as_list(key))
    ]
    described = [(time, "time", "timestamp"), (amount, "amount", "decimal(28,6)"), (category, "category", "string")]
    wanted = [(double, "double", "double"), (edge_case, "why", "string")]
    columns = [*keyed, *described, *((name, read, spark_type) for name, read, spark_type in wanted if name is not None)]
    names = [name for name, *_ in columns]
    if not keyed or len(set(names)) != len(names):
        raise ValueError(f"edge cases: expected columns of different names, got {names}")
    read = [vars(event) | {"user": users.get(event.story or "")} for event in events]
    rows = [{name: values[attribute] for name, attribute, _ in columns} for values in read]
    return EdgeCases(rows, ", ".join(f"{quoted(name)} {spark_type}" for name, _, spark_type in columns))


def edge_case_frame(session: SparkSession, **options: Any) -> DataFrame:
    """Return the rows of `edge_case_rows`, which takes the same options, as a DataFrame of the session."""
    rows, schema = edge_case_rows(**options)
    return session.createDataFrame(rows, schema)


def _as_list(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _events(days: Sequence[int], windows: Sequence[str]) -> Iterator[_Event]:
    for each in days:
        yield from _window_edges(f"{each} days", [timedelta(days=each)])
    for window in windows:
        window_interval(window, at=0)
        if lengths := trailing_lengths(window):
            length, offset = lengths[0] * MICROSECOND, lengths[1] * MICROSECOND
            yield from _window_edges(window, [offset + length, *([offset] if offset else [])])
    yield from _calendar()
    yield from _nulls()
    yield from _values()
    yield from _repeated(max(days))


def _window_edges(window: str, backs: Sequence[timedelta]) -> Iterator[_Event]:
    """Yield a row, and rows at each end of its window: how far back the ends lie is given."""
    story = f"{window} apart"
    yield _Event(f"the row that looks {window} back", story, NOON)
    for back, end in zip(backs, ("", "the end of "), strict=False):
        yield _Event(f"exactly {end}{window} before another", story, NOON - back, Decimal("1.000000"))
        for side, moved in (("earlier", -MICROSECOND), ("later", MICROSECOND)):
            why = f"{end}{window} before another, and a microsecond {side}"
            yield _Event(why, story, NOON - back + moved, Decimal("0.100000" if side == "later" else "100.000000"))


def _calendar() -> Iterator[_Event]:
    zones = (UTC, ""), (ZoneInfo("Europe/Prague"), " in Prague")
    hours = [timedelta(hours=each) for each in (-24, -0.5, 0, 0.5, 24)]
    for change in CLOCK_CHANGES:
        for moved in (-MICROSECOND, *hours):
            yield _Event("about a change to or from daylight-saving time", f"clock {change}", change + moved)
    for day in (datetime(2024, 2, 29, tzinfo=UTC), datetime(2023, 2, 28, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC)):
        yield _Event("the leap day, and what is a year away from it", "leap day", day)
    for edge, first in (
        ("week", datetime(2024, 5, 13, tzinfo=UTC)),
        ("month", datetime(2024, 5, 1, tzinfo=UTC)),
        ("month of the leap day", datetime(2024, 3, 1, tzinfo=UTC)),
        ("quarter", datetime(2024, 4, 1, tzinfo=UTC)),
        ("year", datetime(2024, 1, 1, tzinfo=UTC)),
        ("years before 1970", datetime(1970, 1, 1, tzinfo=UTC)),
        ("years before 1900", datetime(1900, 1, 1, tzinfo=UTC)),
    ):
        for zone, place in zones:
            start, story = first.replace(tzinfo=zone).astimezone(UTC), f"end of {edge}{place}"
            yield _Event(f"the last microsecond of the {edge}{place}", story, start - MICROSECOND)
            yield _Event(f"the first microsecond after the {edge}{place}", story, start)
            yield _Event(f"after the {edge}{place}", story, start + timedelta(hours=30))


def _composite_keys() -> Iterator[_Event]:
    for part in ("a", "a", "b", "A", "", None):
        why = "NULL in a part of the key" if part is None else f"a key that differs in a part: {part!r}"
        yield _Event(why, "composite", NOON, more_key=part)
    yield _Event("NULL in the other part of the key", None, NOON)


def _doubles() -> Iterator[_Event]:
    for number, double in enumerate(DOUBLES * 2):
        yield _Event(f"the double {double}", "doubles", NOON + timedelta(minutes=number // 2), double=double)


def _nulls() -> Iterator[_Event]:
    yield _Event("NULL key", None, NOON)
    yield _Event("NULL key", None, NOON)
    yield _Event("NULL time", "null time", None)
    yield _Event("has a row with NULL time", "null time", NOON)
    yield _Event("NULL amount", "null amount", NOON, None)
    yield _Event("has a row with NULL amount", "null amount", NOON - timedelta(hours=1))
    yield _Event("NULL amount, as all of the user's", "only null amounts", NOON, None)
    yield _Event("NULL category", "null category", NOON, category=None)
    yield _Event("NULL everywhere", None, None, None, None)


def _values() -> Iterator[_Event]:
    for number, amount in enumerate((HUGE, HUGE, -HUGE, TINY, -TINY, Decimal("0.000000"))):
        yield _Event("a huge or tiny amount", "amounts", NOON + timedelta(minutes=number), amount)
    for number, category in enumerate(CATEGORIES):
        yield _Event(f"the category {category!r}", "categories", NOON + timedelta(minutes=number), category=category)


def _repeated(days: int) -> Iterator[_Event]:
    for number in range(3):
        yield _Event("the same time as others of the user", "ties", NOON, Decimal(number).quantize(TINY))
    for _ in range(2):
        yield _Event("an exact duplicate", "duplicates", NOON)
    yield _Event("alone", "alone", NOON)
    yield _Event("came before one that is earlier", "late", NOON)
    yield _Event("late: came after one that is later", "late", NOON - timedelta(days=1), is_late=True)
    yield _Event("late by more than a window", "late", NOON - timedelta(days=days + 1), is_late=True)


def _ordinary(choice: Random, days: int) -> Iterator[_Event]:
    for _ in range(20):
        time = NOON - timedelta(hours=choice.randrange(48 * days))
        cents = Decimal(choice.randrange(-10_000, 100_000)).scaleb(-2).quantize(TINY)
        yield _Event("an ordinary row", f"ordinary {choice.randrange(3)}", time, cents, choice.choice(("food", "rent")))
