"""Make the plan of a job file: load it, find the source and its columns, check, plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.dbt_packages import link_packages
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.jobs.checks import CheckedJob, ResolvedSource, load_checked_job
from feature_platform_py.jobs.environments import check_environment, in_environment
from feature_platform_py.jobs.find import find_job_or_group
from feature_platform_py.jobs.groups import plan_group
from feature_platform_py.jobs.plan import GroupPlan, JobPlan, plan_job
from feature_platform_py.registry.registry import Registry, load_registry
from feature_platform_py.targets import backend_of

if TYPE_CHECKING:
    from feature_platform_py.sources.databricks_sql import DatabricksSQLSource


def prepare_job(
    path: Path, project: Project, *, registry: Registry | None = None, tell: Callable[[str], None] = lambda _: None
) -> JobPlan:
    """Return the plan of a job file, after every check that is possible before a run.

    Reads the registry if it is not given. The registry has the columns of a registered source. For another source, the engine (or
    for a query its server) is asked, which takes a second; `tell` is called before that. Raises ConfigurationError with every problem
    of the file.
    """

    def columns_of(source: ResolvedSource) -> Columns | None:
        if source.columns is None:
            tell(f"  asks for the columns of {source.shown}")
        return _columns_of(source, project)

    check_environment(project)
    checked = load_checked_job(path, project, registry=registry, columns_of=columns_of)
    plan = plan_job(
        in_environment(checked.config, project),
        checked.source,
        checked.columns or (),
        joined_columns=checked.joined_columns,
    )
    plan = replace(plan, read_as=_read_as(checked.source, project))
    link_packages(project.root, plan.dbt_packages)
    return plan


def prepare_group(name: str, project: Project) -> GroupPlan:
    """Return the plan of a feature group that says what it computes.

    Raises ConfigurationError for another name, and with every problem of the registry.
    """
    check_environment(project)
    registry = load_registry(project.root)
    group = next((each for each in registry.defined_groups if each.name == name), None)
    if group is None or group.definition is None:
        raise ConfigurationError(unknown("feature group", name, known=[each.name for each in registry.defined_groups]))
    return plan_group(group, group.definition, registry, project)


def prepare_named(name: str, project: Project) -> JobPlan | GroupPlan:
    """Return the plan of the job or feature group that a user names by its name or file. Raises ConfigurationError."""
    found = find_job_or_group(name, project)
    return prepare_job(found, project) if isinstance(found, Path) else prepare_group(found, project)


def validate_job(path: Path, project: Project) -> CheckedJob:
    """Return a job after every check that this machine can do without a server.

    Raises ConfigurationError with every problem of the file.
    """

    def columns_of(source: ResolvedSource) -> Columns | None:
        is_elsewhere = source.query is not None or not project.target.has_session
        return source.columns if is_elsewhere else _columns_of(source, project)

    return load_checked_job(path, project, columns_of=columns_of)


def query_source(source: ResolvedSource) -> DatabricksSQLSource:
    """Return the query of a resolved source, with the connection of the environment."""
    from feature_platform_py.sources.databricks_sql import DatabricksSQLSource

    return DatabricksSQLSource(source.query or "", source.parameters)


def _columns_of(source: ResolvedSource, project: Project) -> Columns | None:
    if source.columns is not None:
        return source.columns
    if source.query is not None:
        return query_source(source).columns()
    return backend_of(project).source_columns(source)


def _read_as(source: ResolvedSource, project: Project) -> tuple[str, ...]:
    """Return the columns of Parquet files that get another type; read only the footers."""
    if source.format != "parquet" or not project.target.has_session:
        return ()
    from feature_platform_py.files.parquet_rows import changed_types
    from feature_platform_py.warehouse.external_sources import external_source

    external = external_source(source.location, "parquet", options=source.options, folder=project.root)
    return tuple(changed_types(external.footers)) if external.is_seen else ()
