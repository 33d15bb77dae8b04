"""What a source's entity and types suggest for a job over it: whose rows they are, when, and how much."""

from __future__ import annotations

from collections.abc import Iterator

from feature_platform_py.core.data_types import kind_of
from feature_platform_py.registry.registry import Registry
from feature_platform_py.registry.source import RegisteredSource


def guessed_columns(source: RegisteredSource, registry: Registry) -> dict[str, str]:
    """Return the parameters of the financial transformers that are beyond doubt, by name.

    The user is the key of the one entity that the rows belong to, never what identifies a row of the source.
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
    """Yield the columns that say to which row of another entity, or of the source's own, a row belongs."""
    entity, names = registry.entity(source.entity), {name for name, _ in source.columns}
    keys = [registry.entity(each.to).primary_key for each in entity.relations if each.is_to_one]
    # Rows that have a key of their own may be about one entity and yet be many for it.
    keys += [entity.primary_key] if source.primary_key else []
    for key in keys:
        if len(key) == 1 and key[0] in names and source.primary_key != key:
            yield key[0]
