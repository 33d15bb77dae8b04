"""Small tables of transactions with every value that has a rule of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from hypothesis import strategies as st

if TYPE_CHECKING:
    import pyarrow as pa

AmountKind = Literal["decimal", "wide_decimal", "bigint", "int", "double"]
UserKind = Literal["bigint", "string", "double"]
Row = dict[str, Any]
AMOUNT_KINDS: tuple[AmountKind, ...] = ("decimal", "wide_decimal", "bigint", "int", "double")

# Targets, and beside them values that are nearly one: another case, a blank, the other Unicode form of the accent.
TARGETS = ("food", "fo'od\\", "Bücher & Musik", 'say "1"', "naïve café", "{{ 1 }}", "100 %_")
CATEGORIES = (*TARGETS, "Food", "food ", "$food", "nai\u0308ve cafe\u0301", "日本", "", "null")

_ANCHORS = (
    datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2023, 3, 1, tzinfo=UTC),
    datetime(2024, 1, 1, tzinfo=UTC),
    datetime(2023, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1900, 2, 28, 12, tzinfo=UTC),
)
_FAR = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
# Those of the windows that the tests use, more often than others.
_DAYS = (0, 0, 1, -1, 7, -7, 7, -7, 30, -30, 30, -30, 2, -2, 28, -31, 365, -365, 366)
_MICROS = st.sampled_from((0, 0, 0, 0, -1, 1))
_SIZES = (12, 8, 16, 5, 10, 3, 20, 2, 1, 0)
_USERS: Mapping[UserKind, tuple[Any, ...]] = {
    "bigint": (1, 1, 1, 2, -7, 2**63 - 1),
    "string": ("a", "a", "a", "A", "ä'", ""),
    "double": (0.0, -0.0, 0.0, -0.0, float("nan"), -float("nan"), 1e22, float("inf")),
}
_FLOATS = (0.1, 0.2, -0.0, 1e-7, 5e-7, -5e-7, 1 / 3, 1e15, -1e21, 9.9e21, float("inf"), float("-inf"), float("nan"))
_AMOUNTS: Mapping[AmountKind, st.SearchStrategy[Any]] = {
    "decimal": st.sampled_from((Decimal("-0.01"), Decimal("9999999999.99"), Decimal("-9999999999.99"), Decimal("0.00")))
    | st.decimals(-100, 100, places=2),
    "wide_decimal": st.sampled_from((Decimal("0.0000000001"), Decimal("99999999999999999999.9999999999")))
    | st.decimals(-(10**19), 10**19, places=10),
    "bigint": st.sampled_from((0, -1, 2**63 - 1, -(2**63))) | st.integers(-1000, 1000),
    "int": st.sampled_from((0, -1, 2**31 - 1, -(2**31))) | st.integers(-1000, 1000),
    "double": st.sampled_from(_FLOATS) | st.integers(-(10**9), 10**9).map(lambda micros: micros / 10**6),
}
_LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
_CATEGORIES = st.just(TARGETS[0]) | st.sampled_from(CATEGORIES) | st.text(max_size=5, alphabet=_LETTERS)


@dataclass(frozen=True)
class Kind:
    """The types of a table: of its amounts, users and times; and whether it has a second time and a second amount."""

    amount: AmountKind
    user: UserKind = "bigint"
    has_dates: bool = False
    has_seconds: bool = False

    @property
    def name(self) -> str:
        """The kind as part of a job's name."""
        return f"{self.amount}_{self.user}_{'dates' if self.has_dates else 'times'}"

    def schema(self) -> pa.Schema:
        """The columns, which also a table without rows has."""
        import pyarrow as pa

        amounts = {
            "decimal": pa.decimal128(12, 2),
            "wide_decimal": pa.decimal128(30, 10),
            "bigint": pa.int64(),
            "int": pa.int32(),
            "double": pa.float64(),
        }
        amount = amounts[self.amount]
        time = pa.date32() if self.has_dates else pa.timestamp("us", tz="UTC")
        users = {"bigint": pa.int64(), "string": pa.string(), "double": pa.float64()}
        columns = {"number": pa.int64(), "who": users[self.user], "at": time, "amount": amount, "kind": pa.string()}
        return pa.schema(columns | ({"booked": time, "fee": amount} if self.has_seconds else {}))

    def values(self, anchor: datetime) -> dict[str, st.SearchStrategy[Any]]:
        """What each column may hold; the times lie about the anchor."""
        time, amount = _times(anchor, has_dates=self.has_dates), _AMOUNTS[self.amount]
        columns = {
            "number": st.integers(0, 99),
            "who": _or_null(st.sampled_from(_USERS[self.user])),
            "at": _or_null(time),
            "amount": _or_null(amount),
            "kind": _or_null(_CATEGORIES),
        }
        return columns | ({"booked": _or_null(time), "fee": _or_null(amount)} if self.has_seconds else {})


def anchors() -> st.SearchStrategy[datetime]:
    """A time that those of a table lie about: pairs of rows exactly a window apart are then frequent, no rare chance."""
    return st.sampled_from(_ANCHORS)


def rows(kind: Kind, anchor: datetime) -> st.SearchStrategy[Row]:
    """A row of a few users, its times ties of others', or just on or beside the edges of windows and months."""
    values = kind.values(anchor)
    # `fixed_dictionaries` would give the columns in any order.
    return st.tuples(*values.values()).map(lambda row: dict(zip(values, row, strict=True)))


@st.composite
def tables(draw: st.DrawFn, kind: Kind, anchor: datetime | None = None) -> list[Row]:
    """A table of up to 20 rows. Its size is drawn first: lists of any size are mostly of none to three rows."""
    size = draw(st.sampled_from(_SIZES))
    return draw(st.lists(rows(kind, anchor or draw(anchors())), min_size=size, max_size=size))


def arrow_table(table: list[Row], schema: pa.Schema) -> pa.Table:
    """The rows with their types, also for columns without a value."""
    import pyarrow as pa

    return pa.Table.from_pylist(table, schema=schema)


def _or_null(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """About one value in eight is NULL."""
    return st.integers(0, 7).flatmap(lambda chance: st.none() if chance == 7 else values)


def _times(anchor: datetime, *, has_dates: bool) -> st.SearchStrategy[date | datetime]:
    near = st.builds(
        lambda days, micros: anchor + timedelta(days=days, microseconds=micros), st.sampled_from(_DAYS), _MICROS
    )
    month_edges = st.builds(
        lambda months, micros: _month_start(anchor, months) + timedelta(microseconds=micros),
        st.sampled_from((0, 0, 1, 2, -1, 12)),
        _MICROS,
    )
    anywhere = st.datetimes(datetime(1890, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
    far = st.sampled_from(_FAR)
    rare = st.integers(0, 3).flatmap(lambda chance: far if chance == 3 else anywhere)
    times = st.integers(0, 9).flatmap(lambda chance: rare if chance == 9 else month_edges if chance > 6 else near)
    return times.map(datetime.date) if has_dates else times


def _month_start(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, 12)
    return datetime(moment.year + years, month + 1, 1, tzinfo=UTC)
