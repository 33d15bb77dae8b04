"""The periods of a result, their names, and the conditions that choose their rows."""

from __future__ import annotations

from datetime import date

import pytest

from feature_platform_py.sinks.division import NO_PERIOD, Division

AT = ("a`t", "timestamp")


@pytest.mark.parametrize(
    ("unit", "day", "name"),
    [
        ("month", date(2024, 2, 29), "2024-02-01"),
        ("month", date(1, 1, 1), "0001-01-01"),
        ("year", date(2024, 2, 29), "2024-01-01"),
        (None, date(2024, 2, 29), NO_PERIOD),
    ],
)
def test_a_period_is_named_by_its_first_day(unit: str | None, day: date, name: str) -> None:
    assert Division("rows", (), AT, unit).period_of(day) == name


@pytest.mark.parametrize(
    ("unit", "periods", "condition"),
    [
        (
            "month",
            ["2024-02-01", "2024-01-01"],
            "(`a``t` >= cast('2024-01-01' as timestamp) and `a``t` < cast('2024-03-01' as timestamp))",
        ),
        (
            "month",
            ["2023-12-01", "2024-02-01"],
            "(`a``t` >= cast('2023-12-01' as timestamp) and `a``t` < cast('2024-01-01' as timestamp))"
            " or (`a``t` >= cast('2024-02-01' as timestamp) and `a``t` < cast('2024-03-01' as timestamp))",
        ),
        ("month", ["9999-12-01"], "(`a``t` >= cast('9999-12-01' as timestamp))"),
        (
            "month",
            ["9999-11-01"],
            "(`a``t` >= cast('9999-11-01' as timestamp) and `a``t` < cast('9999-12-01' as timestamp))",
        ),
        (
            "year",
            ["2024-01-01"],
            "(`a``t` >= cast('2024-01-01' as timestamp) and `a``t` < cast('2025-01-01' as timestamp))",
        ),
        ("year", ["9999-01-01"], "(`a``t` >= cast('9999-01-01' as timestamp))"),
        ("month", [NO_PERIOD], "(`a``t` is null or year(cast(`a``t` as date)) not between 1 and 9999)"),
        ("month", [], "false"),
        (None, [NO_PERIOD], "true"),
    ],
)
def test_a_condition_chooses_the_rows_of_periods(unit: str | None, periods: list[str], condition: str) -> None:
    assert Division("rows", (), AT, unit).condition(periods) == condition


def test_a_name_that_is_no_day_makes_no_sql() -> None:
    with pytest.raises(ValueError, match="Invalid isoformat string"):
        Division("rows", (), AT, "month").condition(["2024-01-01' or '1' = '1"])
