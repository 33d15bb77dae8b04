"""Find what a target reads for a job's location: a registered source, or the location itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from feature_platform_py.core.document import Place
from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.locations import absolute, inferred_format, is_remote, is_table_name, same_place
from feature_platform_py.core.project import Project, Target
from feature_platform_py.core.suggestions import suggestion, ticked
from feature_platform_py.features.row_filters import FilterValue
from feature_platform_py.files.columns import Readings
from feature_platform_py.files.declared import check_files
from feature_platform_py.registry.references import Reference, references_of
from feature_platform_py.registry.registry import Registry, load_source_registry
from feature_platform_py.registry.source import RegisteredSource, SourceLocation
from feature_platform_py.sources.input_source import InputSource
from feature_platform_py.sources.scoring import ScoringRows


@dataclass(frozen=True)
class ResolvedSource:
    """A job's input as one target reads it.

    An ad-hoc source has no columns until an engine reads them; `format` is None for a table of the engine. `references` name the
    sources that its rows refer to. The rows of a `query` are first written to the table at the location. Rows of a `scoring` set
    are the keys in other sources, `held_by`.
    """

    location: str
    format: str | None
    options: Mapping[str, str]
    columns: tuple[tuple[str, str], ...] | None = None
    registered: RegisteredSource | None = None
    references: tuple[Reference, ...] = ()
    query: str | None = None
    parameters: Mapping[str, FilterValue] = field(default_factory=dict)
    readings: Readings = field(default_factory=dict)
    scoring: ScoringRows | None = None
    held_by: tuple[ResolvedSource, ...] = ()

    @property
    def parts(self) -> tuple[ResolvedSource, ...]:
        """The sources that are read for its rows: itself, or those with the keys of a scoring set."""
        return self.held_by or (self,)

    @property
    def event_time(self) -> str | None:
        """The column with the rows' time; None if nothing declares one."""
        if self.scoring:
            return self.scoring.time[0]
        return self.registered.event_time if self.registered else None

    @property
    def shown(self) -> str:
        """The source for messages."""
        if self.query is not None:
            return f"a query of the SQL warehouse, kept in {self.location}"
        if self.scoring:
            return f"{self.scoring.shown}, of {', '.join(each.shown for each in self.held_by)}"
        return self.location if self.registered is None else f"{self.registered.name} ({self.location})"


def resolve_input(source: InputSource, registry: Registry, project: Project) -> ResolvedSource:
    """Return what the project's target reads for a job's input; the latest version if several sources have the location.

    Raises ConfigurationError if the target has no location for the source, or if its format is unknown.
    """
    if source.location is None:
        raise ConfigurationError([_without_location(source)])
    found = [
        (registered, place)
        for registered in sorted(registry.sources, key=lambda each: each.version)
        for place in registered.locations.values()
        if _is_same(place.location, source.location, project.root)
    ]
    if not found:
        return _ad_hoc(source, source.location)
    registered, named = found[-1]
    resolved = _registered(source, registered, named, target=project.target)
    references = _references(registered, registry, project.target, source.place.at("config", "location"))
    return replace(resolved, references=references)


def resolve_registered(
    registered: RegisteredSource, registry: Registry, project: Project, place: Place
) -> ResolvedSource:
    """Return what the project's target reads for a registered source; `place` names it.

    Raises ConfigurationError if the target has no location for it.
    """
    here = _here(place, registered, project.target)
    references = _references(registered, registry, project.target, place)
    columns, readings = registered.columns, here.readings
    return ResolvedSource(here.location, here.format, here.options, columns, registered, references, readings=readings)


def _references(
    registered: RegisteredSource, registry: Registry, target: Target, place: Place
) -> tuple[Reference, ...]:
    """Return the references of a source's rows. Raises ConfigurationError if the target has no location for one."""
    references = tuple(references_of(registered, registry))
    for holder in [holder for reference in references for holder in reference.sources]:
        _here(place, holder, target)
    return references


def own_input(job_name: str) -> str:
    """Return the name of the relation with the rows that only this job reads."""
    return f"{job_name}__input"


def resolve_query(source: InputSource, job_name: str, target: Target) -> ResolvedSource:
    """Return what an embedded target reads for a query: the table with the query's rows.

    Raises ConfigurationError for a target without an embedded engine.
    """
    if target.type != "fpspark":
        raise ConfigurationError([_without_location(source)])
    location = f"{target.sources_schema}.{own_input(job_name)}"
    return ResolvedSource(location, None, {}, query=source.query, parameters=source.parameters)


