"""The oracle against values worked out by hand, so that what judges the platform is itself judged."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, find, settings

from tests.oracle.brute_force import DoesNotFitError, exact_amount, expected_rows, passes, read_csv, slug
from tests.oracle.compare import differences
from tests.oracle.generators import AMOUNT_KINDS, AmountKind, Kind, Row, arrow_table, tables

UNSHRUNK = settings(max_examples=300, phases=[Phase.generate])
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def spend(*rows: tuple[Any, Any, Any], days: int | list[int] = 7) -> list[dict[str, Any]]:
    params = {"user_id_col": "user", "timestamp_col": "at", "amount_col": "amount", "window_days": days}
    table = [dict(zip(("user", "at", "amount"), row, strict=True)) for row in rows]
    return expected_rows(table, [{"name": "UserSpendAggregator", "params": params}])


def totals(rows: list[dict[str, Any]], *, days: int = 7) -> list[Any]:
    return [row[f"user_{days}d_total_spend"] for row in rows]


def monthly(*rows: tuple[Any, Any], as_of: str | None = None) -> list[tuple[Any, Any]]:
    params = {"user_id_col": "user", "timestamp_col": "at"} | ({"as_of": as_of} if as_of else {})
    table = [dict(zip(("user", "at"), row, strict=True)) for row in rows]
    features = expected_rows(table, [{"name": "UserMonthlyTransactionCounter", "params": params}])
    return [(row["year_month"], row["user_monthly_txn_count"]) for row in features]


def categorical(*rows: tuple[Any, Any, Any, Any], as_of: str | None = None) -> list[tuple[Any, Any]]:
    params = {
        "user_id_col": "user",
        "timestamp_col": "at",
        "amount_col": "amount",
        "category_col": "category",
        "target_category_value": ["food", "Old-age pension"],
    }
    table = [dict(zip(("user", "at", "amount", "category"), row, strict=True)) for row in rows]
    params |= {"as_of": as_of} if as_of else {}
    features = expected_rows(table, [{"name": "UserCategoricalSpendAggregator", "params": params}])
    return [(row["user_total_spend_food"], row["user_total_spend_old_age_pension"]) for row in features]


def test_a_window_leaves_out_the_row_exactly_n_days_old() -> None:
    a_week_ago = NOON - timedelta(days=7)
    rows = spend((1, a_week_ago, 10), (1, a_week_ago + timedelta(microseconds=1), 100), (1, NOON, 1000))
    assert totals(rows) == [10, 110, 1100]


def test_rows_at_one_time_count_for_each_other() -> None:
    assert totals(spend((1, NOON, 1), (1, NOON, 2), (2, NOON, 4))) == [3, 3, 4]


def test_several_windows_come_in_their_order_after_the_source_columns() -> None:
    rows = spend((1, NOON - timedelta(days=3), 4), (1, NOON, 2), days=[7, 1])
    assert list(rows[1].items()) == [
        ("user", 1),
        ("at", NOON),
        ("amount", 2),
        ("user_7d_total_spend", 6),
        ("user_7d_avg_spend", 3.0),
        ("user_1d_total_spend", 2),
        ("user_1d_avg_spend", 2.0),
    ]


def test_a_row_without_user_or_time_has_no_features_and_counts_nowhere() -> None:
    rows = spend((None, NOON, 1), (None, NOON, 2), (1, None, 4), (1, NOON, 8))
    assert [(row["user_7d_total_spend"], row["user_7d_avg_spend"]) for row in rows] == [(None, None)] * 3 + [(8, 8.0)]


def test_a_missing_amount_is_in_neither_total_nor_average() -> None:
    rows = spend((1, NOON, None), (1, NOON, 6), (1, NOON, 2), (2, NOON, None))
    assert [(row["user_7d_total_spend"], row["user_7d_avg_spend"]) for row in rows] == [(8, 4.0)] * 3 + [(None, None)]


def test_decimals_of_38_digits_are_summed_exactly() -> None:
    large, small = Decimal("9" * 35 + ".99"), Decimal("0.01")
    assert totals(spend((1, NOON, large), (1, NOON, small))) == [Decimal(10**35)] * 2


def test_floats_are_summed_as_decimals_and_become_floats_again() -> None:
    total = totals(spend((1, NOON, 0.1), (1, NOON, 0.2)))[0]
    assert isinstance(total, float)
    assert total == 0.3


@pytest.mark.parametrize(
    ("amount", "exact"),
    [
        (5e-7, "0.000001"),
        (-5e-7, "-0.000001"),
        (4.9e-7, "0"),
        (float("nan"), None),
        (float("inf"), None),
        (9.9e21, "9.9e21"),
    ],
)
def test_a_float_is_rounded_half_up_to_six_places(amount: float, exact: str | None) -> None:
    assert exact_amount(amount) == (None if exact is None else Decimal(exact))


def test_what_has_no_room_is_an_error() -> None:
    with pytest.raises(DoesNotFitError):
        exact_amount(-1e22)
    nines = Decimal("9" * 37 + ".9")
    assert totals(spend((1, NOON, nines), (1, NOON - timedelta(days=8), nines))) == [nines, nines]
    with pytest.raises(DoesNotFitError):
        spend((1, NOON, nines), (1, NOON, Decimal("0.1")))


def test_dates_are_midnights_in_utc() -> None:
    assert totals(spend((1, date(2024, 2, 23), 1), (1, date(2024, 2, 24), 2), (1, date(2024, 3, 1), 4))) == [1, 3, 6]


def test_times_of_other_zones_are_the_same_instants() -> None:
    prague = timezone(timedelta(hours=1))
    midnight = datetime(2024, 3, 1, tzinfo=prague)
    assert monthly((1, midnight), (1, datetime(2024, 2, 29, 23, tzinfo=UTC))) == [("2024-02", 2)] * 2


def test_a_month_counts_its_later_rows_too() -> None:
    first, last, next_month = datetime(2024, 2, 1), datetime(2024, 2, 29, 23, 59), datetime(2024, 3, 1)
    rows = (1, first), (1, last), (1, last), (1, next_month), (2, first)
    assert [count for _, count in monthly(*rows)] == [3, 3, 3, 1, 1]
    assert [count for _, count in monthly(*rows, as_of="event_time")] == [1, 3, 3, 1, 1]


def test_a_row_without_user_or_time_has_no_month() -> None:
    assert monthly((None, NOON), (1, None), (1, NOON)) == [(None, None), (None, None), ("2024-03", 1)]


def test_a_category_counts_over_all_time_or_up_to_the_row() -> None:
    early, late = (1, NOON, 1, "food"), (1, NOON + timedelta(days=500), 2, "food")
    other = (1, NOON + timedelta(days=900), 4, "Food ")
    assert categorical(early, late, other) == [(3, 0)] * 3
    assert categorical(early, late, other, as_of="event_time") == [(1, 0), (3, 0), (3, 0)]


def test_a_category_without_time_counts_unless_the_time_matters() -> None:
    timeless, timed, nobody = (1, None, 1, "food"), (1, NOON, 2, "Old-age pension"), (None, NOON, 4, "food")
    assert categorical(timeless, timed, nobody) == [(1, 2), (1, 2), (None, None)]
    assert categorical(timeless, timed, nobody, as_of="event_time") == [(None, None), (0, 2), (None, None)]


def test_a_category_total_is_zero_without_amounts() -> None:
    assert categorical((1, NOON, None, "food"), (2, NOON, 3, None)) == [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("op", "value", "kept"),
    [
        ("equals", 1, [1]),
        ("not_equals", 1, [2, 3]),
        ("in", [1, 3], [1, 3]),
        ("not_in", [1, 3], [2]),
        ("gt", 2, [3]),
        ("gte", 2, [2, 3]),
        ("lt", 2, [1]),
        ("lte", 2, [1, 2]),
        ("is_null", None, [None]),
        ("is_not_null", None, [1, 2, 3]),
    ],
)
def test_null_passes_no_comparison(op: str, value: Any, kept: list[Any]) -> None:
    assert [each for each in (1, None, 2, 3) if passes({"x": each}, column="x", op=op, value=value)] == kept


def test_filters_are_anded_and_what_they_drop_counts_nowhere() -> None:
    rows = [{"user": 1, "at": NOON, "amount": amount, "kind": kind} for amount, kind in ((1, "a"), (2, "b"), (4, "a"))]
    params = {"user_id_col": "user", "timestamp_col": "at", "amount_col": "amount"}
    filters: list[dict[str, Any]] = [
        {"column": "kind", "op": "equals", "value": "a"},
        {"column": "amount", "op": "gt", "value": 1},
    ]
    assert expected_rows(rows, [{"name": "UserSpendAggregator", "params": params}], filters=filters) == [
        rows[2] | {"user_30d_total_spend": 4, "user_30d_avg_spend": 4.0}
    ]


@pytest.mark.parametrize(
    ("value", "name"), [("Old-age  pension", "old_age_pension"), (" Naïve café!", "na_ve_caf"), ("a1", "a1")]
)
def test_a_slug_has_letters_digits_and_single_underscores(value: str, name: str) -> None:
    assert slug(value) == name


def test_an_empty_csv_field_is_null(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('number,text\n1,"a, b"\n,\n')
    assert read_csv(tmp_path / "rows.csv", {"number": int, "text": str}) == [
        {"number": 1, "text": "a, b"},
        {"number": None, "text": None},
    ]


def test_rows_differ_by_value_and_not_by_order_or_rounding() -> None:
    rows: list[dict[str, Any]] = [{"id": None, "x": Decimal("1.10"), "y": 0.3}, {"id": 1, "x": None, "y": float("nan")}]
    same: list[dict[str, Any]] = [
        {"id": 1, "x": None, "y": float("nan")},
        {"id": None, "x": Decimal("1.1"), "y": 0.1 + 0.2},
    ]
    assert differences(same, rows, identified_by=["id"]) == []


def test_arrays_are_equal_value_by_value() -> None:
    nan = float("nan")
    rows: list[dict[str, Any]] = [{"x": [0.3, nan, None]}, {"x": [None]}, {"x": []}]
    assert differences([{"x": []}, {"x": [0.1 + 0.2, nan, None]}, {"x": [None]}], rows, identified_by=["x"]) == []
    assert len(differences([{"x": []}, {"x": [0.3, 1.0, None]}, {"x": [None]}], rows, identified_by=["x"])) == 1
    assert len(differences([{"x": []}, {"x": [0.3, nan]}, {"x": [None]}], rows, identified_by=["x"])) == 1


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        ([], "0 rows instead of 1"),
        ([{"x": 1, "id": 1}], "columns ['x', 'id'] instead of ['id', 'x']"),
        ([{"id": 1, "x": None}], "{'id': 1}: x is None instead of 1"),
        ([{"id": 1, "x": 2}], "{'id': 1}: x is 2 instead of 1"),
    ],
)
def test_a_difference_is_told(actual: list[dict[str, Any]], message: str) -> None:
    assert differences(actual, [{"id": 1, "x": 1}], identified_by=["id"]) == [message]


@pytest.mark.parametrize("amount", AMOUNT_KINDS)
@pytest.mark.parametrize("has_dates", [False, True])
def test_generated_tables_reach_the_edges(amount: AmountKind, has_dates: bool) -> None:
    def has_row_exactly_seven_days_old(table: list[Row]) -> bool:
        times = {(row["who"], row["at"]) for row in table if row["at"] and row["who"]}
        return any((user, time - timedelta(days=7)) in times for user, time in times if time.year > 1)

    kind = Kind(amount, has_dates=has_dates)
    found = find(tables(kind), has_row_exactly_seven_days_old, settings=UNSHRUNK)
    written = arrow_table(found, kind.schema())
    assert differences(written.to_pylist(), found, identified_by=written.column_names) == []
