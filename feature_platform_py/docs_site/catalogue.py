"""Collect the feature catalogue as plain data: every feature of the registry, as the jobs compute it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from feature_platform_py.dbt_files.job_yaml import PlannedJob
from feature_platform_py.docs_site.profile import ColumnProfile
from feature_platform_py.features.columns import OutputColumn
from feature_platform_py.features.feature_set import FeatureSet
from feature_platform_py.lineage.graph import LineageGraph
from feature_platform_py.registry.feature import Feature, FeatureGroup
from feature_platform_py.registry.registry import Registry


@dataclass(frozen=True)
class Findings:
    """Profiles by (table, column), SQL by dbt model, the last run by job, and the lineage of all columns."""

    profiles: Mapping[tuple[str, str], ColumnProfile] = field(default_factory=dict)
    sql: Mapping[str, str] = field(default_factory=dict)
    runs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lineage: LineageGraph = field(default_factory=lambda: LineageGraph(()))


def catalogue_content(registry: Registry, jobs: Sequence[PlannedJob], findings: Findings) -> dict[str, Any]:
    """Return the content of the catalogue's page as JSON values.

    `features` are the columns that jobs compute, and each registered pattern that no job uses; `lineage` is one graph for all.
    """
    features = [entry for group in registry.feature_groups for entry in _entries(group, jobs, findings)]
    return {
        "features": features,
        "models": {name: {"sql": sql} for name, sql in findings.sql.items()},
        "jobs": {job.plan.job_name: _job(job, findings) for job in jobs},
        "lineage": findings.lineage.as_dict(),
    }


def _entries(group: FeatureGroup, jobs: Sequence[PlannedJob], findings: Findings) -> list[dict[str, Any]]:
    uses: dict[str, list[tuple[PlannedJob, FeatureSet, OutputColumn]]] = {}
    for job in jobs:
        for feature_set in job.plan.sets_of(group.model):
            for column in feature_set.features:
                uses.setdefault(column.name, []).append((job, feature_set, column))
    used = {name: feature for name in uses if (feature := group.feature_of(name))}
    entries = [_used(name, feature, group, uses[name], findings) for name, feature in used.items()]
    return entries + [_base(each.name, each, group) for each in group.features if each not in used.values()]


def _base(name: str, feature: Feature, group: FeatureGroup) -> dict[str, Any]:
    return {
        "id": f"{group.model}.{name}",
        "name": name,
        "pattern": feature.name,
        "group": group.name,
        "groupDescription": group.description.strip(),
        "model": group.model,
        "entity": group.entity,
        "type": " or ".join(feature.types),
        "description": feature.description.strip(),
        "owner": feature.owner,
        "tags": list(feature.tags),
        "jobs": [],
        "profile": None,
    }


def _used(
    name: str,
    feature: Feature,
    group: FeatureGroup,
    uses: Sequence[tuple[PlannedJob, FeatureSet, OutputColumn]],
    findings: Findings,
) -> dict[str, Any]:
    first_job, first_set, first_column = uses[0]
    profile = findings.profiles.get((group.model, name))
    return _base(name, feature, group) | {
        "type": first_column.type or " or ".join(feature.types),
        "description": feature.description_of(name, first_set.params).strip(),
        "jobs": [
            {
                "name": job.plan.job_name,
                "model": job.plan.table_name(group.model),
                "rule": column.description,
                "grain": list(feature_set.keys),
                "looksAhead": column.looks_ahead,
            }
            for job, feature_set, column in uses
        ],
        "profile": profile.as_dict() if profile else None,
        **_code(first_job, first_column),
    }


def _code(job: PlannedJob, column: OutputColumn) -> dict[str, str]:
    """Return the source code of the Python transformer that adds the column; for SQL, the model's SQL is shown instead."""
    for spec in job.plan.config.python_transformers:
        if column in spec.outputs(job.plan.columns):
            return {"code": inspect.getsource(type(spec.transformer)).strip()}
    return {}


def _job(job: PlannedJob, findings: Findings) -> dict[str, Any]:
    plan = job.plan
    source = plan.source.registered
    run = findings.runs.get(plan.job_name)
    return {
        "file": job.path.as_posix(),
        "description": plan.config.description,
        "sink": plan.sink.kind,
        "source": ".".join(plan.dbt_source),
        "sourceDescription": source.description.strip() if source else "",
        "freshness": _freshness(job),
        "finished": run["finished"] if run else None,
        "tests": {node["name"]: node["status"] for node in run["nodes"] if node["kind"] == "test"} if run else {},
    }


def _freshness(job: PlannedJob) -> str:
    source = job.plan.source.registered
    if source is None or source.freshness is None:
        return "no limit declared"
    lags = {"warning": source.freshness.warn_after, "error": source.freshness.error_after}
    return ", ".join(f"{what} after {lag[0]} {lag[1]}{'s' * (lag[0] > 1)}" for what, lag in lags.items() if lag)
