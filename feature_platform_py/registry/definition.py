"""Read what a feature group computes: its source, its keys, its event time, and aggregations of the source's rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from feature_platform_py.core.document import Place
from feature_platform_py.core.errors import Problem
from feature_platform_py.core.fields import FieldError, read_part
from feature_platform_py.core.suggestions import ticked, unknown
from feature_platform_py.features.aggregation import FeaturePart
from feature_platform_py.features.built_in.window_aggregator import WindowAggregator
from feature_platform_py.features.columns import READABLE, InputColumn, OutputColumn, column_named, input_fault
from feature_platform_py.features.row_filters import RowFilter, filter_problems, read_filters
from feature_platform_py.registry.entity import Entity
from feature_platform_py.registry.field import field_named, unknown_field
from feature_platform_py.registry.schema import DefinedFeaturePart, DefinedGroupPart
from feature_platform_py.registry.source import RegisteredSource

_SOURCE = re.compile(r"(?P<name>[^/@]+/[^/@]+)(@v(?P<version>[1-9][0-9]*))?")
# What an entry of `features` has for the registry alone.
_BESIDE = ("description", "owner", "tags")


@dataclass(frozen=True)
class DefinedFeature:
    """One entry of a group's `features`, and its columns: one for each window, or for each value of `by` in each window."""

    part: DefinedFeaturePart
    columns: tuple[OutputColumn, ...]
    place: Place


@dataclass(frozen=True)
class Definition:
    """What a feature group computes. `keys` are the source's columns, by the field of the entity's key that they hold."""

    source: RegisteredSource
    keys: Mapping[str, str]
    filters: tuple[RowFilter, ...]
    aggregator: WindowAggregator
    features: tuple[DefinedFeature, ...]

    @property
    def columns(self) -> tuple[OutputColumn, ...]:
        """The columns of all features, in the order of the YAML."""
        return tuple(column for feature in self.features for column in feature.columns)


class ReadsSource(Protocol):
    """What a group and a target say of the source that they read."""

    @property
    def source(self) -> str:
        """The source's name."""

    @property
    def keys(self) -> Mapping[str, str]:
        """The fields of the entity's key, and the columns that hold them where names differ."""

    @property
    def timestamp_col(self) -> str | None:
        """The column of the event time, None for the source's own."""


@dataclass(frozen=True)
class Sources:
    """The registered sources with valid files, and the names (`type/name`) of all that have one."""

    valid: Sequence[RegisteredSource]
    on_disk: frozenset[str]


def is_definition(place: Place) -> bool:
    """Return whether a group's file defines its features, and does not only describe those of a model."""
    return place.at("source").is_there or any(each.at("function").is_there for each in place.at("features").items)


def read_definition(
    part: DefinedGroupPart,
    place: Place,
    entity: Entity | None,
    sources: Sources,
    problems: list[Problem],
) -> Definition | None:
    """Return what the group at `place` computes; None, and more `problems`, if that is not right.

    `entity` is None if it is unknown or has faults of its own. A source with faults of its own is not in `sources`.
    """
    found: list[Problem] = []
    parts = [read_part(DefinedFeaturePart, each, found) for each in place.at("features").items]
    filters = read_filters(place.at("filters"), found)
    source = source_named(part.source, place.at("source"), sources, found)
    if source is None or entity is None:
        problems += found
        return None
    found += [problem for each in filters for problem in filter_problems(each, source.columns)]
    found += [*key_problems(part, place, entity, source), *time_problems(part, place, source)]
    features = [
        read_feature(each, place.at("features", position), source, found) for position, each in enumerate(parts) if each
    ]
    keys = {field: part.keys.get(field, field) for field in entity.primary_key}
    # The rules between features need the features.
    aggregator = None if found else read_part(WindowAggregator, _params(part, place, keys, source), found)
    problems += found
    if aggregator is None:
        return None
    aggregator = aggregator.ordered_by(source.primary_key).spelled_as(source.columns)
    return Definition(source, keys, filters, aggregator, tuple(features))


def read_feature(
    part: DefinedFeaturePart, place: Place, source: RegisteredSource, problems: list[Problem]
) -> DefinedFeature:
    """Return one entry of `features`; add what is wrong with it to `problems`."""
    return DefinedFeature(part, feature_columns(part, place, source, problems), place)


