"""Registered sources: `registry/source/<type>/v<N>/<name>_source.yaml`, one file a version of a source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from feature_platform_py.core.data_types import kind_of
from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.jobs.document import Place, read_document
from feature_platform_py.jobs.fields import read_part
from feature_platform_py.registry.schema import FieldPart, FreshnessPart, LagPart, LocationPart, Period, SourcePart

_SUFFIX = "_source.yaml"


@dataclass(frozen=True)
class Field:
    """A column of a source; `type` is a canonical Spark SQL type."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True)
class SourceLocation:
    """Where a source is on one target: a path (relative to the project) or a table name."""

    location: str
    format: str
    options: Mapping[str, str]


@dataclass(frozen=True)
class Freshness:
    """How old a source's newest row may be, as (count, period), before a warning and before an error."""

    warn_after: tuple[int, str] | None = None
    error_after: tuple[int, str] | None = None


@dataclass(frozen=True)
class RegisteredSource:
    """A source of the registry; its columns are spelled and ordered as `fields` are."""

    type: str
    version: int
    name: str
    file: Path
    description: str
    owner: str
    entity: str
    fields: tuple[Field, ...]
    locations: Mapping[str, SourceLocation]
    event_time: str
    loaded_at: str | None = None
    period: Period = "month"
    primary_key: tuple[str, ...] = ()
    freshness: Freshness | None = None

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Names and types of the fields, in order."""
        return tuple((each.name, each.type) for each in self.fields)


def load_sources(project_root: Path) -> list[RegisteredSource]:
    """Every registered source below `registry/source`, in the order of type, name and version.

    Raises ConfigurationError with every problem of every file.
    """
    folder = project_root / "registry" / "source"
    problems: list[Problem] = []
    sources = [_read_source(path, folder, problems) for path in sorted(folder.rglob("*.y*ml"))]
    if problems:
        raise ConfigurationError(problems)
    return sorted((source for source in sources if source), key=lambda each: (each.type, each.name, each.version))


def _read_source(path: Path, folder: Path, problems: list[Problem]) -> RegisteredSource | None:
    try:
        document = read_document(path)
    except ConfigurationError as error:
        problems += error.problems
        return None
    place = Place(document)
    found = list(document.problems)
    part = read_part(SourcePart, place, found)
    fields = _fields(place.at("fields"), found)
    locations = _locations(place.at("locations"), found)
    freshness = _freshness(place.at("freshness"), found)
    place_in_folders = _place_in_folders(path, folder, place, found)
    if part:
        found += _field_rule_problems(part, fields, place)
    problems += found
    if part is None or place_in_folders is None or found:
        return None
    source_type, version = place_in_folders
    return RegisteredSource(
        type=source_type,
        version=version,
        name=part.name,
        file=path,
        description=part.description,
        owner=part.owner,
        entity=part.entity,
        fields=fields,
        locations=MappingProxyType(locations),
        event_time=part.event_time,
        loaded_at=part.loaded_at,
        period=part.period,
        primary_key=part.primary_key,
        freshness=freshness,
    )


def _fields(place: Place, problems: list[Problem]) -> tuple[Field, ...]:
    fields: dict[str, Field] = {}
    for position in range(len(place.value) if isinstance(place.value, list) else 0):
        part = read_part(FieldPart, place.at(position), problems)
        if part and part.name.lower() in fields:
            problems.append(place.at(position).problem(f"field `{part.name}` is given twice; remove one of them"))
        elif part:
            fields[part.name.lower()] = Field(part.name, part.type, part.required, part.description)
    return tuple(fields.values())


def _locations(place: Place, problems: list[Problem]) -> dict[str, SourceLocation]:
    targets = place.value if isinstance(place.value, dict) else {}
    parts = {target: read_part(LocationPart, place.at(target), problems) for target in targets}
    return {
        target: SourceLocation(part.location, part.format, MappingProxyType(part.options))
        for target, part in parts.items()
        if part
    }


def _freshness(place: Place, problems: list[Problem]) -> Freshness | None:
    part = read_part(FreshnessPart, place, problems) if isinstance(place.value, dict) else None
    if part is None:
        return None
    lags = [read_part(LagPart, place.at(key), problems) for key in ("warn_after", "error_after") if key in place.value]
    named = dict(zip([key for key in ("warn_after", "error_after") if key in place.value], lags, strict=True))
    return Freshness(**{key: (lag.count, lag.period) for key, lag in named.items() if lag})


def _place_in_folders(path: Path, folder: Path, place: Place, problems: list[Problem]) -> tuple[str, int] | None:
    """The source's type and version, which are its folders' names."""
    match = re.fullmatch(r"([a-z][a-z0-9_]*)/v([1-9][0-9]*)/([a-z][a-z0-9_]*)", _stem(path, folder))
    if match is None:
        expected = f"expected the file at `registry/source/<type>/v<N>/<name>{_SUFFIX}`"
        problems.append(place.problem(f"{expected}, given `{path.relative_to(folder.parent.parent).as_posix()}`"))
        return None
    name = place.at("name").value
    if isinstance(name, str) and name != match[3]:
        message = f"`name`: expected `{match[3]}`, as the file is named, given `{name}`; rename one of them"
        problems.append(place.at("name").problem(message))
    return match[1], int(match[2])


def _stem(path: Path, folder: Path) -> str:
    relative = path.relative_to(folder).as_posix()
    return relative.removesuffix(_SUFFIX) if relative.endswith(_SUFFIX) else ""


def _field_rule_problems(part: SourcePart, fields: tuple[Field, ...], place: Place) -> Iterator[Problem]:
    """The event time, the load time and the primary key are fields of the right kind."""
    known = {each.name: each for each in fields}
    unread = _raw_names(place.at("fields")) - set(known)
    named = [
        ("event_time", part.event_time),
        ("loaded_at", part.loaded_at),
        *(("primary_key", name) for name in part.primary_key),
    ]
    for key, name in named:
        fault = None if name is None or name in unread else _field_fault(key, name, known)
        if fault:
            yield place.at(key).problem(f"`{key}`: {fault}")


def _field_fault(key: str, name: str, known: Mapping[str, Field]) -> str | None:
    if name not in known:
        return unknown("field", name, known=known)
    if key == "primary_key":
        return None if known[name].required else f"field `{name}` is not required; set `required: true`"
    is_time = kind_of(known[name].type) in {"date", "timestamp"}
    return None if is_time else f"expected a date or a timestamp, field `{name}` is {known[name].type}"


def _raw_names(place: Place) -> set[str]:
    """The names of all fields in the file, also of those with a fault that is told elsewhere."""
    names = [place.at(position, "name").value for position in range(len(place.value))]
    return {name for name in names if isinstance(name, str)}
