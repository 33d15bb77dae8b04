"""Plan the tables with the features of groups for the rows of a job, at the times of these rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.project import Project
from feature_platform_py.jobs.asking import AskingJob
from feature_platform_py.jobs.config import GroupSelection
from feature_platform_py.jobs.plan import ENRICHED_MODEL, INPUT_MODEL, JOINED_MODEL, GroupFeature
from feature_platform_py.jobs.point_in_time import Asker, Use, use_names, windowed_use
from feature_platform_py.registry.definition import Definition
from feature_platform_py.registry.feature import FeatureGroup
from feature_platform_py.sources.resolve import resolve_registered

_STEPS = ("source_rows", "final")
"""The steps of a query that joins tables by their names."""


@dataclass(frozen=True)
class Selected:
    """A selection of a job's `features`, its group, and the names of the group's features."""

    selection: GroupSelection
    group: FeatureGroup
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Asked:
    """What a selection asks for: the features of those with the same identity are computed together."""

    selected: Selected
    definition: Definition
    asker: Asker

    @property
    def identity(self) -> tuple[object, ...]:
        return self.selected.group.name, tuple(self.asker.keys)


def find_uses(
    selected: Sequence[Selected], job: AskingJob, project: Project, problems: list[Problem]
) -> Iterator[GroupFeature]:
    """Yield the columns that the selections name, each with the table of its use; add what is wrong to `problems`."""
    problems += job.problems({each.group.entity for each in selected})
    asked = [found for each in selected if (found := _asked(each, job, problems))]
    together: dict[tuple[object, ...], list[_Asked]] = {}
    for each in asked:
        together.setdefault(each.identity, []).append(each)
    own = [INPUT_MODEL, JOINED_MODEL, ENRICHED_MODEL, *_STEPS, *_transformers_models(job)]
    names = use_names([uses[0].selected.group.name for uses in together.values()], own)
    tables: dict[tuple[object, ...], Use] = {}
    for name, (identity, uses) in zip(names, together.items(), strict=True):
        try:
            tables[identity] = _use(name, uses, job, project)
        except ConfigurationError as error:
            problems += error.problems
    for each in asked:
        if each.identity in tables:
            yield from _features(each.selected, tables[each.identity])


def _asked(selected: Selected, job: AskingJob, problems: list[Problem]) -> _Asked | None:
    group, definition = selected.group, selected.group.definition
    entity = job.registry.entities_by_name.get(group.entity)
    if definition is None or entity is None:
        return None
    problems += job.selection_problems(selected.selection, group.entity)
    types = dict(definition.source.columns)
    own_keys = [(definition.keys[field], types[definition.keys[field]]) for field in entity.primary_key]
    asker = job.asker(selected.selection, entity, own_keys, problems)
    return _Asked(selected, definition, asker) if asker else None


def _use(name: str, uses: Sequence[_Asked], job: AskingJob, project: Project) -> Use:
    """Return the table for all features of one identity. Raises ConfigurationError if its source is not on the target."""
    group, definition = uses[0].selected.group, uses[0].definition
    source = resolve_registered(definition.source, job.registry, project, group.place.at("source"))
    features = [feature for each in uses for feature in each.selected.names]
    return windowed_use(name, group, definition, source, asker=uses[0].asker, features=features)


def _features(selected: Selected, use: Use) -> Iterator[GroupFeature]:
    columns = {column.name: column for column in use.feature_set.features}
    for name in selected.names:
        column = replace(columns[name], name=selected.selection.prefix + name)
        yield GroupFeature(selected.group, use, name, column, selected.selection.place)


def _transformers_models(job: AskingJob) -> Iterator[str]:
    # A table of a transformer and one of a group are models of the same job.
    for spec in job.draft.feature_transformers:
        if model := getattr(spec.transformer, "model", None):
            yield model
