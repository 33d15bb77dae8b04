"""What production reads is production's: another checkout that runs in an environment registers its own sources beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbt.cli.main import dbtRunner

from feature_platform_py.warehouse.session import close_warehouse, open_warehouse
from tests.conftest import copy_project, reword
from tests.integration.test_environments import call
from tests.integration.test_training_sets import SALES, SALES_CSV, SHOP

JOB = """\
job_name: {name}
input_source: {{source_type: spark, config: {{location: {location}, format: csv}}}}
feature_transformers:
  - {{name: UserMonthlyTransactionCounter, params: {{user_id_col: {user}, timestamp_col: {time}}}}}
output_sink: {{sink_type: display}}
"""
FILES = {
    "data/sales.csv": SALES_CSV,
    "data/plain.csv": "who,at\na,2024-01-02 10:00:00\n",
    "registry/entity/shop/shop.yaml": SHOP,
    "registry/source/shop/v1/sales_source.yaml": SALES.format(name="sales", more=""),
    "configs/jobs/known.yaml": JOB.format(name="known", location="data/sales.csv", user="shop_id", time="sold_at"),
    "configs/jobs/plain.yaml": JOB.format(name="plain", location="data/plain.csv", user="who", time="at"),
    # What a user's own SQL names is production's.
    "models/named.sql": "select count(*) as found from sources.sales",
}
PRODUCTION = len(SALES_CSV.splitlines()) - 1


def build(*names: str) -> None:
    """Build models as plain dbt does."""
    arguments = ["build", "--profiles-dir", "profiles", "--select", *names]
    found = dbtRunner().invoke(arguments)
    assert found.success, found.exception or [each.message for each in found.result]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Build two jobs in production, then in environments from a checkout that reads other files; return what was seen."""
    folder = copy_project(tmp_path_factory.mktemp("project") / "project")
    branch, warehouse = folder.with_name("branch"), folder / "warehouse"
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    shutil.copytree(folder, branch, symlinks=True)
    source = branch / "registry/source/shop/v1/sales_source.yaml"
    for path in (source, branch / "configs/jobs/known.yaml"):
        reword(path, "data/sales.csv", "data/branch.csv")
    (branch / "data/branch.csv").write_text("\n".join(SALES_CSV.splitlines()[:2]) + "\n")
    (branch / "data/plain.csv").write_text(FILES["data/plain.csv"] + "b,2024-01-03 10:00:00\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FP_WAREHOUSE", str(warehouse))
        patch.delenv("FP_SCHEMA", raising=False)
        patch.chdir(folder)
        assert call("registry", "sync").status == 0
        build("tag:known", "tag:plain")
        before = registered(warehouse)
        patch.chdir(branch)
        assert call("registry", "sync").status == 0
        outcome = call("run", "known", "--schema", "dev_anna")
        assert outcome.status == 0, outcome.stderr
        patch.setenv("FP_SCHEMA", "dev_ben")
        build("tag:known", "tag:plain", "named")
        close_warehouse("sail", warehouse)
        yield {"before": before, "after": registered(warehouse), "warehouse": warehouse}
        close_warehouse("sail", warehouse)


def registered(warehouse: Path) -> dict[str, dict[str, str]]:
    """The definitions of the sources in the catalog file, by schema and name."""
    found: dict[str, dict[str, str]] = {}
    for each in json.loads((warehouse / "catalog.json").read_text())["relations"]:
        if each["kind"] == "source":
            found.setdefault(each["schema"], {})[each["name"]] = each["sql"]
    return found


def test_runs_in_environments_leave_what_production_has_registered(story: dict[str, Any]) -> None:
    assert story["before"].keys() == {"sources"}
    assert story["before"]["sources"].keys() == {"sales", "plain__input"}
    assert story["after"]["sources"] == story["before"]["sources"]


def test_each_environment_has_sources_of_its_own_by_commands_and_by_plain_dbt(story: dict[str, Any]) -> None:
    there = {schema: set(found) for schema, found in story["after"].items()}
    assert there == {
        "sources": {"sales", "plain__input"},
        "sources__dev_anna": {"sales"},
        "sources__dev_ben": {"sales", "plain__input"},
    }
    assert story["after"]["sources__dev_anna"]["sales"] != story["after"]["sources"]["sales"]


def test_a_new_session_reads_each_sides_own_rows(story: dict[str, Any]) -> None:
    spark = open_warehouse("sail", story["warehouse"]).spark

    def count(name: str) -> int:
        return spark.table(name).count()

    schemas = ("features", "dev_anna", "dev_ben")
    assert [count(f"{schema}.known__stg_job_input") for schema in schemas] == [PRODUCTION, 1, 1]
    assert [count(f"{schema}.plain__stg_job_input") for schema in ("features", "dev_ben")] == [1, 2]


def test_sql_that_names_the_schema_of_sources_reads_productions(story: dict[str, Any]) -> None:
    spark = open_warehouse("sail", story["warehouse"]).spark
    assert spark.table("dev_ben.named").first()["found"] == PRODUCTION
