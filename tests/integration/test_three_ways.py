"""One job, three ways: `fpjob run`, plain `dbt build`, and `apply` on a DataFrame give the same rows of the bank data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from feature_platform_py import get_transformer
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.jobs.config import load_job_config
from feature_platform_py.runs.run import run_job
from feature_platform_py.warehouse.session import open_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FINANCIAL = Path("configs/jobs/sample_financial_features_job.yaml")
PROFILE = Path("configs/jobs/sample_customer_profile_job.yaml")
TRAINING = Path("configs/jobs/training_features_job.yaml")
PLAIN = ("--quiet", "--profiles-dir", "profiles", "--target-path", "target/plain")


@pytest.fixture(scope="module")
def session(module_project: Path) -> Iterator[SparkSession]:
    opened = open_project(module_project)
    yield open_session(opened.target.engine, opened.target.warehouse)


def assert_same(one: DataFrame, other: DataFrame) -> None:
    assert one.columns == other.columns
    assert [field.dataType for field in one.schema] == [field.dataType for field in other.schema]
    assert one.count() == other.count() > 0
    assert one.exceptAll(other).count() == other.exceptAll(one).count() == 0


def applied(session: SparkSession, job: Path) -> DataFrame:
    """The job's input with each of its transformers applied, as someone in a notebook does it."""
    config = load_job_config(job)
    rows = session.table(f"features.{config.job_name}__stg_job_input")
    for spec in config.feature_transformers:
        params: dict[str, Any] = spec.transformer.model_dump(mode="json")
        rows = get_transformer(spec.name, params).apply(rows)
    return rows


@pytest.mark.parametrize(
    ("job", "model"), [(FINANCIAL, "job_features"), (TRAINING, "job_features"), (PROFILE, "job_enriched")]
)
def test_a_job_has_the_same_rows_three_ways(module_project: Path, session: SparkSession, job: Path, model: str) -> None:
    from dbt.cli.main import dbtRunner

    project = open_project(module_project)
    plan = prepare_job(job, project)
    run_job(plan, project)
    table = f"features.{plan.job_name}__{model}"
    session.table(table).write.format("delta").save(str(module_project / "kept" / plan.job_name))
    by_run = session.read.format("delta").load(str(module_project / "kept" / plan.job_name))
    arguments = ["build", "--full-refresh", "--select", *map(plan.table_name, plan.models)]
    # dbt's unit tests are of the sample job.
    arguments += ["--exclude-resource-type", "unit_test"]
    outcome = dbtRunner().invoke([*arguments, *PLAIN])
    assert outcome.success, [f"{each.node.name}: {each.message}" for each in outcome.result if each.status != "success"]
    assert_same(session.table(table), by_run)
    assert_same(applied(session, job), by_run)


def test_the_customer_profile_is_a_model_of_its_own(module_project: Path, session: SparkSession) -> None:
    from dbt.cli.main import dbtRunner

    assert dbtRunner().invoke(["build", "--select", "customer_profile", *PLAIN]).success
    assert_same(
        session.table("features.customer_profile"),
        session.table("features.customer_profile_v1__job_enriched"),
    )
