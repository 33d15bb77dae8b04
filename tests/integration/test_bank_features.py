"""Every feature of all 49,102 bank transactions equals a brute force over the definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.dataset
import pytest
import yaml

from tests.conftest import ROOT, Fpjob
from tests.oracle.brute_force import BANK_COLUMNS, expected_rows, read_csv
from tests.oracle.compare import differences

TARGETS = ["household payment", "interest credited", "old-age pension", "sanction interest"]


def _transformers(as_of: dict[str, str]) -> list[dict[str, Any]]:
    user_and_time = {"user_id_col": "user_id", "timestamp_col": "timestamp"}
    return [
        {
            "name": "UserSpendAggregator",
            "params": {**user_and_time, "amount_col": "amount", "window_days": [1, 7, 30, 365]},
        },
        {"name": "UserMonthlyTransactionCounter", "params": {**user_and_time, **as_of}},
        {
            "name": "UserCategoricalSpendAggregator",
            "params": {
                **user_and_time,
                "amount_col": "amount",
                "category_col": "category",
                "target_category_value": TARGETS,
                **as_of,
            },
        },
    ]


@pytest.mark.parametrize("as_of", [{}, {"as_of": "event_time"}], ids=["whole", "as_of"])
def test_a_parquet_sink_holds_the_brute_forces_rows(project: Path, fpjob: Fpjob, as_of: dict[str, str]) -> None:
    transformers = _transformers(as_of)
    job = {
        "job_name": "bank",
        "description": "all transformers on all of the bank data",
        "input_source": {"source_type": "databricks_spark", "config": {"location": "jupiter.mm.fact_mm_transaction"}},
        "feature_transformers": transformers,
        "output_sink": {"sink_type": "overwrite_parquet", "config": {"path": "output/bank"}},
    }
    Path("bank.yaml").write_text(yaml.safe_dump(job))
    outcome = fpjob("run", "bank.yaml")
    assert outcome.status == 0, outcome.stderr

    expected = expected_rows(read_csv(ROOT / "data/bank/transactions.csv", BANK_COLUMNS), transformers)
    actual = pyarrow.dataset.dataset("output/bank").to_table().to_pylist()
    assert len(actual) == 49102
    assert differences(actual, expected, identified_by=["transaction_id"]) == []
