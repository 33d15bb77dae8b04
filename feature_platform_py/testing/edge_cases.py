"""Make rows of transactions that break naive feature code, each with the reason why it is included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from feature_platform_py.core.sql_text import quoted

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
# UTC instants at which clocks change: New York and Berlin, in spring and in autumn.
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


def edge_case_rows(
    *,
    key: str = "user_id",
    time: str = "timestamp",
    amount: str = "amount",
    category: str = "category",
    edge_case: str | None = "edge_case",
    window_days: int | Sequence[int] = 30,
    seed: int = 0,
) -> EdgeCases:
    """Return rows with a bigint key, a UTC time, a decimal(28,6) amount and a string category, and their schema.

    NULLs, ties, rows exactly a window apart and a microsecond to either side, changes of the clock, the leap day, ends of
    months and years, late rows (the last ones), duplicates, extreme amounts, odd categories. `edge_case` names the
    column with the reason of each row; None leaves it out. `seed` decides the keys, the order and some ordinary
    rows. The same arguments give the same rows. Raises ValueError for a window of no days, or two columns of one name.
    """
    windows = [window_days] if isinstance(window_days, int) else list(window_days)
    types = {key: "bigint", time: "timestamp", amount: "decimal(28,6)", category: "string"}
    named = types if edge_case is None else types | {edge_case: "string"}
    if len(named) != (4 if edge_case is None else 5):
        raise ValueError(
            f"edge cases: expected columns of different names, got {[key, time, amount, category, edge_case]}"
        )
    if not windows or min(windows) < 1:
        raise ValueError(f"edge cases: expected `window_days` of at least 1, got {window_days}")
    choice = Random(seed)  # noqa: S311
    events = [*_events(windows), *_ordinary(choice, max(windows))]
    stories = sorted({event.story for event in events if event.story})
    keys = dict(zip(stories, choice.sample(range(1, 10 * len(stories)), len(stories)), strict=True))
    choice.shuffle(events)
    events.sort(key=lambda event: event.is_late)
    values = ((keys.get(event.story or ""), event.time, event.amount, event.category, event.why) for event in events)
    schema = ", ".join(f"{quoted(name)} {spark_type}" for name, spark_type in named.items())
    return EdgeCases([dict(zip(named, row, strict=False)) for row in values], schema)


def edge_case_frame(session: SparkSession, **options: Any) -> DataFrame:
    """Return the rows of `edge_case_rows`, which takes the same options, as a DataFrame of the session."""
    rows, schema = edge_case_rows(**options)
    return session.createDataFrame(rows, schema)


def _events(windows: Sequence[int]) -> Iterator[_Event]:
    for days in windows:
        yield from _window_edges(days)
    yield from _calendar()
    yield from _nulls()
    yield from _values()
    yield from _repeated(max(windows))


def _window_edges(days: int) -> Iterator[_Event]:
    story = f"{days} days apart"
    yield _Event(f"the row that looks {days} days back", story, NOON)
    yield _Event(f"exactly {days} days before another", story, NOON - timedelta(days=days), Decimal("1.000000"))
    for side, moved in (("earlier", -MICROSECOND), ("later", MICROSECOND)):
        before = NOON - timedelta(days=days) + moved
        why = f"{days} days before another, and a microsecond {side}"
        yield _Event(why, story, before, Decimal("0.100000" if side == "later" else "100.000000"))


def _calendar() -> Iterator[_Event]:
    for change in CLOCK_CHANGES:
        for moved in (timedelta(days=-1), -MICROSECOND, timedelta(0), timedelta(days=1)):
            yield _Event("about a change to or from daylight-saving time", f"clock {change}", change + moved)
    for day in (datetime(2024, 2, 29, tzinfo=UTC), datetime(2023, 2, 28, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC)):
        yield _Event("the leap day, and what is a year away from it", "leap day", day)
    for edge, first in (
        ("month", datetime(2024, 5, 1, tzinfo=UTC)),
        ("month of the leap day", datetime(2024, 3, 1, tzinfo=UTC)),
        ("year", datetime(2024, 1, 1, tzinfo=UTC)),
        ("years before 1970", datetime(1970, 1, 1, tzinfo=UTC)),
    ):
        yield _Event(f"the last microsecond of the {edge}", f"end of {edge}", first - MICROSECOND)
        yield _Event(f"the first microsecond after the {edge}", f"end of {edge}", first)


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
