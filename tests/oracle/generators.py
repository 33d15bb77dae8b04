"""Small tables of transactions, and jobs over them, with every value that has a rule of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hypothesis import strategies as st

if TYPE_CHECKING:
    import pyarrow as pa

AmountKind = Literal["decimal", "wide_decimal", "integer", "float"]
AMOUNT_KINDS: tuple[AmountKind, ...] = ("decimal", "wide_decimal", "integer", "float")
WINDOWS = (1, 2, 7, 30, 365)

# Targets, and beside them values that are nearly one: another case, a blank, the other Unicode form of the accent.
TARGETS = ("household payment", "it's", 'say "1"', "naïve café", "back\\slash", "{{ 1 }}", "100 %_")
CATEGORIES = (*TARGETS, "Household Payment", "household payment ", "nai\u0308ve cafe\u0301", "日本", "", "null")

_ANCHORS = (
    datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2023, 3, 1, tzinfo=UTC),
    datetime(2024, 1, 1, tzinfo=UTC),
    datetime(2023, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1900, 2, 28, 12, tzinfo=UTC),
)
_DAYS = st.sampled_from((0, 0, *WINDOWS, 28, 31, 366)).flatmap(lambda days: st.sampled_from((days, -days)))
_MICROS = st.sampled_from((0, 0, 0, -1, 1))
_USERS = st.sampled_from((1, 1, 2, -7, 2**63 - 1))
_FLOATS = (0.1, 0.2, -0.0, 1e-7, 5e-7, -5e-7, 1 / 3, 1e15, -1e21, 1e22, float("inf"), float("-inf"), float("nan"))


@dataclass(frozen=True)
class Table:
    """Rows with the columns of a bank's transactions, and the types that they do not tell when all are NULL."""

    rows: list[dict[str, Any]]
    amount: AmountKind
    has_dates: bool

    def __repr__(self) -> str:
        kind = f"{self.amount} amounts, {'dates' if self.has_dates else 'timestamps'}"
        return "\n".join([f"Table of {len(self.rows)} rows, {kind}", *map(repr, self.rows)])


@st.composite
def tables(draw: st.DrawFn, *, max_rows: int = 12, amount: AmountKind | None = None) -> Table:
    """A table of a few users whose times are ties, or just on or beside the edges of windows and months."""
    kind = draw(st.sampled_from(AMOUNT_KINDS)) if amount is None else amount
    has_dates = draw(st.sampled_from((False, False, False, True)))
    values = {
        "transaction_id": _or_null(st.integers(0, max_rows)),
        "user_id": _or_null(_USERS),
        "timestamp": _or_null(_times(draw(st.sampled_from(_ANCHORS)), has_dates=has_dates)),
        "amount": _or_null(_AMOUNTS[kind]),
        "category": _or_null(_CATEGORIES),
        "transaction_type": _or_null(st.sampled_from(("debit", "credit"))),
    }
    # `fixed_dictionaries` would give the columns in any order.
    row = st.tuples(*values.values()).map(lambda row: dict(zip(values, row, strict=True)))
    return Table(draw(st.lists(row, max_size=max_rows)), kind, has_dates)


@st.composite
def transformer_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One or more of the financial transformers in any order, each with or without `as_of`."""
    user, event_time = {"user_id_col": "user_id"}, {"timestamp_col": "timestamp"}
    windows = st.sampled_from(WINDOWS) | _some(WINDOWS)
    as_of = st.sampled_from(({}, {"as_of": "event_time"}))
    categorical = {"amount_col": "amount", "category_col": "category"} | event_time | draw(as_of)
    transformers = (
        _transformer("UserSpendAggregator", user | event_time | {"amount_col": "amount", "window_days": draw(windows)}),
        _transformer("UserMonthlyTransactionCounter", user | event_time | draw(as_of)),
        _transformer(
            "UserCategoricalSpendAggregator", user | categorical | {"target_category_value": draw(_some(TARGETS))}
        ),
    )
    return draw(_some(transformers))


@st.composite
def row_filters(draw: st.DrawFn) -> list[dict[str, Any]]:
    """None, one or two filters on the texts and the users, with the NULLs that no comparison matches."""
    conditions = (
        {"column": "transaction_type", "op": draw(st.sampled_from(("equals", "not_equals"))), "value": "debit"},
        {"column": "category", "op": draw(st.sampled_from(("in", "not_in"))), "value": draw(_some(CATEGORIES))},
        {"column": "user_id", "op": draw(st.sampled_from(("gt", "gte", "lt", "lte"))), "value": 1},
        {"column": "amount", "op": draw(st.sampled_from(("is_null", "is_not_null")))},
    )
    return draw(st.lists(st.sampled_from(conditions), max_size=2, unique_by=id))


def arrow_table(table: Table) -> pa.Table:
    """The rows with their types, also for columns without a value."""
    import pyarrow as pa

    amounts = {
        "decimal": pa.decimal128(12, 2),
        "wide_decimal": pa.decimal128(30, 10),
        "integer": pa.int64(),
        "float": pa.float64(),
    }
    schema = pa.schema(
        {
            "transaction_id": pa.int64(),
            "user_id": pa.int64(),
            "timestamp": pa.date32() if table.has_dates else pa.timestamp("us", tz="UTC"),
            "amount": amounts[table.amount],
            "category": pa.string(),
            "transaction_type": pa.string(),
        }
    )
    return pa.Table.from_pylist(table.rows, schema=schema)


def write_parquet(table: Table, path: Path) -> None:
    """Write the rows as a Parquet file."""
    import pyarrow.parquet as pq

    pq.write_table(arrow_table(table), path)


_LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
_CATEGORIES = st.just(TARGETS[0]) | st.sampled_from(CATEGORIES) | st.text(max_size=5, alphabet=_LETTERS)
_AMOUNTS: dict[AmountKind, st.SearchStrategy[Any]] = {
    "decimal": st.sampled_from((Decimal("-0.01"), Decimal("9999999999.99"), Decimal("-9999999999.99"), Decimal("0.00")))
    | st.decimals(-100, 100, places=2),
    "wide_decimal": st.sampled_from((Decimal("0.0000000001"), Decimal("99999999999999999999.9999999999")))
    | st.decimals(-(10**19), 10**19, places=10),
    "integer": st.sampled_from((0, -1, 2**63 - 1, -(2**63))) | st.integers(-1000, 1000),
    "float": st.sampled_from(_FLOATS) | st.integers(-(10**9), 10**9).map(lambda micros: micros / 10**6),
}


def _or_null(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """About one value in eight is NULL."""
    return st.integers(0, 7).flatmap(lambda chance: st.none() if chance == 7 else values)


def _some(values: tuple[Any, ...]) -> st.SearchStrategy[list[Any]]:
    """One or more of the values, each once, in any order."""
    return st.lists(st.sampled_from(range(len(values))), min_size=1, unique=True).map(
        lambda positions: [values[position] for position in positions]
    )


def _times(anchor: datetime, *, has_dates: bool) -> st.SearchStrategy[date | datetime]:
    moments = st.builds(lambda days, micros: anchor + timedelta(days=days, microseconds=micros), _DAYS, _MICROS)
    anywhere = st.datetimes(datetime(1890, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
    times = st.one_of(moments, moments, moments, anywhere)
    return times.map(datetime.date) if has_dates else times


def _transformer(name: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "params": params}
