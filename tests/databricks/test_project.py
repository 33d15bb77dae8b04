"""The project on the target `databricks`: unmodified dbt-databricks and connector, and the SQL that they send."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from feature_platform_py import Job, features_at
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.runs.run import run_job
from feature_platform_py.sources.resolve import ResolvedSource
from feature_platform_py.targets import Backend, backend_of
from tests.conftest import Fpjob
from tests.databricks.workspace import Workspace

FINANCIAL = "configs/jobs/sample_financial_features_job.yaml"
TRAINING = "configs/jobs/training_features_job.yaml"
OF_GROUPS = "configs/jobs/customer_features_job.yaml"
PROFILE = "configs/jobs/sample_customer_profile_job.yaml"
TARGET = ("--target", "databricks")
SPEND = "`main`.`features`.`financial_features_extraction_v1__user_spend`"
PAYMENTS = """\
job_name: payments
input_source:
  source_type: spark
  config: {location: main.shop.payments}
feature_transformers:
  - name: UserSpendAggregator
    params: {user_id_col: buyer, timestamp_col: paid_at, amount_col: amount, window_days: 7}
output_sink:
  sink_type: overwrite_delta
  config: {path: main.shop.spend}
"""
TAGS = "('owner' = 'data-platform', 'feature_tags' = 'spend window')"
WRITES = re.compile(r"(create or replace table|create table|insert|merge|delete|update|truncate|drop)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def plans(workspace: Workspace, module_project: Path) -> dict[str, JobPlan]:
    project = open_project(module_project, target="databricks")
    return {path: prepare_job(module_project / path, project) for path in (FINANCIAL, TRAINING, OF_GROUPS, PROFILE)}


@pytest.fixture(scope="module")
def built(workspace: Workspace, module_project: Path) -> JobPlan:
    """The financial job, which has run once."""
    project = open_project(module_project, target="databricks")
    plan = prepare_job(module_project / FINANCIAL, project)
    run_job(plan, project)
    return plan


def rows_and_types(backend: Backend, plan: JobPlan) -> tuple[object, list[tuple[object, ...]]]:
    name = f"features.{plan.table_name(plan.output_model)}"
    rows = backend.query(f"select * from {backend.sql_name(name)}").values
    return list(backend.columns(name)), sorted(rows, key=lambda row: row[0])


@pytest.mark.parametrize("job", [FINANCIAL, TRAINING, OF_GROUPS, PROFILE])
def test_a_job_has_the_rows_and_types_that_it_has_on_local(
    job: str, plans: dict[str, JobPlan], module_project: Path, fpjob: Fpjob
) -> None:
    for target in ("local", "databricks"):
        outcome = fpjob("run", job, "--target", target)
        assert outcome.status == 0, outcome.stderr
        assert "warning" not in outcome.stderr
    local, databricks = (backend_of(open_project(module_project, target=name)) for name in ("local", "databricks"))
    assert rows_and_types(databricks, plans[job]) == rows_and_types(local, plans[job])


def test_a_second_run_computes_and_commits_nothing(workspace: Workspace, built: JobPlan, fpjob: Fpjob) -> None:
    workspace.forget()
    outcome = fpjob("run", FINANCIAL, *TARGET)
    assert outcome.status == 0, outcome.stderr
    assert outcome.stderr.count("nothing new") == 3
    assert [each for each in workspace.sent if WRITES.match(each)] == []


def test_a_full_refresh_creates_clustered_tables_with_keys_comments_and_tags(
    workspace: Workspace, fpjob: Fpjob
) -> None:
    workspace.forget()
    assert fpjob("run", FINANCIAL, "--full-refresh", *TARGET).status == 0
    [created] = [each for each in workspace.sent if each.startswith(f"create or replace table {SPEND}")]
    assert "using delta CLUSTER BY (period_start, `user_id`) comment 'Grain: (customer, event time)." in created
    about_spend = [each for each in workspace.sent if each.startswith(f"alter table {SPEND}")]
    assert about_spend == [
        f"alter table {SPEND} alter column `user_id` set not null",
        f"alter table {SPEND} alter column `timestamp` set not null",
        f"alter table {SPEND} add constraint `financial_features_extraction_v1__user_spend_key`"
        " primary key (`user_id`, `timestamp` timeseries)",
        f"alter table {SPEND} set tags ('entity' = 'customer', 'feature_group' = 'user_spend')",
        f"alter table {SPEND} alter column `user_30d_total_spend` set tags {TAGS}",
        f"alter table {SPEND} alter column `user_30d_avg_spend` set tags {TAGS}",
    ]
    keys = [each.rpartition("primary key ")[2] for each in workspace.sent if " add constraint " in each]
    assert sorted(keys) == ["(`user_id`)", "(`user_id`, `timestamp` timeseries)", "(`user_id`, `year_month`)"]


def test_changed_months_are_replaced_in_one_statement(
    workspace: Workspace, built: JobPlan, module_project: Path, fpjob: Fpjob
) -> None:
    lines = (module_project / "data" / "bank" / "transactions.csv").read_text().splitlines()
    changed = module_project / "transactions.csv"
    changed.write_text("\n".join(line for line in lines if not line.startswith("276,")))
    workspace.lakehouse.load("fact_mm_transaction", changed, list(built.columns))
    planned = fpjob("plan", FINANCIAL, *TARGET)
    assert "2 of 15 months" in planned.stdout, planned.stderr
    workspace.forget()
    outcome = fpjob("run", FINANCIAL, *TARGET)
    workspace.load_sources(module_project)
    assert outcome.status == 0, outcome.stderr
    [replaced] = [each for each in workspace.sent if each.startswith(f"insert into {SPEND}")]
    assert replaced.startswith(
        f"insert into {SPEND} replace where period_start in (date '1993-02-01', date '1993-03-01')"
        " select `user_id`, `timestamp`, `user_30d_total_spend`, `user_30d_avg_spend`, "
    )
    assert replaced.endswith(" from `financial_features_extraction_v1__user_spend__dbt_tmp`")


def test_a_python_model_is_a_notebook_on_serverless_compute_with_the_package(
    workspace: Workspace, fpjob: Fpjob
) -> None:
    assert fpjob("run", PROFILE, *TARGET).status == 0
    [path] = [each for each in workspace.lakehouse.notebooks if each.endswith("customer_profile_v1__job_enriched")]
    assert path.startswith("/Users/someone@example.com/dbt_python_models/main/features/")
    submitted = workspace.lakehouse.submitted[-1]
    assert submitted["environments"][0]["spec"]["dependencies"] == ["feature-platform"]
    assert submitted["tasks"][0]["environment_key"] == "default"


def test_a_python_model_of_its_own_is_a_table_of_the_workspace(workspace: Workspace, module_project: Path) -> None:
    from dbt.cli.main import dbtRunner

    places = ["--project-dir", str(module_project), "--profiles-dir", str(module_project / "profiles"), *TARGET]
    result = dbtRunner().invoke(["--quiet", "--log-level", "none", "build", "--select", "customer_profile", *places])
    assert result.success, result.exception or result.result
    found = backend_of(open_project(module_project, target="databricks"))
    assert ("age", "int") in found.columns("features.customer_profile")


def test_plain_dbt_builds_the_tag_and_its_docs(workspace: Workspace, module_project: Path) -> None:
    from dbt.cli.main import dbtRunner

    places = ["--project-dir", str(module_project), "--profiles-dir", str(module_project / "profiles"), *TARGET]
    quiet = ["--quiet", "--log-level", "none"]
    for command in (["build", "--select", "tag:financial"], ["docs", "generate"]):
        result = dbtRunner().invoke([*quiet, *command, *places])
        assert result.success, result.exception or result.result
    catalog = (module_project / "target" / "catalog.json").read_text()
    assert '"main"' in catalog
    assert "user_30d_total_spend" in catalog


def test_the_catalogue_profiles_the_tables_of_the_workspace(built: JobPlan, fpjob: Fpjob) -> None:
    outcome = fpjob("docs", "build", "--output", "site", *TARGET)
    assert outcome.status == 0, outcome.stderr
    assert re.search(r"features, [1-9]\d* of them built", outcome.stdout), outcome.stdout


def test_tables_of_the_workspace_are_listed_and_shown(built: JobPlan, fpjob: Fpjob) -> None:
    assert "features.financial_features_extraction_v1__user_spend" in fpjob("list", *TARGET).stdout
    shown = fpjob("show", "financial_features_extraction_v1__user_spend", "--rows", "3", *TARGET)
    assert shown.status == 0
    assert "features.financial_features_extraction_v1__user_spend: 3 of" in shown.stderr
    missing = fpjob("show", "nothing_there", *TARGET)
    assert (missing.status, "job or table `nothing_there` is unknown" in missing.stderr) == (2, True)


def test_python_reads_a_result_by_sql(built: JobPlan, module_project: Path) -> None:
    result = Job(module_project / FINANCIAL, target="databricks").result()
    backend = backend_of(open_project(module_project, target="databricks"))
    name = backend.sql_name(f"features.{built.table_name(built.output_model)}")
    counted = "count(*), count(user_30d_total_spend), sum(user_30d_total_spend)"
    [[rows, filled, total]] = backend.query(f"select {counted} from {name}").values
    table = result.to_arrow()
    spend = table.column("user_30d_total_spend")
    assert (table.num_rows, len(spend) - spend.null_count, sum(filter(None, spend.to_pylist()))) == (
        rows,
        filled,
        total,
    )
    with pytest.raises(ConfigurationError, match="target `databricks` has no Spark session in this process"):
        result.to_spark()
    with pytest.raises(ConfigurationError, match="`features_at`: target `databricks` has no Spark session"):
        features_at(table, features=["customer_spend.*"], project=module_project, target="databricks")


def test_a_table_that_no_registry_names_goes_to_a_table_of_another_schema(
    workspace: Workspace, module_project: Path, fpjob: Fpjob
) -> None:
    workspace.lakehouse.run_sql("create schema if not exists shop")
    workspace.lakehouse.run_sql(
        "create or replace table shop.payments using delta as select * from values"
        " (1, timestamp'2024-01-01 10:00:00', cast(2 as decimal(9, 2))), (1, timestamp'2024-01-03 10:00:00', cast(3 as decimal(9, 2)))"
        " as t (buyer, paid_at, amount)"
    )
    (module_project / "configs" / "jobs" / "payments.yaml").write_text(PAYMENTS)
    outcome = fpjob("run", "configs/jobs/payments.yaml", *TARGET)
    (module_project / "configs" / "jobs" / "payments.yaml").unlink()
    assert outcome.status == 0, outcome.stderr
    assert outcome.stderr.splitlines()[-1].count("main.shop.spend holds 2 rows") == 1
    found = backend_of(open_project(module_project, target="databricks")).query(
        "select user_7d_total_spend from `main`.`shop`.`spend` order by paid_at"
    )
    assert [str(value) for (value,) in found.values] == ["2.00", "5.00"]


def test_validating_contacts_no_server(workspace: Workspace, fpjob: Fpjob) -> None:
    workspace.server.calls.clear()
    assert fpjob("validate", FINANCIAL, TRAINING, PROFILE, *TARGET).status == 0
    assert workspace.server.calls == []


def test_a_source_of_one_name_is_in_the_schema_that_dbt_reads(workspace: Workspace, module_project: Path) -> None:
    workspace.lakehouse.run_sql("create or replace table default.sold using delta as select 1 as user_id")
    backend = backend_of(open_project(module_project, target="databricks"))
    assert list(backend.source_columns(ResolvedSource("sold", None, {}))) == [("user_id", "int")]
