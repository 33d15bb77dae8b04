"""Read entities (`registry/entity/<name>/<name>.yaml`): the things that features are about, and their relations."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from feature_platform_py.core.document import NOWHERE, Place
from feature_platform_py.core.errors import Problem
from feature_platform_py.core.fields import read_part
from feature_platform_py.registry.field import Field, key_fault, read_fields
from feature_platform_py.registry.files import file_place, read_files
from feature_platform_py.registry.schema import Cardinality, EntityPart, RelationPart


@dataclass(frozen=True)
class Relation:
    """A relation of an entity to another one, with the number on each side."""

    to: str
    type: Cardinality
    description: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def is_to_one(self) -> bool:
        """Whether each row here belongs to one row there, and so has its key."""
        return self.type == "many:1"


@dataclass(frozen=True)
class Entity:
    """A thing that features are about; `is_leaf` if no other entity is part of it."""

    name: str
    file: Path
    description: str
    version: str
    is_leaf: bool
    primary_key: tuple[str, ...]
    fields: tuple[Field, ...]
    relations: tuple[Relation, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


def read_entities(root: Path, problems: list[Problem]) -> list[Entity]:
    """Return every entity below `registry/entity`, by name; add the faults of their files to `problems`."""
    return read_files(root / "registry" / "entity", _entity, problems)


def _entity(place: Place, path: Path, folder: Path, problems: list[Problem]) -> Entity | None:
    found: list[Problem] = []
    part = read_part(EntityPart, place, found)
    fields = read_fields(place.at("fields"), found)
    relations = _relations(place.at("relations"), found)
    found += file_place(place, path, folder, r"([a-z][a-z0-9_]*)/\1\.yaml", "registry/entity/<name>/<name>.yaml")
    for name in part.primary_key if part else ():
        if fault := key_fault(name, place, fields):
            found.append(place.at("primary_key").problem(f"`primary_key`: {fault}"))
    problems += found
    if part is None or found or place.document.problems:
        return None
    return Entity(
        name=part.name,
        file=path,
        description=part.description,
        version=part.version,
        is_leaf=part.is_leaf,
        primary_key=part.primary_key,
        fields=fields,
        relations=relations,
        place=place,
    )


def _relations(place: Place, problems: list[Problem]) -> tuple[Relation, ...]:
    relations: dict[str, Relation] = {}
    for at in place.items:
        part = read_part(RelationPart, at, problems)
        if part and part.to in relations:
            problems.append(at.problem(f"a second relation to `{part.to}`; expected one for each entity"))
        elif part:
            relations[part.to] = Relation(part.to, part.type, part.description, at)
    return tuple(relations.values())
