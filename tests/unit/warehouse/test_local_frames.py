"""Frames of this process become Arrow tables that engines read, and get columns behind their own."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.warehouse.local_frames import (
    added_columns,
    arrow_table,
    numbered,
    pandas_frame,
    with_columns,
    with_readable_types,
)

ROWS = {"id": [2, 1, 3], "name": ["b", None, "ä"]}
TABLE = pa.table(ROWS)
ADDED = pa.table({"spend": [Decimal("1.50"), None, Decimal("2.00")], "count": pa.array([1, None, 3], pa.int32())})


class Stream:
    """Nothing but an Arrow stream."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


FRAMES = {
    "pandas": pd.DataFrame(ROWS),
    "polars": pl.DataFrame(ROWS),
    "table": TABLE,
    "batch": TABLE.to_batches()[0],
    "reader": TABLE.to_reader(),
    "stream": Stream(TABLE),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_every_kind_of_frame_is_read(frame: Any) -> None:
    assert arrow_table(frame).to_pydict() == ROWS


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ([{"id": 1}], "given builtins.list"),
        (pl.LazyFrame(ROWS), "given polars.lazyframe.frame.LazyFrame"),
        (pd.Series([1]), "given one column"),
        (pd.DataFrame({"mixed": [1, "a"]}), "Conversion failed for column mixed"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "there are several `a`; rename them"),
        (pa.table([[1], [2]], names=["b", "b"]), "there are several `b`; rename them"),
    ],
)
def test_other_objects_are_refused(frame: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        arrow_table(frame)
    assert said in str(caught.value)


def test_missing_values_of_pandas_are_null() -> None:
    frame = pd.DataFrame({"x": [1.5, float("nan")], "t": [pd.Timestamp("2024-01-01"), pd.NaT], "n": [None, "a"]})
    assert [column.null_count for column in arrow_table(frame).columns] == [1, 1, 1]


def test_engines_get_types_that_they_read() -> None:
    noon = datetime(2024, 1, 1, 12, tzinfo=UTC)
    given = pa.table(
        {
            "unsigned": pa.array([2**63], pa.uint64()),
            "category": pa.array(["a"]).dictionary_encode(),
            "view": pa.array(["a"], pa.string_view()),
            "views": pa.array([["a"]], pa.list_(pa.string_view())),
            "nanoseconds": pa.array([-1], pa.timestamp("ns", "UTC")),
            "nothing": pa.nulls(1),
            "time": pa.array([noon], pa.timestamp("s", "UTC")),
        }
    )
    read = with_readable_types(given)
    assert [str(each) for each in read.schema.types] == [
        "decimal128(20, 0)",
        "string",
        "string",
        "list<item: string>",
        "timestamp[us, tz=UTC]",
        "string",
        "timestamp[s, tz=UTC]",
    ]
    # The nanosecond before 1970 is in 1969.
    assert read.column("nanoseconds").to_pylist() == [datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]
    assert read.column("unsigned").to_pylist() == [Decimal(2**63)]


def test_rows_come_back_in_their_order() -> None:
    rows, number = numbered(pa.table({"_row_number": ["x", "y", "z"]}))
    assert number == "_row_number_"
    shuffled = rows.append_column("added", pa.array([10, 20, 30])).take([2, 0, 1])
    assert added_columns(shuffled, number, ["_row_number"]).to_pydict() == {"added": [10, 20, 30]}


def test_a_frame_of_pandas_keeps_index_and_types() -> None:
    frame = pd.DataFrame({"id": [2, 1, 3], "kind": pd.Categorical(["a", "b", "a"]), 7: [1, 2, 3]}, index=[5, 5, 1])
    found = with_columns(frame, arrow_table(frame), ADDED)
    assert list(found.index) == [5, 5, 1]
    assert list(found.columns) == ["id", "kind", 7, "spend", "count"]
    assert [str(each) for each in found.dtypes] == ["int64", "category", "int64", "object", "Int32"]
    assert found["count"].isna().tolist() == [False, True, False]
    assert list(frame.columns) == ["id", "kind", 7]


def test_a_frame_of_polars_stays_one() -> None:
    found = with_columns(FRAMES["polars"], TABLE, ADDED)
    assert isinstance(found, pl.DataFrame)
    assert found.rows() == [(2, "b", Decimal("1.50"), 1), (1, None, None, None), (3, "ä", Decimal("2.00"), 3)]


def test_other_frames_become_arrow_tables() -> None:
    found = with_columns(FRAMES["stream"], TABLE, ADDED)
    assert found.column_names == ["id", "name", "spend", "count"]


def test_pandas_loses_no_digit_of_an_integer_beside_a_missing_one() -> None:
    found = pandas_frame(pa.table({"id": [2**53 + 1, None], "is": [True, None]}))
    assert int(found["id"][0]) == 2**53 + 1
    assert [str(each) for each in found.dtypes] == ["Int64", "boolean"]
