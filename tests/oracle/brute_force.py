"""Every feature of every row, each looked up in all the user's rows: slow, and plainly what the definition says."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from pathlib import Path
from string import ascii_lowercase, digits
from typing import Any

Row = Mapping[str, Any]
Features = dict[str, Any]
Amount = Decimal | int | float

# More digits than any sum of decimal(38, s) has, so that no sum is ever rounded.
EXACT = Context(prec=120)
MICRO = Decimal("0.000001")
FLOAT_LIMIT = Decimal(10) ** 22  # decimal(28, 6) has 22 digits before the point


def expected_rows(
    rows: Iterable[Row], transformers: Sequence[Mapping[str, Any]], *, filters: Sequence[Mapping[str, Any]] = ()
) -> list[Features]:
    """The job's output: each row that the filters keep, its columns and then the features in the order given.

    `transformers` and `filters` are written as in a job YAML, with Python values: a timestamp column is compared
    with a `datetime`, a decimal one with a `Decimal`.
    """
    kept = [row for row in rows if all(passes(row, **row_filter) for row_filter in filters)]
    added = [TRANSFORMERS[each["name"]](kept, **each["params"]) for each in transformers]
    return [
        dict(row) | {name: value for features in added for name, value in features[position].items()}
        for position, row in enumerate(kept)
    ]


def passes(row: Row, *, column: str, op: str, value: Any = None) -> bool:
    """Whether a row passes one filter; NULL passes `is_null` and no other."""
    found = row[column]
    if op in ("is_null", "is_not_null"):
        return (found is None) == (op == "is_null")
    if found is None:
        return False
    comparisons: dict[str, Callable[[], bool]] = {
        "equals": lambda: found == value,
        "not_equals": lambda: found != value,
        "in": lambda: found in value,
        "not_in": lambda: found not in value,
        "gt": lambda: found > value,
        "gte": lambda: found >= value,
        "lt": lambda: found < value,
        "lte": lambda: found <= value,
    }
    return comparisons[op]()


def user_spend(
    rows: Sequence[Row], *, user_id_col: str, timestamp_col: str, amount_col: str, window_days: int | list[int] = 30
) -> list[Features]:
    """Total and average of the user's amounts in (t - N days, t], per window; NULL if there are none."""
    users = rows_by_user(rows, user_id_col)
    result = total_type(rows, amount_col)

    def features(row: Row) -> Features:
        found: Features = {}
        for days in as_list(window_days):
            amounts = exact_amounts(
                other[amount_col]
                for other in users[row[user_id_col]]
                if is_in_window(other[timestamp_col], row[timestamp_col], days=days)
            )
            total = exact_sum(amounts) if amounts else None
            found[f"user_{days}d_total_spend"] = None if total is None else result(total)
            found[f"user_{days}d_avg_spend"] = None if total is None else float(total) / len(amounts)
        return found

    return [features(row) for row in rows]


def user_monthly_transactions(
    rows: Sequence[Row], *, user_id_col: str, timestamp_col: str, as_of: str | None = None
) -> list[Features]:
    """The month of t, and the user's rows in it: all of them, or those up to and at t."""
    users = rows_by_user(rows, user_id_col)

    def features(row: Row) -> Features:
        if row[user_id_col] is None or row[timestamp_col] is None:
            return {"year_month": None, "user_monthly_txn_count": None}
        month = year_month(row[timestamp_col])
        in_month = [
            other[timestamp_col]
            for other in users[row[user_id_col]]
            if other[timestamp_col] is not None and year_month(other[timestamp_col]) == month
        ]
        counted = [each for each in in_month if as_of is None or instant(each) <= instant(row[timestamp_col])]
        return {"year_month": month, "user_monthly_txn_count": len(counted)}

    return [features(row) for row in rows]


