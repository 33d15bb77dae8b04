"""Read registered sources (`registry/source/<type>/v<N>/<name>_source.yaml`), one file per version of a source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from feature_platform_py.core.data_types import kind_of
from feature_platform_py.core.document import NOWHERE, Place
from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.fields import read_part
from feature_platform_py.features.windows import seconds_of
from feature_platform_py.files.columns import Readings
from feature_platform_py.files.declared import check_files, read_columns
from feature_platform_py.registry.field import Field, field_named, key_fault, raw_names, read_fields, unknown_field
from feature_platform_py.registry.files import file_place, read_files
from feature_platform_py.registry.schema import FreshnessPart, LagPart, Period, SourceLocationPart, SourcePart

_SUFFIX = "_source.yaml"
_PLACE = r"[a-z][a-z0-9_]*/v[1-9][0-9]*/([a-z][a-z0-9_]*)" + re.escape(_SUFFIX)


_NO_TIME = (
    "no field gives the age of a row; name the field of the load time as `loaded_at`, or of the event as `event_time`"
)


@dataclass(frozen=True)
class SourceLocation:
    """Where a source is on one target: a path (relative to the project) or a table name."""

    location: str
    format: str
    options: Mapping[str, str]
    readings: Readings = field(default_factory=dict)


@dataclass(frozen=True)
class Freshness:
    """How old a source's newest row may be, as (count, period), before a warning and before an error."""

    warn_after: tuple[int, str] | None = None
    error_after: tuple[int, str] | None = None


@dataclass(frozen=True)
class RegisteredSource:
    """A source of the registry; its columns are spelled and ordered as `fields` are.

    A row is there at its load time, or `available_after` seconds after its event, as far as the source declares one.
    """

    type: str
    version: int
    name: str
    file: Path
    description: str
    owner: str
    entity: str
    fields: tuple[Field, ...]
    locations: Mapping[str, SourceLocation]
    event_time: str | None = None
    loaded_at: str | None = None
    available_after: int | None = None
    period: Period = "month"
    primary_key: tuple[str, ...] = ()
    freshness: Freshness | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def dbt_source(self) -> tuple[str, str]:
        """The names of its dbt source: `source('transaction', 'mm_transaction')`."""
        return (self.type, self.name if self.version == 1 else f"{self.name}_v{self.version}")

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the fields in which every row has a value."""
        return tuple(each.name for each in self.fields if each.required)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Names and types of the fields, in order."""
        return tuple((each.name, each.type) for each in self.fields)


def load_sources(root: Path) -> list[RegisteredSource]:
    """Return every registered source below `registry/source`, in the order of type, name and version.

    Raises ConfigurationError with every problem of every file.
    """
    problems: list[Problem] = []
    sources = read_sources(root, problems)
    if problems:
        raise ConfigurationError(problems)
    return sources


def read_sources(root: Path, problems: list[Problem]) -> list[RegisteredSource]:
    """Return the sources with valid files; add the faults of the others to `problems`."""
    sources = read_files(root / "registry" / "source", _source, problems)
    return sorted(sources, key=lambda each: (each.type, each.name, each.version))


def _source(place: Place, path: Path, folder: Path, problems: list[Problem]) -> RegisteredSource | None:
    found: list[Problem] = []
    part = read_part(SourcePart, place, found)
    fields = read_fields(place.at("fields"), found)
    locations = _locations(place.at("locations"), found)
    freshness = _freshness(place.at("freshness"), found)
    found += file_place(place, path, folder, _PLACE, f"registry/source/<type>/v<N>/<name>{_SUFFIX}")
    if part:
        found += _field_rule_problems(part, fields, place)
    problems += found
    if part is None or found or place.document.problems:
        return None
    source_type, version = path.parts[-3], int(path.parts[-2].removeprefix("v"))
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
        available_after=seconds_of(part.available_after) if part.available_after else None,
        period=part.period,
        primary_key=part.primary_key,
        freshness=freshness,
        place=place,
    )


def _locations(place: Place, problems: list[Problem]) -> dict[str, SourceLocation]:
    targets = place.value if isinstance(place.value, dict) else {}
    parts = {target: read_part(SourceLocationPart, place.at(target), problems) for target in targets}
    found = {}
    for target, part in parts.items():
        if part:
            check_files(place.at(target), part.options, part.format, problems)
            readings = read_columns(place.at(target, "columns"), problems)
            found[target] = SourceLocation(part.location, part.format, MappingProxyType(part.options), readings)
    return found


def _freshness(place: Place, problems: list[Problem]) -> Freshness | None:
    part = read_part(FreshnessPart, place, problems) if isinstance(place.value, dict) else None
    if part is None:
        return None
    lags = [read_part(LagPart, place.at(key), problems) for key in ("warn_after", "error_after") if key in place.value]
    named = dict(zip([key for key in ("warn_after", "error_after") if key in place.value], lags, strict=True))
    return Freshness(**{key: (lag.count, lag.period) for key, lag in named.items() if lag})


def _field_rule_problems(part: SourcePart, fields: tuple[Field, ...], place: Place) -> Iterator[Problem]:
    """Yield the problems of an event time, load time or primary key that is not a field of the right kind."""
    faults = [
        ("event_time", part.event_time and _time_fault(part.event_time, place, fields)),
        ("loaded_at", part.loaded_at and _time_fault(part.loaded_at, place, fields)),
        *(("primary_key", key_fault(name, place, fields)) for name in part.primary_key),
        ("available_after", part.available_after and _delay_fault(part)),
        ("freshness", part.freshness and not (part.loaded_at or part.event_time) and _NO_TIME),
    ]
    for key, fault in faults:
        if fault:
            yield place.at(key).problem(f"`{key}`: {fault}")


def _delay_fault(part: SourcePart) -> str | None:
    said = f"`{part.loaded_at}` says when each row was there (`loaded_at`); remove one of them"
    return said if part.loaded_at else None


def _time_fault(name: str, place: Place, fields: tuple[Field, ...]) -> str | None:
    named = field_named(name, fields)
    if named is None:
        return None if name in raw_names(place.at("fields")) else unknown_field(name, fields)
    is_time = kind_of(named.type) in {"date", "timestamp"}
    return None if is_time else f"expected a date or a timestamp, field `{name}` is {named.type}"
