"""The SQL that each public macro gives, kept in tests/golden/ so that a change of it is seen in review."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from tests.compiled import compile_job
from tests.conftest import ROOT

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
    "several_sets": [
        {"name": "UserSpendAggregator", "params": {**KEYS, "amount_col": "amount", "window_days": 1}},
        {"name": "UserSpendAggregator", "params": {**KEYS, "amount_col": "fee", "window_days": 2}},
    ],
}
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
        kept = GOLDEN / name / f"{model}.sql"
        if request.config.getoption("--update-golden"):
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(sql.strip() + "\n")
        assert kept.read_text() == sql.strip() + "\n", f"{kept} differs; if that is meant, use --update-golden"