def user_categorical_spend(
    rows: Sequence[Row],
    *,
    user_id_col: str,
    amount_col: str,
    category_col: str,
    target_category_value: str | list[str],
    timestamp_col: str | None = None,
    as_of: str | None = None,
) -> list[Features]:
    """The user's total in each target category: over all rows, or over those up to and at t; 0 if there are none."""
    users = rows_by_user(rows, user_id_col)
    result = total_type(rows, amount_col)

    def is_counted(other: Row, row: Row) -> bool:
        if as_of is None:
            return True
        assert timestamp_col is not None
        if other[timestamp_col] is None:
            return False
        return instant(other[timestamp_col]) <= instant(row[timestamp_col])

    def total(row: Row, category: str) -> Any:
        if row[user_id_col] is None or (as_of and row[str(timestamp_col)] is None):
            return None
        amounts = exact_amounts(
            other[amount_col]
            for other in users[row[user_id_col]]
            if other[category_col] == category and is_counted(other, row)
        )
        return result(exact_sum(amounts))

    return [
        {f"user_total_spend_{slug(category)}": total(row, category) for category in as_list(target_category_value)}
        for row in rows
    ]


TRANSFORMERS: Mapping[str, Callable[..., list[Features]]] = {
    "UserSpendAggregator": user_spend,
    "UserMonthlyTransactionCounter": user_monthly_transactions,
    "UserCategoricalSpendAggregator": user_categorical_spend,
}


def rows_by_user(rows: Iterable[Row], user_id_col: str) -> defaultdict[Any, list[Row]]:
    """The rows of each user; those of no user are in nobody's list."""
    users: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        if row[user_id_col] is not None:
            users[row[user_id_col]].append(row)
    return users


def is_in_window(event_time: Any, until: Any, *, days: int) -> bool:
    """Whether an event time is in (until - days x 24 h, until]."""
    if event_time is None or until is None:
        return False
    # An age instead of `until - days`: nothing is before the year 1.
    return timedelta(0) <= instant(until) - instant(event_time) < timedelta(days=days)


def instant(event_time: date | datetime) -> datetime:
    """The event time in UTC; a date is its midnight, and a time without a zone is in UTC already."""
    if not isinstance(event_time, datetime):
        return datetime.combine(event_time, time(), UTC)
    return event_time.replace(tzinfo=UTC) if event_time.tzinfo is None else event_time.astimezone(UTC)


def year_month(event_time: date | datetime) -> str:
    """The month in UTC as 'yyyy-MM'."""
    month = instant(event_time)
    return f"{month.year:04d}-{month.month:02d}"


def exact_amount(amount: Amount | None) -> Decimal | None:
    """The amount as a decimal; a float to six places, and NULL if it is no number or has no room in decimal(28, 6)."""
    if amount is None:
        return None
    if not isinstance(amount, float):
        return Decimal(amount)
    shortest = Decimal(repr(amount))
    if not shortest.is_finite():
        return None
    rounded = shortest.quantize(MICRO, rounding=ROUND_HALF_UP, context=Context(prec=400))
    return rounded if abs(rounded) < FLOAT_LIMIT else None


def exact_amounts(amounts: Iterable[Amount | None]) -> list[Decimal]:
    """The amounts that are not NULL."""
    exact = (exact_amount(amount) for amount in amounts)
    return [amount for amount in exact if amount is not None]


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, without any rounding."""
    with localcontext(EXACT):
        return sum(amounts, Decimal(0))


def total_type(rows: Iterable[Row], amount_col: str) -> Callable[[Decimal], Decimal | float]:
    """What a total is turned into: a float in a column of floats, else the exact decimal."""
    return float if any(isinstance(row[amount_col], float) for row in rows) else Decimal


def slug(value: str) -> str:
    """Lower case; what is not a-z or 0-9 becomes `_`, one for a run of them, none at the ends."""
    kept = (character if character in ascii_lowercase + digits else " " for character in value.lower())
    return "_".join("".join(kept).split())


def as_list(value: Any) -> list[Any]:
    """A list as it is, and a single value as a list of one."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def read_csv(path: Path, parsers: Mapping[str, Callable[[str], Any]]) -> list[dict[str, Any]]:
    """The rows of a CSV file with a header, each value parsed by its column's parser; an empty field is NULL."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            {name: parsers[name](text) if text else None for name, text in row.items()} for row in csv.DictReader(lines)
        ]


BANK_COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "transaction_id": int,
    "user_id": int,
    "timestamp": lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC),
    "amount": Decimal,
    "category": str,
    "transaction_type": str,
    "operation": str,
    "balance": Decimal,
}
