"""Find the sources with the keys of an entity, and plan the rows of a scoring set from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from feature_platform_py.core.data_types import Columns, common_key_type
from feature_platform_py.core.document import Place
from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import ticked, unknown
from feature_platform_py.jobs.config import Asking, JobDraft
from feature_platform_py.registry.definition import Sources, key_problems, source_named, time_problems
from feature_platform_py.registry.entity import Entity
from feature_platform_py.registry.field import Field, field_named
from feature_platform_py.registry.registry import Registry
from feature_platform_py.registry.source import RegisteredSource
from feature_platform_py.sources.resolve import ResolvedSource, resolve_registered
from feature_platform_py.sources.scoring import EntityRows, KeyHolder, ScoringRows

EVENT_TIME = "event_time"
"""The name of the column with the rows' time, if the job does not say it."""
_STEPS = frozenset({"_step", "_first_step", "_last_step", "_happened", "_known"})


def resolve_rows(rows: EntityRows, draft: JobDraft, registry: Registry, project: Project) -> ResolvedSource:
    """Return the rows of a scoring set, in the columns that the job's `entities` and `event_time` name.

    Raises ConfigurationError with every problem.
    """
    config, asking = draft.place.at("input_source", "config"), draft.asking or Asking()
    entity = registry.entities_by_name.get(rows.entity)
    if entity is None:
        at = config.at("entity")
        fault = unknown("entity", rows.entity, known=registry.entities_by_name)
        raise ConfigurationError([at.problem(f"`{at.name}`: {fault}")])
    names = asking.entities.get(rows.entity) or entity.primary_key
    problems = list(_name_problems(names, asking, entity, draft.place))
    if draft.drops_immature and rows.instants.start is None:
        said = "at the time of a run no target is known yet, so that `drop` would leave out every row"
        problems.append(draft.place.at("immature").problem(f"`immature`: {said}; remove it, or name a time as `at`"))
    holders = _holders(rows, entity, config, registry, problems)
    if problems:
        raise ConfigurationError(problems)
    keys = tuple(zip(names, _key_types(holders, entity, config), strict=True))
    time = (asking.event_time or EVENT_TIME, rows.instants.type)
    scoring = ScoringRows(
        rows,
        keys,
        time,
        tuple(_key_holder(source, columns, rows, asking) for source, columns in holders),
        is_open=asking.closed == "left",
        fields=_fields(entity, keys, time),
    )
    place = config.at("source") if rows.source else config.at("entity")
    held_by = tuple(resolve_registered(source, registry, project, place) for source, _ in holders)
    return ResolvedSource("", None, {}, scoring.columns, scoring=scoring, held_by=held_by)


def _name_problems(names: Sequence[str], asking: Asking, entity: Entity, place: Place) -> Iterator[Problem]:
    """Yield why the rows cannot have columns of these names."""
    of_keys, of_time = place.at("entities", entity.name), place.at("event_time")
    if len(names) != len(entity.primary_key):
        expected = f"expected a column for each of {ticked(entity.primary_key)}, the primary key of `{entity.name}`"
        yield of_keys.problem(f"`{of_keys.name}`: {expected}, given {ticked(names)}")
    seen = set[str]()
    for at, name in (*((of_keys, each) for each in names), (of_time, asking.event_time or EVENT_TIME)):
        if name.lower() in seen:
            yield at.problem(f"`{at.name}`: two columns of the rows would be `{name}`; name another one")
        elif name.lower() in _STEPS:
            yield at.problem(f"`{at.name}`: `{name}` is a name that the query of the rows uses; name another one")
        seen.add(name.lower())


def _holders(
    rows: EntityRows, entity: Entity, config: Place, registry: Registry, problems: list[Problem]
) -> list[tuple[RegisteredSource, tuple[str, ...]]]:
    """Return the sources with the entity's keys, each with the columns that hold them; add what is wrong to `problems`."""
    if rows.source is not None:
        return _named_holder(rows.source, rows, entity, config, registry, problems)
    found = [each for each in _newest(registry) if _has_keys(each, entity) and _is_about(each, rows, registry)]
    if not found:
        at = config.at("entity")
        problems.append(at.problem(f"`{at.name}`: {_nowhere(rows, entity)}"))
    return [(each, entity.primary_key) for each in found]


