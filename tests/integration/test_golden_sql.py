"""The SQL that each public macro gives, kept in tests/golden/ so that a change of it is seen in review."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from tests.compiled import compile_job
from tests.conftest import ROOT, Fpjob

GOLDEN = ROOT / "tests" / "golden"
SOURCE = pyarrow.table(
    {
        "user_id": pyarrow.array([1], pyarrow.int64()),
        "timestamp": pyarrow.array([datetime(2024, 1, 1)], pyarrow.timestamp("us", "UTC")),
        "amount": pyarrow.array([Decimal("1.00")], pyarrow.decimal128(12, 2)),
        "fee": pyarrow.array([1.0], pyarrow.float64()),
        "category": pyarrow.array(["a"], pyarrow.string()),
    }
)
KEYS = {"user_id_col": "user_id", "timestamp_col": "timestamp"}
CATEGORIES = {"amount_col": "amount", "category_col": "category", "target_category_value": ["it's", "food & drink"]}

JOBS: dict[str, list[dict[str, Any]]] = {
    "whole": [
        {"name": "UserSpendAggregator", "params": {**KEYS, "amount_col": "amount", "window_days": [7, 30]}},
        {"name": "UserMonthlyTransactionCounter", "params": KEYS},
        {"name": "UserCategoricalSpendAggregator", "params": {"user_id_col": "user_id", **CATEGORIES}},
    ],
    "as_of": [
        {"name": "UserSpendAggregator", "params": {**KEYS, "amount_col": "fee"}},
        {"name": "UserMonthlyTransactionCounter", "params": {**KEYS, "as_of": "event_time"}},
        {"name": "UserCategoricalSpendAggregator", "params": {**KEYS, **CATEGORIES, "as_of": "event_time"}},
    ],
    "windows": [
        {
            "name": "WindowAggregator",
            "params": {
                "keys": ["user_id", "category"],
                "timestamp_col": "timestamp",
                "time_zone": "Europe/Prague",
                "features": [
                    {"function": "sum", "column": "amount", "windows": ["7d", "30d offset 7d", "month"]},
                    {"function": "avg", "column": "amount", "windows": ["7d"]},
                    {"function": "count", "windows": ["7d", "previous month"], "closed": "left"},
                    {
                        "function": "sum",
                        "column": "fee",
                        "windows": ["7d"],
                        "where": [{"column": "category", "op": "equals", "value": "it's"}],
                        "fill_value": 0,
                    },
                    {"function": "stddev", "column": "amount", "windows": ["7d"]},
                    {"function": "count_distinct", "column": "amount", "windows": ["7d", "month"]},
                    {"function": "max", "column": "fee", "windows": ["7d", "month"]},
                    {"function": "min", "column": "amount", "windows": ["7d", "month"]},
                    {"function": "last", "column": "amount", "windows": ["7d", "lifetime"], "order_by": "fee"},
                    {"function": "last_k", "column": "amount", "windows": ["7d"], "k": 3, "order_by": "fee"},
                    {"function": "seconds_since_first", "windows": ["7d"]},
                ],
            },
        },
    ],
    "several_sets": [
        {"name": "UserSpendAggregator", "params": {**KEYS, "amount_col": "amount", "window_days": 1}},
        {"name": "UserSpendAggregator", "params": {**KEYS, "amount_col": "fee", "window_days": 2}},
    ],
}
INCREMENTAL_JOB = """
job_name: incremental
description: Rows of three months, of which one goes and another comes.
input_source: {source_type: spark, config: {location: rows.parquet, format: parquet}}
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: user_id, timestamp_col: timestamp, amount_col: amount}}
  - name: UserCategoricalSpendAggregator
    params:
      user_id_col: user_id
      timestamp_col: timestamp
      amount_col: amount
      category_col: category
      target_category_value: a
      as_of: event_time
output_sink: {sink_type: display, config: {}}
"""
SPEND = "incremental__user_spend"
FILTERS = [
    {"column": "category", "op": "not_in", "value": ["a$b", "c\\d"]},
    {"column": "amount", "op": "gt", "value": 10.125},
    {"column": "timestamp", "op": "lt", "value": "2024-06-30 12:00:00"},
    {"column": "fee", "op": "is_not_null"},
]


@pytest.mark.parametrize("name", JOBS)
def test_compiled_sql_is_as_kept(module_project: Path, request: pytest.FixtureRequest, name: str) -> None:
    location = {"location": str(module_project / f"{name}.parquet"), "format": "parquet"}
    filters = {"filters": FILTERS} if name == "whole" else {}
    job = {
        "job_name": name,
        "feature_transformers": JOBS[name],
        "input_source": {"source_type": "spark", "config": location, **filters},
    }
    compiled = compile_job(module_project, job, SOURCE)
    for model, sql in compiled.sql.items():
        check(request, GOLDEN / name / f"{model}.sql", sql)


def test_sql_of_an_incremental_run_is_as_kept(project: Path, fpjob: Fpjob, request: pytest.FixtureRequest) -> None:
    rows = SOURCE.to_pylist()
    for months in ([1, 2, 5], [1, 2, 6]):
        table = [{**rows[0], "timestamp": datetime(2024, month, 1)} for month in months]
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table, SOURCE.schema), project / "rows.parquet")
        (project / "job.yaml").write_text(INCREMENTAL_JOB)
        assert fpjob("run", "job.yaml").status == 0
    log = (project / "logs" / "incremental" / "dbt.log").read_text()
    for name in ("user_spend", "user_categorical_spend"):
        [model] = (project / "target/jobs/incremental/compiled").rglob(f"incremental__{name}.sql")
        check(request, GOLDEN / "incremental" / f"{name}.sql", model.read_text())
    check(request, GOLDEN / "incremental" / "changed_periods.sql", statement(log, "changed_before as (", SPEND))
    check(request, GOLDEN / "incremental" / "replace_partitions.sql", statement(log, "replace where", SPEND))
    check(request, GOLDEN / "incremental" / "unique_grain_of_periods.sql", statement(log, "looked_at as (", SPEND))


def test_sql_of_the_rules_of_the_registry_is_as_kept(
    project: Path, fpjob: Fpjob, request: pytest.FixtureRequest
) -> None:
    assert fpjob("run", "configs/jobs/sample_financial_features_job.yaml").status == 0
    [compiled] = (project / "target/jobs").rglob(
        "compiled/**/registry_rules_financial_features_extraction_v1__stg_job_input.sql"
    )
    check(request, GOLDEN / "quality" / "registry_rules.sql", compiled.read_text())


def check(request: pytest.FixtureRequest, kept: Path, sql: str) -> None:
    """The SQL is what the file keeps, or becomes it where that is asked for."""
    if request.config.getoption("--update-golden"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(sql.strip() + "\n")
    assert kept.read_text() == sql.strip() + "\n", f"{kept} differs; if that is meant, use --update-golden"


def statement(log: str, *parts: str) -> str:
    """The last statement in dbt's log with all of these parts, without dbt's comment."""
    found = re.findall(r"^\d\d:\d\d:\S+ [^\n]*\n?/\* .*? \*/\n(.*?)(?=^\d\d:\d\d:)", log, re.DOTALL | re.MULTILINE)
    return [text for text in found if all(part in text for part in parts)][-1]
