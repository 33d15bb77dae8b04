"""Jobs with `WindowAggregator`: several amounts and keys in one job, their tables, a late row, lineage, faults of the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from feature_platform_py.testing import reference_features
from tests.conftest import Fpjob

TYPES = {"id": "bigint", "who": "bigint", "at": "timestamp", "paid": "decimal(12,2)", "fee": "double", "shop": "string"}
SCHEMA = pyarrow.schema(
    [
        ("id", pyarrow.int64()),
        ("who", pyarrow.int64()),
        ("at", pyarrow.timestamp("us", "UTC")),
        ("paid", pyarrow.decimal128(12, 2)),
        ("fee", pyarrow.float64()),
        ("shop", pyarrow.string()),
    ]
)
BY_WHO = {
    "keys": "who",
    "timestamp_col": "at",
    "features": [
        {"function": "sum", "column": "paid", "windows": ["7d", "lifetime"]},
        {"function": "sum", "column": "fee", "windows": ["7d", "month"]},
        {"function": "count", "windows": ["previous month"], "closed": "left"},
        {"function": "last", "column": "shop", "windows": ["lifetime"], "order_by": "id"},
        {
            "name": "paid_in_a",
            "function": "sum",
            "column": "paid",
            "windows": ["14d"],
            "where": [{"column": "shop", "op": "equals", "value": "a"}],
            "fill_value": 0,
        },
        {"function": "max", "column": "paid", "windows": ["30d"], "where": [{"column": "shop", "op": "equals", "value": "a"}]},
    ],
}  # fmt: skip
BY_SHOP = {
    "keys": ["who", "shop"],
    "timestamp_col": "at",
    "prefix": "here_",
    "features": [{"function": "count_distinct", "column": "paid", "windows": ["30d"]}],
}


def write_rows(rows: list[dict[str, Any]]) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, SCHEMA), "rows.parquet")


def rows() -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "who": number % 3 or None,
            "at": datetime(2024, 1 + number % 7, 1 + number * 5 % 28, number % 24, tzinfo=UTC),
            "paid": Decimal(number * 37 % 400) / 100 if number % 11 else None,
            "fee": number / 8,
            "shop": ("a", "b", None)[number % 5 % 3],
        }
        for number in range(120)
    ]


def write_job(*transformers: dict[str, Any], name: str = "windows_v1") -> None:
    job = {
        "job_name": name,
        "input_source": {"source_type": "spark", "config": {"location": "rows.parquet", "format": "parquet"}},
        "feature_transformers": [{"name": "WindowAggregator", "params": each} for each in transformers],
        "output_sink": {"sink_type": "overwrite_parquet", "config": {"path": "out"}},
    }
    Path("windows.yaml").write_text(json.dumps(job, indent=2))


def output() -> list[dict[str, Any]]:
    return sorted(pyarrow.parquet.read_table("out").to_pylist(), key=lambda row: row["id"])


def expected(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [reference_features(given, params, types=TYPES).rows for params in (BY_WHO, BY_SHOP)]
    return [row | first | second for row, first, second in zip(given, *found, strict=True)]


@pytest.fixture
def job(project: Path) -> Iterator[Path]:
    write_rows(rows())
    write_job(BY_WHO, BY_SHOP)
    yield project


def test_two_amounts_and_a_composite_key_in_one_job_and_a_late_row(job: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("run", "windows.yaml")
    assert outcome.status == 0, outcome.stderr
    assert output() == expected(rows())
    # A late row of April reaches the bounded windows of April and May, and the months after it for ever.
    late = {
        "id": 500,
        "who": 1,
        "at": datetime(2024, 4, 10, tzinfo=UTC),
        "paid": Decimal("9.99"),
        "fee": 1.5,
        "shop": "a",
    }
    write_rows([*rows(), late])
    outcome = fpjob("run", "windows.yaml")
    assert outcome.status == 0, outcome.stderr
    told = {line.split()[1]: line for line in outcome.stderr.splitlines() if "_features " in line and "success" in line}
    assert "2 of 7 months: 2024-04 changed, 2024-05 reached by a window" in told["window_features"]
    assert "4 of 7 months: 2024-04 changed, 2024-05, 2024-06, 2024-07 reached by a window" in told["lifetime_features"]
    assert output() == expected([*rows(), late])


def test_lineage_says_what_a_feature_is_made_of(job: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("lineage", "window_features.paid_in_a_14d", "--all", "--job", "windows.yaml")
    uses = {
        line.split("stg_job_input.")[1].split()[0]: line.split("  ", 2)[2].strip()
        for line in outcome.stdout.splitlines()
        if "stg_job_input." in line
    }
    assert uses == {
        "at": "order key, filter, join key",
        "paid": "value",
        "shop": "condition, filter",
        "who": "partition key, filter",
    }


def test_faults_say_file_line_and_what_to_do(job: Path, fpjob: Fpjob) -> None:
    text = """\
job_name: windows_v1
input_source: {source_type: spark, config: {location: rows.parquet, format: parquet}}
feature_transformers:
  - name: WindowAggregator
    params:
      keys: who
      timestamp_col: at
      features:
        - {function: sum, column: pade, windows: [7d]}
        - {function: sum, column: shop, windows: [7d]}
        - function: count
          windows: [7d]
          where:
            - {column: paid, op: gt, value: much}
        - {function: last, column: shop, windows: [7d]}
output_sink: {sink_type: display, config: {}}
"""
    Path("faulty.yaml").write_text(text)
    outcome = fpjob("validate", "faulty.yaml")
    assert outcome.status == 2
    for said in (
        "faulty.yaml:9: `feature_transformers[0].params.features[0].column`: column `pade` is missing in the source. Did you",
        "expected a numeric column as the column of `sum`, `shop` is string",
    ):
        assert said in outcome.stderr
    Path("faulty.yaml").write_text(text.replace("pade", "paid").replace("sum, column: shop", "count, column: shop"))
    outcome = fpjob("validate", "faulty.yaml")
    assert outcome.status == 2
    assert "faulty.yaml:14: " in outcome.stderr
    assert "column `paid` is decimal(12,2); expected a number, given `much`" in outcome.stderr
    assert "faulty.yaml:15: " in outcome.stderr
    assert "`last` needs an order of rows at one time; name a column in `order_by`" in outcome.stderr