def _nowhere(rows: EntityRows, entity: Entity) -> str:
    kind = f"no source of `{entity.name}`"
    if rows.active_seconds:
        kind += " or of what refers to it has an `event_time` and"
    else:
        kind += " has"
    return (
        f"{kind} the columns {ticked(entity.primary_key)}, its primary key; name one whose rows have the keys as `source`, and the"
        " columns in `keys`"
    )


def _newest(registry: Registry) -> list[RegisteredSource]:
    versions = sorted(registry.sources, key=lambda each: each.version)
    newest = {(each.type, each.name): each for each in versions}
    return [newest[name] for name in sorted(newest)]


def _has_keys(source: RegisteredSource, entity: Entity) -> bool:
    return all(field_named(name, source.fields) for name in entity.primary_key)


def _is_about(source: RegisteredSource, rows: EntityRows, registry: Registry) -> bool:
    """Return whether a source has rows of the entity, or, where activity counts, times of rows that refer to one of it."""
    if not rows.active_seconds:
        return source.entity == rows.entity
    own = registry.entities_by_name.get(source.entity)
    refers = any(each.to == rows.entity and each.is_to_one for each in (own.relations if own else ()))
    return source.event_time is not None and (source.entity == rows.entity or refers)


def _named_holder(
    name: str, rows: EntityRows, entity: Entity, config: Place, registry: Registry, problems: list[Problem]
) -> list[tuple[RegisteredSource, tuple[str, ...]]]:
    known = Sources(registry.sources, frozenset(f"{each.type}/{each.name}" for each in registry.sources))
    source = source_named(name, config.at("source"), known, problems)
    if source is None:
        return []
    reads = _Reads(name, rows.keys, rows.timestamp_col)
    found = [*key_problems(reads, config, entity, source)]
    found += time_problems(reads, config, source) if rows.active_seconds else ()
    problems += found
    return [] if found else [(source, tuple(rows.keys.get(field, field) for field in entity.primary_key))]


class _Reads:
    """What the rows read of a source that is named, as groups and targets say it."""

    def __init__(self, source: str, keys: Mapping[str, str], timestamp_col: str | None) -> None:
        self.source, self.keys, self.timestamp_col = source, keys, timestamp_col


def _key_types(
    holders: Sequence[tuple[RegisteredSource, tuple[str, ...]]], entity: Entity, config: Place
) -> Iterator[str]:
    """Yield the type of each key column: that to which those of all sources are widened."""
    for position, name in enumerate(entity.primary_key):
        common: str | None = None
        for source, columns in holders:
            own = dict(source.columns)[columns[position]]
            common = common_key_type(common, own) if common else own
            if common is None:
                at = config.at("entity")
                said = f"`{name}` of the source `{source.name}` is {own}, and another type in the sources before it"
                raise ConfigurationError([at.problem(f"`{at.name}`: {said}; give both one type, or name one `source`")])
        yield common or ""


def _key_holder(source: RegisteredSource, columns: tuple[str, ...], rows: EntityRows, asking: Asking) -> KeyHolder:
    if not rows.active_seconds:
        return KeyHolder(source.dbt_source, columns)
    name = rows.timestamp_col or source.event_time or ""
    declared = {"loaded_at": source.loaded_at, "available_after": source.available_after}
    known = {key: value for key, value in declared.items() if value is not None and asking.known_by != "event_time"}
    return KeyHolder(source.dbt_source, columns, (name, dict(source.columns)[name]), known)


def _fields(entity: Entity, keys: Columns, time: tuple[str, str]) -> tuple[Field, ...]:
    """Return the descriptions of the rows' columns."""
    own = [field_named(name, entity.fields) for name in entity.primary_key]
    described = [
        replace(each, name=name, type=data_type)
        for each, (name, data_type) in zip(own, keys, strict=True)
        if each is not None
    ]
    return (*described, Field(*time, required=True, description="The time at which features are asked for."))
