"""Every feature of every row, each looked up in all the user's rows: slow, and plainly what the definition says."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from pathlib import Path
from string import ascii_lowercase, digits
from typing import Any

from feature_platform_py.testing import reference_features

Row = Mapping[str, Any]
Features = dict[str, Any]

# More digits than any sum of decimal(38, s) has, so that no sum is ever rounded.
EXACT = Context(prec=120)
MICRO = Decimal("0.000001")
NAN = float("nan")
FLOAT_LIMIT = Decimal(10) ** 22  # decimal(28, 6) has 22 digits before the point
DIGITS = 38


class DoesNotFitError(Exception):
    """A value for which the platform has no room: it is an error there."""


@dataclass(frozen=True)
class Event:
    """What of a source row counts: the time in UTC, the amount exactly; None is NULL."""

    user: Any
    time: datetime | None
    amount: Decimal | None = None
    category: str | None = None


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
    events = [
        Event(same_user(row[user_id_col]), instant(row[timestamp_col]), amount=exact_amount(row[amount_col]))
        for row in rows
    ]
    users = events_by_user(events)
    result = total_type(rows, amount_col)

    def features(event: Event) -> Features:
        amounts_by_age = [
            (age(other.time, at=event.time), other.amount) for other in users[event.user] if other.amount is not None
        ]
        found: Features = {}
        for days in as_list(window_days):
            amounts = [amount for old, amount in amounts_by_age if old is not None and old < timedelta(days=days)]
            total = exact_sum(amounts) if amounts else None
            found[f"user_{days}d_total_spend"] = None if total is None else result(total)
            found[f"user_{days}d_avg_spend"] = None if total is None else float(total) / len(amounts)
        return found

    return [features(event) for event in events]


def user_monthly_transactions(
    rows: Sequence[Row], *, user_id_col: str, timestamp_col: str, as_of: str | None = None
) -> list[Features]:
    """The month of t, and the user's rows in it: all of them, or those up to and at t."""
    events = [Event(same_user(row[user_id_col]), instant(row[timestamp_col])) for row in rows]
    months: defaultdict[Any, list[datetime]] = defaultdict(list)
    for event in events:
        if event.time is not None:
            months[event.user, year_month(event.time)].append(event.time)

    def features(event: Event) -> Features:
        if event.user is None or event.time is None:
            return {"year_month": None, "user_monthly_txn_count": None}
        month = year_month(event.time)
        counted = [each for each in months[event.user, month] if as_of is None or each <= event.time]
        return {"year_month": month, "user_monthly_txn_count": len(counted)}

    return [features(event) for event in events]


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
    events = [
        Event(
            same_user(row[user_id_col]),
            instant(row[timestamp_col]) if timestamp_col else None,
            amount=exact_amount(row[amount_col]) if row[category_col] in as_list(target_category_value) else None,
            category=row[category_col],
        )
        for row in rows
    ]
    users = events_by_user(events)
    result = total_type(rows, amount_col)

    def total(event: Event, category: str) -> Any:
        if event.user is None or (as_of and event.time is None):
            return None
        in_category = [other for other in users[event.user] if other.category == category]
        counted = [other for other in in_category if as_of is None or age(other.time, at=event.time) is not None]
        return result(exact_sum(other.amount for other in counted if other.amount is not None))

    categories = as_list(target_category_value)
    return [
        {f"user_total_spend_{slug(category)}": total(event, category) for category in categories} for event in events
    ]


def windows(rows: Sequence[Row], **params: Any) -> list[Features]:
    """The features of the testing kit's own reference, which shares nothing with the SQL either."""
    found = reference_features(rows, params).rows
    return [{name: row[name] for name in row if name not in given} for row, given in zip(found, rows, strict=True)]


TRANSFORMERS: Mapping[str, Callable[..., list[Features]]] = {
    "UserSpendAggregator": user_spend,
    "UserMonthlyTransactionCounter": user_monthly_transactions,
    "UserCategoricalSpendAggregator": user_categorical_spend,
    "WindowAggregator": windows,
}


def events_by_user(events: Iterable[Event]) -> defaultdict[Any, list[Event]]:
    """The events of each user; those of no user are in nobody's list."""
    users: defaultdict[Any, list[Event]] = defaultdict(list)
    for event in events:
        if event.user is not None:
            users[event.user].append(event)
    return users


def same_user(user: Any) -> Any:
    """The user, one object for every NaN, which Python calls unequal to itself; 0.0 and -0.0 are equal anyway."""
    return NAN if isinstance(user, float) and user != user else user


def age(event_time: datetime | None, *, at: datetime | None) -> timedelta | None:
    """How long ago an event was; None if it was later, or if one of the times is NULL."""
    return None if event_time is None or at is None or event_time > at else at - event_time


def instant(event_time: date | datetime | None) -> datetime | None:
    """The event time in UTC; a date is its midnight, and a time without a zone is in UTC already."""
    if event_time is None:
        return None
    if not isinstance(event_time, datetime):
        return datetime.combine(event_time, time(), UTC)
    return event_time.replace(tzinfo=UTC) if event_time.tzinfo is None else event_time.astimezone(UTC)


def year_month(event_time: datetime) -> str:
    """The month as 'yyyy-MM'."""
    return f"{event_time.year:04d}-{event_time.month:02d}"


def exact_amount(amount: Decimal | int | float | None) -> Decimal | None:
    """The amount as a decimal; a float to six places, and NULL if it is not a number. Raises DoesNotFitError from 10^22 on."""
    if amount is None:
        return None
    if not isinstance(amount, float):
        return Decimal(amount)
    shortest = Decimal(repr(amount))
    if not shortest.is_finite():
        return None
    rounded = shortest.quantize(MICRO, rounding=ROUND_HALF_UP, context=Context(prec=400))
    if abs(rounded) >= FLOAT_LIMIT:
        raise DoesNotFitError(amount)
    return rounded


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, without any rounding. Raises DoesNotFitError past 38 digits, decimal places included."""
    with localcontext(EXACT):
        total = sum(amounts, Decimal(0))
    if total.copy_abs().scaleb(-min(0, int(total.as_tuple().exponent)), EXACT) >= Decimal(10) ** DIGITS:
        raise DoesNotFitError(total)
    return total


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
