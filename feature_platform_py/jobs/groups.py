"""Plan feature groups, and find the features that a job names of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.features.row_filters import RowFilter
from feature_platform_py.jobs.config import GroupSelection, JobDraft
from feature_platform_py.jobs.plan import GroupFeature, GroupPlan
from feature_platform_py.registry.definition import Definition
from feature_platform_py.registry.feature import FeatureGroup, read_feature_groups
from feature_platform_py.registry.registry import Registry
from feature_platform_py.sources.resolve import ResolvedSource, resolve_registered


def plan_groups(registry: Registry, project: Project, problems: list[Problem] | None = None) -> list[GroupPlan]:
    """Return the plan of every group that defines its features, by name.

    If `problems` is given, add those of groups whose source is not on the target, and return the others. Otherwise raises
    ConfigurationError with all of them.
    """
    plans: list[GroupPlan] = []
    found: list[Problem] = []
    for group in registry.feature_groups:
        try:
            plans += [plan_group(group, group.definition, registry, project)] if group.definition else []
        except ConfigurationError as error:
            found += error.problems
    if found and problems is None:
        raise ConfigurationError(found)
    if problems is not None:
        problems += found
    return plans


def plan_group(group: FeatureGroup, definition: Definition, registry: Registry, project: Project) -> GroupPlan:
    """Return the plan of a group's tables on the project's target.

    Raises ConfigurationError if the target has no location for its source.
    """
    columns = definition.source.columns
    return GroupPlan(
        name=group.name,
        file=group.file,
        source=resolve_registered(definition.source, registry, project, group.place.at("source")),
        columns=columns,
        filters=definition.filters,
        feature_sets=tuple(definition.aggregator.feature_sets(columns)),
        features=definition.columns,
        group=group,
    )


def find_group_features(
    draft: JobDraft, source: ResolvedSource | None, registry: Registry, project: Project, problems: list[Problem]
) -> tuple[GroupFeature, ...]:
    """Return the columns that a job's `features` name, in their order; add the faults of the others to `problems`.

    `source` is the job's, None if it has faults of its own.
    """
    if not draft.features:
        return ()
    named = {each.group for each in draft.features}
    # A fault in another group's file does not concern the job.
    found: list[Problem] = []
    groups = {each.name: each for each in read_feature_groups(project.root, registry.entities, registry.sources, found)}
    files = {name: project.shown(project.root / "registry" / "feature" / f"{name}.yaml") for name in named}
    problems += [each for each in found if each.file in files.values()]
    if any(each.file in files.values() for each in found):
        return ()
    selected: list[GroupFeature] = []
    for selection in draft.features:
        fault = _group_fault(selection, groups)
        definition = groups[selection.group].definition if not fault else None
        if fault or definition is None:
            problems.append(selection.place.problem(f"`{selection.place.name}`: {fault}"))
            continue
        if source:
            problems += _row_problems(selection, definition, draft, source)
        try:
            plan = plan_group(groups[selection.group], definition, registry, project)
        except ConfigurationError as error:
            problems += error.problems
            continue
        selected += _selected(selection, plan, problems)
    return tuple(selected)


def _group_fault(selection: GroupSelection, groups: dict[str, FeatureGroup]) -> str | None:
    group = groups.get(selection.group)
    if group is None:
        defined = sorted(name for name, each in groups.items() if each.definition)
        return unknown("feature group", selection.group, known=defined)
    if group.definition is None:
        return (
            f"the feature group `{group.name}` describes features that something else computes; jobs read groups that say"
            " what they compute, with a `source`"
        )
    return None


def _row_problems(
    selection: GroupSelection, definition: Definition, draft: JobDraft, source: ResolvedSource
) -> Iterator[Problem]:
    """Yield why a job's rows may not be among those for which the group has features.

    The group has them at the event times of its own source's rows that pass its filters.
    """
    place, group = selection.place, f"the feature group `{selection.group}`"
    own, time = definition.source, definition.aggregator.timestamp_col
    shown = f"`{own.type}/{own.name}` (v{own.version})"
    if source.registered != own:
        given = source.registered
        said = f"`{given.type}/{given.name}` (v{given.version})" if given else "a source without a registry entry"
        yield place.problem(
            f"`{place.name}`: {group} has features for the rows of {shown}, and this job reads {said}; features for other"
            " rows are not supported yet"
        )
        return
    if own.event_time and own.event_time != time:
        yield place.problem(
            f"`{place.name}`: {group} has features at the time `{time}`, and the rows of {shown} have the event time"
            f" `{own.event_time}`; features at another time are not supported yet"
        )
    kept = [_condition(each) for each in draft.input_source.filters] if draft.input_source else []
    for each in definition.filters:
        if _condition(each) not in kept:
            yield place.problem(
                f"`{place.name}`: {group} has no features for rows that its filter of `{each.column}` leaves out (line"
                f" {each.place.line} of its file); give the job's `input_source` that filter too"
            )


def _condition(row_filter: RowFilter) -> tuple[str, str, object]:
    value = row_filter.value
    return row_filter.column.lower(), row_filter.op, frozenset(value) if isinstance(value, tuple) else value


def _selected(selection: GroupSelection, plan: GroupPlan, problems: list[Problem]) -> Iterator[GroupFeature]:
    columns = {column.name: column for column in plan.features}
    for position, name in enumerate(selection.names or columns):
        if name in columns:
            column = replace(columns[name], name=selection.prefix + name)
            yield GroupFeature(plan, name, column, selection.place)
        else:
            inner = selection.place.at("features")
            place = (inner.at(position) if inner.items else inner) if inner.is_there else selection.place
            fault = unknown("feature", name, known=columns)
            problems.append(place.problem(f"`{place.name}`: {fault} in the group `{selection.group}`"))
