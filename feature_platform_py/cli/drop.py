"""`fpjob list --orphans`, `prune` and `drop`: the tables of jobs and feature groups, and those that nothing builds any more."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from feature_platform_py.cli.output import print_csv, print_json, print_text
from feature_platform_py.cli.signs import paused, step
from feature_platform_py.cli.vacuum import size_text
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.text import aligned
from feature_platform_py.jobs.config import read_job
from feature_platform_py.jobs.find import find_job, is_path
from feature_platform_py.runs.environment import drop_environment, held_by
from feature_platform_py.runs.own_relations import OwnRelation, drop_relations, find_orphans, find_relations


def orphans_command(*, target: str | None, output_format: str) -> None:
    """Print the tables and views that nothing builds any more; no engine is started."""
    orphans = find_orphans(open_project(target=target))
    if output_format == "json":
        print_json([_as_dict(each) for each in orphans])
    elif output_format == "csv":
        columns = ["relation", "kind", "owner", "is_owner_there", "bytes"]
        print_csv(columns, [[_as_dict(each)[name] for name in columns] for each in orphans])
    else:
        print_text("\n".join([*_lines(orphans, is_explained=True), f"{_counted(orphans)} without a job"]))


def prune_command(*, target: str | None, output_format: str, is_dry_run: bool, is_agreed: bool) -> None:
    """Drop the tables and views that nothing builds any more, after asking; a dry run drops nothing."""
    project = open_project(target=target)
    asked = {"is_dry_run": is_dry_run, "is_agreed": is_agreed, "is_explained": True}
    _drop(find_orphans(project), project, output_format=output_format, **asked)


def drop_command(name: str, *, target: str | None, output_format: str, is_dry_run: bool, is_agreed: bool) -> None:
    """Drop the tables and views of a job or a feature group, after asking; a dry run drops nothing."""
    project = open_project(target=target)
    owner = read_job(find_job(name, project)).job_name if is_path(name) else name
    relations = find_relations(owner, project)
    asked = {"is_dry_run": is_dry_run, "is_agreed": is_agreed, "is_explained": False}
    _drop(relations, project, output_format=output_format, **asked)


def drop_environment_command(*, target: str | None, output_format: str, is_dry_run: bool, is_agreed: bool) -> None:
    """Drop all tables, views and results of an environment, after asking; a dry run drops nothing."""
    project = open_project(target=target)
    held = held_by(project)
    if output_format == "text" and held:
        rows = [(each.name, each.kind, size_text(each.bytes) if each.bytes else "") for each in held]
        print_text("\n".join(aligned(rows)))
    size = size_text(sum(each.bytes for each in held))
    tables, sinks = (sum(each.kind in kinds for each in held) for kinds in (("table", "view"), ("sink",)))
    named = "1 sink" if sinks == 1 else f"{sinks} sinks"
    said = f"environment {project.target.schema}: {tables} tables and views, {named}, {size} of its own"
    if not is_dry_run and not is_agreed and not _confirmed(f"Drop {said}?"):
        print_text("nothing was dropped")
        return
    if not is_dry_run:
        step("drops the environment")
        drop_environment(project)
    if output_format == "json":
        places = [{"name": each.name, "kind": each.kind, "bytes": each.bytes} for each in held]
        print_json({"is_dry_run": is_dry_run, "environment": project.target.schema, "places": places})
    else:
        print_text(f"{said} {'would be dropped' if is_dry_run else 'dropped'}")


def _drop(
    relations: Sequence[OwnRelation],
    project: Project,
    *,
    output_format: str,
    is_dry_run: bool,
    is_agreed: bool,
    is_explained: bool,
) -> None:
    is_dropped = bool(relations) and not is_dry_run
    if output_format == "text" and relations:
        print_text("\n".join(_lines(relations, is_explained=is_explained)))
    if is_dropped and not is_agreed and not _is_agreed(relations):
        print_text("nothing was dropped")
        return
    if is_dropped:
        step("drops tables")
        drop_relations(relations, project)
    if output_format == "json":
        print_json({"is_dry_run": is_dry_run, "relations": [_as_dict(each) for each in relations]})
    else:
        print_text(f"{_counted(relations)} {'would be dropped' if is_dry_run else 'dropped'}")


def _is_agreed(relations: Sequence[OwnRelation]) -> bool:
    return _confirmed(f"Drop {_counted(relations)}?")


def _confirmed(question: str) -> bool:
    """Return whether the user agrees. Raises ConfigurationError without a terminal."""
    if not sys.stdin.isatty():
        raise ConfigurationError("expected `--yes`, given none; without a terminal the command cannot ask")
    with paused():
        return click.confirm(question, err=True)


def _lines(relations: Sequence[OwnRelation], *, is_explained: bool) -> list[str]:
    """Return a line for each relation, with the reason why nothing builds it if that is to be explained."""
    rows = [(each.relation, each.kind, size_text(each.bytes) if each.bytes else "") for each in relations]
    whys = [(each.why,) if is_explained else () for each in relations]
    return aligned([(*row, *why) for row, why in zip(rows, whys, strict=True)])


def _counted(relations: Sequence[OwnRelation]) -> str:
    """Return how many there are, and their size."""
    kinds = {kind: sum(each.kind == kind for each in relations) for kind in ("table", "view")}
    counted = " and ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in kinds.items())
    return f"{counted} of {size_text(sum(each.bytes for each in relations))}"


def _as_dict(relation: OwnRelation) -> dict[str, Any]:
    return {"relation": relation.relation, **asdict(relation)}
