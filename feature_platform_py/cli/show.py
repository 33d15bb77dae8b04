"""`fpjob show`: rows of a job's result or of a table."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.cli.output import print_json, print_progress, print_table
from feature_platform_py.core.catalog_file import TableName
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.session import open_warehouse
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.jobs.config import load_job_config
from feature_platform_py.jobs.plan import OUTPUT_MODEL


def show_command(name: str, *, target: str | None, rows: int, output_format: str) -> None:
    """Print the first rows of what `name` stands for."""
    project = open_project(target=target)
    table = _table_of(name, project)
    warehouse = open_warehouse(project.target.engine, project.target.warehouse)
    known = [f"{schema}.{relation}" for schema in warehouse.schemas() for relation in warehouse.relations(schema)]
    if f"{table.schema}.{table.name}" not in known:
        raise ConfigurationError(
            unknown("table", f"{table.schema}.{table.name}", known=known) + ". A job's tables are there once it has run"
        )
    frame = warehouse.spark.table(str(table))
    shown = frame.limit(rows).collect()
    if output_format == "json":
        print_json([dict(zip(frame.columns, row, strict=True)) for row in shown])
        return
    print_table(frame.columns, shown, truncate=False)
    print_progress(f"{table.schema}.{table.name}: {len(shown):,} of {frame.count():,} rows shown")


def _table_of(name: str, project: Project) -> TableName:
    if name.endswith((".yaml", ".yml")):
        job = load_job_config(Path(name))
        return TableName(project.target.schema, f"{job.job_name}__{OUTPUT_MODEL}")
    schema, _, table = name.rpartition(".")
    return TableName(schema or project.target.schema, table)
