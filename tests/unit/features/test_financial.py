"""Parameters and columns of the financial transformers."""

from __future__ import annotations

from typing import Any

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.text import slug
from feature_platform_py.features.built_in.financial import (
    UserCategoricalSpendAggregator,
    UserMonthlyTransactionCounter,
    UserSpendAggregator,
)
from feature_platform_py.features.built_in.generic import SimpleAgeCalculator, WithGreeting
from feature_platform_py.features.built_in.window_aggregator import WindowAggregator
from feature_platform_py.features.catalogue import BUILT_IN
from feature_platform_py.features.columns import OutputColumn


def spend(**params: Any) -> UserSpendAggregator:
    return UserSpendAggregator(**{"user_id_col": "u", "timestamp_col": "t", "amount_col": "a", **params})


def categorical(*values: str, **params: Any) -> UserCategoricalSpendAggregator:
    return UserCategoricalSpendAggregator(
        user_id_col="u", amount_col="a", category_col="c", target_category_value=values, **params
    )


def names(columns: tuple[OutputColumn, ...]) -> list[str]:
    return [column.name for column in columns]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("household payment", "household_payment"),
        ("Old-Age  Pension!", "old_age_pension"),
        ("--a--", "a"),
        ("důchod", "d_chod"),
        ("A1_b2", "a1_b2"),
        ("a__b", "a_b"),
        ("---", ""),
        ("年金", ""),
        ("", ""),
    ],
)
def test_a_slug(value: str, expected: str) -> None:
    assert slug(value) == expected


def test_the_transformers_that_are_built_in() -> None:
    assert dict(BUILT_IN) == {
        "UserSpendAggregator": UserSpendAggregator,
        "UserMonthlyTransactionCounter": UserMonthlyTransactionCounter,
        "UserCategoricalSpendAggregator": UserCategoricalSpendAggregator,
        "SimpleAgeCalculator": SimpleAgeCalculator,
        "WithGreeting": WithGreeting,
        "WindowAggregator": WindowAggregator,
    }


def test_a_window_is_thirty_days_unless_said_otherwise() -> None:
    assert spend().window_days == (30,)
    assert spend(window_days=7).window_days == (7,)
    assert spend(window_days=[1, 365]).window_days == (1, 365)


@pytest.mark.parametrize("window_days", [0, -1, True, "7", 7.0, 36_501, [], [7, 7], [7, False], None])
def test_what_is_no_window_is_refused(window_days: object) -> None:
    with pytest.raises(ConfigurationError):
        spend(window_days=window_days)


def test_spend_adds_total_and_average_per_window_in_their_order() -> None:
    columns = spend(window_days=[7, 1]).output_columns([("a", "decimal(12,2)")])
    assert [(column.name, column.type, column.looks_ahead) for column in columns] == [
        ("user_7d_total_spend", "decimal(38,2)", False),
        ("user_7d_avg_spend", "double", False),
        ("user_1d_total_spend", "decimal(38,2)", False),
        ("user_1d_avg_spend", "double", False),
    ]


@pytest.mark.parametrize(
    ("amount_type", "total_type"),
    [
        ("decimal(12,2)", "decimal(38,2)"),
        ("decimal(38,18)", "decimal(38,18)"),
        ("int", "decimal(38,0)"),
        ("bigint", "decimal(38,0)"),
        ("float", "double"),
        ("double", "double"),
        ("string", None),
    ],
)
def test_the_type_of_a_total_follows_the_amount(amount_type: str, total_type: str | None) -> None:
    columns = [("A", amount_type)]
    assert spend().output_columns(columns)[0].type == total_type
    assert categorical("x").output_columns(columns)[0].type == total_type


def test_without_columns_a_total_has_no_type() -> None:
    assert spend().output_columns(None)[0].type is None


def test_the_monthly_count_looks_ahead_unless_as_of() -> None:
    params = {"user_id_col": "u", "timestamp_col": "t"}
    for as_of, looks_ahead in ((None, True), ("event_time", False)):
        columns = UserMonthlyTransactionCounter(**params, as_of=as_of).output_columns(None)
        assert [(column.name, column.type, column.looks_ahead) for column in columns] == [
            ("year_month", "string", False),
            ("user_monthly_txn_count", "bigint", looks_ahead),
        ]


def test_the_categorical_spend_looks_ahead_unless_as_of() -> None:
    assert [column.looks_ahead for column in categorical("x", "y").output_columns(None)] == [True, True]
    as_of = categorical("x", timestamp_col="t", as_of="event_time")
    assert [column.looks_ahead for column in as_of.output_columns(None)] == [False]


def test_a_category_names_its_column() -> None:
    columns = categorical("household payment", "Old-age pension").output_columns(None)
    assert names(columns) == ["user_total_spend_household_payment", "user_total_spend_old_age_pension"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("a b", "A-B"), "`a b` and `A-B` would both be the column `user_total_spend_a_b`"),
        (("---",), "`---` leaves no name for its column"),
        (("x" * 300,), "a column name would be longer than 255 characters"),
        ((), "expected at least one"),
    ],
)
def test_categories_without_a_name_of_their_own_are_refused(values: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        categorical(*values)


def test_the_categorical_spend_as_of_needs_a_time() -> None:
    with pytest.raises(ConfigurationError, match="add `timestamp_col`"):
        categorical("x", as_of="event_time")


def test_what_is_read_has_a_role_and_a_parameter() -> None:
    assert [(each.role, each.param, each.name) for each in spend().input_columns()] == [
        ("user", "user_id_col", "u"),
        ("event time", "timestamp_col", "t"),
        ("amount", "amount_col", "a"),
    ]
    assert [each.param for each in categorical("x").input_columns()] == ["user_id_col", "amount_col", "category_col"]
    as_of = categorical("x", timestamp_col="t", as_of="event_time")
    assert [each.param for each in as_of.input_columns()] == [
        "user_id_col",
        "amount_col",
        "category_col",
        "timestamp_col",
    ]


def test_every_column_is_described() -> None:
    columns = (*spend().output_columns(None), *categorical("x").output_columns(None))
    assert all(column.description.endswith(".") for column in columns)
