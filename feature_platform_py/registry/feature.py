"""Read features (`registry/feature/<group>.yaml`), one file for a group: what it computes, or what a model computes.

A feature's name may hold parameters: `user_<window_days>d_total_spend` stands for the feature of each window.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from feature_platform_py.core.document import NOWHERE, Place
from feature_platform_py.core.errors import Problem
from feature_platform_py.core.fields import read_part
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.core.text import PARAMETER, slug
from feature_platform_py.registry.definition import Definition, Sources, is_definition, read_definition
from feature_platform_py.registry.entity import Entity
from feature_platform_py.registry.files import file_place, read_files
from feature_platform_py.registry.schema import DefinedGroupPart, DescribedGroupPart, FeaturePart
from feature_platform_py.registry.source import RegisteredSource


@dataclass(frozen=True)
class Feature:
    """A feature, or all features whose names differ only in their parameters; `types` are the allowed ones."""

    name: str
    types: tuple[str, ...]
    description: str
    owner: str
    tags: tuple[str, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # `re.split` with a group alternates texts and parameters; a parameter named twice has one value.
        pieces = PARAMETER.split(self.name)
        seen: set[str] = set()
        pattern = ""
        for position, piece in enumerate(pieces):
            if position % 2 == 0:
                pattern += re.escape(piece)
            else:
                pattern += f"(?P={piece})" if piece in seen else f"(?P<{piece}>[a-z0-9_]+)"
                seen.add(piece)
        return re.compile(pattern)

    @property
    def is_column(self) -> bool:
        """Whether the feature is one column, of one type."""
        return not PARAMETER.search(self.name) and len(self.types) == 1 and "<scale>" not in self.types[0]

    def parameters_of(self, column: str) -> dict[str, str] | None:
        """Return the values of the parameters, by name, that turn the pattern into this column, or None."""
        match = self._pattern.fullmatch(column)
        return match.groupdict() if match else None

    def description_of(self, column: str, arguments: Mapping[str, Any] = MappingProxyType({})) -> str:
        """Return the description, with the column's values in place of the parameters.

        `arguments` are the transformer's; a value whose slug is in the column's name is written in full.
        """
        parameters = self.parameters_of(column) or {}
        spelled = {name: _spelled(text, arguments.get(name)) for name, text in parameters.items()}
        return PARAMETER.sub(lambda found: spelled.get(found[1], found[0]), self.description)

    def has_type(self, text: str) -> bool:
        """Return whether a column of the feature may have this type."""
        return any(re.fullmatch(re.escape(known).replace("<scale>", r"\d+"), text) for known in self.types)


def _spelled(text: str, argument: Any) -> str:
    values = argument if isinstance(argument, list | tuple) else [argument]
    return next((str(value) for value in values if slug(str(value)) == text), text)


@dataclass(frozen=True)
class Versions:
    """How jobs find the features of a key in a model's rows: by its key, and the latest one up to a time if the rows have one.

    `keys` are the model's columns, by the field of the entity's key that they hold, each with its type. `order_by` finds the last of
    several rows of one key and time.
    """

    keys: Mapping[str, tuple[str, str]]
    timestamp_col: str | None
    order_by: tuple[str, ...]


@dataclass(frozen=True)
class FeatureGroup:
    """Features that belong together, and the entity that they are about.

    A group with a `definition` is computed as that says, in the table or view `model`, which has the group's name. The features of
    another group are those of a model that someone wrote, or of transformers; jobs can read those of a model if it has `versions`.
    `was` are the names that it had before.
    """

    name: str
    file: Path
    description: str
    owner: str
    entity: str
    model: str
    features: tuple[Feature, ...]
    definition: Definition | None = None
    versions: Versions | None = None
    was: tuple[str, ...] = ()
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    def feature_of(self, column: str) -> Feature | None:
        """Return the feature of a column of the model; if several fit, the one with the fewest parameters."""
        fitting = [each for each in self.features if each.parameters_of(column) is not None]
        return min(fitting, key=lambda each: each.name.count("<"), default=None)


def read_feature_groups(
    root: Path, entities: Sequence[Entity], sources: Sequence[RegisteredSource], problems: list[Problem]
) -> list[FeatureGroup]:
    """Return every feature group below `registry/feature`, by name; add the faults of their files to `problems`."""
    by_name = {each.name: each for each in entities}
    # A source with a faulty file still exists: naming it is not an error.
    files = (root / "registry" / "source").rglob("*_source.yaml")
    on_disk = frozenset(f"{path.parts[-3]}/{path.name.removesuffix('_source.yaml')}" for path in files)

    def group(place: Place, path: Path, folder: Path, found: list[Problem]) -> FeatureGroup | None:
        found += file_place(place, path, folder, r"([a-z][a-z0-9_]*)\.yaml", "registry/feature/<group>.yaml")
        if is_definition(place):
            return _defined(place, path, by_name, Sources(sources, on_disk), found)
        return _described(place, path, by_name, found)

    return read_files(root / "registry" / "feature", group, problems)


def _described(
    place: Place, path: Path, entities: Mapping[str, Entity], problems: list[Problem]
) -> FeatureGroup | None:
    part = read_part(DescribedGroupPart, place, problems)
    owner = part.owner if part else ""
    features = _features(place.at("features"), owner, problems)
    if part is None:
        return None
    versions = _versions(part, place, entities.get(part.entity), features, problems)
    return FeatureGroup(
        part.name,
        path,
        part.description,
        part.owner,
        part.entity,
        part.model,
        features,
        versions=versions,
        place=place,
    )


def _versions(
    part: DescribedGroupPart,
    place: Place,
    entity: Entity | None,
    features: Sequence[Feature],
    problems: list[Problem],
) -> Versions | None:
    """Return how jobs read the rows of a model; None if its group says neither `keys` nor `timestamp_col`, or says it wrongly."""
    if not any(place.at(key).is_there for key in ("keys", "timestamp_col", "order_by")):
        return None
    found = [*_order_problems(part, place, features), *(_wrong_keys(part, place, entity) if entity else ())]
    problems += found
    if found or entity is None:
        return None
    types = {each.name: each.type for each in entity.fields}
    keys = {name: (part.keys.get(name, name), types[name]) for name in entity.primary_key}
    return Versions(MappingProxyType(keys), part.timestamp_col, part.order_by)


def _wrong_keys(part: DescribedGroupPart, place: Place, entity: Entity) -> Iterator[Problem]:
    for name in part.keys:
        if name not in entity.primary_key:
            fault = unknown("field", name, known=entity.primary_key)
            yield place.at("keys", name).problem(f"`keys`: {fault}, the primary key of `{entity.name}`")
    columns = {part.keys.get(name, name).lower() for name in entity.primary_key}
    if part.timestamp_col and part.timestamp_col.lower() in columns:
        yield place.at("timestamp_col").problem(
            f"`timestamp_col`: `{part.timestamp_col}` is a key too; expected the column with the time from which a row is valid"
        )
    taken = {*columns, (part.timestamp_col or "").lower()}
    for at, name in ((each, each.at("name").value) for each in place.at("features").items):
        if isinstance(name, str) and name.lower() in taken:
            yield at.problem(
                f"`{at.name}`: `{name}` is a key or the time of the group's rows, and no feature of them; remove it"
            )


def _order_problems(part: DescribedGroupPart, place: Place, features: Sequence[Feature]) -> Iterator[Problem]:
    """Yield why the last of several rows of one key and time cannot be found."""
    names = [each.name for each in features if each.is_column]
    if part.order_by and not part.timestamp_col:
        said = "rows without a time are one for each key; name the `timestamp_col`, or remove `order_by`"
        yield place.at("order_by").problem(f"`order_by`: {said}")
    for name in part.order_by:
        if name not in names:
            yield place.at("order_by").problem(f"`order_by`: {unknown('feature', name, known=names)}")


def _defined(
    place: Place,
    path: Path,
    entities: Mapping[str, Entity],
    sources: Sources,
    problems: list[Problem],
) -> FeatureGroup | None:
    part = read_part(DefinedGroupPart, place, problems)
    if part is None:
        return None
    definition = read_definition(part, place, entities.get(part.entity), sources, problems)
    if "__" in part.name:
        fault = "expected a name without `__`, which stands between a job's or a group's name and those of its tables"
        problems.append(place.at("name").problem(f"`name`: {fault}, given {place.at('name').given}"))
    features = _defined_features(definition, part.owner) if definition else ()
    return FeatureGroup(
        part.name,
        path,
        part.description,
        part.owner,
        part.entity,
        part.name,
        features,
        definition,
        was=part.was,
        place=place,
    )


def _defined_features(definition: Definition, owner: str) -> tuple[Feature, ...]:
    """Return the features column by column; each is described by its definition, and then in the words of the file."""
    return tuple(
        Feature(
            name=column.name,
            types=(column.type,) if column.type else (),
            description=" ".join(filter(None, [column.description, feature.part.description])),
            owner=feature.part.owner or owner,
            tags=feature.part.tags,
            place=feature.place,
        )
        for feature in definition.features
        for column in feature.columns
    )


def _features(place: Place, owner: str, problems: list[Problem]) -> tuple[Feature, ...]:
    features: dict[str, Feature] = {}
    for at in place.items:
        part = read_part(FeaturePart, at, problems)
        if part is None:
            continue
        # Patterns that differ only in the names of their parameters name the same columns.
        shape = PARAMETER.sub("<>", part.name)
        if shape in features:
            problems.append(
                at.problem(f"`{part.name}` names the same columns as `{features[shape].name}`; remove one of them")
            )
        else:
            features[shape] = Feature(part.name, part.type, part.description, part.owner or owner, part.tags, at)
    return tuple(features.values())
