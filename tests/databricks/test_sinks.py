"""Where the result of a job goes on the target `databricks`, and what is sent for it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from feature_platform_py.core.errors import ConfigurationError, DataCheckError, SinkError
from feature_platform_py.core.project import open_project
from feature_platform_py.core.spread import Spread
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.features.columns import OutputColumn
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.runs.job import Job
from feature_platform_py.sinks import sinks_by_type
from feature_platform_py.sinks.results import ResultCounts
from feature_platform_py.targets import Backend, backend_of
from tests.databricks.workspace import Workspace

JOB = "configs/jobs/sample_financial_features_job.yaml"
RESULT = "features.financial_features_extraction_v1__job_features"
ROWS = """
select * from values (2, cast(0.5 as decimal(12, 2)), '1993-02'), (1, cast(7 as decimal(12, 2)), null) as t (user_id, amount, month)
"""


@pytest.fixture
def backend(workspace: Workspace, module_project: Path) -> Backend:
    """A workspace in which a job of two rows has been built."""
    for name in (RESULT, "features.financial_features_extraction_v1__stg_job_input"):
        workspace.lakehouse.run_sql(f"create or replace table {name} using delta as {ROWS}")
    workspace.forget()
    return backend_of(open_project(module_project, target="databricks"))


SPREAD = Spread(2, mean=3.75, deviation=3.25, low=0.5, high=7.0)  # of 0.5 and 7


def plan_with(project: Path, kind: str, **settings: Any) -> JobPlan:
    plan = prepare_job(project / JOB, open_project(project, target="databricks"))
    sink = sinks_by_type()[kind](**settings)
    features = (OutputColumn("amount", "decimal(12,2)"), OutputColumn("month", None))
    return replace(plan, config=replace(plan.config, output_sink=sink), features=features)


def written(workspace: Workspace) -> list[str]:
    return [each for each in workspace.sent if each.startswith(("create", "insert"))]


def test_a_table_is_replaced_in_one_statement(workspace: Workspace, module_project: Path, backend: Backend) -> None:
    plan = plan_with(module_project, "delta_table", mode="overwrite", path="main.shop.spend", partition_by=["month"])
    workspace.lakehouse.run_sql("create schema if not exists shop")
    backend.check(plan)
    result = backend.write(plan)
    assert (result.rows, result.counts) == (2, ResultCounts(2, {"amount": 2, "month": 1}))
    assert result.counts.spreads == {"amount": SPREAD}
    assert written(workspace) == [
        "create or replace table `main`.`shop`.`spend` using delta partitioned by (`month`) as select `user_id`, `amount`, `month`"
        " from `main`.`features`.`financial_features_extraction_v1__job_features`"
    ]


def test_appending_adds_to_a_table_with_the_same_columns(
    workspace: Workspace, module_project: Path, backend: Backend
) -> None:
    plan = plan_with(module_project, "delta_table", mode="append", path="appended")
    assert [backend.write(plan).rows, backend.write(plan).rows] == [2, 4]
    assert [each.split(" (")[0].split(" using")[0] for each in written(workspace)] == [
        "create or replace table `main`.`features`.`appended`",
        "insert into `main`.`features`.`appended`",
    ]
    workspace.lakehouse.run_sql("create or replace table features.appended using delta as select 1 as user_id")
    with pytest.raises(SinkError, match="cannot append to `appended`, its columns differ: `amount` is absent there"):
        backend.write(plan)


def test_a_table_that_is_there_is_an_error_or_left_alone(
    workspace: Workspace, module_project: Path, backend: Backend
) -> None:
    workspace.lakehouse.run_sql("create or replace table features.there using delta as select 1 as a")
    with pytest.raises(SinkError, match="the table `there` is there already and the mode is `error`"):
        backend.check(plan_with(module_project, "delta_table", mode="error", path="there"))
    kept = backend.write(plan_with(module_project, "delta_table", mode="ignore", path="there"))
    assert (kept.is_written, kept.rows, kept.counts) == (False, 1, None)
    assert written(workspace) == []


def test_a_result_with_other_than_the_source_s_rows_touches_no_sink(
    workspace: Workspace, module_project: Path, backend: Backend
) -> None:
    workspace.lakehouse.run_sql(f"insert into {RESULT} select 3, cast(1 as decimal(12, 2)), null")
    for kind in ("delta_table", "parquet_files"):
        plan = plan_with(module_project, kind, mode="overwrite", path="never")
        with pytest.raises(DataCheckError, match="the result has 3 rows for 2 source rows; expected one each"):
            backend.write(plan)
    assert written(workspace) == []
    assert not (module_project / "never").exists()


def test_rows_on_the_screen_are_in_the_order_of_their_columns(module_project: Path, backend: Backend) -> None:
    shown = backend.write(plan_with(module_project, "display", num_rows=1))
    assert (shown.rows, shown.columns, shown.preview) == (
        2,
        ("user_id", "amount", "month"),
        ((1, Decimal("7.00"), None),),
    )
    assert shown.counts == ResultCounts(2, {"amount": 2, "month": 1})


def test_files_are_written_on_this_machine_in_one_step(module_project: Path, backend: Backend) -> None:
    options = {"compression": "zstd"}
    plan = plan_with(
        module_project, "parquet_files", mode="overwrite", path="files", partition_by=["month"], options=options
    )
    backend.check(plan)
    results = [backend.write(plan), backend.write(plan)]
    assert [(each.rows, each.counts) for each in results] == [(2, ResultCounts(2, {"amount": 2, "month": 1}))] * 2
    assert [each.counts.spreads for each in results if each.counts] == [{"amount": SPREAD}] * 2
    assert sorted(path.name for path in (module_project / "files").iterdir()) == [
        "month=1993-02",
        "month=__HIVE_DEFAULT_PARTITION__",
    ]
    assert ds.dataset(module_project / "files", partitioning="hive").to_table().num_rows == 2
    appended = plan_with(module_project, "parquet_files", mode="append", path="files", partition_by=["month"])
    more = backend.write(appended)
    assert (more.rows, more.counts) == (4, ResultCounts(2, {"amount": 2, "month": 1}))


def test_appending_goes_on_with_partitions_that_readers_take_for_numbers(
    module_project: Path, backend: Backend
) -> None:
    for expected, mode in ((2, "overwrite"), (4, "append"), (6, "append")):
        plan = plan_with(module_project, "parquet_files", mode=mode, path="by_user", partition_by=["user_id"])
        assert backend.write(plan).rows == expected


@pytest.mark.parametrize("kind", ["delta_table", "parquet_files"])
def test_partitions_that_would_read_back_otherwise_are_refused(
    workspace: Workspace, module_project: Path, backend: Backend, kind: str
) -> None:
    by_amount = plan_with(module_project, kind, mode="overwrite", path="refused", partition_by=["amount"])
    with pytest.raises(SinkError, match=r"partition_by: column `amount` is decimal\(12,2\); expected a text"):
        backend.write(by_amount)
    workspace.lakehouse.run_sql(f"create or replace table {RESULT} using delta as {ROWS.replace('null', chr(39) * 2)}")
    by_month = plan_with(module_project, kind, mode="overwrite", path="refused", partition_by=["month"])
    with pytest.raises(DataCheckError, match=r"an empty text in `month`, which would read back as NULL \(1 rows\)"):
        backend.write(by_month)
    assert written(workspace) == []
    assert not (module_project / "refused").exists()


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        (
            "delta_table",
            {"path": "output/spend"},
            "expected a table's name such as `catalog.schema.table`, given `output/spend`",
        ),
        ("delta_table", {"path": "spend", "options": {"mergeSchema": "true"}}, "expected none, given mergeSchema"),
        ("parquet_files", {"path": "hdfs://host/spend"}, "given `hdfs://host/spend`"),
    ],
)
def test_what_the_target_cannot_write_is_said_before_anything_runs(
    module_project: Path, backend: Backend, kind: str, config: dict[str, Any], message: str
) -> None:
    with pytest.raises(SinkError, match=message):
        backend.check(plan_with(module_project, kind, mode="overwrite", **config))


def test_a_job_in_python_has_no_session_there(workspace: Workspace, module_project: Path) -> None:
    with pytest.raises(ConfigurationError, match="target `databricks` has no Spark session in this process"):
        _ = Job(module_project / JOB, target="databricks").session


@pytest.mark.usefixtures("added_sink")
def test_a_sink_of_one_module_is_written_there_too(module_project: Path, backend: Backend) -> None:
    plan = plan_with(module_project, "json_lines", path="spend.jsonl")
    backend.check(plan)
    assert backend.write(plan).counts == ResultCounts(2, {"amount": 2, "month": 1})
    assert (module_project / "spend.jsonl").read_text().splitlines() == [
        '{"user_id": 1, "amount": "7.00", "month": null}',
        '{"user_id": 2, "amount": "0.50", "month": "1993-02"}',
    ]
