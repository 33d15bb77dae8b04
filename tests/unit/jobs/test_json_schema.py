"""The published JSON Schema says what the code accepts."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from feature_platform_py.jobs.schema import job_json_schema, json_schema_text
from tests.unit.jobs.jobs import GOOD_JOB, ROOT

JOBS = sorted((ROOT / "configs" / "jobs").glob("*.yaml"))


def is_valid(text: str) -> bool:
    document: Any = yaml.safe_load(text)
    return Draft202012Validator(job_json_schema()).is_valid(document)


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = (ROOT / "configs" / "job.schema.json").read_text(encoding="utf-8")
    assert published == json_schema_text(), "write json_schema_text() to configs/job.schema.json"


def test_it_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(job_json_schema())


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_jobs_of_the_project_are_valid(path) -> None:
    assert is_valid(path.read_text(encoding="utf-8"))


def test_the_good_job_is_valid() -> None:
    assert is_valid(GOOD_JOB)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("job_name: spend", "job_name: Spend"),
        ("description:", "descripton:"),
        ("databricks_spark", "databricks_sparc"),
        ("format: delta", "format: dleta"),
        ("op: equals", "op: equal"),
        ("UserSpendAggregator", "UserSpendAgregator"),
        ("window_days: 30", "window_days: 0"),
        ("window_days: 30", "window_day: 30"),
        ("      timestamp_col: timestamp\n", ""),
        ("overwrite_parquet", "overwrite_parqet"),
        ("path: output/features", "path: x\n    mode: append"),
        ("path: output/features", "num_rows: 3"),
    ],
)
def test_an_editor_marks_what_the_code_refuses(old: str, new: str) -> None:
    assert not is_valid(GOOD_JOB.replace(old, new))
