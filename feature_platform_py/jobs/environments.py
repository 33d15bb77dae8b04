"""Check the name of an environment, and give a job its sink there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from feature_platform_py.core.document import read_document
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.locations import is_table_name, table_parts
from feature_platform_py.core.project import Project
from feature_platform_py.jobs.config import JobConfig
from feature_platform_py.jobs.names import job_files
from feature_platform_py.registry.registry import load_source_registry
from feature_platform_py.sources.resolve import EXTERNAL_SCHEMA


def check_environment(project: Project) -> None:
    """Raise ConfigurationError if the schema of an environment holds what production reads or writes."""
    name = project.target.environment
    if name is None:
        return
    for schema, used_by in _used_schemas(project):
        if schema.lower() == name.lower():
            raise ConfigurationError(
                f"`--schema`: expected the name of a schema for this environment alone, given `{name}`, which has {used_by}; name"
                " another one"
            )


def in_environment(config: JobConfig, project: Project) -> JobConfig:
    """Return the job with the sink that it has in the project's environment; production's job as it is.

    A job that a program wrote among its caches has its sink where that program looks for it.
    """
    name = project.target.environment
    if name is None or config.path.resolve().is_relative_to(project.caches.resolve()):
        return config
    return replace(config, output_sink=config.output_sink.in_environment(name))


def _used_schemas(project: Project) -> Iterator[tuple[str, str]]:
    """Yield the schemas of tables that jobs read and write, each with who does."""
    yield EXTERNAL_SCHEMA, "the sources of jobs"
    with suppress(ConfigurationError):
        for source in load_source_registry(project.root).sources:
            for place in source.locations.values():
                yield from _schema_of(place.location, f"the source `{source.name}`")
    for path in job_files(project):
        yield from _of_job(path)


def _of_job(path: Path) -> Iterator[tuple[str, str]]:
    try:
        values = read_document(path).values
    except ConfigurationError:
        return
    for part, key, what in (("input_source", "location", "input"), ("output_sink", "path", "sink")):
        given = values.get(part)
        config = given.get("config") if isinstance(given, dict) else None
        location = config.get(key) if isinstance(config, dict) else None
        if isinstance(location, str):
            yield from _schema_of(location, f"the {what} of `{path.name}`")


def _schema_of(location: str, used_by: str) -> Iterator[tuple[str, str]]:
    if is_table_name(location) and "." in location:
        yield table_parts(location)[1], used_by
