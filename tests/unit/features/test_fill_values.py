"""A `fill_value` of a sum is a number that the sum's type holds."""

from __future__ import annotations

from typing import Any

import pytest

from feature_platform_py import get_transformer


def faults(data_type: str, fill_value: Any) -> list[str]:
    """Return what is wrong with a sum over a column of a type, filled with a value."""
    feature = {"function": "sum", "column": "amount", "windows": ["7d"], "fill_value": fill_value}
    params = {"keys": "who", "timestamp_col": "at", "features": [feature]}
    columns = [("who", "bigint"), ("at", "timestamp"), ("amount", data_type)]
    return [message for _, message in get_transformer("WindowAggregator", params).faults(columns)]


@pytest.mark.parametrize(
    ("data_type", "fill_value"),
    [
        ("decimal(38,38)", 0),
        ("decimal(38,38)", 0.5),
        ("decimal(12,2)", 0.25),
        ("decimal(12,2)", -(10**35)),
        ("bigint", 7),
        ("bigint", 7.0),
        ("tinyint", 1000),
        ("double", 0.125),
    ],
)
def test_a_number_that_fits(data_type: str, fill_value: Any) -> None:
    assert faults(data_type, fill_value) == []


@pytest.mark.parametrize(
    ("data_type", "fill_value", "total"),
    [
        ("decimal(38,38)", 1, "decimal(38,38)"),
        ("decimal(12,2)", 0.125, "decimal(38,2)"),
        ("decimal(12,2)", 10**36, "decimal(38,2)"),
        ("bigint", 1.5, "decimal(38,0)"),
    ],
)
def test_a_number_that_does_not_fit(data_type: str, fill_value: Any, total: str) -> None:
    assert faults(data_type, fill_value) == [
        f"expected a number that fits the sum's type {total}, given `{fill_value}`"
    ]
