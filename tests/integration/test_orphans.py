"""`fpjob list --orphans`, `prune` and `drop`: tables of jobs that are gone, of features that a job no longer has, and of a job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feature_platform_py.core.project import open_project
from feature_platform_py.jobs.last_run import record_run
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import open_warehouse
from tests.conftest import Fpjob, reword

JOB = Path("configs/jobs/shop.yaml")
_SPEND = "  - {name: UserSpendAggregator, params: {user_id_col: who, timestamp_col: at, amount_col: paid}}\n"
_TEXT = f"""\
job_name: shop
input_source: {{source_type: spark, config: {{location: shop.csv, format: csv}}}}
feature_transformers:
{_SPEND}  - {{name: UserMonthlyTransactionCounter, params: {{user_id_col: who, timestamp_col: at}}}}
output_sink: {{sink_type: overwrite_parquet, config: {{path: output/shop}}}}
"""


def orphans(fpjob: Fpjob) -> dict[str, bool]:
    """The names of the relations without a job, and whether their job is still there."""
    listed = json.loads(fpjob("list", "--orphans", "--format", "json").stdout)
    return {each["name"]: each["is_owner_there"] for each in listed}


@pytest.fixture
def shop(project: Path, fpjob: Fpjob) -> Path:
    Path("shop.csv").write_text("who,at,paid\nanna,2024-01-01 10:00:00,10.50\n")
    JOB.write_text(_TEXT)
    outcome = fpjob("run", "shop")
    assert outcome.status == 0, outcome.stderr
    return project


def test_tables_without_a_job_are_listed_and_dropped_and_others_stay(shop: Path, fpjob: Fpjob) -> None:
    target = open_project().target
    warehouse = open_warehouse(target.engine, target.warehouse)
    for own in ("mine__input", "mine", "free"):
        warehouse.write_table(TableName("features", own), warehouse.spark.sql("select 1 as one"))
    Path("models/mine__input.sql").write_text("select 1 as one\n")
    Path("models/mine.sql").write_text("select 1 as one\n")
    assert orphans(fpjob) == {}

    unknown = fpjob("drop", "shpo")
    assert (unknown.status, "Did you mean `shop`?" in unknown.stderr) == (2, True)
    assert fpjob("drop", "shop", "--yes").status == 0
    assert set(warehouse.relations("features")) == {"mine__input", "mine", "free"}
    assert "2 of 2 feature tables computed" in fpjob("run", "shop").stderr.splitlines()[-1]

    reword(JOB, _SPEND, "")
    assert fpjob("registry", "sync").status == 0
    assert orphans(fpjob) == {"shop__user_spend": True}

    JOB.unlink()
    names = {"shop__job_features", "shop__stg_job_input", "shop__user_monthly_transactions", "shop__user_spend"}
    assert set(orphans(fpjob)) == names
    assert not any(orphans(fpjob).values())
    dry = fpjob("prune", "--dry-run")
    assert dry.stdout.splitlines()[-1].startswith("2 tables and 2 views of ")
    assert dry.stdout.splitlines()[-1].endswith(" would be dropped")
    unasked = fpjob("prune")
    assert (unasked.status, "expected `--yes`" in unasked.stderr) == (2, True)
    assert set(orphans(fpjob)) == names

    assert fpjob("prune", "--yes").status == 0
    assert orphans(fpjob) == {}
    assert set(warehouse.relations("features")) == {"mine__input", "mine", "free"}
    assert not (target.warehouse / "features" / "shop__user_spend").exists()
    assert Path("output/shop").is_dir(), "a sink is what others read"


def test_a_job_elsewhere_is_known_by_its_last_run(shop: Path, fpjob: Fpjob) -> None:
    JOB.rename("shop.yaml")
    record_run(open_project(), "shop", [], job_file=Path("shop.yaml"))
    assert orphans(fpjob) == {}
    Path("shop.yaml").unlink()
    assert "shop__user_spend" in orphans(fpjob)


def test_nothing_is_an_orphan_while_a_job_cannot_be_read(project: Path, fpjob: Fpjob) -> None:
    JOB.write_text("job_name: [\n")
    for command in (["list", "--orphans"], ["prune", "--yes"]):
        outcome = fpjob(*command)
        assert (outcome.status, "configs/jobs/shop.yaml" in outcome.stderr) == (2, True)


def test_tables_of_a_feature_group_are_its_own_while_it_is_there(project: Path, fpjob: Fpjob) -> None:
    target = open_project().target
    warehouse = open_warehouse(target.engine, target.warehouse)
    for name in ("customer_spend", "customer_spend__input", "customer_spend__daily"):
        warehouse.write_table(TableName("features", name), warehouse.spark.sql("select 1 as one"))
    assert orphans(fpjob) == {"customer_spend__daily": True}
    Path("registry/feature/customer_spend.yaml").unlink()
    assert orphans(fpjob) == dict.fromkeys(("customer_spend", "customer_spend__daily", "customer_spend__input"), False)
