"""Which columns a query's columns are made of, and how each of them is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.lineage.columns import LineageError, column_inputs, uses_by_column
from tests.conftest import ROOT

RELATIONS = {"shop.sales": ["user_id", "at", "amount", "Kind"], "shop.users": ["user_id", "country"]}
GOLDEN = ROOT / "tests" / "golden"
ROWS = ["user_id", "timestamp", "amount", "fee", "category"]


def uses(sql: str, column: str) -> dict[str, tuple[str, ...]]:
    """The uses by column name; those of `users` carry the relation."""
    found = uses_by_column(column_inputs(sql, RELATIONS)[column])
    return {name if relation == "shop.sales" else f"users.{name}": each for (relation, name), each in found.items()}


def test_an_expression_is_made_of_the_values_in_it() -> None:
    assert uses("select amount * 2 + coalesce(user_id, 0) as x from shop.sales", "x") == {
        "amount": ("value",),
        "user_id": ("value",),
    }


def test_a_star_is_all_columns_as_they_are_spelled() -> None:
    assert (
        list(column_inputs("with a as (select * from shop.sales) select * from a", RELATIONS))
        == RELATIONS["shop.sales"]
    )


def test_a_window_tells_its_keys_from_its_value() -> None:
    sql = "select sum(amount) over (partition by user_id order by at) as x from shop.sales"
    assert uses(sql, "x") == {"amount": ("value",), "user_id": ("partition",), "at": ("order",)}


def test_a_range_frame_over_a_derived_time_is_ordered_by_the_time() -> None:
    sql = """
        with timed as (select user_id, amount, unix_micros(at) as _micros from shop.sales)
        select last_value(amount) over (
            partition by user_id order by _micros range between unbounded preceding and 86400000000 preceding
        ) as x from timed
    """
    assert uses(sql, "x") == {"amount": ("value",), "user_id": ("partition",), "at": ("order",)}


def test_keys_of_a_group_are_partition_keys() -> None:
    assert uses("select user_id, sum(amount) as x from shop.sales group by user_id", "x") == {
        "amount": ("value",),
        "user_id": ("partition",),
    }


def test_a_condition_decides_which_value() -> None:
    expected = {"amount": ("value",), "Kind": ("condition",)}
    assert uses("select case when kind = 'a' then amount else 0 end as x from shop.sales", "x") == expected
    assert uses("select if(kind = 'a', amount, 0) as x from shop.sales", "x") == expected


def test_a_filter_of_an_aggregate_or_of_the_rows_is_a_filter() -> None:
    expected = {"amount": ("value",), "Kind": ("filter",)}
    assert uses("select sum(amount) filter (where kind = 'a') as x from shop.sales", "x") == expected
    assert uses("select amount as x from shop.sales where kind = 'a'", "x") == expected


def test_what_a_key_is_made_of_stays_the_key_further_up() -> None:
    sql = """
        with numbered as (select user_id, row_number() over (partition by user_id order by at) as n from shop.sales)
        select n + 1 as x from numbered where n < 5
    """
    assert uses(sql, "x") == {"user_id": ("partition",), "at": ("order",)}


def test_a_left_join_counts_for_the_columns_that_it_brings() -> None:
    sql = "select sales.amount, users.country from shop.sales left join shop.users on sales.user_id = users.user_id"
    assert uses(sql, "amount") == {"amount": ("value",)}
    assert uses(sql, "country") == {"users.country": ("value",), "user_id": ("join",), "users.user_id": ("join",)}


def test_an_inner_join_counts_for_all_columns_and_so_do_the_filters_behind_it() -> None:
    sql = """
        with chosen as (select user_id from shop.users where country = 'cz' group by user_id)
        select amount from shop.sales inner join chosen on sales.user_id = chosen.user_id
    """
    assert uses(sql, "amount") == {
        "amount": ("value",),
        "user_id": ("join",),
        "users.user_id": ("join",),
        "users.country": ("filter",),
    }


def test_rows_without_a_match_are_filtered_by_it() -> None:
    sql = "select amount from shop.sales left anti join shop.users on sales.user_id = users.user_id"
    assert uses(sql, "amount")["users.user_id"] == ("join",)


def test_a_union_is_made_of_both_sides_by_position() -> None:
    sql = "select user_id as x from shop.sales union all select user_id from shop.users"
    assert uses(sql, "x") == {"user_id": ("value",), "users.user_id": ("value",)}


def test_a_scalar_subquery_is_a_value() -> None:
    sql = "select amount / (select max(amount) from shop.sales where kind = 'a') as x from shop.sales"
    assert uses(sql, "x") == {"amount": ("value",), "Kind": ("filter",)}


def test_struct_fields_are_values_of_their_column() -> None:
    sql = "with s as (select struct(amount as a, at as t) as both from shop.sales) select both.a as x from s"
    assert "amount" in uses(sql, "x")


@pytest.mark.parametrize("sql", ["select from where", "select nothing from shop.sales", "drop table x"])
def test_sql_that_cannot_be_read_is_an_error(sql: str) -> None:
    with pytest.raises(LineageError, match="cannot be read for its lineage"):
        column_inputs(sql, RELATIONS)


@pytest.mark.parametrize(
    ("model", "column", "expected"),
    [
        (
            "user_spend",
            "user_30d_total_spend",
            {
                "amount": {"value", "condition"},
                "user_id": {"partition", "filter"},
                "timestamp": {"order", "filter", "join"},
            },
        ),
        (
            "user_monthly_transactions",
            "user_monthly_txn_count",
            {"user_id": {"partition", "filter"}, "timestamp": {"partition", "filter", "join"}},
        ),
        (
            "user_categorical_spend",
            "user_total_spend_it_s",
            {"amount": {"value"}, "category": {"condition"}, "user_id": {"partition", "filter"}},
        ),
    ],
)
def test_the_models_tell_values_from_keys(model: str, column: str, expected: dict[str, set[str]]) -> None:
    sql = (GOLDEN / "whole" / f"{model}.sql").read_text()
    found = uses_by_column(column_inputs(sql, {"features.whole__stg_job_input": ROWS})[column])
    assert {name: set(each) for (_, name), each in found.items()} == expected


@pytest.mark.parametrize(
    "path", sorted(GOLDEN.glob("*/user_*.sql")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_the_lineage_of_every_model_can_be_read(path: Path) -> None:
    inputs = column_inputs(path.read_text(), {f"features.{path.parent.name}__stg_job_input": ROWS})
    assert all(inputs.values())
