"""Find the sources that a source's rows refer to, by the relations of their entities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from feature_platform_py.registry.field import field_named
from feature_platform_py.registry.registry import Registry
from feature_platform_py.registry.source import RegisteredSource


@dataclass(frozen=True)
class Reference:
    """Each row has the key of a row of an entity, in columns of the same names; NULL refers to none.

    If several sources hold rows of the entity, the key is in one of them.
    """

    entity: str
    columns: tuple[str, ...]
    sources: tuple[RegisteredSource, ...]


def references_of(source: RegisteredSource, registry: Registry) -> Iterator[Reference]:
    """Yield the references of a source, in the order of its entity's relations.

    The related entity's rows are in the sources with its primary key, in the newest version of each.
    """
    entities = registry.entities_by_name
    for relation in entities[source.entity].relations if source.entity in entities else ():
        key = entities[relation.to].primary_key if relation.is_to_one and relation.to in entities else ()
        has_key = key and all(field_named(name, source.fields) for name in key)
        holders = _holders(relation.to, key, registry.sources) if has_key else ()
        if holders:
            yield Reference(relation.to, key, holders)


def _holders(entity: str, key: tuple[str, ...], sources: Iterable[RegisteredSource]) -> tuple[RegisteredSource, ...]:
    newest: dict[tuple[str, str], RegisteredSource] = {}
    for each in sorted(sources, key=lambda source: source.version):
        if each.entity == entity and set(each.primary_key) == set(key):
            newest[each.type, each.name] = each
    return tuple(newest[place] for place in sorted(newest))
