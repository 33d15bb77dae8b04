"""`fpjob list`: the jobs, sources, transformers and tables of a project."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import click

from feature_platform_py.cli.output import aligned, print_json
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.stored_relations import stored_relations
from feature_platform_py.features.catalogue import TRANSFORMERS
from feature_platform_py.jobs.config import load_job_config
from feature_platform_py.registry.source import load_sources


def list_command(*, target: str | None, output_format: str) -> None:
    """Print what the project has, without starting an engine."""
    project = open_project(target=target)
    listed = _listed(project)
    if output_format == "json":
        print_json(listed)
        return
    for title, entries in listed.items():
        click.echo(f"{title}:")
        click.echo("\n".join(aligned([[str(cell) for cell in entry.values()] for entry in entries]) or ["  none"]))


def _listed(project: Project) -> dict[str, list[dict[str, Any]]]:
    return {
        "jobs": [
            _job(path.relative_to(project.root).as_posix(), project) for path in sorted(project.jobs.glob("*.yaml"))
        ],
        "sources": [
            {
                "name": f"{source.type}.{source.name}",
                "version": f"v{source.version}",
                "reads": place.location
                if (place := source.locations.get(project.target.name))
                else f"not on {project.target.name}",
            }
            for source in load_sources(project.root)
        ],
        "transformers": [{"name": name, "params": _params(kind)} for name, kind in TRANSFORMERS.items()],
        "tables": [
            {"name": f"{relation.schema}.{relation.name}", "kind": kind}
            for relation, kind in stored_relations(project.target.warehouse)
        ],
    }


def _job(path: str, project: Project) -> dict[str, Any]:
    try:
        config = load_job_config(project.root / path)
    except ConfigurationError:
        return {"path": path, "job": "(not valid: see `fpjob validate`)", "transformers": ""}
    names = ", ".join(transformer.name for transformer in config.feature_transformers)
    return {"path": path, "job": config.job_name, "transformers": names}


def _params(kind: type[Any]) -> str:
    """The names of a transformer's parameters, those that may be left out in brackets."""
    return ", ".join(f"[{each.name}]" if each.default is not MISSING else each.name for each in fields(kind))
