"""Check that an environment has its schema for itself, and give a job its sink there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from feature_platform_py.core.document import read_document
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.locations import is_table_name, overlap, table_parts
from feature_platform_py.core.project import Project, is_of_sources, productions_beside
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.jobs.config import JobConfig
from feature_platform_py.jobs.names import job_files
from feature_platform_py.registry.registry import load_source_registry
from feature_platform_py.warehouse.stored_relations import stored_relations

_WITHOUT_SCHEMA = table_parts("any")[1]
_LISTED = 3


@dataclass(frozen=True)
class Place:
    """A location that production reads or writes, and who does."""

    location: str
    used_by: str
    is_sink: bool = False

    @property
    def schema(self) -> str | None:
        """The schema of a table; None for another place, and for a sink in the schema of the features."""
        if not is_table_name(self.location) or (self.is_sink and "." not in self.location):
            return None
        return table_parts(self.location)[1]


def environments(project: Project) -> list[str]:
    """Return the names of the environments in whose schemas jobs have run."""
    folder = project.environments
    return sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []


def check_environment(project: Project) -> None:
    """Raise ConfigurationError if the schema of an environment holds anything else: it can be dropped as a whole."""
    name = project.target.environment
    if name is None:
        return
    sources = project.target.sources_schema
    for schema, used_by in _used(name, project):
        if schema.lower() in (name, sources):
            which = "which" if schema.lower() == name else f"whose schema `{sources}`"
            raise ConfigurationError(
                f"`--schema`: expected the name of a schema for this environment alone, given `{name}`, {which} has {used_by}; name"
                " another one"
            )


def _used(name: str, project: Project) -> Iterator[tuple[str, str]]:
    """Yield each schema that an environment of this name cannot have for itself, and who has it."""
    if is_of_sources(name):
        yield name, "the sources of jobs"
    yield _WITHOUT_SCHEMA, "the tables without a schema"
    yield project.production.target.schema, "production's tables"
    for target, schema in productions_beside(project):
        yield (
            schema,
            f"the tables of the target `{target}`, unless `production_schema` in `dbt_project.yml` makes that an environment",
        )
    others = environments(project)
    for place in production_places(project):
        yield place.schema or "", place.used_by
        if place.is_sink and place.schema:
            yield from ((f"{other}_{place.schema}", f"sinks of the environment `{other}`") for other in others)
    if name not in others:
        for schema, unknown in _unknown_tables(name, project).items():
            yield schema, f"tables that no job of this project builds: {ticked(unknown[:_LISTED])}"


def in_environment(config: JobConfig, project: Project) -> JobConfig:
    """Return the job with the sink that it has in the project's environment; production's job as it is.

    A job that a program wrote among its caches has its sink where that program looks for it. Raises ConfigurationError if production
    reads or writes that place.
    """
    name = project.target.environment
    if name is None or config.path.resolve().is_relative_to(project.caches.resolve()):
        return config
    sink = config.output_sink.in_environment(name)
    if sink != config.output_sink and (taken := _taken(sink.location or "", project)):
        raise ConfigurationError(
            f"{project.shown(config.path)}: `output_sink`: the environment `{name}` would write `{sink.location}`, where {taken} is;"
            " name another environment"
        )
    return replace(config, output_sink=sink)


def _taken(location: str, project: Project) -> str | None:
    if other := of_production(location, project):
        return other.used_by
    schema = Place(location, "", is_sink=True).schema
    return f"the environment `{schema}`" if schema in environments(project) else None


def of_production(location: str, project: Project) -> Place | None:
    """Return what production reads or writes at a location, as far as its files say; None for nothing."""
    return next(
        (each for each in production_places(project) if overlap(location, each.location, root=project.root)), None
    )


def production_places(project: Project) -> Iterator[Place]:
    """Yield the places that the registry's sources and the registered jobs name."""
    with suppress(ConfigurationError):
        for source in load_source_registry(project.root).sources:
            for place in source.locations.values():
                yield Place(place.location, f"the source `{source.name}`")
    for path in job_files(project):
        yield from _of_job(path)


def _of_job(path: Path) -> Iterator[Place]:
    try:
        values = read_document(path).values
    except ConfigurationError:
        return
    for part, key, what in (("input_source", "location", "input"), ("output_sink", "path", "sink")):
        given = values.get(part)
        config = given.get("config") if isinstance(given, dict) else None
        location = config.get(key) if isinstance(config, dict) else None
        if isinstance(location, str):
            yield Place(location, f"the {what} of `{path.name}`", is_sink=what == "sink")


def _unknown_tables(schema: str, project: Project) -> dict[str, list[str]]:
    """Return by schema what an environment's has that no model of the project is named after, and that of its sources no job reads."""
    found: dict[str, list[str]] = {}
    if not project.target.has_session:
        return found
    models = {path.stem for kind in ("*.sql", "*.py") for path in (project.root / "models").rglob(kind)}
    for each, kind in stored_relations(project.target.warehouse):
        is_input = kind == "source" or each.name.endswith("__input")
        if (each.schema == schema and each.name not in models) or (
            each.schema == project.target.sources_schema and not is_input
        ):
            found.setdefault(each.schema, []).append(each.name)
    return found
