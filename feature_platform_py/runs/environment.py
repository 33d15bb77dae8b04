"""Environments: tables of a schema beside production's, which start as what production has computed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import ConfigurationError, DataCheckError, EngineError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.locations import is_table_name, table_parts
from feature_platform_py.core.project import Project
from feature_platform_py.core.stores.path import StorePath, place_of
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.files.delta_links import Linked, link_table, remove_staged
from feature_platform_py.jobs.environments import check_environment, environments, of_production
from feature_platform_py.jobs.plan import JobPlan, TablesPlan
from feature_platform_py.runs.input_state import taking_notes
from feature_platform_py.runs.lock import running_alone
from feature_platform_py.sinks.parquet_files import proof_beside
from feature_platform_py.sources.connector_errors import QueryRefusedError
from feature_platform_py.targets import backend_of
from feature_platform_py.targets.sql_endpoint import SqlEndpointBackend
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.repair import log_fault, remove_uncommitted, table_fault, throw_away
from feature_platform_py.warehouse.session import open_warehouse
from feature_platform_py.warehouse.stored_relations import commits, stored_relations

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
            for each in feature_tables(plan)
            if f"{here}.{each.name}" not in there and f"{origin}.{each.name}" in of_production
        ]
    return [
        each
        for each in feature_tables(plan)
        if not any(commits(table_folder(project, each.name)))
        and any(commits(table_folder(project.production, each.name)))
    ]


def take_over(plan: TablesPlan, project: Project, *, tell: Tell = lambda _: None) -> list[str]:
    """Give an environment the feature tables that it lacks and production has, and return their names. The caller holds the locks.

    A table carries the definition and the input that it was computed from, so a run computes what differs, and nothing else.
    """
    missing = missing_tables(plan, project)
    if not missing:
        return []
    taken = _clone(missing, project, tell) if not project.target.has_session else _link(missing, project, tell)
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


def _link(missing: list[Origin], project: Project, tell: Tell) -> list[Origin]:
    production, linked, taken = project.production, Linked(0, 0, 0), []
    owners = list(dict.fromkeys(each.owner for each in missing))
    # Tables of a run that has not ended are as doubtful here as there.
    with taking_notes(production, project, owners, versions=lambda: _versions(missing, production)):
        for each in missing:
            table, to = table_folder(production, each.name), table_folder(project, each.name)
            to.parent.mkdir(parents=True, exist_ok=True)
            remove_staged(to.parent, each.name)
            remove_uncommitted(to)
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


def _versions(tables: list[Origin], project: Project) -> dict[str, bytes | None]:
    """Return the newest commit of each table, which tells its version even if the table has been made anew."""
    found: dict[str, bytes | None] = dict.fromkeys(each.name for each in tables)
    for each in tables:
        with suppress(FileNotFoundError, ValueError):
            newest = max(commits(table_folder(project, each.name)), key=lambda commit: commit.name)
            found[each.name] = newest.name.encode() + newest.read_bytes()
    return found


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


def feature_tables(plan: TablesPlan) -> Iterator[Origin]:
    """Yield the feature tables of a job and of its groups, or of a group."""
    for part in plan.parts:
        for model in part.tables:
            name = part.table_name(model)
            yield Origin(name, part.name, plan.shown(name))


def table_folder(project: Project, table: str) -> Path:
    """Return the folder of one of these tables."""
    return project.target.warehouse / project.target.schema / table


# Sinks


def prepare_sink(plan: JobPlan, project: Project) -> None:
    """Note the place of an environment's sink, by which the environment can be dropped; on a server, create its schema."""
    location = plan.sink.location
    if not project.target.environment or location is None:
        return
    if project.target.has_session:
        # One file a job, whose lock the run has: jobs may begin at one time.
        file = _sinks_folder(project) / f"{plan.job_name}.json"
        places, place = _noted(file), {"job": plan.job_name, "kind": plan.sink.kind, "path": location}
        if place not in places:
            replace_file(file, json.dumps([*places, place]))
    elif is_table_name(location) and "." in location and isinstance(backend := backend_of(project), SqlEndpointBackend):
        catalog, schema, _ = table_parts(location)
        backend.execute(f"create schema if not exists {backend.sql_schema(schema, catalog)}")


