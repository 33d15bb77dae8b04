"""The plain reference of WindowAggregator gives what was computed by hand: each window, closed side and function."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow
import pytest

from feature_platform_py.testing import assert_features_equal, reference_features

NAN, INFINITY = float("nan"), float("inf")
# A Wednesday, in the second quarter.
NOON = datetime(2024, 5, 15, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def features(rows: Sequence[Mapping[str, Any]], *definitions: Mapping[str, Any], **params: Any) -> list[dict[str, Any]]:
    """Return the features of each row, without its own columns."""
    given = {"keys": "who", "timestamp_col": "at", "features": list(definitions)} | params
    columns = set(rows[0])
    return [{name: row[name] for name in row if name not in columns} for row in reference_features(rows, given).rows]


def value(rows: Sequence[Mapping[str, Any]], function: str, **definition: Any) -> Any:
    """Return the feature of the first row, over all rows up to it."""
    found = features(rows, {"function": function, "windows": ["lifetime"], **definition})[0]
    (only,) = found.values()
    return only


def rows_of(values: Sequence[Any], column: str = "x") -> list[dict[str, Any]]:
    """Return a row for each value, the first one latest, each an hour before the one before it."""
    return [{"who": 1, "at": NOON - timedelta(hours=place), column: each} for place, each in enumerate(values)]


def seen(window: str, times: Mapping[str, Any], *, at: Any = NOON, **definition: Any) -> list[str]:
    """Return the names of the times that lie in the window of a row at `at`, which is called `now`."""
    rows = [{"who": 1, "at": time, "name": name} for name, time in {"now": at, **times}.items()]
    zone = definition.pop("time_zone", None)
    feature = {"function": "first_k", "column": "name", "k": 9, "order_by": "name", "windows": [window], **definition}
    return next(iter(features(rows, feature, time_zone=zone)[0].values()))


def about(edge: datetime) -> dict[str, datetime]:
    return {"before": edge - MICROSECOND, "edge": edge, "after": edge + MICROSECOND}


SIDES = [
    ("right", ["after", "now"]),
    ("left", ["edge", "after"]),
    ("both", ["edge", "after", "now"]),
    ("none", ["after"]),
]
LENGTHS = {
    "30s": timedelta(seconds=30),
    "5m": timedelta(minutes=5),
    "12h": timedelta(hours=12),
    "7d": timedelta(days=7),
    "2w": timedelta(days=14),
}


@pytest.mark.parametrize(("window", "length"), LENGTHS.items())
@pytest.mark.parametrize(("closed", "expected"), SIDES)
def test_a_trailing_window_holds_its_ends_as_closed_says(
    window: str, length: timedelta, closed: str, expected: list[str]
) -> None:
    times = about(NOON - length) | {"later": NOON + MICROSECOND}
    assert seen(window, times, closed=closed) == expected


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ("right", ["after", "last"]),
        ("left", ["edge", "after"]),
        ("both", ["edge", "after", "last"]),
        ("none", ["after"]),
    ],
)
def test_an_offset_moves_the_whole_window_back(closed: str, expected: list[str]) -> None:
    times = about(NOON - timedelta(days=9)) | {
        "last": NOON - timedelta(days=2),
        "too late": NOON - timedelta(days=2) + MICROSECOND,
    }
    assert seen("7d offset 2d", times, closed=closed) == expected


@pytest.mark.parametrize("closed", ["right", "both"])
def test_a_lifetime_holds_everything_up_to_the_row(closed: str) -> None:
    times = {"first": moment("0001-01-01"), "old": moment("1969-12-31"), "later": NOON + MICROSECOND}
    assert seen("lifetime", times, closed=closed) == ["first", "old", "now"]


@pytest.mark.parametrize("closed", ["left", "none"])
@pytest.mark.parametrize("window", ["lifetime", "month"])
def test_an_open_end_leaves_out_the_row_and_all_at_its_time(window: str, closed: str) -> None:
    times = {"tie": NOON, "just before": NOON - MICROSECOND, "later": NOON + MICROSECOND}
    assert seen(window, times, closed=closed) == ["just before"]


PERIODS = [
    ("day", "2024-05-15", "2024-05-14"),
    ("week", "2024-05-13", "2024-05-06"),
    ("month", "2024-05-01", "2024-04-01"),
    ("quarter", "2024-04-01", "2024-01-01"),
    ("year", "2024-01-01", "2023-01-01"),
]


@pytest.mark.parametrize(("period", "start", "previous"), PERIODS)
@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ("right", ["edge", "after", "now"]),
        ("both", ["edge", "after", "now"]),
        ("left", ["edge", "after"]),
        ("none", ["edge", "after"]),
    ],
)
def test_a_calendar_window_starts_with_its_period(
    period: str, start: str, previous: str, closed: str, expected: list[str]
) -> None:
    assert seen(period, about(moment(start)) | {"later": NOON + MICROSECOND}, closed=closed) == expected


@pytest.mark.parametrize(("period", "start", "previous"), PERIODS)
@pytest.mark.parametrize("closed", ["right", "left", "both", "none"])
def test_a_previous_period_is_whole_whatever_closed_says(period: str, start: str, previous: str, closed: str) -> None:
    ends = {"last": moment(start) - MICROSECOND, "this period's": moment(start)}
    assert seen(f"previous {period}", about(moment(previous)) | ends, closed=closed) == ["edge", "after", "last"]


def test_a_row_at_the_start_of_a_period_is_alone_in_it() -> None:
    start = moment("2024-01-01")
    for period, *_ in PERIODS:
        if period != "week":
            assert seen(period, about(start), at=start) == ["edge", "now"]
            assert seen(period, {"before": start - MICROSECOND}, at=start, closed="left") == []


def test_quarters_and_weeks_cross_years() -> None:
    day = moment("2025-01-01T00:30")
    assert seen("week", about(moment("2024-12-30")), at=day) == ["edge", "after", "now"]
    assert seen("previous quarter", about(moment("2024-10-01")), at=day) == ["edge", "after"]


def test_a_month_that_follows_the_leap_day() -> None:
    day = {"leap day": moment("2024-02-29T23:59"), "before": moment("2024-01-31T23:59")}
    assert seen("previous month", day, at=moment("2024-03-31T12:00")) == ["leap day"]


def test_periods_before_1970_start_at_midnight_too() -> None:
    at = moment("1969-12-31T23:59:59.999999")
    assert seen("day", about(moment("1969-12-31")), at=at) == ["edge", "after", "now"]
    assert seen("previous year", about(moment("1968-01-01")), at=at) == ["edge", "after"]


def test_the_first_and_the_last_years_have_periods() -> None:
    first, last = moment("0001-01-01"), moment("9999-12-31T23:59:59.999999")
    assert seen("previous year", {"last": last}, at=first, time_zone="America/New_York") == []
    assert seen("month", about(moment("9999-12-01")), at=last) == ["edge", "after", "now"]
    # It is the year 10000 there.
    assert seen("year", about(moment("9999-12-31T23:00")), at=last, time_zone="Europe/Prague") == [
        "edge",
        "after",
        "now",
    ]


@pytest.mark.parametrize(
    ("at", "start", "hours"),
    [
        ("2024-03-31T20:00", "2024-03-30T23:00", 23),
        ("2024-10-27T22:30", "2024-10-26T22:00", 25),
        ("2024-07-01T10:00", "2024-06-30T22:00", 24),
    ],
)
def test_a_day_in_prague_has_the_hours_that_its_clock_has(at: str, start: str, hours: int) -> None:
    end = moment(start) + timedelta(hours=hours)
    times = about(moment(start)) | {"later": end}
    assert seen("day", times, at=moment(at), time_zone="Europe/Prague") == ["edge", "after", "now"]
    whole = about(moment(start)) | {"last": end - MICROSECOND}
    assert seen("previous day", whole, at=end, time_zone="Europe/Prague") == ["edge", "after", "last"]


def test_days_of_a_trailing_window_have_24_hours_in_every_zone() -> None:
    at = moment("2024-03-31T12:00")
    assert seen("1d", about(moment("2024-03-30T12:00")), at=at, time_zone="Europe/Prague") == ["after", "now"]


def test_a_midnight_that_the_clock_skips_is_the_first_instant_of_the_day() -> None:
    # In Beirut, 31 March 2024 starts at 1 o'clock.
    at = moment("2024-03-31T10:00")
    assert seen("day", about(moment("2024-03-30T22:00")), at=at, time_zone="Asia/Beirut") == ["edge", "after", "now"]


def test_a_date_is_its_midnight_and_has_its_own_periods() -> None:
    dates = {"before": date(2024, 4, 30), "edge": date(2024, 5, 1)}
    assert seen("month", dates, at=date(2024, 5, 31), time_zone="America/New_York") == ["edge", "now"]
    assert seen("30d", dates, at=date(2024, 5, 31)) == ["now"]
    assert seen("30d", dates, at=date(2024, 5, 31), closed="left") == ["edge"]


def test_equal_instants_of_different_zones_and_of_none_are_one_time() -> None:
    times = {"prague": NOON.astimezone(timezone(timedelta(hours=2))), "naive": NOON.replace(tzinfo=None)}
    assert seen("1s", times) == ["naive", "now", "prague"]


def test_count_counts_rows_or_values() -> None:
    rows = rows_of([1, None, NAN])
    assert value(rows, "count") == 3
    assert value(rows, "count", column="x") == 2
    assert value(rows, "count", windows=["1s offset 5h"]) == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, None], Decimal(3)),
        ([Decimal("0.10"), Decimal("0.20")], Decimal("0.30")),
        ([0.1, 0.2], 0.3),
        ([0.1, NAN, INFINITY, -INFINITY], 0.1),
        ([0.0000005, 0.0000004], 0.000001),
        ([-0.0000005], -0.000001),
        ([1e16, 0.1, -1e16], 0.1),
        ([None, None], None),
        ([NAN], None),
    ],
)
def test_sum_is_exact_and_floats_have_six_places(values: list[Any], expected: Any) -> None:
    assert value(rows_of(values), "sum", column="x") == expected
    assert type(value(rows_of(values), "sum", column="x")) is type(expected)


def test_fill_value_stands_for_a_sum_of_nothing() -> None:
    assert value(rows_of([None, Decimal("1.0")]), "sum", column="x", windows=["1h"], fill_value=0) == 0
    assert value(rows_of([None]), "sum", column="x", fill_value=0.1) == Decimal("0.1")
    assert value(rows_of([NAN]), "sum", column="x", fill_value=0.1) == 0.1
    assert value(rows_of([Decimal(7)]), "sum", column="x", fill_value=5) == 7


def test_sums_without_room_are_errors() -> None:
    with pytest.raises(OverflowError, match="amounts of column `x`: expected sums of at most 38 digits"):
        value(rows_of([Decimal(9 * 10**37), Decimal(10**37)]), "sum", column="x")
    assert value(rows_of([Decimal(9 * 10**37), Decimal(10**37 - 1)]), "sum", column="x") == Decimal(10**38 - 1)
    with pytest.raises(OverflowError, match=r"amounts of column `x`: expected floats below 10\^22"):
        value(rows_of([1e22]), "sum", column="x")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, None], 1.5),
        ([Decimal("0.1"), Decimal("0.2"), Decimal("0.4")], 0.7 / 3),
        ([0.1, NAN], 0.1),
        ([None], None),
    ],
)
def test_avg_divides_the_sum_by_the_number_of_values(values: list[Any], expected: Any) -> None:
    assert value(rows_of(values), "avg", column="x") == expected


@pytest.mark.parametrize(
    ("values", "variance", "deviation"),
    [
        ([2, 4, 4, 4, 5, 5, 7, 9], 32 / 7, math.sqrt(32 / 7)),
        ([Decimal("0.1"), Decimal("0.3"), None], 0.02, math.sqrt(0.02)),
        ([10**9 + 1, 10**9 + 2, 10**9 + 3], 1.0, 1.0),
        ([100000000.1, 100000000.2, NAN], 0.005, math.sqrt(0.005)),
        ([3, 3, 3], 0.0, 0.0),
    ],
)
def test_variance_and_stddev_are_of_a_sample(values: list[Any], variance: float, deviation: float) -> None:
    assert value(rows_of(values), "variance", column="x") == variance
    assert value(rows_of(values), "stddev", column="x") == deviation


def test_one_value_has_no_variance() -> None:
    for values in ([3], [3, None], [0.5, NAN]):
        assert value(rows_of(values), "variance", column="x") is None
        assert value(rows_of(values), "stddev", column="x") is None


@pytest.mark.parametrize(
    ("values", "smallest", "largest"),
    [
        ([2, 1, None], 1, 2),
        ([NAN, 1.0, -INFINITY], -INFINITY, NAN),
        ([NAN, None], NAN, NAN),
        (["b", "B", "ä", "é", "🍕", "\uff5e"], "B", "🍕"),
        ([date(2024, 1, 2), date(1960, 1, 1)], date(1960, 1, 1), date(2024, 1, 2)),
        ([NOON, NOON - MICROSECOND], NOON - MICROSECOND, NOON),
        ([None], None, None),
    ],
)
def test_min_and_max_put_nan_last_and_text_by_code_point(values: list[Any], smallest: Any, largest: Any) -> None:
    found = [value(rows_of(values), function, column="x") for function in ("min", "max")]
    assert_features_equal([{"min": found[0], "max": found[1]}], [{"min": smallest, "max": largest}])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 1, 2, None], 2),
        ([0.0, -0.0, NAN, -NAN, INFINITY], 3),
        (["a", "A", "a ", ""], 4),
        ([Decimal("1.0"), Decimal("1.00")], 1),
        ([True, False, None], 2),
        ([NOON, NOON.astimezone(timezone(timedelta(hours=2)))], 1),
        ([None], 0),
    ],
)
def test_count_distinct_has_one_nan_and_one_zero(values: list[Any], expected: int) -> None:
    assert value(rows_of(values), "count_distinct", column="x") == expected


def test_first_and_last_skip_nulls() -> None:
    rows = rows_of([None, "late", "early", None])
    assert value(rows, "first", column="x", order_by="x") == "early"
    assert value(rows, "last", column="x", order_by="x") == "late"
    assert value(rows_of([None]), "last", column="x", order_by="x") is None


def test_ties_are_in_the_order_asked_for_then_by_value_with_nulls_first() -> None:
    place = iter([(3, "c"), (None, "n"), (1, "b"), (1, "a"), (3, "d"), (2, None)])
    rows = [{"who": 1, "at": NOON, "place": each, "x": text} for each, text in place]
    asked = {"column": "x", "order_by": "place"}
    assert value(rows, "first", **asked) == "n"
    assert value(rows, "last", **asked) == "d"
    assert value(rows, "first_k", k=3, **asked) == ["n", "a", "b"]
    assert value(rows, "last_k", k=3, **asked) == ["b", "c", "d"]


def test_ties_without_order_by_are_in_the_order_of_the_primary_key() -> None:
    rows = [{"who": 1, "at": NOON, "id": 2, "x": "b"}, {"who": 1, "at": NOON, "id": 1, "x": "c"}]
    params = {
        "keys": "who",
        "timestamp_col": "at",
        "features": [{"function": "last", "column": "x", "windows": ["1d"]}],
    }
    assert {row["x_last_1d"] for row in reference_features(rows, params, primary_key="id").rows} == {"b"}
    with pytest.raises(ValueError, match="`last`: `order_by` is missing"):
        reference_features(rows, params)


def test_first_k_and_last_k_are_arrays_oldest_first() -> None:
    rows = rows_of([5, 4, None, 2, 1])
    asked = {"column": "x", "order_by": "x", "k": 2}
    assert value(rows, "first_k", **asked) == [1, 2]
    assert value(rows, "last_k", **asked) == [4, 5]
    assert value(rows, "last_k", **asked | {"k": 1000}) == [1, 2, 4, 5]
    assert value(rows_of([None]), "last_k", **asked) == []


def test_seconds_are_counted_to_the_row_itself() -> None:
    rows = [{"who": 1, "at": NOON - timedelta(seconds=each), "x": 1} for each in (0, 0.25, 90)]
    assert value(rows, "seconds_since_first") == 90.0
    assert value(rows, "seconds_since_last") == 0.0
    assert value(rows, "seconds_since_last", closed="left") == 0.25
    assert value(rows, "seconds_since_last", windows=["1m offset 1m"]) == 90.0
    assert value(rows, "seconds_since_last", windows=["1s offset 1m"]) is None
    dates = [{"who": 1, "at": date(2024, 3, day)} for day in (31, 1)]
    assert value(dates, "seconds_since_first") == 30 * 86_400.0


CONDITIONS = [
    ({"op": "equals", "value": "rent"}, ["r"]),
    ({"op": "not_equals", "value": "rent"}, ["f", "F"]),
    ({"op": "in", "value": ["rent", "food"]}, ["f", "r"]),
    ({"op": "not_in", "value": ["rent", "food"]}, ["F"]),
    ({"op": "gt", "value": "food"}, ["r"]),
    ({"op": "gte", "value": "food"}, ["f", "r"]),
    ({"op": "lt", "value": "food"}, ["F"]),
    ({"op": "lte", "value": "food"}, ["f", "F"]),
    ({"op": "is_null"}, ["n"]),
    ({"op": "is_not_null"}, ["f", "F", "r"]),
]


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS)
def test_where_keeps_rows_and_null_meets_no_comparison(condition: dict[str, Any], expected: list[str]) -> None:
    named = [("r", "rent"), ("n", None), ("F", "Food"), ("f", "food")]
    rows = [row | {"kind": kind} for row, (_, kind) in zip(rows_of([name for name, _ in named]), named, strict=True)]
    asked = {"column": "x", "k": 9, "order_by": "x", "where": [{"column": "kind", **condition}]}
    assert value(rows, "first_k", **asked) == expected


@pytest.mark.parametrize(
    ("values", "condition", "expected"),
    [
        ([1, 5, 6], {"op": "gt", "value": 4.5}, 2),
        ([Decimal("0.10"), Decimal("0.11")], {"op": "equals", "value": 0.1}, 1),
        ([Decimal("0.10"), Decimal("0.11")], {"op": "lte", "value": "0.10"}, 1),
        ([0.0, -0.0, NAN, 1.0], {"op": "gte", "value": 0}, 4),
        ([NAN, 1.0], {"op": "lt", "value": 2}, 1),
        ([True, False, None], {"op": "equals", "value": True}, 1),
        ([NOON, NOON + MICROSECOND], {"op": "gt", "value": "2024-05-15 12:00:00"}, 1),
        ([date(2024, 1, 1), date(2024, 1, 2)], {"op": "lt", "value": "2024-01-02"}, 1),
    ],
)
def test_where_compares_values_as_the_columns_type(values: list[Any], condition: dict[str, Any], expected: int) -> None:
    assert value(rows_of(values), "count", where=[{"column": "x", **condition}]) == expected


def test_by_adds_a_feature_for_each_value_with_a_slug_in_its_name() -> None:
    rows = [row | {"code": code} for row, code in zip(rows_of([1, 2, 4]), [7, 7, 8], strict=True)]
    by = {"column": "code", "values": [7, 8, 9]}
    found = features(rows, {"function": "sum", "column": "x", "windows": ["1d"], "by": by, "fill_value": 0})[0]
    assert found == {"x_sum_7_1d": 3, "x_sum_8_1d": 4, "x_sum_9_1d": 0}
    by = {"column": "x", "values": [" Rent & Food! "]}
    assert [*features(rows_of(["a"]), {"function": "count", "windows": ["1d"], "by": by})[0]] == ["count_rent_food_1d"]


def test_names_are_of_prefix_column_function_and_window() -> None:
    found = features(
        rows_of([1]),
        {"function": "sum", "column": "x", "windows": ["7d", "30d offset 30d"]},
        {"function": "count", "windows": ["previous month"]},
        {"function": "last_k", "column": "X", "k": 5, "order_by": "x", "windows": ["lifetime"]},
        {"function": "count", "windows": [" 07d  offset 1d"]},
        {"function": "max", "column": "x", "name": "top", "windows": ["day"], "description": "the largest"},
        prefix="p_",
    )[0]
    assert list(found) == [
        "p_x_sum_7d",
        "p_x_sum_30d_offset_30d",
        "p_count_previous_month",
        "p_X_last_5_lifetime",
        "p_count_07d_offset_1d",
        "p_top_day",
    ]


def test_rows_with_a_null_key_or_time_have_no_features_and_count_for_nobody() -> None:
    keyed = [(1, "a", NOON), (1, "a", NOON), (1, None, NOON), (None, "a", NOON), (1, "a", None), (1, "b", NOON)]
    rows = [{"who": who, "other": other, "at": at} for who, other, at in keyed]
    found = features(rows, {"function": "count", "windows": ["1d"]}, keys=["who", "other"])
    assert [row["count_1d"] for row in found] == [2, 2, None, None, None, 1]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([0.0, -0.0, 1.0], [2, 2, 1]),
        ([NAN, -NAN, 1.0], [2, 2, 1]),
        ([NOON, NOON.astimezone(timezone(timedelta(hours=1))), NOON + MICROSECOND], [2, 2, 1]),
        (["a", "A", "a"], [2, 1, 2]),
        ([True, False, True], [2, 1, 2]),
    ],
)
def test_keys_are_equal_as_the_platform_groups_them(keys: list[Any], expected: list[int]) -> None:
    found = features([{"who": key, "at": NOON} for key in keys], {"function": "count", "windows": ["1s"]})
    assert [row["count_1s"] for row in found] == expected


ARROW = pyarrow.table(
    {
        "who": pyarrow.array([1, 1], pyarrow.int64()),
        "at": pyarrow.array([NOON, NOON], pyarrow.timestamp("us", "UTC")),
        "decimal": pyarrow.array([Decimal("0.10"), None], pyarrow.decimal128(12, 2)),
        "float": pyarrow.array([0.1, 0.2], pyarrow.float32()),
        "int": pyarrow.array([None, None], pyarrow.int32()),
    }
)


def test_types_of_features_follow_from_those_of_the_rows() -> None:
    windows = {"windows": ["1d"]}
    definitions = [
        {"function": "sum", "column": "decimal", **windows},
        {"function": "sum", "column": "float", **windows},
        {"function": "sum", "column": "int", "fill_value": 0, **windows},
        {"function": "max", "column": "float", **windows},
        {"function": "avg", "column": "int", **windows},
        {"function": "count_distinct", "column": "int", **windows},
        {"function": "last_k", "column": "decimal", "order_by": "int", "k": 3, **windows},
        {"function": "seconds_since_last", **windows},
    ]
    params = {"keys": "who", "timestamp_col": "at", "features": definitions}
    table = reference_features(ARROW, params)
    assert {name: table.types[name] for name in table.columns or () if name not in ARROW.column_names} == {
        "decimal_sum_1d": "decimal(38,2)",
        "float_sum_1d": "double",
        "int_sum_1d": "decimal(38,0)",
        "float_max_1d": "float",
        "int_avg_1d": "double",
        "int_count_distinct_1d": "bigint",
        "decimal_last_3_1d": "array<decimal(12,2)>",
        "seconds_since_last_1d": "double",
    }
    # A float of 32 bits is added as the double that it is.
    assert table.rows[0]["float_sum_1d"] == 0.3
    assert table.rows[0]["float_max_1d"] != 0.2
    assert_features_equal(reference_features(ARROW, params), table)


def test_types_may_be_given_for_rows_without() -> None:
    rows = [{"who": 1, "at": NOON, "x": None}]
    definition = {"function": "sum", "column": "x", "windows": ["1d"], "fill_value": 1}
    params = {"keys": "who", "timestamp_col": "at", "features": [definition]}
    table = reference_features(rows, params, types={"x": "double"})
    assert table.types == {"x": "double", "x_sum_1d": "double"}
    assert isinstance(table.rows[0]["x_sum_1d"], float)
    assert reference_features([], params).rows == []


def test_missing_values_of_pandas_are_null() -> None:
    frame = ARROW.to_pandas()
    frame["float"] = [NAN, 0.5]
    params = {
        "keys": "who",
        "timestamp_col": "at",
        "features": [{"function": "min", "column": "float", "windows": ["1d"]}],
    }
    assert [row["float_min_1d"] for row in reference_features(frame, params).rows] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"function": "median", "column": "x"}, "`function`: expected one of count, sum, .*, got 'median'"),
        ({"function": "sum"}, "`sum`: `column` is missing"),
        ({"function": "sum", "column": "y"}, "column `y` is missing; the rows have who, at, x"),
        ({"function": "count", "closed": "middle"}, "`closed`: expected one of right, left, both, none, got 'middle'"),
        ({"function": "count", "windows": ["30"]}, "window '30': expected `<N><unit>`"),
        ({"function": "count", "windows": ["0d"]}, "window '0d': expected `<N><unit>`"),
        ({"function": "count", "windows": ["next 30d"]}, "window 'next 30d': expected `<N><unit>`"),
        ({"function": "count", "windows": ["previous lifetime"]}, "window 'previous lifetime': expected"),
        ({"function": "last_k", "column": "x", "order_by": "x"}, "`last_k`: expected `k` of at least 1, got None"),
        (
            {"function": "seconds_since_last", "column": "x"},
            "`seconds_since_last` is of rows; expected no `column`, got `x`",
        ),
        ({"function": "count", "widow": "1d"}, "feature: unknown keys widow"),
        ({"function": "count", "where": [{"column": "x", "op": "like", "value": 1}]}, "`op`: expected .*, got 'like'"),
    ],
)
def test_what_has_no_meaning_is_refused(definition: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        features(rows_of([1]), {"windows": ["1d"], **definition})


def test_unknown_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown parameters: window_days; known are features, keys"):
        features(rows_of([1]), window_days=3)


def test_one_line_compares_rows_with_the_reference() -> None:
    params = {"keys": "who", "timestamp_col": "at", "features": [{"function": "count", "windows": ["1h"]}]}
    rows = rows_of([1, 2])
    assert_features_equal([row | {"count_1h": 1} for row in rows], reference_features(rows, params))
    with pytest.raises(AssertionError, match="count_1h: 2, expected 1"):
        assert_features_equal([row | {"count_1h": 2} for row in rows], reference_features(rows, params), keys="x")
