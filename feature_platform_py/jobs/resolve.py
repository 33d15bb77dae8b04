"""From the location that a job names to what one target reads: a registered source, or the location itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.locations import absolute, inferred_format, is_remote, is_table_name
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.jobs.config import InputSource
from feature_platform_py.registry.source import RegisteredSource, SourceLocation


@dataclass(frozen=True)
class ResolvedSource:
    """A job's input as one target reads it.

    An ad-hoc source has no columns until an engine has looked; `format` is None for a table name that the engine knows itself.
    """

    location: str
    format: str | None
    options: Mapping[str, str]
    columns: tuple[tuple[str, str], ...] | None = None
    registered: RegisteredSource | None = None

    @property
    def dbt_source(self) -> tuple[str, str]:
        """The names of its dbt source: `source('transaction', 'mm_transaction')`."""
        if self.registered is None:
            return ("ad_hoc", "job_input")
        version = "" if self.registered.version == 1 else f"_v{self.registered.version}"
        return (self.registered.type, f"{self.registered.name}{version}")

    @property
    def shown(self) -> str:
        """The source as a reader knows it."""
        return self.location if self.registered is None else f"{self.registered.name} ({self.location})"


def resolve_input(
    source: InputSource, registry_sources: Iterable[RegisteredSource], target: str, *, root: Path
) -> ResolvedSource:
    """What the target reads for a job's input; the highest version where several registered sources have the location.

    Raises ConfigurationError if the target has no location for the source, or if its format cannot be told.
    """
    if source.location is None:
        raise ConfigurationError([unavailable(source)])
    found = [
        (registered, place)
        for registered in sorted(registry_sources, key=lambda each: each.version)
        for place in registered.locations.values()
        if _is_same(place.location, source.location, root)
    ]
    return _registered(source, *found[-1], target=target) if found else _ad_hoc(source, source.location)


def unavailable(source: InputSource) -> Problem:
    """Why a source of type `databricks_sql` cannot be planned."""
    return source.place.at("source_type").problem(
        "`input_source.source_type`: `databricks_sql` cannot be run by this version; save the query as a view or a table, and use "
        "`databricks_spark` with its name as the `location`"
    )


def missing_file(source: InputSource, resolved: ResolvedSource, *, root: Path) -> Problem | None:
    """A problem if the input is a file or folder of this machine that is not there."""
    location = resolved.location
    if (
        is_remote(location)
        or resolved.format is None
        or is_table_name(location)
        or absolute(location, root).exists()
    ):
        return None
    message = (
        f"`input_source.config.location`: no file or folder `{location}`; paths start at the project's folder"
    )
    return source.place.at("config", "location").problem(message)


def _is_same(one: str, other: str, root: Path) -> bool:
    if is_table_name(one) or is_table_name(other):
        return one.lower() == other.lower()
    if is_remote(one) or is_remote(other):
        return one.rstrip("/") == other.rstrip("/")
    return absolute(one, root) == absolute(other, root)


def _registered(
    source: InputSource, registered: RegisteredSource, named: SourceLocation, *, target: str
) -> ResolvedSource:
    place = source.place.at("config")
    if source.format not in {None, named.format}:
        message = f"`{place.at('format').name}`: source `{registered.name}` is {named.format} there, given `{source.format}`"
        raise ConfigurationError(
            [place.at("format").problem(f"{message}; remove `format`, the registry says it")]
        )
    # Both embedded engines read the files of this machine.
    here = registered.locations.get(target) or (
        registered.locations.get("local") if target == "spark" else None
    )
    if here is None:
        message = f"`{place.at('location').name}`: source `{registered.name}` has no location on target `{target}`, only on"
        known = f"{ticked(sorted(registered.locations))}; add one in {registered.file.name}"
        raise ConfigurationError([place.at("location").problem(f"{message} {known}")])
    # Options are the reader's of the very location that the job names; another target's location has its own.
    options = {**here.options, **source.options} if here == named else here.options
    return ResolvedSource(here.location, here.format, options, registered.columns, registered)


def _ad_hoc(source: InputSource, location: str) -> ResolvedSource:
    if is_table_name(location):
        return ResolvedSource(location, None, source.options)
    found = source.format or inferred_format(location)
    if found is None:
        place = source.place.at("config", "location")
        message = f"`{place.name}`: `{location}` does not say its format; add `format`: one of delta, parquet, csv, json"
        raise ConfigurationError([place.problem(message)])
    header = {"header": "true"} if found == "csv" and not _has_option(source.options, "header") else {}
    return ResolvedSource(location, found, {**header, **source.options})


def _has_option(options: Mapping[str, str], name: str) -> bool:
    return name in {option.lower() for option in options}