def feature_columns(
    part: FeaturePart, place: Place, source: RegisteredSource, problems: list[Problem]
) -> tuple[OutputColumn, ...]:
    """Return the columns of a feature; add what it cannot read of the source, and names that the source has, to `problems`."""
    inputs = [InputColumn(role, path, name, kinds) for path, role, name, kinds in part.inputs()]
    faults = [(each.path, fault) for each in inputs if (fault := input_fault(each, source.columns, there="source"))]
    is_ordered = part.how.is_ordered and not part.order_by
    ordered = replace(part, order_by=source.primary_key) if is_ordered else part
    for path, fault in faults or ordered.faults(source.columns):
        problems.append(place.at(*path).problem(f"`{place.at(*path).name}`: {fault}"))
    try:
        columns = tuple(column for _, _, column in part.outputs("", source.columns))
    except FieldError as error:
        columns = ()
        problems.append(place.problem(f"`{place.name}`: {error.message}"))
    for column in columns:
        if column_named(column.name, source.columns):
            said = f"`{place.name}` adds the column `{column.name}`, which is already a column of the source"
            problems.append(place.problem(f"{said}; give the feature another `name`"))
    return columns


def source_named(text: str, place: Place, sources: Sources, problems: list[Problem]) -> RegisteredSource | None:
    """Return the source of a name such as `type/name` or `type/name@v1`; None, and more `problems`, if there is none."""
    given = _SOURCE.fullmatch(text)
    if given is None:
        expected = "expected `<type>/<name>`, or `<type>/<name>@v1` for one version"
        problems.append(place.problem(f"`{place.name}`: {expected}, given {place.given}"))
        return None
    versions = {each.version: each for each in sources.valid if f"{each.type}/{each.name}" == given["name"]}
    version = int(given["version"]) if given["version"] else max(versions, default=0)
    if version in versions:
        return versions[version]
    if versions:
        known = ticked(f"@v{each}" for each in sorted(versions))
        problems.append(
            place.problem(f"`{place.name}`: version v{version} of `{given['name']}` is unknown. Known: {known}")
        )
    elif given["name"] not in sources.on_disk:
        fault = unknown("source", given["name"], known=sorted(sources.on_disk))
        problems.append(place.problem(f"`{place.name}`: {fault}"))
    return None


def key_problems(part: ReadsSource, place: Place, entity: Entity, source: RegisteredSource) -> Iterator[Problem]:
    """Yield why the source's columns cannot hold the entity's key: each must exist, with the type of the field."""
    for name in part.keys:
        if name not in entity.primary_key:
            fault = unknown("field", name, known=entity.primary_key)
            yield place.at("keys", name).problem(f"`keys`: {fault}, the primary key of `{entity.name}`")
    for name in entity.primary_key:
        column, at = part.keys.get(name, name), place.at("keys", name)
        there, here = field_named(name, entity.fields), field_named(column, source.fields)
        if here is None:
            advice = "" if name in part.keys else f"; say in `keys` which column holds `{name}` of `{entity.name}`"
            yield at.problem(f"`keys`: {unknown_field(column, source.fields)}{advice}")
        elif there and here.type != there.type:
            message = f"`{column}` of the source is {here.type}, and `{name}` of `{entity.name}` is {there.type}"
            yield at.problem(f"`keys`: {message}; give both one type")


def time_problems(part: ReadsSource, place: Place, source: RegisteredSource) -> Iterator[Problem]:
    """Yield why the source has no event time: it names none, or one of another type."""
    at = place.at("timestamp_col")
    name = part.timestamp_col or source.event_time
    if not name:
        fault = f"the source `{part.source}` declares no `event_time`; name the column of the event time"
        yield at.problem(f"`timestamp_col` is missing: {fault}")
    else:
        time = InputColumn("event time", "timestamp_col", name, READABLE["time"])
        if wrong := input_fault(time, source.columns, there="source"):
            yield at.problem(f"`timestamp_col`: {wrong}")


def _params(part: DefinedGroupPart, place: Place, keys: Mapping[str, str], source: RegisteredSource) -> Place:
    """Return the parameters of the group's `WindowAggregator`; problems of a feature keep their lines."""
    features = [
        {name: value for name, value in each.value.items() if name not in _BESIDE}
        for each in place.at("features").items
    ]
    values = {
        "keys": list(keys.values()),
        "timestamp_col": part.timestamp_col or source.event_time or "",
        "features": features,
        **({"time_zone": part.time_zone} if part.time_zone else {}),
    }
    return replace(place, document=replace(place.document, values=values))