def _without_location(source: InputSource) -> Problem:
    place = source.place.at("source_type")
    advice = "save the query as a view, and use `databricks_spark` with its name as the `location`"
    return place.problem(f"`{place.name}`: `databricks_sql` is for targets outside of Databricks; {advice}")


def missing_file(source: InputSource, resolved: ResolvedSource, *, root: Path) -> Problem | None:
    """Return a problem if the input is a missing file or folder of this machine."""
    location = resolved.location
    is_local = resolved.format is not None and not is_table_name(location) and not is_remote(location)
    if not is_local or absolute(location, root).exists():
        return None
    place, meant = source.place.at("config", "location"), near_location(location, _beside(location, root), root=root)
    return place.problem(f"`{place.name}`: no file or folder `{location}`; paths start at the project's folder{meant}")


def near_location(location: str, known: Iterable[str], *, root: Path) -> str:
    """Return ``. Did you mean `x`?`` for the nearest of known and registered locations, or nothing if none is near."""
    registered: list[str] = []
    with suppress(ConfigurationError):
        sources = load_source_registry(root).sources
        registered = [place.location for each in sources for place in each.locations.values()]
    meant = suggestion(location, [*known, *registered])
    return f". {meant}" if meant else ""


def _beside(location: str, root: Path) -> Iterator[str]:
    """Yield the files and folders in the folder of a missing one, as far as it exists."""
    folder = location.rpartition("/")[0]
    with suppress(OSError):
        for path in sorted(absolute(folder, root).iterdir()) if folder else ():
            yield f"{folder}/{path.name}"


def _is_same(one: str, other: str, root: Path) -> bool:
    if is_table_name(one) or is_table_name(other):
        return one.lower() == other.lower()
    if is_remote(one) or is_remote(other):
        return same_place(one) == same_place(other)
    return absolute(one, root) == absolute(other, root)


def _registered(
    source: InputSource, registered: RegisteredSource, named: SourceLocation, *, target: Target
) -> ResolvedSource:
    config = source.place.at("config")
    if source.format not in {None, named.format}:
        place = config.at("format")
        message = f"`{place.name}`: source `{registered.name}` is {named.format} at this location"
        message += f", given `{source.format}`; remove `format`, because the registry declares it"
        raise ConfigurationError([place.problem(message)])
    here = _here(config.at("location"), registered, target)
    # Options of the job apply to the location that it names; another target's location has its own.
    options = _with_defaults(source.options, here.options) if here == named else here.options
    if config.at("columns").is_there:
        place = config.at("columns")
        message = f"`{place.name}`: the columns of source `{registered.name}` are declared in {registered.file.name}; remove `columns`"
        raise ConfigurationError([place.problem(message)])
    _check_files(source, here.format)
    columns, readings = registered.columns, here.readings
    return ResolvedSource(here.location, here.format, options, columns, registered, readings=readings)


def _here(place: Place, registered: RegisteredSource, target: Target) -> SourceLocation:
    """Return the location of a source on the target. Raises ConfigurationError if the registry has none."""
    # Every engine over the project's warehouse folder reads the location of `local`, unless the registry has another.
    is_local = target.has_session and target.name not in registered.locations
    here = registered.locations.get("local" if is_local else target.name)
    if here is None:
        message = f"`{place.name}`: source `{registered.name}` has no location on target `{target.name}`, only on"
        known = f"{ticked(sorted(registered.locations))}; add one in {registered.file.name}"
        raise ConfigurationError([place.problem(f"{message} {known}")])
    return here


def _ad_hoc(source: InputSource, location: str) -> ResolvedSource:
    if is_table_name(location):
        _check_files(source, None)
        return ResolvedSource(location, None, source.options)
    found = source.format or inferred_format(location)
    if found is None:
        place = source.place.at("config", "location")
        message = f"`{place.name}`: `{location}` does not show its format"
        raise ConfigurationError([place.problem(f"{message}; add `format`: delta, parquet, csv or json")])
    _check_files(source, found)
    defaults = {"header": "true"} if found == "csv" else {}
    return ResolvedSource(location, found, _with_defaults(source.options, defaults), readings=source.readings)


def _check_files(source: InputSource, file_format: str | None) -> None:
    problems: list[Problem] = []
    check_files(source.place.at("config"), source.options, file_format, problems)
    if problems:
        raise ConfigurationError(problems)


def _with_defaults(options: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the options and the missing defaults; names have no case."""
    named = {name.lower() for name in options}
    return {**{name: value for name, value in defaults.items() if name.lower() not in named}, **options}
