"""Collect the feature catalogue as plain data: every feature of the registry, as the jobs compute it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from types import MappingProxyType
from typing import Any

from feature_platform_py.core.spread import standardised_difference
from feature_platform_py.dbt_files.job_yaml import PlannedJob
from feature_platform_py.docs_site.profile import ColumnProfile
from feature_platform_py.docs_site.registered import (
    entity_pages,
    freshness_in_words,
    source_pages,
    transformer_pages,
)
from feature_platform_py.features.built_in.window_aggregator import BOUNDED, LIFETIME
from feature_platform_py.features.columns import OutputColumn
from feature_platform_py.features.feature_set import FeatureSet
from feature_platform_py.features.transformer import FeatureTransformer
from feature_platform_py.jobs.plan import GroupPlan
from feature_platform_py.jobs.run_history import PastRun
from feature_platform_py.lineage.graph import LineageGraph
from feature_platform_py.registry.feature import Feature, FeatureGroup
from feature_platform_py.registry.registry import Registry
from feature_platform_py.runs.proof import AGE, Proof


@dataclass(frozen=True)
class Findings:
    """Profiles by (table, column), SQL by dbt model, by job its runs and last proof, and the lineage of all columns."""

    profiles: Mapping[tuple[str, str], ColumnProfile] = field(default_factory=dict)
    sql: Mapping[str, str] = field(default_factory=dict)
    runs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    past: Mapping[str, Sequence[PastRun]] = field(default_factory=dict)
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    lineage: LineageGraph = field(default_factory=lambda: LineageGraph(()))


def catalogue_content(
    registry: Registry,
    jobs: Sequence[PlannedJob],
    findings: Findings,
    groups: Sequence[GroupPlan] = (),
    transformers: Mapping[str, type[FeatureTransformer]] = MappingProxyType({}),
    *,
    project_name: str,
) -> dict[str, Any]:
    """Return the content of the catalogue's page as JSON values.

    `features` are the columns that jobs and groups compute, and each registered pattern that no job uses; `groups` are those that say
    what they compute; `lineage` is one graph for all; `project` is the project's name in the ids of dbt's docs.
    """
    described = [each for each in registry.feature_groups if each.definition is None]
    described += [each for model in (BOUNDED, LIFETIME) if (each := _of_jobs(model, jobs, registry))]
    features = [entry for group in groups for entry in _group_entries(group, jobs, findings)]
    features += [entry for group in described for entry in _entries(group, jobs, findings)]
    return {
        "project": project_name,
        "features": features,
        "groups": {group.name: _group(group, jobs) for group in groups},
        "models": {name: {"sql": sql} for name, sql in findings.sql.items()},
        "jobs": {job.plan.job_name: _job(job, findings) for job in jobs},
        "sources": source_pages(registry, jobs, groups),
        "entities": entity_pages(registry),
        "transformers": transformer_pages(transformers, jobs),
        "lineage": findings.lineage.as_dict(),
    }


def _group_entries(plan: GroupPlan, jobs: Sequence[PlannedJob], findings: Findings) -> Iterator[dict[str, Any]]:
    """Yield the features of a group that says what it computes; `table` is the name of the table that holds one."""
    tables = {column.name: plan.table_name(each.model) for each in plan.feature_sets for column in each.features}
    for column, feature in zip(plan.features, plan.group.features, strict=True):
        profile = findings.profiles.get((plan.name, column.name))
        yield _base(column.name, feature, plan.group) | {
            "table": tables[column.name],
            "jobs": [_use_of_group(job, plan, column) for job in jobs if _reads(job, plan, column.name)],
            "profile": profile.as_dict() if profile else None,
        }


def _of_jobs(model: str, jobs: Sequence[PlannedJob], registry: Registry) -> FeatureGroup | None:
    """Return the aggregations that jobs define themselves, and no group describes, as a group; None if there are none."""
    first = next((job for job in jobs if job.plan.sets_of(model)), None)
    if first is None or registry.feature_group(model):
        return None
    source = first.plan.source.registered
    owner, entity = (source.owner, source.entity) if source else ("unknown", "unknown")
    columns = {column.name: column for job in jobs for each in job.plan.sets_of(model) for column in each.features}
    features = tuple(
        Feature(name, (each.type,) if each.type else (), each.description, owner, ()) for name, each in columns.items()
    )
    return FeatureGroup(model, first.path, "Features that jobs define themselves.", owner, entity, model, features)


def _reads(job: PlannedJob, plan: GroupPlan, name: str | None = None) -> bool:
    """Return whether a job reads a group, or one feature of it."""
    return any(
        each.group and each.group.name == plan.name and name in (None, each.name) for each in job.plan.joined_columns
    )


def _use_of_group(job: PlannedJob, plan: GroupPlan, column: OutputColumn) -> dict[str, Any]:
    return {
        "name": job.plan.job_name,
        "model": plan.name,
        "rule": column.description,
        "type": column.type,
        "grain": list(plan.grain),
        "looksAhead": column.looks_ahead,
    }


def _group(plan: GroupPlan, jobs: Sequence[PlannedJob]) -> dict[str, Any]:
    group = plan.group
    return {
        "description": group.description.strip(),
        "owner": group.owner,
        "entity": group.entity,
        "source": f"{plan.source_name}: {plan.source.shown}",
        "keys": list(plan.grain),
        "file": f"registry/feature/{group.file.name}",
        "definition": group.file.read_text(encoding="utf-8").strip(),
        "tables": [plan.table_name(table) for table in plan.tables],
        "jobs": [job.plan.job_name for job in jobs if _reads(job, plan)],
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
                "type": column.type,
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
        "transformers": list(
            dict.fromkeys(type(each.transformer).__name__ for each in plan.config.feature_transformers)
        ),
        "source": plan.source_name,
        "sourceDescription": source.description.strip() if source else "",
        "freshness": freshness_in_words(source.freshness if source else None),
        "finished": run["finished"] if run else None,
        "tests": {node["name"]: node["status"] for node in run["nodes"] if node["kind"] == "test"} if run else {},
        "drift": _drift(findings.past.get(plan.job_name, ())),
        "history": [_past_run(each) for each in findings.past.get(plan.job_name, ())],
        "asks": bool(plan.uses),
        "proof": _proof(findings.proofs.get(plan.job_name)),
    }


def _past_run(run: PastRun) -> dict[str, Any]:
    return {"finished": run.finished, "seconds": run.seconds, "rows": run.rows, "nulls": run.null_shares}


def _drift(runs: Sequence[PastRun]) -> list[dict[str, Any]]:
    """Return what is known of each number of the last run, and of the run before it."""
    if not runs:
        return []
    newest, before = runs[-1].spreads, runs[-2].spreads if len(runs) > 1 else {}
    return [
        {
            "name": name,
            "now": astuple(spread),
            "before": astuple(before[name]) if name in before else None,
            "drift": standardised_difference(before[name], spread) if name in before else None,
        }
        for name, spread in newest.items()
    ]


def _proof(proof: Proof | None) -> dict[str, Any] | None:
    """Return a proof as rows of tables."""
    if proof is None:
        return None
    facts = [*proof.facts(), *proof.origins()]
    return {"facts": [list(each) for each in facts], "age": AGE, "features": [list(each) for each in proof.features()]}
