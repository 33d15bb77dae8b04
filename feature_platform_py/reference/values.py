"""Compute a feature from the rows that count, one plain function for each of WindowAggregator's, and exactly.

Nothing here is shared with the code that it checks.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction
from typing import Any

from feature_platform_py.reference.equality import canonical
from feature_platform_py.reference.windows import micros_of

# More digits than any sum of decimals has, so that no sum is rounded.
_EXACT = Context(prec=200)
_MILLIONTH = Decimal("0.000001")
_FLOAT_LIMIT = Decimal(10) ** 22  # decimal(28, 6) has 22 digits before the point
_DIGITS = 38

Rank = tuple[int, Any]


@dataclass(frozen=True)
class Counted:
    """A row that counts: its time in microseconds, its value (None for functions of rows), and its place among ties."""

    micros: int
    value: Any
    ties: tuple[Rank, ...] = ()

    @property
    def place(self) -> tuple[Any, ...]:
        """Return what orders rows: time, then the order asked for, then the value."""
        return self.micros, *self.ties, rank(self.value)


@dataclass(frozen=True)
class Amounts:
    """How the numbers of a column are added: whether they are floats, the places of a decimal, the sum of none."""

    column: str = ""
    is_floating: bool = False
    scale: int | None = None
    fill_value: Any = None


@dataclass(frozen=True)
class Asked:
    """What a function needs beside the rows: the time of the row that asks, and its feature's own settings."""

    at: int
    amounts: Amounts = Amounts()
    k: int = 0


def count(rows: Sequence[Counted], asked: Asked) -> int:  # noqa: ARG001
    """Return the number of rows."""
    return len(rows)


def count_distinct(rows: Sequence[Counted], asked: Asked) -> int:  # noqa: ARG001
    """Return the number of different values; 0.0 and -0.0 are one value, and so are all NaN."""
    return len({canonical(row.value) for row in rows})


def total(rows: Sequence[Counted], asked: Asked) -> Decimal | float | None:
    """Return the sum: a decimal, or a float in a column of floats; `fill_value`, or None, if there is nothing to add."""
    amounts = _amounts(rows, asked.amounts)
    found = _exact_sum(amounts, asked.amounts) if amounts else asked.amounts.fill_value
    if found is None:
        return None
    return float(found) if asked.amounts.is_floating else Decimal(str(found))


def average(rows: Sequence[Counted], asked: Asked) -> float | None:
    """Return the sum as a float, divided by the number of amounts."""
    amounts = _amounts(rows, asked.amounts)
    return float(_exact_sum(amounts, asked.amounts)) / len(amounts) if amounts else None


def variance(rows: Sequence[Counted], asked: Asked) -> float | None:
    """Return the sample variance, rounded once; None for fewer than two amounts."""
    exact = _exact_variance(rows, asked.amounts)
    return None if exact is None else float(exact)


def standard_deviation(rows: Sequence[Counted], asked: Asked) -> float | None:
    """Return the root of the sample variance; None for fewer than two amounts."""
    exact = _exact_variance(rows, asked.amounts)
    return None if exact is None else math.sqrt(exact)


def smallest(rows: Sequence[Counted], asked: Asked) -> Any:  # noqa: ARG001
    """Return the smallest value; NaN only if there is no other."""
    return min((row.value for row in rows), key=rank, default=None)


def largest(rows: Sequence[Counted], asked: Asked) -> Any:  # noqa: ARG001
    """Return the largest value; NaN is greater than every number."""
    return max((row.value for row in rows), key=rank, default=None)


def first(rows: Sequence[Counted], asked: Asked) -> Any:  # noqa: ARG001
    """Return the earliest row's value."""
    ordered = _ordered(rows)
    return ordered[0].value if ordered else None


def last(rows: Sequence[Counted], asked: Asked) -> Any:  # noqa: ARG001
    """Return the latest row's value."""
    ordered = _ordered(rows)
    return ordered[-1].value if ordered else None


def first_k(rows: Sequence[Counted], asked: Asked) -> list[Any]:
    """Return the values of the k earliest rows, oldest first."""
    return [row.value for row in _ordered(rows)[: asked.k]]


def last_k(rows: Sequence[Counted], asked: Asked) -> list[Any]:
    """Return the values of the k latest rows, oldest first."""
    return [row.value for row in _ordered(rows)[-asked.k :]]


def seconds_since_first(rows: Sequence[Counted], asked: Asked) -> float | None:
    """Return the seconds from the earliest row to the row's own time."""
    return (asked.at - min(row.micros for row in rows)) / 1_000_000 if rows else None


