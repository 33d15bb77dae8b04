"""The union of parts of a column, and the difference of means, against the definitions in plain Python."""

from __future__ import annotations

import random
import statistics
from functools import reduce

import pytest

from feature_platform_py.core.spread import Spread, standardised_difference


def spread(numbers: list[float]) -> Spread:
    return (
        Spread(len(numbers), statistics.fmean(numbers), statistics.pstdev(numbers), min(numbers), max(numbers))
        if numbers
        else Spread(0)
    )


def test_the_spread_of_parts_is_that_of_the_whole() -> None:
    choice = random.Random(20)
    # A large mean beside a small deviation loses its digits in sums of squares.
    numbers = [1e9 + choice.gauss(0, 1) for _ in range(200)]
    parts = [numbers[:1], [], numbers[1:60], numbers[60:]]
    found = reduce(Spread.with_, map(spread, parts), Spread(0))
    assert (found.count, found.low, found.high) == (200, min(numbers), max(numbers))
    assert found.mean == pytest.approx(statistics.fmean(numbers), rel=1e-15)
    assert found.deviation == pytest.approx(statistics.pstdev(numbers), rel=1e-6)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1, 2, 3], [1, 2, 3], 0.0),
        ([0, 2], [1, 3], 1.0),  # both deviate by 1
        ([0, 0], [0, 4], 2 / 2**0.5),  # by 0 and 2
        ([5, 5], [5], 0.0),
        ([5, 5], [6, 6], None),
        ([], [1], None),
    ],
)
def test_means_differ_in_standard_deviations(one: list[float], other: list[float], expected: float | None) -> None:
    assert standardised_difference(spread(one), spread(other)) == (
        None if expected is None else pytest.approx(expected)
    )


def test_what_is_not_finite_is_not_known() -> None:
    assert Spread.read([3, float("nan"), float("inf"), "1.5", None]) == Spread(3, None, None, 1.5, None)


def test_numbers_at_the_end_of_what_a_double_holds_are_no_error() -> None:
    whole = spread([1.0, 3.0]).with_(Spread(1, 1.797e308, 0.0, 1.797e308, 1.797e308))
    assert (whole.count, whole.low, whole.high) == (3, 1.0, 1.797e308)
    assert whole.deviation is None  # its square is none
    assert Spread(1, -1.7e308, 0.0, -1.7e308, -1.7e308).with_(Spread(1, 1.7e308, 0.0, 1.7e308, 1.7e308)).mean is None
    assert standardised_difference(Spread(1, -1.7e308, 1.0), Spread(1, 1.7e308, 1.0)) is None
    assert standardised_difference(Spread(2, 1.0, 1e200), Spread(2, 2.0, 1e200)) is None
