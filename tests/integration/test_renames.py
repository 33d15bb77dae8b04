"""`was:` in the file of a job or a feature group that has another name now: its tables get the name too, and stay valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from feature_platform_py.core.project import open_project
from feature_platform_py.jobs.run_history import past_runs
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import open_warehouse
from tests.conftest import Fpjob, reword

JOB = Path("configs/jobs/shop.yaml")
_TEXT = """\
job_name: shop
input_source: {source_type: spark, config: {location: shop.csv, format: csv}}
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: who, timestamp_col: at, amount_col: paid}}
  - {name: UserMonthlyTransactionCounter, params: {user_id_col: who, timestamp_col: at}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/shop}}
"""


def relations() -> set[str]:
    """The names of the relations in the schema of the features."""
    target = open_project().target
    return set(open_warehouse(target.engine, target.warehouse).relations("features"))


def notes() -> set[str]:
    """The names of the files that runs keep in the warehouse, beside the locks."""
    return {path.name for path in open_project().notes.glob("*.json")}


def orphans(fpjob: Fpjob) -> set[str]:
    return {each["name"] for each in json.loads(fpjob("list", "--orphans", "--format", "json").stdout)}


@pytest.fixture(scope="module")
def shop(module_project: Path) -> Path:
    """A job without tables; each test goes on where the one before it ended."""
    Path("shop.csv").write_text("who,at,paid\nanna,2024-01-01 10:00:00,10.50\n")
    JOB.write_text(_TEXT)
    return module_project


def run(fpjob: Fpjob, job: str) -> tuple[dict[str, Any], str]:
    """What a run reports, and what it prints beside that."""
    outcome = fpjob("run", job, "--format", "json")
    assert outcome.status == 0, outcome.stderr
    return json.loads(outcome.stdout), outcome.stderr


def actions(told: dict[str, Any]) -> set[str]:
    return {each["work"]["action"] for each in told["models"] if "work" in each}


def test_a_renamed_job_computes_nothing_and_keeps_all_that_it_had(shop: Path, fpjob: Fpjob) -> None:
    run(fpjob, "shop")
    before, kept = relations(), notes()
    reword(JOB, "job_name: shop\n", "job_name: shop__two\nwas: shop\n")
    assert orphans(fpjob) == set()
    planned = fpjob("plan", "shop__two")
    assert "  moves   features.shop__user_spend to features.shop__two__user_spend\n" in planned.stdout
    assert planned.stderr.splitlines()[-1].endswith(": models/jobs/shop__two, models/jobs/shop")
    assert [line.split()[1] for line in planned.stdout.splitlines()[-2:]] == ["nothing", "nothing"]
    assert relations() == before

    # What a run that was killed after the first table leaves.
    warehouse = open_project().target.warehouse
    (warehouse / "features/shop__user_spend").rename(warehouse / "features/shop__two__user_spend")
    # And what one leaves that began without `was` and was killed before its first commit.
    uncommitted = warehouse / "features/shop__two__user_monthly_transactions/period_start=2024-01-01/left.parquet"
    uncommitted.parent.mkdir(parents=True)
    uncommitted.write_text("half of it")
    told, printed = run(fpjob, "shop__two")
    assert actions(told) == {"skip"}
    assert told["sink"]["why_left"] is not None
    moved = "  moved   features.shop__user_monthly_transactions to features.shop__two__user_monthly_transactions"
    assert [line for line in printed.splitlines() if "moved" in line] == [moved]

    def renamed(names: set[str]) -> set[str]:
        return {name.replace("shop", "shop__two") for name in names}

    assert relations() == renamed(before)
    assert not uncommitted.exists()
    assert notes() == renamed(kept)
    assert len(past_runs(open_project(), "shop__two")) == 2
    assert not Path("target/jobs/shop").exists()
    assert not Path("models/jobs/shop").exists()


def test_tables_that_may_be_wrong_are_not_trusted_under_the_new_name(shop: Path, fpjob: Fpjob) -> None:
    (open_project().notes / "shop__two.unproved.json").write_text('["another state"]')
    reword(JOB, "job_name: shop__two\nwas: shop\n", "job_name: store\nwas: [shop, shop__two]\n")
    assert actions(run(fpjob, "store")[0]) == {"rebuild"}


def test_a_table_that_has_the_new_name_counts_and_prune_drops_the_old_one(shop: Path, fpjob: Fpjob) -> None:
    target = open_project().target
    warehouse = open_warehouse(target.engine, target.warehouse)
    warehouse.write_table(TableName("features", "shop__user_spend"), warehouse.spark.sql("select 1 as one"))
    warned = (
        "  warning: features.store__user_spend exists, so features.shop__user_spend is not moved there; `fpjob prune`"
    )
    told, printed = run(fpjob, "store")
    assert (actions(told), warned in printed) == ({"skip"}, True)
    assert orphans(fpjob) == {"shop__user_spend"}
    assert fpjob("prune", "--yes").status == 0
    assert orphans(fpjob) == set()


@pytest.mark.parametrize(
    ("was", "message"),
    [
        ("store", "configs/jobs/shop.yaml:2: `was`: `store` exists still; expected a name that the job had before"),
        ("../x", "configs/jobs/shop.yaml:2: `was`: expected at most 60 characters: a letter a-z"),
        ("customer_spend", "`was`: `customer_spend` exists still"),
        ("training_features_v1", "`was`: the job `training_features_v1` exists still, in `configs/jobs/"),
        (
            "other",
            "`other` exists still, in `configs/jobs/other.yaml`; rename in two steps: give `other` its former name `older` again and"
            " have a run move the tables to `store`; then remove `was: other` and rename `older`",
        ),
        (
            "[old, older]",
            "`was`: `older` is in `was` of `configs/jobs/other.yaml` too; only one job can have its tables",
        ),
    ],
)
def test_a_former_name_is_nobody_elses(shop: Path, fpjob: Fpjob, was: str, message: str) -> None:
    JOB.write_text(_TEXT.replace("job_name: shop\n", f"job_name: store\nwas: {was}\n"))
    JOB.with_name("other.yaml").write_text(_TEXT.replace("job_name: shop\n", "job_name: other\nwas: older\n"))
    outcome = fpjob("validate", JOB)
    assert (outcome.status, message in outcome.stderr) == (2, True), outcome.stderr


def test_a_former_name_of_a_group_is_nobody_elses(shop: Path, fpjob: Fpjob) -> None:
    file = Path("registry/feature/customer_spend.yaml")
    text = file.read_text()
    file.write_text(text.replace("name: customer_spend\n", "name: customer_spend\nwas: [customer_activity, gone]\n"))
    file.with_name("twin.yaml").write_text(text.replace("name: customer_spend\n", "name: twin\nwas: gone\n"))
    outcome = fpjob("registry", "validate")
    for message in (
        "`was`: the feature group `customer_activity` exists; remove one of them",
        "`was`: `gone` is in `was` of `twin` too; only one group can have its tables",
    ):
        assert (outcome.status, message in outcome.stderr) == (2, True), outcome.stderr
    file.with_name("twin.yaml").unlink()

    # Its files do not know the jobs.
    file.write_text(text.replace("name: customer_spend\n", "name: customer_spend\nwas: training_features_v1\n"))
    outcome = fpjob("plan", "customer_spend")
    message = f"{file}: `was`: `training_features_v1` exists still; remove one of them"
    assert (outcome.status, message in outcome.stderr) == (2, True), outcome.stderr
