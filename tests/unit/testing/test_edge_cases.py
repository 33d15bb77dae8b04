"""The rows for tests hold every case that they promise, and are the same each time."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from feature_platform_py.testing import EdgeCases, edge_case_rows

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def cases() -> EdgeCases:
    return edge_case_rows(window_days=[7, 30])


def of_case(cases: EdgeCases, text: str) -> list[dict[str, Any]]:
    return [row for row in cases.rows if text in row["edge_case"]]


def test_the_same_arguments_give_the_same_rows_and_another_seed_others(cases: EdgeCases) -> None:
    assert edge_case_rows(window_days=[7, 30]) == cases
    assert edge_case_rows(window_days=[7, 30], seed=1).rows != cases.rows


def test_columns_have_the_names_asked_for() -> None:
    named = edge_case_rows(key="who", time="at", amount="a`b", category="kind", edge_case=None)
    assert named.schema == "`who` bigint, `at` timestamp, `a``b` decimal(28,6), `kind` string"
    assert {tuple(row) for row in named.rows} == {("who", "at", "a`b", "kind")}


def test_every_row_says_why_it_is_there(cases: EdgeCases) -> None:
    assert cases.schema.endswith("`edge_case` string")
    assert all(row["edge_case"] for row in cases.rows)


@pytest.mark.parametrize("column", ["user_id", "timestamp", "amount", "category"])
def test_every_column_has_a_null_beside_values(cases: EdgeCases, column: str) -> None:
    assert any(row[column] is None and any(value is None for value in row.values()) for row in cases.rows)
    assert any(row[column] is not None for row in cases.rows)


@pytest.mark.parametrize("days", [7, 30])
def test_rows_of_one_user_are_a_window_apart_and_a_microsecond_to_either_side(cases: EdgeCases, days: int) -> None:
    (last,) = of_case(cases, f"looks {days} days back")
    times = {last["timestamp"] - row["timestamp"] for row in cases.rows if row["user_id"] == last["user_id"]}
    window = timedelta(days=days)
    assert times == {timedelta(0), window - MICROSECOND, window, window + MICROSECOND}


def test_ties_share_user_and_time_and_duplicates_share_everything(cases: EdgeCases) -> None:
    ties = of_case(cases, "the same time as")
    assert len(ties) == 3
    assert len({(row["user_id"], row["timestamp"]) for row in ties}) == 1
    assert Counter(tuple(row.values()) for row in of_case(cases, "exact duplicate")).most_common()[0][1] == 2


def test_late_rows_come_last_and_are_earlier(cases: EdgeCases) -> None:
    late = cases.rows[-2:]
    assert all(row["edge_case"].startswith("late") for row in late)
    (earlier,) = of_case(cases, "came before one")
    assert all(row["timestamp"] < earlier["timestamp"] and row["user_id"] == earlier["user_id"] for row in late)


def test_the_calendar_is_covered(cases: EdgeCases) -> None:
    times = {row["timestamp"] for row in cases.rows}
    assert datetime(2024, 2, 29, tzinfo=UTC) in times
    assert {datetime(2023, 12, 31, 23, 59, 59, 999_999, UTC), datetime(2024, 1, 1, tzinfo=UTC)} <= times
    assert {datetime(2024, 3, 31, 1, tzinfo=UTC), datetime(2024, 11, 3, 6, tzinfo=UTC)} <= times
    assert min(time for time in times if time).year < 1900


@pytest.mark.parametrize("zone", ["UTC", "Europe/Prague"])
@pytest.mark.parametrize("start", ["2024-05-13", "2024-05-01", "2024-04-01", "2024-01-01"])
def test_periods_start_in_both_zones_with_a_row_on_either_side_of_the_same_user(
    cases: EdgeCases, start: str, zone: str
) -> None:
    edge = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    (at_start,) = {row["user_id"] for row in cases.rows if row["timestamp"] == edge}
    assert edge - MICROSECOND in {row["timestamp"] for row in cases.rows if row["user_id"] == at_start}


def test_rows_lie_at_both_ends_of_a_window_with_an_offset() -> None:
    cases = edge_case_rows(windows=["12h", "2d offset 1d", "lifetime"])
    (last,) = of_case(cases, "looks 2d offset 1d back")
    ages = {last["timestamp"] - row["timestamp"] for row in cases.rows if row["user_id"] == last["user_id"]}
    ends = (timedelta(days=1), timedelta(days=3))
    assert ages == {timedelta(0), *(end + moved for end in ends for moved in (-MICROSECOND, timedelta(0), MICROSECOND))}
    (half_day,) = of_case(cases, "exactly 12h before")
    assert half_day["timestamp"] == last["timestamp"] - timedelta(hours=12)


def test_composite_keys_differ_in_a_part_and_have_nulls_in_each() -> None:
    cases = edge_case_rows(key=["bank", "account"])
    assert cases.schema.startswith("`bank` bigint, `account` string, `timestamp`")
    accounts = Counter(row["account"] for row in of_case(cases, "differs in a part"))
    assert accounts == {"a": 2, "b": 1, "A": 1, "": 1}
    assert len({row["bank"] for row in of_case(cases, "in a part")}) == 1
    for column in ("bank", "account"):
        assert any(row[column] is None and sum(value is None for value in row.values()) == 1 for row in cases.rows)


def test_doubles_are_there_if_a_column_is_named() -> None:
    cases = edge_case_rows(double="score")
    shown = {repr(row["score"]) for row in cases.rows}
    assert {"nan", "0.0", "-0.0", "inf", "-inf", "None"} <= shown
    assert any(
        math.copysign(1, row["score"]) < 0
        for row in cases.rows
        if row["score"] is not None and row["score"] != row["score"]
    )
    assert cases.schema.endswith("`score` double, `edge_case` string")


def test_amounts_reach_the_ends_of_their_type(cases: EdgeCases) -> None:
    amounts = {row["amount"] for row in cases.rows}
    assert {Decimal("9999999999999999999999.999999"), Decimal("0.000001"), Decimal("0.000000")} <= amounts
    assert all(amount is None or amount.as_tuple().exponent == -6 for amount in amounts)


def test_a_window_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="expected `window_days` of at least 1, got 0"):
        edge_case_rows(window_days=0)


def test_an_unknown_window_is_refused() -> None:
    with pytest.raises(ValueError, match="window '12 hours': expected `<N><unit>`"):
        edge_case_rows(windows="12 hours")


def test_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected columns of different names, got \['a', 'a', 'amount'"):
        edge_case_rows(key="a", time="a")
