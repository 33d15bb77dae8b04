"""What `assert_features_equal` takes for equal, and how it says what is not."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pandas
import polars
import pyarrow
import pytest

from feature_platform_py.testing import assert_features_equal

NAN = math.nan
ROW = {"user": 1, "total": Decimal("1.10"), "at": datetime(2024, 1, 1, tzinfo=UTC), "name": None, "mean": NAN}


def told(actual: Any, expected: Any, **options: Any) -> list[str]:
    with pytest.raises(AssertionError) as error:
        assert_features_equal(actual, expected, **options)
    return str(error.value).splitlines()


# Equal


def test_rows_are_equal_whatever_their_order_and_that_of_their_columns() -> None:
    other = ROW | {"user": 2}
    assert_features_equal([ROW, other], [dict(reversed(other.items())), ROW])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (None, None),
        (NAN, NAN),
        (1, 1.0),
        (0.0, -0.0),
        (math.inf, math.inf),
        (Decimal("1.1"), Decimal("1.10")),
        (datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)),
        (datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), datetime(2024, 1, 1, tzinfo=UTC)),
        ([1, NAN], (1, NAN)),
        ({"a": NAN, "b": None}, {"b": None, "a": NAN}),
    ],
    ids=str,
)
@pytest.mark.parametrize("tolerance", [0.0, 0.5])
def test_values_that_are_equal(one: Any, other: Any, tolerance: float) -> None:
    assert_features_equal([{"value": one}], [{"value": other}], tolerance=tolerance)
    assert_features_equal([{"key": 1, "value": one}], [{"key": 1, "value": other}], keys="key", tolerance=tolerance)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (None, NAN),
        (None, 0),
        (None, ""),
        (True, 1),
        (1.0, math.nextafter(1.0, 2)),
        (Decimal("1.1"), 1.1),
        (Decimal("0.1000000000000000000000000001"), Decimal("0.1")),
        ("é", "e\u0301"),
        ("1", 1),
        (date(2024, 1, 1), datetime(2024, 1, 1)),
        ([1], [1, 1]),
        ({"a": 1}, {"a": 2}),
    ],
    ids=str,
)
def test_values_that_differ(one: Any, other: Any) -> None:
    assert told([{"value": one}], [{"value": other}])[:2] == ["features differ:", "rows that differ: 2"]
    assert told([{"key": 1, "value": one}], [{"key": 1, "value": other}], keys="key")[1] == "rows that differ: 1"


def test_each_row_has_to_be_there_as_often_as_expected() -> None:
    a, b = {"x": 1}, {"x": 2}
    assert told([a, a, b], [a, b, b])[1:] == ["rows that differ: 2", "  missing: x=2", "  not expected: x=1"]


def test_floats_may_be_apart_by_the_tolerance_and_no_more() -> None:
    assert_features_equal([{"x": 1.05}], [{"x": 1.0}], tolerance=0.1)
    assert told([{"x": 1.2}], [{"x": 1.0}], tolerance=0.1)[1] == "rows that differ: 2"
    assert told([{"x": Decimal("1.05")}], [{"x": Decimal("1.0")}], tolerance=0.1)[1] == "rows that differ: 2"


def test_floats_may_be_apart_by_a_part_of_their_size() -> None:
    assert_features_equal([{"x": 1e15 + 1}], [{"x": 1e15}], relative_tolerance=1e-12)
    assert_features_equal([{"x": [1e-15]}], [{"x": [1.0000000000001e-15]}], relative_tolerance=1e-12)
    assert told([{"x": 1e15 + 1e4}], [{"x": 1e15}], relative_tolerance=1e-12)[1] == "rows that differ: 2"
    assert told([{"x": 0.0}], [{"x": 1e-300}], keys=[], relative_tolerance=1e-12)[1] == "rows that differ: 2"


def test_rows_within_the_tolerance_are_matched_whichever_come_first() -> None:
    actual = [{"x": 1.0, "y": 0.0}, {"x": 1.1, "y": 0.0}, {"x": 0.9, "y": None}]
    expected = [{"x": 1.05, "y": 0.0}, {"x": 0.95, "y": 0.0}, {"x": 0.95, "y": None}]
    assert_features_equal(actual, expected, tolerance=0.06)


@pytest.mark.no_cover
def test_many_equal_rows_are_matched_under_a_tolerance() -> None:
    assert_features_equal([{"x": 1.0}] * 1100, [{"x": 1.01}] * 1100, tolerance=0.1)


def test_a_shuffled_table_equals_itself_and_one_changed_value_is_found() -> None:
    rows = [{"id": number, "x": number / 7, "name": "ab"[number % 2]} for number in range(300)]
    other = [dict(row) for row in random.Random(1).sample(rows, len(rows))]
    assert_features_equal(other, rows)
    assert_features_equal(other, rows, keys="id", tolerance=1e-9)
    next(row for row in other if row["id"] == 150)["x"] = -1.0
    assert told(other, rows, keys=["id"])[1:] == [
        "rows that differ: 1",
        "  id=150",
        f"    x: -1.0, expected {150 / 7!r}",
    ]


# What is told


def test_of_rows_with_one_key_only_the_columns_that_differ_are_shown() -> None:
    expected = [{"user": 1, "at": datetime(2024, 1, 1), "total": Decimal("2.00"), "month": "2024-01"}]
    actual = [{"user": 1, "at": datetime(2024, 1, 1), "total": None, "month": "2024-01"}]
    assert told(actual, expected, keys=["user", "at"]) == [
        "features differ:",
        "rows that differ: 1",
        "  user=1, at=2024-01-01 00:00:00",
        "    total: NULL, expected Decimal('2.00')",
    ]


def test_keys_that_are_missing_or_too_many_are_shown_with_their_rows() -> None:
    expected, actual = [{"user": 1, "x": 1}, {"user": None, "x": 2}], [{"user": 1, "x": 1}, {"user": 3, "x": 4}]
    assert told(actual, expected, keys="user")[1:] == [
        "rows that differ: 2",
        "  user=NULL missing: user=NULL, x=2",
        "  user=3 not expected: user=3, x=4",
    ]


def test_of_several_rows_with_one_key_the_equal_ones_belong_together() -> None:
    expected = [{"user": 1, "x": 1}, {"user": 1, "x": 2}]
    actual = [{"user": 1, "x": 2}, {"user": 1, "x": 3}]
    assert told(actual, expected, keys="user")[1:] == ["rows that differ: 1", "  user=1", "    x: 3, expected 1"]


def test_ten_rows_are_shown_and_the_others_counted() -> None:
    lines = told([{"id": n, "x": 0} for n in range(25)], [{"id": n, "x": 1} for n in range(25)], keys="id")
    assert lines[1] == "rows that differ: 25"
    assert len([line for line in lines if line.startswith("  id=")]) == 10
    assert lines[-1] == "  and 15 more"


def test_columns_and_the_number_of_rows_are_told_together() -> None:
    assert told([{"a": 1, "b": 1}], [{"a": 1, "c": 1}, {"a": 2, "c": 1}]) == [
        "features differ:",
        "column `c` is missing",
        "column `b` was not expected",
        "rows: 1, expected 2",
        "rows that differ: 1",
        "  missing: a=2",
    ]


def test_types_are_compared_where_both_have_them() -> None:
    expected = pyarrow.table(
        {"n": pyarrow.array([1], pyarrow.int64()), "d": pyarrow.array([1], pyarrow.decimal128(10, 2))}
    )
    actual = pyarrow.table(
        {"n": pyarrow.array([1], pyarrow.int32()), "d": pyarrow.array([1], pyarrow.decimal128(38, 2))}
    )
    assert told(actual, expected) == [
        "features differ:",
        "column `n` is int, expected bigint",
        "column `d` is decimal(38,2), expected decimal(10,2)",
    ]
    assert_features_equal(actual, expected.to_pylist())


def test_order_counts_if_asked_for() -> None:
    a, b = {"x": 1, "y": 1}, {"x": 2, "y": 1}
    assert told([a, b], [b, a], ignore_order=False)[1:3] == ["rows that differ: 2", "  row 1"]
    assert told([{"y": 1, "x": 1}], [a], ignore_order=False)[1:] == ["columns are in the order y, x; expected x, y"]


def test_a_key_that_is_no_column_is_told() -> None:
    assert told([{"a": 1}], [{"a": 1}], keys=["a", "b"])[1:] == ["keys: expected columns of both tables, `b` is none"]


def test_no_rows_equal_no_rows() -> None:
    assert_features_equal([], pyarrow.table({"a": pyarrow.array([], pyarrow.int64())}))
    assert told([], [{"a": 1}])[1:] == ["rows: 0, expected 1", "rows that differ: 1", "  missing: a=1"]


# Kinds of tables


def test_pandas_has_one_value_for_null_and_nan() -> None:
    frame = pandas.DataFrame({"user": [1, 2], "mean": [NAN, 1.5], "name": ["a", None], "count": [1, None]})
    rows = [{"user": 1, "mean": None, "name": "a", "count": 1}, {"user": 2, "mean": 1.5, "name": None, "count": None}]
    table = pyarrow.Table.from_pylist(rows)
    assert_features_equal(frame, rows)
    assert_features_equal(table, frame)
    assert_features_equal(frame, [rows[0] | {"mean": NAN}, rows[1]], tolerance=0.1)


def test_pandas_types_are_those_of_spark() -> None:
    frame = pandas.DataFrame(
        {"n": [1], "x": [1.0], "ok": [True], "s": ["a"], "at": [pandas.Timestamp("2024-01-01", tz="UTC")]}
    )
    rows = [{"n": 1, "x": 1.0, "ok": True, "s": "a", "at": datetime(2024, 1, 1, tzinfo=UTC)}]
    assert_features_equal(frame, pyarrow.Table.from_pylist(rows))
    assert told(frame.astype({"n": "int32"}), pyarrow.Table.from_pylist(rows))[1:] == [
        "column `n` is int, expected bigint"
    ]


def test_missing_times_of_pandas_are_null() -> None:
    frame = pandas.DataFrame({"at": [pandas.Timestamp("2024-01-01"), pandas.NaT]})
    assert_features_equal(frame, [{"at": datetime(2024, 1, 1)}, {"at": None}])


def test_types_and_values_within_others() -> None:
    schema = pyarrow.schema(
        {
            "list": pyarrow.list_(pyarrow.int64()),
            "map": pyarrow.map_(pyarrow.string(), pyarrow.float64()),
            "struct": pyarrow.struct({"a": pyarrow.large_string()}),
            "dictionary": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
            "ntz": pyarrow.timestamp("us"),
        }
    )
    row = {
        "list": [1, None],
        "map": {"x": NAN, "y": 1.0},
        "struct": {"a": "b"},
        "dictionary": "c",
        "ntz": datetime(2024, 1, 1),
    }
    table = pyarrow.Table.from_pylist([row], schema=schema)
    assert_features_equal(table, [row | {"map": {"y": 1.0, "x": NAN}}])
    assert told(table, pyarrow.table({"list": pyarrow.array([["1"]])}))[-5:-2] == [
        "column `ntz` was not expected",
        "column `list` is array<bigint>, expected array<string>",
        "rows that differ: 2",
    ]


def test_frames_of_polars_are_tables() -> None:
    frame = polars.DataFrame({"user": [1], "total": [Decimal("1.10")], "words": [["a", None]]})
    assert_features_equal(frame, [{"user": 1, "total": Decimal("1.10"), "words": ["a", None]}])
    assert told(frame, frame.with_columns(total=Decimal("2.10")), keys="user")[-1] == (
        "    total: Decimal('1.10'), expected Decimal('2.10')"
    )


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(TypeError) as error:
        assert_features_equal({"a": [1]}, [])
    assert str(error.value) == (
        "`actual`: expected a DataFrame of Spark, pandas or Polars, an Arrow table or a list of dicts, got builtins.dict"
    )


def test_a_row_with_other_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="`expected`: row 2 has other columns than row 1: `b`; write NULL as None"):
        assert_features_equal([], [{"a": 1, "b": 1}, {"a": 1}])


def test_two_columns_of_one_name_are_refused() -> None:
    table = pyarrow.Table.from_arrays([pyarrow.array([1]), pyarrow.array([2])], names=["a", "a"])
    with pytest.raises(ValueError, match="`actual`: expected each column once, there are several `a`; rename them"):
        assert_features_equal(table, [])
