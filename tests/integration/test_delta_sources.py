"""Delta tables that others write, whose statistics an engine would take for values: read exactly, by jobs and in Python."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml
from deltalake import DeltaTable, write_deltalake

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.sources import SparkSource
from feature_platform_py.warehouse.session import open_session
from tests.conftest import Fpjob

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LARGE = Decimal("1234567890123456.78")
# In each column the values of a file are equal, apart from what statistics leave out.
CONSTANT: dict[str, pa.Array] = {
    "decimal_18": pa.array([LARGE] * 3, pa.decimal128(18, 2)),
    "decimal_20": pa.array([Decimal("12345678901234567890")] * 3, pa.decimal128(20, 0)),
    "decimal_38": pa.array([Decimal("12345678901234567890.123456789")] * 3, pa.decimal128(38, 9)),
    "decimal_and_null": pa.array([Decimal("0.10"), None, Decimal("0.10")], pa.decimal128(12, 2)),
    "double_and_nan": pa.array([1.0, math.nan, 1.0]),
    "float_and_nan": pa.array([0.1, math.nan, 0.1], pa.float32()),
    "zeros": pa.array([0.0, -0.0, 0.0]),
    "time": pa.array([1_711_800_000_123_456, 1_711_800_000_123_999, None], pa.timestamp("us", "UTC")),
    "whole": pa.array([2**53 + 1] * 3),
    "long_text": pa.array(["x" * 40, "x" * 40, "x" * 41]),
    "nested": pa.array([{"d": LARGE, "f": math.nan}, {"d": LARGE, "f": 1.0}, None]),
}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    return open_session("sail", tmp_path_factory.mktemp("warehouse"))


def read(session: SparkSession, path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = SparkSource(str(path), "delta").read(session).orderBy("id").toArrow().to_pylist()
    return rows


def test_values_that_are_equal_in_a_file_come_out_as_they_were_written(session: SparkSession, tmp_path: Path) -> None:
    table = pa.table({"id": range(3), **CONSTANT})
    write_deltalake(tmp_path / "table", table)
    assert list(map(repr, read(session, tmp_path / "table"))) == list(map(repr, table.to_pylist()))


@pytest.mark.parametrize("op", ["eq", "ne", "gt", "ge", "lt", "le"])
def test_a_filter_skips_no_file_by_a_rounded_decimal(session: SparkSession, tmp_path: Path, op: str) -> None:
    values = [LARGE, LARGE + Decimal("0.03"), LARGE - Decimal("0.08"), Decimal(0)]
    for number, value in enumerate(values):
        rows = {"id": [number], "x": pa.array([value], pa.decimal128(18, 2))}
        write_deltalake(tmp_path / "table", pa.table(rows), mode="append")
    symbol = {"eq": "=", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}[op]
    frame = SparkSource(str(tmp_path / "table"), "delta").read(session)
    for limit in (*values, LARGE + Decimal("0.02"), LARGE + Decimal("0.01")):
        kept = {row["id"] for row in frame.where(f"x {symbol} cast('{limit}' as decimal(18, 2))").collect()}
        assert kept == {number for number, value in enumerate(values) if getattr(operator, op)(value, limit)}


def test_what_a_log_has_become_is_read(session: SparkSession, tmp_path: Path) -> None:
    """Partitions of odd names, files that are gone, a checkpoint, and commits after it."""
    path = tmp_path / "a table"
    for number in range(6):
        day = None if number == 4 else date(2024, 1, 1 + number // 2)
        rows = {
            "id": [number, number + 10],
            "amount": [math.nan, 1.0],
            "kind": [f"a=b %/{number % 2}'ü"] * 2,
            "day": [day] * 2,
        }
        write_deltalake(path, pa.table(rows), mode="append", partition_by=["kind", "day"])
    table = DeltaTable(path)
    table.delete("id = 3")
    table.create_checkpoint()
    table.delete("id in (12, 5, 15)")
    write_deltalake(
        path, pa.table({"id": [20], "amount": [2.5], "kind": [None], "day": [None]}, schema=_like(table)), mode="append"
    )
    expected = DeltaTable(path).to_pyarrow_table().sort_by("id").to_pylist()
    assert list(map(repr, read(session, path))) == list(map(repr, expected))
    assert [row["id"] for row in expected] == [0, 1, 2, 4, 10, 11, 13, 14, 20]


def _like(table: DeltaTable) -> pa.Schema:
    return pa.schema(table.schema().to_arrow())


def test_an_earlier_version_is_read_as_exactly(session: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "table"
    for number in range(3):
        rows = {"id": [number] * 2, "x": pa.array([LARGE + number] * 2, pa.decimal128(18, 2))}
        write_deltalake(path, pa.table(rows), mode="overwrite")
        commit = path / "_delta_log" / f"{number:020}.json"
        os.utime(commit, times=(datetime(2024, 1, 1 + number, tzinfo=UTC).timestamp(),) * 2)
    for options in (
        {"versionAsOf": "1"},
        {"timestampAsOf": "2024-01-02"},
        {"timestampAsOf": "2024-01-02T23:00:00-00:30"},
    ):
        found = SparkSource(str(path), "delta", options=options).read(session).collect()
        assert [tuple(row) for row in found] == [(1, LARGE + 1)] * 2
    with pytest.raises(
        DataCheckError, match="expected a commit of `2023-12-31` or before; the first commit is of 2024-01-01"
    ):
        SparkSource(str(path), "delta", options={"timestampAsOf": "2023-12-31"}).read(session)


def test_a_log_with_a_gap_is_named(session: SparkSession, tmp_path: Path) -> None:
    for _ in range(3):
        write_deltalake(tmp_path / "table", pa.table({"id": [1], "x": [1.0]}), mode="append")
    (tmp_path / "table" / "_delta_log" / f"{1:020}.json").unlink()
    with pytest.raises(DataCheckError, match="expected commit 1 in the Delta log, found none"):
        read(session, tmp_path / "table")


def test_a_job_reads_such_a_table_exactly_and_sees_what_is_appended(project: Path, fpjob: Fpjob) -> None:
    keys = {"user_id_col": "who", "timestamp_col": "at"}
    job = {
        "job_name": "payments",
        "description": "a test",
        "input_source": {
            "source_type": "spark",
            "config": {"location": "shop/payments", "format": "delta"},
            "filters": [
                {"column": "amount", "op": "lte", "value": str(LARGE)},
                {"column": "score", "op": "gt", "value": 2},
            ],
        },
        "feature_transformers": [
            {"name": "UserSpendAggregator", "params": {**keys, "amount_col": "amount", "window_days": 1}}
        ],
        "output_sink": {"sink_type": "overwrite_parquet", "config": {"path": "output"}},
    }
    (project / "payments.yaml").write_text(yaml.safe_dump(job))
    expected = []
    for month in (1, 2):
        time = datetime(2024, month, 1, tzinfo=UTC)
        rows = {
            "who": [1, 1],
            "at": pa.array([time] * 2, pa.timestamp("us", "UTC")),
            "amount": pa.array([LARGE] * 2, pa.decimal128(18, 2)),
            "score": [math.nan, 1.0],
        }
        write_deltalake(project / "shop" / "payments", pa.table(rows), mode="append")
        outcome = fpjob("run", "payments.yaml")
        assert outcome.status == 0, outcome.stderr
        expected.append((time, LARGE, LARGE))
        found = pyarrow.parquet.read_table("output").to_pylist()
        assert sorted((row["at"], row["amount"], row["user_1d_total_spend"]) for row in found) == expected
