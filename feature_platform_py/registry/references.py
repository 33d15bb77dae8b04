"""Which rows of other sources a source's rows belong to, as the relations of their entities say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from feature_platform_py.registry.field import field_named
from feature_platform_py.registry.registry import Registry
from feature_platform_py.registry.source import RegisteredSource


@dataclass(frozen=True)
class Reference:
    """Each row has the key of a row of another source, in columns of the same names; NULL refers to none."""

    columns: tuple[str, ...]
    source: RegisteredSource


def references_of(source: RegisteredSource, registry: Registry) -> Iterator[Reference]:
    """The references of a source, in the order of its entity's relations.

    What a row belongs to is looked for in the newest version of the related entity's source; where the entity has several
    sources, in the first by type and name that is identified by the entity's primary key.
    """
    entities = registry.entities_by_name
    for relation in entities[source.entity].relations if source.entity in entities else ():
        key = entities[relation.to].primary_key if relation.is_to_one and relation.to in entities else ()
        has_key = key and all(field_named(name, source.fields) for name in key)
        holder = _holder(relation.to, key, registry.sources) if has_key else None
        if holder:
            yield Reference(key, holder)


def _holder(entity: str, key: tuple[str, ...], sources: Iterable[RegisteredSource]) -> RegisteredSource | None:
    holders = [each for each in sources if each.entity == entity and set(each.primary_key) == set(key)]
    return min(holders, key=lambda each: (each.type, each.name, -each.version), default=None)
