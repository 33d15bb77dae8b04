"""Order jobs so that each comes after those whose results it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from feature_platform_py.core.document import NOWHERE
from feature_platform_py.core.errors import ConfigurationError, Problem, problems_of
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.features.catalogue import transformers_of
from feature_platform_py.jobs.checks import is_written
from feature_platform_py.jobs.config import JobConfig, load_job_config
from feature_platform_py.registry.registry import Registry, load_registry
from feature_platform_py.sources.resolve import ResolvedSource, resolve_input, resolve_registered


@dataclass(frozen=True)
class OrderedJob:
    """A job among others, and the names of those whose sinks it reads."""

    config: JobConfig
    needed: tuple[str, ...]


def in_order(files: Sequence[Path], project: Project) -> list[OrderedJob]:
    """Return the jobs of the files, each after those whose sinks it reads; otherwise their order stays.

    Raises ConfigurationError with the problems of all files, and if jobs read each other.
    """
    registry, configs = load_registry(project.root), _configs(files, project)
    found: dict[str, OrderedJob] = {}
    for config in configs:
        sources = list(_sources(config, registry, project))
        needed = [other.job_name for other in configs if _writes_one_of(other, sources, project)]
        found[config.job_name] = OrderedJob(config, tuple(needed))
    ordered: dict[str, OrderedJob] = {}
    for name in found:
        _add(name, found, ordered, ())
    return list(ordered.values())


def _configs(files: Sequence[Path], project: Project) -> list[JobConfig]:
    problems: list[Problem] = []
    configs: dict[str, JobConfig] = {}
    for file in files:
        try:
            config = load_job_config(file, transformers=transformers_of(project.root))
            configs.setdefault(config.job_name, config)
        except ConfigurationError as error:
            problems += problems_of(error, str(file))
    if problems:
        raise ConfigurationError(problems)
    return list(configs.values())


def _add(name: str, found: Mapping[str, OrderedJob], ordered: dict[str, OrderedJob], above: tuple[str, ...]) -> None:
    """Add a job to the ordered ones, after those that it needs."""
    if name in above:
        round_trip = ticked(above[above.index(name) :])
        raise ConfigurationError(f"jobs read each other's results: {round_trip}; run them one by one")
    if name not in ordered:
        for other in found[name].needed:
            _add(other, found, ordered, (*above, name))
        ordered[name] = found[name]


def _writes_one_of(config: JobConfig, sources: Sequence[ResolvedSource], project: Project) -> bool:
    location = config.output_sink.location
    if location is None:
        return False
    path = config.output_sink.place.at("config", "path").value
    return any(is_written(location, path, source, project) for source in sources)


def _sources(config: JobConfig, registry: Registry, project: Project) -> Iterator[ResolvedSource]:
    """Yield what a job reads on the target: its input, and the sources of its groups and of the entity of a scoring set."""
    with suppress(ConfigurationError):
        if config.input_source.location:
            yield resolve_input(config.input_source, registry, project)
    groups = {selection.group for selection in config.features}
    read = [each.definition.source for each in registry.defined_groups if each.name in groups and each.definition]
    rows = config.input_source.rows
    read += [each for each in registry.sources if rows and each.entity == rows.entity]
    for registered in read:
        with suppress(ConfigurationError):
            yield resolve_registered(registered, registry, project, NOWHERE)
