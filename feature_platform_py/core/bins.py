"""Equal ranges of numbers: the SQL that counts rows by them, and their labels."""

from __future__ import annotations

from collections.abc import Mapping

from feature_platform_py.core.sql_text import quoted

BINS = 20


def bin_of(name: str, low: float, high: float) -> str:
    """Return SQL for the range, from 0 on, that the value of a column is in; the first and the last include what lies outside."""
    if high <= low:
        return "0"
    place = f"floor((cast({quoted(name)} as double) - {_double(low)}) / {_double((high - low) / BINS)})"
    return f"cast(least({BINS - 1}, greatest(0, {place})) as int)"


def bin_labels(low: float, high: float) -> list[str]:
    """Return what is shown of the ranges; one if all values are equal."""
    if high <= low:
        return [short_number(low)]
    width = (high - low) / BINS
    return [f"{short_number(low + width * each)} to {short_number(low + width * (each + 1))}" for each in range(BINS)]


def labelled(bins: Mapping[int, int], low: float, high: float) -> list[tuple[str, int]]:
    """Return the label and the rows of each range."""
    return [(label, bins.get(number, 0)) for number, label in enumerate(bin_labels(low, high))]


def short_number(value: float) -> str:
    """Return a number in a few digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _double(value: float) -> str:
    # A plain literal is a decimal for Spark, which has no room for the smallest and the largest numbers.
    return f"cast('{value!r}' as double)"