def seconds_since_last(rows: Sequence[Counted], asked: Asked) -> float | None:
    """Return the seconds from the latest row to the row's own time."""
    return (asked.at - max(row.micros for row in rows)) / 1_000_000 if rows else None


Function = Callable[[Sequence[Counted], Asked], Any]
FUNCTIONS: Mapping[str, Function] = {
    "count": count,
    "sum": total,
    "avg": average,
    "min": smallest,
    "max": largest,
    "stddev": standard_deviation,
    "variance": variance,
    "count_distinct": count_distinct,
    "first": first,
    "last": last,
    "first_k": first_k,
    "last_k": last_k,
    "seconds_since_first": seconds_since_first,
    "seconds_since_last": seconds_since_last,
}


def passes(value: Any, *, op: str, wanted: Any = None, data_type: str | None = None) -> bool:
    """Return whether a column's value meets a condition; NULL meets `is_null` and no other. Raises ValueError for an unknown `op`."""
    if op in ("is_null", "is_not_null"):
        return (value is None) == (op == "is_null")
    if value is None:
        return False
    mine = rank(value)
    given = wanted if isinstance(wanted, (list, tuple)) else [wanted]
    theirs = [rank(_as_value(each, like=value, data_type=data_type)) for each in given]
    match op:
        case "equals" | "in":
            return mine in theirs
        case "not_equals" | "not_in":
            return mine not in theirs
        case "gt":
            return mine > theirs[0]
        case "gte":
            return mine >= theirs[0]
        case "lt":
            return mine < theirs[0]
        case "lte":
            return mine <= theirs[0]
    raise ValueError(f"`op`: expected an operator of job filters, got {op!r}")


def rank(value: Any) -> Rank:
    """Return what orders values: NULL first, NaN last, text by code point, times as instants."""
    if value is None:
        return -1, 0
    if isinstance(value, float) and math.isnan(value):
        return 1, 0
    return 0, micros_of(value) if isinstance(value, date) else value


def _as_value(wanted: Any, *, like: Any, data_type: str | None) -> Any:
    """Return a condition's value as one of the column's type; a number that YAML gives is the decimal that it shows."""
    match like:
        case str():
            return str(wanted)
        case bool():
            return {"true": True, "false": False}[str(wanted).lower()]
        case float():
            number = float(wanted)
            return struct.unpack("f", struct.pack("f", number))[0] if data_type == "float" else number
        case datetime():
            return datetime.fromisoformat(wanted) if isinstance(wanted, str) else wanted
        case date():
            return date.fromisoformat(wanted) if isinstance(wanted, str) else wanted
        case _:
            return Decimal(str(wanted))


def _ordered(rows: Sequence[Counted]) -> list[Counted]:
    return sorted(rows, key=lambda row: row.place)


def _amounts(rows: Sequence[Counted], kind: Amounts) -> list[Decimal]:
    """Return the amounts as decimals, without NaN and infinities; floats to six places.

    Raises OverflowError for a float of 10^22 or more.
    """
    given = [row.value for row in rows if not isinstance(row.value, float) or math.isfinite(row.value)]
    # The digits of `repr` are the fewest that are read as the same float.
    amounts = [
        Decimal(repr(each)).quantize(_MILLIONTH, ROUND_HALF_UP, Context(prec=400))
        if isinstance(each, float)
        else Decimal(each)
        for each in given
    ]
    if kind.is_floating and any(abs(each) >= _FLOAT_LIMIT for each in amounts):
        raise OverflowError(f"amounts of column `{kind.column}`: expected floats below 10^22")
    return amounts


def _exact_sum(amounts: Sequence[Decimal], kind: Amounts) -> Decimal:
    """Return the sum without any rounding. Raises OverflowError past 38 digits, decimal places included."""
    with localcontext(_EXACT):
        found = sum(amounts, Decimal(0))
        places = kind.scale if kind.scale is not None else -min(0, int(found.as_tuple().exponent))
        if abs(found) * Decimal(10) ** places >= Decimal(10) ** _DIGITS:
            raise OverflowError(f"amounts of column `{kind.column}`: expected sums of at most {_DIGITS} digits")
    return found


def _exact_variance(rows: Sequence[Counted], kind: Amounts) -> Fraction | None:
    amounts = [Fraction(each) for each in _amounts(rows, kind)]
    if len(amounts) < 2:
        return None
    mean = sum(amounts, Fraction(0)) / len(amounts)
    return sum(((each - mean) ** 2 for each in amounts), Fraction(0)) / (len(amounts) - 1)
