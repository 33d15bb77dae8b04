"""Where the numbers of a column lie: the SQL that finds it on every engine, and the union of two parts of a column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_LARGEST = "cast('1.7976931348623157e308' as double)"


def finite(value: str) -> str:
    """Return SQL for a number as a double, NULL for NaN and the infinities."""
    number = f"cast({value} as double)"
    return f"case when {number} between -{_LARGEST} and {_LARGEST} then {number} end"


def spread_sql(finite_value: str) -> tuple[str, ...]:
    """Return the SQL aggregates of a `Spread`, in the order of its fields."""
    return tuple(f"{function}({finite_value})" for function in ("count", "avg", "stddev_pop", "min", "max"))


@dataclass(frozen=True)
class Spread:
    """Finite numbers: how many, their mean and (population) standard deviation, the least and the greatest; None without any."""

    count: int
    mean: float | None = None
    deviation: float | None = None
    low: float | None = None
    high: float | None = None

    @classmethod
    def read(cls, values: Sequence[Any]) -> Spread:
        """Return the spread from the values of `spread_sql`, or of its fields."""
        count, *rest = values
        numbers = (None if each is None else float(each) for each in rest)
        return cls(int(count), *(each if each is not None and math.isfinite(each) else None for each in numbers))

    def with_(self, other: Spread) -> Spread:
        """Return the spread of the numbers of both (the variances by Chan, Golub and LeVeque, 1979); None for what no double holds."""
        if not (self.count and other.count):
            return self if self.count else other
        count = self.count + other.count
        means = (self.mean or 0.0, other.mean or 0.0)
        apart, share = means[1] - means[0], other.count / count
        squares = self.count * _square(self.deviation) + other.count * _square(other.deviation)
        squares += apart * apart * self.count * share
        lows, highs = (self.low, other.low), (self.high, other.high)
        low, high = (min(each for each in lows if each is not None), max(each for each in highs if each is not None))
        return Spread.read((count, means[0] + apart * share, math.sqrt(squares / count), low, high))


def standardised_difference(one: Spread, other: Spread) -> float | None:
    """Return by how many standard deviations two means differ; None if that is not defined, as for other means without deviation.

    The deviation is the root of the mean of both variances. Differences below 0.1 are commonly taken as negligible: P. C. Austin,
    Balance diagnostics for comparing the distribution of baseline covariates, Statistics in Medicine 28 (2009), 3083-3107.
    """
    if one.mean is None or other.mean is None:
        return None
    apart = abs(one.mean - other.mean)
    deviation = math.sqrt((_square(one.deviation) + _square(other.deviation)) / 2)
    if deviation and math.isfinite(deviation) and math.isfinite(apart):
        return apart / deviation
    return 0.0 if apart == 0 else None


def _square(deviation: float | None) -> float:
    """Return the square, infinity if no double holds it; a power would be an error there."""
    return (deviation or 0.0) * (deviation or 0.0)
