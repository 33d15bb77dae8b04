"""`fpjob lineage` on the project: from the columns of the source to the jobs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Fpjob

FEATURE = "user_spend.user_30d_total_spend"


def test_a_feature_is_made_of_source_columns_and_goes_into_jobs(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("lineage", FEATURE, "--all", "--job", "configs/jobs/sample_financial_features_job.yaml")
    assert outcome.status == 0, outcome.stderr
    lines = [line.split() for line in outcome.stdout.splitlines()]
    expected = """
financial_features_extraction_v1__user_spend.user_30d_total_spend

made of
├─ financial_features_extraction_v1__stg_job_input.amount     value, condition
│  └─ transaction.mm_transaction.amount     value
├─ financial_features_extraction_v1__stg_job_input.timestamp  order key, filter, join key
│  └─ transaction.mm_transaction.timestamp  value
└─ financial_features_extraction_v1__stg_job_input.user_id    partition key, filter
   └─ transaction.mm_transaction.user_id    value

goes into
└─ financial_features_extraction_v1__job_features.user_30d_total_spend  value
   └─ job financial_features_extraction_v1  value
"""
    assert lines == [line.split() for line in expected.strip().splitlines()]
    assert not (project / "warehouse" / "features").exists()


def test_a_source_column_goes_into_all_jobs_that_read_it(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("lineage", "transaction.mm_transaction.category", "--format", "json")
    graph = json.loads(outcome.stdout)
    jobs = {node["relation"] for node in graph["nodes"] if node["kind"] == "job"}
    assert jobs == {"customer_features_v1", "financial_features_extraction_v1", "training_features_v1"}
    job = "training_features_v1__"
    to_spend = {
        "from": f"{job}stg_job_input.category",
        "to": f"{job}user_categorical_spend.user_total_spend_insurance_payment",
    }
    assert to_spend | {"uses": ["condition"]} in graph["edges"]


def test_a_table_without_its_job_is_that_of_each_job(project: Path, fpjob: Fpjob) -> None:
    lines = fpjob("lineage", FEATURE).stdout.splitlines()
    jobs = ("financial_features_extraction_v1", "training_features_v1")
    assert [line for line in lines if line.endswith(f"__{FEATURE}")] == [f"{job}__{FEATURE}" for job in jobs]
    refused = fpjob("lineage", FEATURE, "--format", "openlineage")
    assert refused.status == 2
    assert f"`{FEATURE}` is a column of several tables; expected one of `{jobs[0]}__{FEATURE}`" in refused.stderr


def test_an_unknown_column_names_the_near_one(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("lineage", "user_spend.user_30d_spend")
    assert outcome.status == 2
    assert "column `user_spend.user_30d_spend` is unknown. Did you mean `user_spend.user_30d_" in outcome.stderr
