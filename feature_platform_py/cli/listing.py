"""`fpjob list`: the jobs, sources, feature groups, transformers and tables of a project."""

from __future__ import annotations

from typing import Any

from feature_platform_py.cli.output import print_csv, print_json, print_text
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.text import aligned
from feature_platform_py.features.catalogue import transformers_of
from feature_platform_py.features.transformer import FeatureTransformer
from feature_platform_py.jobs.config import load_job_config
from feature_platform_py.jobs.names import job_files
from feature_platform_py.registry.feature import FeatureGroup
from feature_platform_py.registry.registry import load_registry
from feature_platform_py.registry.source import load_sources
from feature_platform_py.targets import backend_of


def list_command(*, target: str | None, output_format: str) -> None:
    """Print what the project has, without starting an engine; only a workspace is queried, for its tables."""
    project = open_project(target=target)
    listed = _listed(project)
    if output_format == "json":
        print_json(listed)
        return
    if output_format == "csv":
        names = list(dict.fromkeys(name for entries in listed.values() for entry in entries for name in entry))
        rows = [(title.removesuffix("s"), entry) for title, entries in listed.items() for entry in entries]
        print_csv(["list", *names], [[title, *(entry.get(name) for name in names)] for title, entry in rows])
        return
    for title, entries in listed.items():
        lines = aligned([[str(cell) for cell in entry.values()] for entry in entries]) or ["  none"]
        print_text("\n".join([f"{title}:", *lines]))


def _listed(project: Project) -> dict[str, list[dict[str, Any]]]:
    known = transformers_of(project.root)
    return {
        "jobs": [_job(path.relative_to(project.root).as_posix(), project) for path in job_files(project)],
        "sources": _sources(project),
        "feature groups": _groups(project),
        "transformers": [
            *({"name": name, "params": _params(kind)} for name, kind in known.items()),
            *({"name": "(not loaded: --no-project-code)", "params": file} for file in known.not_loaded),
        ],
        "tables": [{"name": relation, "kind": kind} for relation, kind in backend_of(project).relations()],
    }


def _sources(project: Project) -> list[dict[str, Any]]:
    try:
        sources = load_sources(project.root)
    except ConfigurationError:
        return [{"name": "(not valid: see `fpjob registry validate`)", "version": "", "reads": ""}]
    places = [(source, source.locations.get(project.target.name)) for source in sources]
    return [
        {
            "name": f"{source.type}.{source.name}",
            "version": f"v{source.version}",
            "reads": place.location if place else f"not on {project.target.name}",
        }
        for source, place in places
    ]


def _groups(project: Project) -> list[dict[str, Any]]:
    try:
        groups = load_registry(project.root).feature_groups
    except ConfigurationError:
        return [{"name": "(not valid: see `fpjob registry validate`)", "entity": "", "computes": ""}]
    return [{"name": group.name, "entity": group.entity, "computes": _computes(group)} for group in groups]


def _computes(group: FeatureGroup) -> str:
    """Return a group's features and their source; a group that describes others' features names their model."""
    names = ", ".join(feature.name for feature in group.features)
    source = group.definition.source if group.definition else None
    return f"{names} from {source.type}.{source.name} v{source.version}" if source else f"in {group.model}: {names}"


def _job(path: str, project: Project) -> dict[str, Any]:
    try:
        config = load_job_config(project.root / path, transformers=transformers_of(project.root))
    except ConfigurationError:
        return {"path": path, "job": f"(not valid: see `fpjob validate {path}`)", "transformers": ""}
    groups = dict.fromkeys(selection.group for selection in config.features)
    names = ", ".join([*groups, *(transformer.name for transformer in config.feature_transformers)])
    return {"path": path, "job": config.job_name, "transformers": names}


def _params(kind: type[FeatureTransformer]) -> str:
    """Return the names of a transformer's parameters, optional ones in brackets."""
    return ", ".join(name if field.is_required() else f"[{name}]" for name, field in kind.model_fields.items())
