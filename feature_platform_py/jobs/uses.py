"""Plan the tables with the features of groups for the rows of a job, at the times of these rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.jobs.asking import Asked, AskingJob
from feature_platform_py.jobs.config import GroupSelection
from feature_platform_py.jobs.names import table_of_a_job, written_models
from feature_platform_py.jobs.own_names import own_name_problems
from feature_platform_py.jobs.plan import (
    ENRICHED_MODEL,
    INPUT_MODEL,
    JOINED_MODEL,
    MATURE_MODEL,
    SPLIT_MODEL,
    JoinedColumn,
)
from feature_platform_py.jobs.point_in_time import Asker, Use, use_names, version_use, windowed_use
from feature_platform_py.jobs.targets import find_targets
from feature_platform_py.registry.entity import Entity
from feature_platform_py.registry.feature import FeatureGroup, Versions
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
class _Wanted:
    """What a selection asks for: the features of those with the same identity are computed together."""

    selected: Selected
    asker: Asker

    @property
    def identity(self) -> tuple[object, ...]:
        return self.selected.group.name, tuple(self.asker.keys), self.selected.selection.max_age_days


def find_uses(
    selected: Sequence[Selected], job: AskingJob, project: Project, problems: list[Problem]
) -> Iterator[JoinedColumn]:
    """Yield the columns that the selections and then the targets name, each with its table; add what is wrong to `problems`."""
    targets = job.draft.targets
    needs_time = bool(targets or job.asking.split) or any(_has_time(each.group) for each in selected)
    listed = [*job.draft.place.at("features").items, *job.draft.place.at("targets").items]
    is_whole = len(selected) + len(targets) == len(listed)
    entities = (
        {*(each.group.entity for each in selected), *(each.part.entity for each in targets)} if is_whole else None
    )
    problems += job.problems(entities, needs_time=needs_time)
    own = [INPUT_MODEL, MATURE_MODEL, SPLIT_MODEL, JOINED_MODEL, ENRICHED_MODEL, *_STEPS, *_transformers_models(job)]
    found = list(_of_groups(selected, job, project, own, problems))
    yield from found
    own += [name for each in found if isinstance(each.table, Use) for name in (each.table.name, each.table.rows_model)]
    yield from find_targets(job, project, own, problems)


def _of_groups(
    selected: Sequence[Selected], job: AskingJob, project: Project, own: Sequence[str], problems: list[Problem]
) -> Iterator[JoinedColumn]:
    asked = [found for each in selected if each.names and (found := _asked(each, job, problems))]
    together: dict[tuple[object, ...], list[_Wanted]] = {}
    for each in asked:
        together.setdefault(each.identity, []).append(each)
    names = use_names([uses[0].selected.group.name for uses in together.values()], own)
    tables: dict[tuple[object, ...], Use] = {}
    for name, (identity, uses) in zip(names, together.items(), strict=True):
        try:
            tables[identity] = _use(name, uses, job, project)
        except ConfigurationError as error:
            problems += error.problems
    for identity, use in tables.items():
        first = together[identity][0].selected
        problems += own_name_problems(use, first.selection.place, f"the rows of the group `{first.group.name}`")
    problems += _known_problems(job, tables.values()) if len(tables) == len(together) else ()
    for each in asked:
        if each.identity in tables:
            yield from _features(each.selected, tables[each.identity])


def _known_problems(job: AskingJob, uses: Iterable[Use]) -> Iterator[Problem]:
    """Yield the problem of a job that goes by load times which no source has."""
    if job.asking.known_by == "loaded_at" and not any(use.known for use in uses):
        sources = dict.fromkeys(each.registered.name for use in uses if (each := use.source) and each.registered)
        said = f"{ticked(sources)} declares" if sources else "versions of models have"
        place = job.draft.place.at("known_by")
        yield place.problem(
            f"`known_by`: {said} no time at which a row was there; add `loaded_at` or `available_after` to the source's entry, or"
            " remove `known_by`"
        )


def _asked(selected: Selected, job: AskingJob, problems: list[Problem]) -> _Wanted | None:
    selection, group = selected.selection, selected.group
    entity = job.registry.entities_by_name.get(group.entity)
    if entity is None:
        return None
    problems += [*job.selection_problems(selection, group.entity), *_age_problems(selection, group)]
    asked = Asked(f"the feature group `{group.name}`", selection.entities, selection.place)
    asker = job.asker(asked, entity, _own_keys(group, entity), problems, needs_time=_has_time(group))
    return _Wanted(selected, asker) if asker else None


def _own_keys(group: FeatureGroup, entity: Entity) -> list[tuple[str, str]]:
    """Return the columns with the entity's key in the rows that count, in the order of its primary key."""
    if group.definition:
        types, keys = dict(group.definition.source.columns), group.definition.keys
        return [(keys[field], types[keys[field]]) for field in entity.primary_key]
    return [group.versions.keys[field] for field in entity.primary_key] if group.versions else []


def _has_time(group: FeatureGroup) -> bool:
    return group.versions is None or group.versions.timestamp_col is not None


def _age_problems(selection: GroupSelection, group: FeatureGroup) -> Iterator[Problem]:
    if selection.max_age_days is None or (group.versions and group.versions.timestamp_col):
        return
    place = selection.place.at("max_age")
    said = "its rows have no `timestamp_col`, and so no age" if group.versions else "its windows say which rows count"
    yield place.problem(f"`{place.name}`: only versions have an age; `{group.name}` has none, {said}; remove it")


def _use(name: str, uses: Sequence[_Wanted], job: AskingJob, project: Project) -> Use:
    """Return the table for all features of one identity. Raises ConfigurationError if its rows are not on the target."""
    selection, group, asker = uses[0].selected.selection, uses[0].selected.group, uses[0].asker
    features = [feature for each in uses for feature in each.selected.names]
    if group.definition:
        source = resolve_registered(group.definition.source, job.registry, project, group.place.at("source"))
        return windowed_use(name, group, group.definition, source, asker=asker, features=features)
    if group.model not in written_models(project.root):
        said = f"the feature group `{group.name}` is of `{group.model}`, which is not a model of the project's `models/` folder"
        raise ConfigurationError([selection.place.problem(f"`{selection.place.name}`: {said}; name one there")])
    if table := table_of_a_job(group.model, project.root):
        said = (
            f"the feature group `{group.name}` is of `{group.model}`, which reads `{table}`, a table of a job; a run builds no tables"
            " of other jobs. Register the files or the table that the job writes as a source, and read that"
        )
        raise ConfigurationError([selection.place.problem(f"`{selection.place.name}`: {said}")])
    versions = group.versions or Versions({}, None, ())
    max_age = selection.max_age_days
    return version_use(name, group, versions, asker=asker, features=features, max_age_days=max_age)


def _features(selected: Selected, use: Use) -> Iterator[JoinedColumn]:
    columns = {column.name: column for column in use.feature_set.features}
    for name in selected.names:
        column = replace(columns[name], name=selected.selection.prefix + name)
        yield JoinedColumn(selected.group, use, name, column, selected.selection.place)


def _transformers_models(job: AskingJob) -> Iterator[str]:
    # A table of a transformer and one of a group are models of the same job.
    for spec in job.draft.feature_transformers:
        if model := getattr(spec.transformer, "model", None):
            yield model
