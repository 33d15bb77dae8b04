"""Guess a job's user, time and amount from a source's entity and types."""

from __future__ import annotations

from collections.abc import Iterator

from feature_platform_py.core.data_types import kind_of
from feature_platform_py.registry.registry import Registry
from feature_platform_py.registry.source import RegisteredSource


def guessed_columns(source: RegisteredSource, registry: Registry) -> dict[str, str]:
    """Return the parameters of the financial transformers that are certain, by name.

    The user is the key of the one entity that the rows belong to, never the key of the source's rows.
    """
    owners = list(dict.fromkeys(_owners(source, registry)))
    amounts = [
        name
        for kind in ("decimal", "floating")
        for name, data_type in source.columns
        if kind_of(data_type) == kind and name not in source.primary_key
    ]
    return {
        **({"user_id_col": owners[0]} if len(owners) == 1 else {}),
        **({"timestamp_col": source.event_time} if source.event_time else {}),
        **({"amount_col": amounts[0]} if amounts else {}),
    }


def _owners(source: RegisteredSource, registry: Registry) -> Iterator[str]:
    """Yield the columns with the key of another entity, or of the source's own, that a row belongs to."""
    entity, names = registry.entity(source.entity), {name for name, _ in source.columns}
    keys = [registry.entity(each.to).primary_key for each in entity.relations if each.is_to_one]
    # If rows have a key of their own, one row of their entity may have many of them.
    keys += [entity.primary_key] if source.primary_key else []
    for key in keys:
        if len(key) == 1 and key[0] in names and source.primary_key != key:
            yield key[0]