def recorded_sinks(project: Project) -> list[dict[str, Any]]:
    """Return the places to which runs in the environment wrote: the `job`, the `kind` of the sink and its `path`."""
    # The first is of earlier runs, which noted the sinks of all jobs there.
    folder = _sinks_folder(project)
    files = [project.notes / "sinks.json", *(sorted(folder.glob("*.json")) if folder.is_dir() else ())]
    found = [sink for file in files for sink in _noted(file)]
    return [sink for place, sink in enumerate(found) if sink not in found[:place]]


def _noted(file: Path) -> list[dict[str, Any]]:
    with suppress(OSError, ValueError):
        return list(json.loads(file.read_text(encoding="utf-8")))
    return []


def _sinks_folder(project: Project) -> Path:
    return project.notes.parent / "sinks"


# The end of an environment


@dataclass(frozen=True)
class Held:
    """What an environment has: a place with files, or a view (without a place), and its bytes, without those of shared files."""

    name: str
    kind: str
    place: Path | None
    bytes: int = 0


def held_by(project: Project) -> list[Held]:
    """Return the tables and views of an environment, and the places to which its runs wrote results; no engine is started.

    Raises ConfigurationError for production, and for a target without a warehouse folder.
    """
    target = project.target
    if target.environment is None or not target.has_session:
        raise ConfigurationError(_not_dropped(project))
    check_environment(project)
    found = []
    for name, kind in stored_relations(target.warehouse):
        if name.schema in (target.schema, target.sources_schema):
            place = target.warehouse / name.schema / name.name if kind == "table" else None
            found.append(Held(f"{name.schema}.{name.name}", kind, place, own_bytes(place) if place else 0))
    for each in recorded_sinks(project):
        # Production may have begun to use the place since.
        place = None if of_production(str(each["path"]), project) else _sink_place(each, project)
        if place is not None and place.is_dir():
            found.append(Held(str(each["path"]), "sink", place, own_bytes(place)))
    if not found and target.environment not in (known := environments(project)):
        raise ConfigurationError(unknown("environment", target.environment, known=known))
    return found


def _not_dropped(project: Project) -> str:
    target = project.target
    if target.environment is None:
        return (
            "`drop`: expected a job, a feature group or an environment, given none of them; name one, or with `--schema` a schema"
            f" other than `{target.schema}`, which is production's"
        )
    return (
        f"target `{target.name}`: expected a target with a warehouse folder; drop the environment there with SQL: `drop schema"
        f" {target.schema} cascade`, `drop schema if exists {target.sources_schema} cascade`, and its sinks in schemas that begin"
        f" with `{target.schema}_`"
    )


def _sink_place(sink: dict[str, Any], project: Project) -> Path | None:
    """Return the folder of a recorded sink; None for one that is not of the environment's own places."""
    path, environment = str(sink["path"]), project.target.schema
    if is_table_name(path):
        _, schema, table = table_parts(path if "." in path else f"{environment}.{path}")
        return project.target.warehouse / schema / table if schema.startswith(f"{environment}_") else None
    place = place_of(path, project.root)
    return place if place.parent.name == environment else None


def own_bytes(folder: Path) -> int:
    """Return the bytes of a folder's files that no other folder has too."""
    if isinstance(folder, StorePath):
        return sum(file.stat().st_size for file in folder.files())
    stats = (file.lstat() for file in folder.rglob("*") if file.is_file())
    return sum(each.st_size for each in stats if each.st_nlink == 1)


def drop_environment(project: Project) -> None:
    """Drop all that `held_by` lists, and what runs noted of it. Raises EngineError if one of its runs is at work."""
    target, notes = project.target, project.notes
    held = held_by(project)
    warehouse = open_warehouse(target.engine, target.warehouse)
    with ExitStack() as locks:
        for lock in sorted(notes.glob("*.lock")):
            locks.enter_context(running_alone(project, lock.name.removesuffix(".lock")))
        for each in held:
            if each.kind != "sink" or each.place is None:
                continue
            if each.place.is_relative_to(target.warehouse):
                warehouse.drop(TableName(*each.place.parts[-2:]))
                _remove_if_empty(each.place.parent)
            else:
                throw_away(each.place)
                proof_beside(each.place).unlink(missing_ok=True)
                _remove_if_empty(each.place.parent)
        warehouse.drop_schema(target.schema)
        warehouse.drop_schema(target.sources_schema)
    throw_away(notes.parent)
    for folder in (project.caches, project.logs):
        throw_away(folder)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        if not isinstance(folder, StorePath):
            folder.rmdir()
