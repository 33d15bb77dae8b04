"""Plan the tables with the targets of a job: what happened after the time of each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.features.built_in.window_aggregator import WindowAggregator
from feature_platform_py.features.columns import OutputColumn
from feature_platform_py.jobs.asking import Asked, AskingJob
from feature_platform_py.jobs.config import TargetSpec
from feature_platform_py.jobs.own_names import own_name_problems
from feature_platform_py.jobs.plan import JoinedColumn
from feature_platform_py.jobs.point_in_time import Asker, Use, target_use, use_names
from feature_platform_py.registry.definition import (
    Definition,
    Sources,
    feature_columns,
    key_problems,
    source_named,
    time_problems,
)
from feature_platform_py.registry.source import RegisteredSource
from feature_platform_py.sources.resolve import resolve_registered

_TARGETS = "targets"


@dataclass(frozen=True)
class _Target:
    """One column of a target: the window of a horizon, and the rows that count."""

    spec: TargetSpec
    source: RegisteredSource
    keys: tuple[tuple[str, str], ...]
    time: str
    asker: Asker
    column: OutputColumn
    ahead_seconds: int

    @property
    def identity(self) -> tuple[object, ...]:
        """What targets that are computed together have in common."""
        return self.source.dbt_source, self.keys, self.time, self.ahead_seconds


def find_targets(
    job: AskingJob, project: Project, taken: Sequence[str], problems: list[Problem]
) -> Iterator[JoinedColumn]:
    """Yield the columns of a job's targets, each with its table; add what is wrong to `problems`. Tables avoid the names `taken`."""
    targets = [target for spec in job.draft.targets for target in _targets(spec, job, problems)]
    together: dict[tuple[object, ...], list[_Target]] = {}
    for each in targets:
        together.setdefault(each.identity, []).append(each)
    names = use_names([_TARGETS] * len(together), taken)
    tables: dict[tuple[object, ...], Use] = {}
    for name, (identity, found) in zip(names, together.items(), strict=True):
        try:
            tables[identity] = _use(name, found, job, project)
        except ConfigurationError as error:
            problems += error.problems
    for identity, use in tables.items():
        first = together[identity][0]
        problems += own_name_problems(use, first.spec.place, f"the rows of the source `{first.source.name}`")
    for each in targets:
        if each.identity in tables:
            yield JoinedColumn(None, tables[each.identity], each.column.name, each.column, each.spec.place)


def _targets(spec: TargetSpec, job: AskingJob, problems: list[Problem]) -> list[_Target]:
    part, place = spec.part, spec.place
    found: list[Problem] = []
    entity = job.registry.entities_by_name.get(part.entity)
    if entity is None:
        fault = unknown("entity", part.entity, known=job.registry.entities_by_name)
        found.append(place.at("entity").problem(f"`{place.at('entity').name}`: {fault}"))
    known = Sources(job.registry.sources, frozenset(f"{each.type}/{each.name}" for each in job.registry.sources))
    source = source_named(part.source, place.at("source"), known, found)
    if entity is None or source is None:
        problems += found
        return []
    found += [*key_problems(part, place, entity, source), *time_problems(part, place, source)]
    columns = feature_columns(part, place, source, found)
    problems += found
    if found:
        return []
    types = dict(source.columns)
    keys = tuple((name, types[name]) for name in (part.keys.get(field, field) for field in entity.primary_key))
    asked = Asked(f"the target of line {place.line}", {}, place)
    asker = job.asker(asked, entity, keys, problems, needs_time=True)
    if asker is None:
        return []
    time = part.timestamp_col or source.event_time or ""
    aheads = [window.ahead for _, window, _ in part.outputs("", source.columns)]
    return [
        _Target(spec, source, keys, time, asker, column, ahead) for column, ahead in zip(columns, aheads, strict=True)
    ]


def _use(name: str, targets: Sequence[_Target], job: AskingJob, project: Project) -> Use:
    """Return the table for all targets of one identity. Raises ConfigurationError if its source is not on the target."""
    first = targets[0]
    parts = tuple(dict.fromkeys(id(each.spec) for each in targets))
    specs = {id(each.spec): each.spec for each in targets}
    # The rules between features are those of columns of one result.
    aggregator = WindowAggregator.model_construct(
        keys=tuple(key for key, _ in first.keys),
        timestamp_col=first.time,
        features=tuple(specs[each].part for each in parts),
        prefix="",
        time_zone=None,
    )
    aggregator = aggregator.ordered_by(first.source.primary_key).spelled_as(first.source.columns)
    definition = Definition(first.source, {key: key for key, _ in first.keys}, (), aggregator, ())
    source = resolve_registered(first.source, job.registry, project, first.spec.place.at("source"))
    features = [each.column.name for each in targets]
    ahead = first.ahead_seconds
    return target_use(name, definition, source, asker=first.asker, features=features, ahead_seconds=ahead)
