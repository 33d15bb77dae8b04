"""From a job file to its plan: load, find the source, learn its columns, check all of it, plan."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.core.catalog_file import TableName
from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.locations import table_parts
from feature_platform_py.core.project import Project
from feature_platform_py.jobs.checks import ResolvedSource, load_checked_job
from feature_platform_py.jobs.plan import JobPlan, plan_job
from feature_platform_py.registry.registry import Registry


def prepare_job(path: Path, project: Project, *, registry: Registry | None = None) -> JobPlan:
    """Return the plan of a job file, which then has nothing wrong that can be seen before it runs.

    The registry is read if it is not given. The columns of a registered source come from it; only for another source is an engine
    asked. Raises ConfigurationError with every problem of the file.
    """
    checked = load_checked_job(path, project, registry=registry, columns_of=lambda source: _columns_of(source, project))
    return plan_job(checked.config, checked.source, checked.columns or ())


def _columns_of(source: ResolvedSource, project: Project) -> Columns | None:
    if source.columns is not None:
        return source.columns
    from feature_platform_py.core.external_sources import describe_source, external_source
    from feature_platform_py.core.session import open_warehouse

    warehouse = open_warehouse(project.target.engine, project.target.warehouse)
    if source.format is None:
        _, schema, table = table_parts(source.location)
        return warehouse.columns(TableName(schema, table)) or None
    external = external_source(source.location, source.format, options=source.options, folder=project.root)
    return describe_source(warehouse.spark, external)
