"""Plan feature groups, and find the features that a job names of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.features.row_filters import RowFilter
from feature_platform_py.jobs.asking import AskingJob
from feature_platform_py.jobs.config import Asking, GroupSelection, JobDraft
from feature_platform_py.jobs.plan import GroupPlan, JoinedColumn
from feature_platform_py.jobs.schema import AskingPart
from feature_platform_py.jobs.uses import Selected, find_uses
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
    draft: JobDraft,
    source: ResolvedSource | None,
    columns: Columns | None,
    registry: Registry,
    project: Project,
    problems: list[Problem],
) -> tuple[JoinedColumn, ...]:
    """Return the columns that a job's `features` name, in their order; add the faults of the others to `problems`.

    `source` is the job's, None if it has faults of its own; `columns` are the source's, None if they are unknown.
    """
    if not draft.features and not draft.targets:
        problems += (
            _unused_problems(draft) if not any(draft.place.at(key).value for key in ("features", "targets")) else ()
        )
        return ()
    selected = _selected(draft, registry, project, problems)
    if source is None or draft.asking is None:
        return ()
    if not _asks(selected, draft.asking, draft, source):
        return tuple(_shared_features(selected, registry, project, problems))
    if columns is None:
        return ()
    job = AskingJob(draft, draft.asking, source, columns, registry)
    return tuple(find_uses(selected, job, project, problems))


def _unused_problems(draft: JobDraft) -> Iterator[Problem]:
    """Yield the keys that only `features` and `targets` need, of a job without any."""
    for key in AskingPart.__pydantic_fields__:  # type: ignore[attr-defined]
        if draft.place.at(key).is_there:
            message = (
                f"`{key}`: only `features` of feature groups and `targets` are as of a time, and the job has neither"
            )
            yield draft.place.at(key).problem(f"{message}; remove it, or name some")


def _selected(draft: JobDraft, registry: Registry, project: Project, problems: list[Problem]) -> list[Selected]:
    """Return the selections of groups and features that exist; add the faults of the others to `problems`."""
    named = {each.group for each in draft.features}
    # A fault in another group's file does not concern the job.
    found: list[Problem] = []
    groups = {each.name: each for each in read_feature_groups(project.root, registry.entities, registry.sources, found)}
    files = {project.shown(project.root / "registry" / "feature" / f"{name}.yaml") for name in named}
    faults = [each for each in found if each.file in files]
    problems += faults
    selected: list[Selected] = []
    for selection in draft.features if not faults else ():
        if fault := _group_fault(selection, groups, registry):
            problems.append(selection.place.problem(f"`{selection.place.name}`: {fault}"))
        else:
            group = groups[selection.group]
            if names := tuple(_names(selection, group, problems)):
                selected.append(Selected(selection, group, names))
    return selected


def _group_fault(selection: GroupSelection, groups: Mapping[str, FeatureGroup], registry: Registry) -> str | None:
    group = groups.get(selection.group)
    if group is None:
        known = sorted(name for name, each in groups.items() if each.definition or each.versions)
        return unknown("feature group", selection.group, known=known)
    if group.entity not in registry.entities_by_name:
        fault = unknown("entity", group.entity, known=registry.entities_by_name)
        return f"{fault}, of which the feature group `{group.name}` has features"
    if group.definition is None and group.versions is None:
        return (
            f"the feature group `{group.name}` only describes features of `{group.model}`; so that jobs can read them, its file needs"
            f" the `keys` by which rows of `{group.model}` are found, and the `timestamp_col` if they are valid from a time on"
        )
    return None


def _names(selection: GroupSelection, group: FeatureGroup, problems: list[Problem]) -> Iterator[str]:
    """Yield the names of the group's features that a selection names; add those that the group lacks to `problems`."""
    known = {each.name: each for each in group.features}
    for position, name in enumerate(selection.names or known):
        if name in known and (group.definition or known[name].is_column):
            yield name
        elif name in known:
            said = f"`{name}` of the group `{group.name}` has several names or types; jobs read features that are one column"
            place = selection.place
            problems.append(place.problem(f"`{place.name}`: {said} of one type; give it one, or name other features"))
        else:
            inner = selection.place.at("features")
            place = (inner.at(position) if inner.items else inner) if inner.is_there else selection.place
            fault = unknown("feature", name, known=known)
            problems.append(place.problem(f"`{place.name}`: {fault} in the group `{selection.group}`"))


def _asks(selected: Sequence[Selected], asking: Asking, draft: JobDraft, source: ResolvedSource) -> bool:
    """Return whether the rows ask for features at their own times: if the job says so, or if they are not rows of a group."""
    return (
        bool(draft.targets)
        or asking.is_given
        or any(each.selection.entities or each.selection.max_age_days for each in selected)
        or not all(each.group.definition and _has_rows_of(each.group.definition, draft, source) for each in selected)
    )


def _has_rows_of(definition: Definition, draft: JobDraft, source: ResolvedSource) -> bool:
    """Return whether a job's rows are among those for which a group has features in its own table.

    The group has them at the event times of its own source's rows that pass its filters.
    """
    own, time = definition.source, definition.aggregator.timestamp_col
    kept = [_condition(each) for each in draft.input_source.filters] if draft.input_source else []
    return (
        source.registered == own
        and own.event_time in (None, time)
        and all(_condition(each) in kept for each in definition.filters)
    )


def _shared_features(
    selected: Sequence[Selected], registry: Registry, project: Project, problems: list[Problem]
) -> Iterator[JoinedColumn]:
    """Yield the features that a job's rows have in the groups' own tables."""
    for each in selected:
        if (definition := each.group.definition) is None:
            continue
        try:
            plan = plan_group(each.group, definition, registry, project)
        except ConfigurationError as error:
            problems += error.problems
            continue
        columns = {column.name: column for column in plan.features}
        for name in each.names:
            column = replace(columns[name], name=each.selection.prefix + name)
            yield JoinedColumn(each.group, plan, name, column, each.selection.place)


def _condition(row_filter: RowFilter) -> tuple[str, str, object]:
    value = row_filter.value
    return row_filter.column.lower(), row_filter.op, frozenset(value) if isinstance(value, tuple) else value
