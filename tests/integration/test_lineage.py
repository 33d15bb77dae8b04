"""`fpjob lineage` on the project: from the columns of the source to the jobs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Fpjob

FEATURE = "user_spend.user_30d_total_spend"


def test_a_feature_is_made_of_source_columns_and_goes_into_jobs(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("lineage", FEATURE, "--job", "configs/jobs/sample_financial_features_job.yaml")
    assert outcome.status == 0, outcome.stderr
    lines = [line.split() for line in outcome.stdout.splitlines()]
    expected = """
user_spend.user_30d_total_spend

made of
├─ stg_job_input.amount                     value, condition
│  └─ transaction.mm_transaction.amount     value
├─ stg_job_input.timestamp                  order key, filter, join key
│  └─ transaction.mm_transaction.timestamp  value
└─ stg_job_input.user_id                    partition key, filter
   └─ transaction.mm_transaction.user_id    value

goes into
└─ job_features.user_30d_total_spend        value
   └─ job financial_features_extraction_v1  value
"""
    assert lines == [line.split() for line in expected.strip().splitlines()]
    assert not (project / "warehouse" / "features").exists()


def test_a_source_column_goes_into_all_jobs_that_read_it(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("lineage", "transaction.mm_transaction.category", "--format", "json")
    graph = json.loads(outcome.stdout)
    jobs = {node["relation"] for node in graph["nodes"] if node["kind"] == "job"}
    assert jobs == {"financial_features_extraction_v1", "training_features_v1"}
    to_spend = {"from": "stg_job_input.category", "to": "user_categorical_spend.user_total_spend_insurance_payment"}
    assert to_spend | {"uses": ["condition"]} in graph["edges"]


def test_an_unknown_column_names_the_near_one(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("lineage", "user_spend.user_30d_spend")
    assert outcome.status == 2
    assert "column `user_spend.user_30d_spend` is unknown. Did you mean `user_spend.user_30d_" in outcome.stderr
