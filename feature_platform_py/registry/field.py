"""The fields of entities and sources."""

from __future__ import annotations

from dataclasses import dataclass

from feature_platform_py.core.data_types import kind_of
from feature_platform_py.core.document import Place
from feature_platform_py.core.errors import Problem
from feature_platform_py.core.fields import read_part
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.registry.schema import FieldPart


@dataclass(frozen=True)
class Field:
    """A column of a source, or a field of an entity; `type` is a canonical Spark SQL type."""

    name: str
    type: str
    required: bool
    description: str


def read_fields(place: Place, problems: list[Problem]) -> tuple[Field, ...]:
    """Return the valid fields in order; add the faults of the others to `problems`."""
    fields: dict[str, Field] = {}
    for at in place.items:
        part = read_part(FieldPart, at, problems)
        if part and part.name.lower() in fields:
            problems.append(at.problem(f"field `{part.name}` is given twice; remove one of them"))
        elif part:
            fields[part.name.lower()] = Field(part.name, part.type, part.required, part.description)
    return tuple(fields.values())


def field_named(name: str, fields: tuple[Field, ...]) -> Field | None:
    """Return the field of exactly this name."""
    return next((each for each in fields if each.name == name), None)


def key_fault(name: str, place: Place, fields: tuple[Field, ...]) -> str | None:
    """Return why a field cannot be part of the primary key at `place`, or None."""
    field = field_named(name, fields)
    if field is None:
        # A field with a fault of its own exists; its fault is reported at its own line.
        return None if name in raw_names(place.at("fields")) else unknown_field(name, fields)
    if kind_of(field.type) == "floating":
        return f"expected a type with exact values, such as bigint, decimal or string; field `{name}` is {field.type}"
    return None if field.required else f"field `{name}` is not required; set `required: true`"


def unknown_field(name: str, fields: tuple[Field, ...]) -> str:
    """Return the message for a name that no field has."""
    return unknown("field", name, known=[each.name for each in fields])


def raw_names(place: Place) -> set[str]:
    """Return the names of all fields in the file, also of fields with a fault."""
    names = [at.at("name").value for at in place.items]
    return {name for name in names if isinstance(name, str)}
