"""Load the whole registry, and check the rules between its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.suggestions import not_both, ticked, unknown
from feature_platform_py.registry.definition import is_definition
from feature_platform_py.registry.entity import Entity, Relation, read_entities
from feature_platform_py.registry.feature import FeatureGroup, read_feature_groups
from feature_platform_py.registry.field import field_named
from feature_platform_py.registry.source import RegisteredSource, read_sources

OPPOSITE = {"1:1": "1:1", "1:many": "many:1", "many:1": "1:many", "many:many": "many:many"}


@dataclass(frozen=True)
class Registry:
    """Valid entities, sources and feature groups by name."""

    entities: tuple[Entity, ...]
    sources: tuple[RegisteredSource, ...]
    feature_groups: tuple[FeatureGroup, ...]

    @cached_property
    def entities_by_name(self) -> Mapping[str, Entity]:
        """The entities by their names."""
        return {each.name: each for each in self.entities}

    def entity(self, name: str) -> Entity:
        """Return the entity of the name. Raises KeyError if it does not exist."""
        return self.entities_by_name[name]

    @property
    def defined_groups(self) -> tuple[FeatureGroup, ...]:
        """The feature groups that say what they compute, by name."""
        return tuple(each for each in self.feature_groups if each.definition)

    def feature_group(self, model: str) -> FeatureGroup | None:
        """Return the group that describes a model's features, if one does."""
        return next((each for each in self.feature_groups if each.model == model and not each.definition), None)


def load_source_registry(root: Path) -> Registry:
    """Return the entities and sources below `root`, which a job needs, without checking the rules between files.

    Raises ConfigurationError with every problem of every file.
    """
    problems: list[Problem] = []
    entities, sources = read_entities(root, problems), read_sources(root, problems)
    if problems:
        raise ConfigurationError(problems)
    return Registry(tuple(entities), tuple(sources), ())


def load_registry(root: Path, *, models: frozenset[str] | None = None) -> Registry:
    """Return the registry below `root`; `models` are the names of the project's dbt models, if known.

    Raises ConfigurationError with every problem of every file.
    """
    problems: list[Problem] = []
    entities = read_entities(root, problems)
    sources = read_sources(root, problems)
    groups = read_feature_groups(root, entities, sources, problems)
    # An entity with a faulty file still exists: naming it is not an error.
    known = sorted({path.stem for path in (root / "registry" / "entity").rglob("*.yaml")})
    by_name = {each.name: each for each in entities}
    problems += _relation_problems(by_name, known)
    problems += _source_problems(sources, by_name, known)
    problems += _version_problems(sources, root / "registry" / "source")
    problems += _group_problems(groups, known, models)
    if problems:
        raise ConfigurationError(problems)
    return Registry(tuple(entities), tuple(sources), tuple(groups))


def _relation_problems(entities: Mapping[str, Entity], known: Sequence[str]) -> Iterator[Problem]:
    for entity in entities.values():
        for relation in entity.relations:
            other = entities.get(relation.to)
            fault = (
                unknown("entity", relation.to, known=known)
                if relation.to not in known
                else other and (_direction_fault(entity, relation, other) or _key_fault(entity, relation, other))
            )
            if fault:
                yield relation.place.problem(f"relation to `{relation.to}`: {fault}")


def _direction_fault(entity: Entity, relation: Relation, other: Entity) -> str | None:
    """Return the fault if only one entity declares the relation, or if the two types disagree."""
    wanted = OPPOSITE[relation.type]
    back = next((each for each in other.relations if each.to == entity.name), None)
    if back is None:
        return f"`{other.name}` has no relation back; expected `{{to: {entity.name}, type: '{wanted}', ...}}` there"
    if back.type != wanted:
        return f"`{relation.type}` here and `{back.type}` on the side of `{other.name}`, where `{wanted}` would agree"
    return None


def _key_fault(entity: Entity, relation: Relation, other: Entity) -> str | None:
    """Return the fault if the "many" side lacks the primary key of the "one" side, by names and types."""
    if not relation.is_to_one:
        return None
    for name in other.primary_key:
        there, here = field_named(name, other.fields), field_named(name, entity.fields)
        if there and here is None:
            return f"the field `{name}` of the primary key of `{other.name}` is missing here; add it"
        if there and here and there.type != here.type:
            return f"the field `{name}` is {here.type} here and {there.type} in `{other.name}`; give both one type"
    return None


def _source_problems(
    sources: list[RegisteredSource], entities: Mapping[str, Entity], known: Sequence[str]
) -> Iterator[Problem]:
    for source in sources:
        entity = entities.get(source.entity)
        if source.entity not in known:
            yield source.place.at("entity").problem(f"`entity`: {unknown('entity', source.entity, known=known)}")
        for position, field in enumerate(source.fields if entity else ()):
            same = entity and field_named(field.name, entity.fields)
            if same and same.type != field.type:
                message = f"field `{field.name}` is {field.type} here and {same.type} in the entity `{source.entity}`"
                yield source.place.at("fields", position).problem(f"{message}; give both one type")


def _version_problems(sources: list[RegisteredSource], folder: Path) -> Iterator[Problem]:
    """Yield the problems if the versions of a source are not 1, 2, 3 and so on; versions with faulty files count."""
    for (kind, name), versions in groupby(sources, key=lambda each: (each.type, each.name)):
        for source in versions:
            before = folder / kind / f"v{source.version - 1}" / source.file.name
            if source.version > 1 and not before.exists():
                message = f"version {source.version} of `{kind}.{name}` has no version {source.version - 1} before it"
                yield source.place.problem(f"{message}; number the folders `v1`, `v2` without gaps")


def _group_problems(
    groups: list[FeatureGroup], known: Sequence[str], models: frozenset[str] | None
) -> Iterator[Problem]:
    first: dict[str, FeatureGroup] = {}
    yield from _former_name_problems(groups)
    for group in groups:
        if group.entity not in known:
            yield group.place.at("entity").problem(f"`entity`: {unknown('entity', group.entity, known=known)}")
        if models is not None:
            yield from _model_problems(group, models)
        if group.model in first:
            message = f"`model`: `{group.model}` has its features in the group {ticked([first[group.model].name])}"
            yield group.place.at("model").problem(f"{message} already; add these features there")
        first.setdefault(group.model, group)


def _former_name_problems(groups: Sequence[FeatureGroup]) -> Iterator[Problem]:
    named = {group.name: group for group in groups}
    for group in groups:
        for name in group.was:
            others = [each.name for each in groups if each != group and name in each.was]
            if name in named:
                advice = not_both(name, new=group.name, former=named[name].was)
                yield group.place.at("was").problem(f"`was`: the feature group `{name}` exists; {advice}")
            elif others:
                yield group.place.at("was").problem(
                    f"`was`: `{name}` is in `was` of {ticked(others)} too; only one group can have its tables"
                )


def _model_problems(group: FeatureGroup, models: frozenset[str]) -> Iterator[Problem]:
    """Yield the problem of a group whose model does not exist, or of one whose own model would be a second of the name."""
    if not is_definition(group.place) and group.model not in models:
        yield group.place.at("model").problem(f"`model`: {unknown('model', group.model, known=sorted(models))}")
    elif is_definition(group.place) and group.model in models:
        message = (
            f"`name`: the project has a model `{group.name}` that this group does not build; give one another name"
        )
        yield group.place.at("name").problem(message)
