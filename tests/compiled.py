"""A job's compiled SQL, run as it is on other rows: many small tables can be tried without a dbt run for each."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import yaml

from feature_platform_py.core.dbt_invocation import invoke_dbt
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.dbt_files.sync import bring_up_to_date
from feature_platform_py.runs.dbt import jobs_left_out
from feature_platform_py.warehouse.session import open_session
from tests.conftest import begin_parsed


@dataclass(frozen=True, repr=False)
class CompiledJob:
    """The SQL of a job's models by their names, in the order in which they are built."""

    name: str
    folder: Path
    sql: Mapping[str, str]
    session: Any

    def rows(self, source: pyarrow.Table) -> list[dict[str, Any]]:
        """The job's output for a table of source rows."""
        path = self.folder / f"{uuid.uuid4().hex}.parquet"
        pyarrow.parquet.write_table(source, path)
        self.session.read.parquet(str(path)).createOrReplaceTempView("given_rows")
        for model, sql in self.sql.items():
            self.session.sql(self._on_views(sql)).createOrReplaceTempView(f"given_{model}")
        table: pyarrow.Table = self.session.table("given_job_features").toArrow()
        return table.to_pylist()

    def _on_views(self, sql: str) -> str:
        for model in self.sql:
            sql = sql.replace(f"`features`.`{self.name}__{model}`", f"given_{model}")
        return sql.replace(f"`sources`.`{self.name}__input`", "given_rows")


def compile_job(project_root: Path, job: Mapping[str, Any], source: pyarrow.Table) -> CompiledJob:
    """Compile a job with dbt; its source is a Parquet file with the columns of the given table."""
    name = str(job["job_name"])
    path = project_root / f"{name}.parquet"
    pyarrow.parquet.write_table(source, path)
    config = {
        "description": "compiled for a test",
        "input_source": {"source_type": "spark", "config": {"location": str(path), "format": "parquet"}},
        "output_sink": {"sink_type": "display", "config": {}},
        **job,
    }
    job_file = project_root / f"{name}.yaml"
    job_file.write_text(yaml.safe_dump(config, allow_unicode=True))
    return CompiledJob(
        name=name,
        folder=project_root,
        sql=compiled_models(project_root, job_file),
        session=_session(project_root),
    )


def compiled_models(project_root: Path, job_file: Path) -> dict[str, str]:
    """Compile a job's models with dbt, and return their SQL by the models' short names, in the order in which they are built."""
    project = open_project(project_root)
    plan = prepare_job(job_file, project)
    variables = bring_up_to_date(plan, project)
    begin_parsed(project_root, project_root / "target" / plan.job_name, variables)
    arguments = ["compile", "--project-dir", str(project_root), "--profiles-dir", str(project_root / "profiles")]
    arguments += ["--vars", json.dumps(variables), "--target-path", str(project_root / "target" / plan.job_name)]
    arguments += ["--log-path", str(project_root / "logs"), "--log-level", "none"]
    arguments += ["--select", *map(plan.table_name, plan.models)]
    result = invoke_dbt(arguments, environment=jobs_left_out(project_root, [plan.job_name]))
    assert result.success, result.exception
    compiled = {node.node.name: node.node.compiled_code for node in result.result}
    return {model: compiled[plan.table_name(model)] for model in plan.models}


def _session(project_root: Path) -> Any:
    target = open_project(project_root).target
    return open_session(target.engine, target.warehouse)
