"""Environments: tables of a schema beside production's, which start as what production has computed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import DataCheckError, EngineError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project
from feature_platform_py.files.delta_links import Linked, link_table, remove_staged
from feature_platform_py.jobs.plan import JobPlan, TablesPlan
from feature_platform_py.runs.input_state import copy_notes
from feature_platform_py.sources.connector_errors import QueryRefusedError
from feature_platform_py.targets import backend_of
from feature_platform_py.targets.sql_endpoint import SqlEndpointBackend
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.repair import log_fault, table_fault
from feature_platform_py.warehouse.session import open_warehouse
from feature_platform_py.warehouse.stored_relations import commits

Tell = Callable[[str], None]
_SAID = 200


@dataclass(frozen=True)
class Origin:
    """A feature table that an environment lacks and production has: its name, the job or group that builds it, its name in reports."""

    name: str
    owner: str
    shown: str


def missing_tables(plan: TablesPlan, project: Project) -> list[Origin]:
    """Return the feature tables that would be taken over from production; none outside of an environment."""
    if not project.target.environment:
        return []
    if not project.target.has_session:
        there = {name for name, _ in backend_of(project).relations()}
        of_production = {name for name, _ in backend_of(project.production).relations()}
        here, origin = project.target.schema, project.target.production
        return [
            each
            for each in _tables(plan)
            if f"{here}.{each.name}" not in there and f"{origin}.{each.name}" in of_production
        ]
    return [
        each
        for each in _tables(plan)
        if not any(commits(_folder(project, each.name))) and any(commits(_folder(project.production, each.name)))
    ]


def take_over(plan: TablesPlan, project: Project, *, tell: Tell = lambda _: None) -> list[str]:
    """Give an environment the feature tables that it lacks and production has, and return their names. The caller holds the locks.

    A table carries the definition and the input that it was computed from, so a run computes what differs, and nothing else.
    """
    missing = missing_tables(plan, project)
    if not missing:
        return []
    taken = _clone(missing, project, tell) if not project.target.has_session else _link(missing, plan, project, tell)
    return [each.name for each in taken]


def stand_in(plan: TablesPlan, project: Project) -> list[str]:
    """Have production's tables stand in for those that a run would take over, and return their names; nothing is written."""
    missing = missing_tables(plan, project)
    if missing and project.target.has_session:
        warehouse = open_warehouse(project.target.engine, project.target.warehouse)
        for each in missing:
            origin = project.production.target.schema
            warehouse.stand_in(TableName(project.target.schema, each.name), TableName(origin, each.name))
    return [each.shown for each in missing]


def _link(missing: list[Origin], plan: TablesPlan, project: Project, tell: Tell) -> list[Origin]:
    production, linked, taken = project.production, Linked(0, 0, 0), []
    # Tables of a run that has not ended are as doubtful here as there.
    copy_notes(production, project, [part.name for part in plan.parts])
    for each in missing:
        table, to = _folder(production, each.name), _folder(project, each.name)
        to.parent.mkdir(parents=True, exist_ok=True)
        remove_staged(to.parent, each.name)
        try:
            _check(table)
            linked += link_table(table, to)
            taken.append(each)
        except DataCheckError as error:
            tell(f"  {each.shown} is computed, and not taken over: {error}")
    if taken:
        how = "copied" if linked.copied else "shared"
        tell(
            f"  from {production.target.schema}: {', '.join(each.shown for each in taken)} ({linked.files} files, {how})"
        )
    return taken


def _check(table: Path) -> None:
    if fault := table_fault(table) or log_fault(table):
        raise DataCheckError(str(fault))


def _clone(missing: list[Origin], project: Project, tell: Tell) -> list[Origin]:
    """Have the endpoint make shallow clones: logs of their own that name production's files. A table that it refuses is computed."""
    backend, origin, taken = backend_of(project), project.production.target.schema, []
    if not isinstance(backend, SqlEndpointBackend):
        return []
    here = project.target.schema
    backend.execute(f"create schema if not exists {backend.sql_schema(here)}")
    for each in missing:
        names = backend.sql_name(f"{here}.{each.name}"), backend.sql_name(f"{origin}.{each.name}")
        try:
            backend.execute(f"create table if not exists {names[0]} shallow clone {names[1]}")
        except (EngineError, QueryRefusedError) as error:
            said = " ".join(str(error).split())[:_SAID]
            tell(f"  {each.shown} is computed, and not taken over: {said}")
        else:
            taken.append(each)
    if taken:
        tell(f"  from {origin}: {', '.join(each.shown for each in taken)} (shallow clones)")
    return taken


def _tables(plan: TablesPlan) -> Iterator[Origin]:
    for part in plan.parts:
        for model in part.tables:
            name = part.table_name(model)
            yield Origin(name, part.name, plan.shown(name))


def _folder(project: Project, table: str) -> Path:
    return project.target.warehouse / project.target.schema / table


# Sinks


def record_sink(plan: JobPlan, project: Project) -> None:
    """Note the place of an environment's sink, by which the environment can be dropped."""
    if not project.target.environment or not project.target.has_session or plan.sink.location is None:
        return
    file, places = _places_file(project), recorded_sinks(project)
    place = {"job": plan.job_name, "kind": plan.sink.kind, "path": plan.sink.location}
    if place not in places:
        replace_file(file, json.dumps([*places, place]))


def recorded_sinks(project: Project) -> list[dict[str, Any]]:
    """Return the places to which runs in the environment wrote: the `job`, the `kind` of the sink and its `path`."""
    with suppress(OSError, ValueError):
        return list(json.loads(_places_file(project).read_text(encoding="utf-8")))
    return []


def _places_file(project: Project) -> Path:
    return project.notes / "sinks.json"
