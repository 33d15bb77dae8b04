"""Filters on floating-point columns: NaN is greater than every number, -0.0 is 0.0, however the rows are cut into files."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow
import pyarrow.parquet
import pytest

from tests.compiled import compile_job

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NAN, INFINITE = math.nan, math.inf
# Two to a row group: a group's statistics leave NaN out, and those of zeros have a sign.
PAIRS = [(1, NAN), (-NAN, 2), (0, 0), (-0.0, -0.0), (5, 5), (1.5, -NAN), (NAN, NAN), (None, 1), (INFINITE, -INFINITE)]
VALUES = [value for pair in PAIRS for value in pair]
LIMITS = (2.0, 0.0, -0.0, 5.0, -1.0)
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "equals": lambda value, limit: value == limit,
    "not_equals": lambda value, limit: value != limit,
    "gt": lambda value, limit: value > limit or math.isnan(value),
    "gte": lambda value, limit: value >= limit or math.isnan(value),
    "lt": lambda value, limit: value < limit,
    "lte": lambda value, limit: value <= limit,
    "in": lambda value, limit: value in (limit, 7.0),
    "not_in": lambda value, limit: value not in (limit, 7.0),
}
FILTERS = [(column, op, limit) for column in ("x32", "x64") for op in OPERATORS for limit in LIMITS]


@dataclass(frozen=True)
class Conditions:
    """The SQL that a job makes of each filter."""

    session: SparkSession
    sql: Mapping[tuple[str, str, float], str]


@pytest.fixture(scope="module")
def conditions(module_project: Path) -> Conditions:
    source = pyarrow.table(
        {
            "user": [1],
            "time": pyarrow.array([0], pyarrow.timestamp("us", "UTC")),
            "x32": pyarrow.array([1.0], pyarrow.float32()),
            "x64": [1.0],
        }
    )
    location = {"location": str(module_project / "floats.parquet"), "format": "parquet"}
    filters = [
        {"column": column, "op": op, "value": [limit, 7.0] if op.endswith("in") else limit}
        for column, op, limit in FILTERS
    ]
    counter = {"name": "UserMonthlyTransactionCounter", "params": {"user_id_col": "user", "timestamp_col": "time"}}
    job = compile_job(
        module_project,
        {
            "job_name": "floats",
            "input_source": {"source_type": "spark", "config": location, "filters": filters},
            "feature_transformers": [counter],
        },
        source,
    )
    where = job.sql["stg_job_input"].split("    where\n")[1].split("\n)")[0]
    lines = [line.strip().removeprefix("and ") for line in where.splitlines()]
    return Conditions(job.session, dict(zip(FILTERS, lines, strict=True)))


def write(layout: str, folder: Path) -> Path:
    """The rows as one file, as one of many row groups, or as many files."""
    types = {"x32": pyarrow.float32(), "x64": pyarrow.float64()}
    columns = {name: pyarrow.array(VALUES, data_type) for name, data_type in types.items()}
    rows = pyarrow.table({"id": range(len(VALUES)), **columns})
    if layout == "files":
        for start in range(0, len(VALUES), 2):
            pyarrow.parquet.write_table(rows.slice(start, 2), folder / f"{start:02}.parquet")
        return folder
    pyarrow.parquet.write_table(rows, folder / "rows.parquet", row_group_size=2 if layout == "groups" else 1000)
    return folder / "rows.parquet"


@pytest.mark.parametrize("layout", ["one group", "groups", "files"])
def test_a_filter_keeps_the_same_rows_of_every_layout(layout: str, conditions: Conditions, tmp_path: Path) -> None:
    conditions.session.read.parquet(str(write(layout, tmp_path))).createOrReplaceTempView("floats")
    wrong = {}
    for (column, op, limit), condition in conditions.sql.items():
        kept = {row["id"] for row in conditions.session.sql(f"select id from floats where {condition}").collect()}
        expected = {row for row, value in enumerate(VALUES) if value is not None and OPERATORS[op](float(value), limit)}
        if kept != expected:
            wrong[column, op, limit] = kept ^ expected
    assert wrong == {}
