"""Collect the pages of what features are made from: sources, entities and transformers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from feature_platform_py.dbt_files.job_yaml import PlannedJob
from feature_platform_py.features.transformer import FeatureTransformer
from feature_platform_py.jobs.plan import GroupPlan, TablesPlan
from feature_platform_py.registry.entity import Entity
from feature_platform_py.registry.field import Field
from feature_platform_py.registry.registry import Registry
from feature_platform_py.registry.source import Freshness, RegisteredSource


def source_pages(registry: Registry, jobs: Sequence[PlannedJob], groups: Sequence[GroupPlan]) -> dict[str, Any]:
    """Return what is known of each source by the name of its dbt source, such as `transaction.mm_transaction`."""
    return {".".join(each.dbt_source): _source(each, jobs, groups) for each in registry.sources}


def _source(source: RegisteredSource, jobs: Sequence[PlannedJob], groups: Sequence[GroupPlan]) -> dict[str, Any]:
    name = ".".join(source.dbt_source)
    return {
        "description": source.description.strip(),
        "owner": source.owner,
        "entity": source.entity,
        "version": source.version,
        "file": f"registry/source/{source.type}/v{source.version}/{source.file.name}",
        "places": [[target, each.location, each.format] for target, each in source.locations.items()],
        "eventTime": source.event_time,
        "loadedAt": source.loaded_at,
        "primaryKey": list(source.primary_key),
        "period": source.period,
        "freshness": freshness_in_words(source.freshness),
        "fields": _fields(source.fields),
        "jobs": [job.plan.job_name for job in jobs if name in _names_read(job.plan)],
        "groups": [group.name for group in groups if name in _names_read(group)],
    }


def _names_read(plan: TablesPlan) -> list[str]:
    return plan.source_name.split(", ")


def entity_pages(registry: Registry) -> dict[str, Any]:
    """Return what is known of each entity by its name."""
    return {each.name: _entity(each, registry) for each in registry.entities}


def _entity(entity: Entity, registry: Registry) -> dict[str, Any]:
    return {
        "description": entity.description.strip(),
        "version": entity.version,
        "file": f"registry/entity/{entity.name}/{entity.file.name}",
        "primaryKey": list(entity.primary_key),
        "fields": _fields(entity.fields),
        "relations": [[each.to, each.type, each.description.strip()] for each in entity.relations],
        "sources": [".".join(each.dbt_source) for each in registry.sources if each.entity == entity.name],
        "groups": [each.name for each in registry.defined_groups if each.entity == entity.name],
    }


def _fields(fields: Sequence[Field]) -> list[list[str]]:
    return [
        [each.name, each.type, "always" if each.required else "may be NULL", each.description.strip()]
        for each in fields
    ]


def transformer_pages(
    transformers: Mapping[str, type[FeatureTransformer]], jobs: Sequence[PlannedJob]
) -> dict[str, Any]:
    """Return what is known of each transformer by its name: what it does, its parameters, and the jobs that name it."""
    return {name: _transformer(kind, jobs) for name, kind in transformers.items()}


def _transformer(kind: type[FeatureTransformer], jobs: Sequence[PlannedJob]) -> dict[str, Any]:
    named = [job.plan.job_name for job in jobs if any(type(each.transformer) is kind for each in _specs(job))]
    params = [
        [name, "needed" if each.is_required() else "optional", each.description or ""]
        for name, each in kind.model_fields.items()
    ]
    return {"description": inspect.getdoc(kind) or "", "params": params, "jobs": named}


def _specs(job: PlannedJob) -> Sequence[Any]:
    return job.plan.config.feature_transformers


def freshness_in_words(freshness: Freshness | None) -> str:
    """Return how old the newest row may be, in words."""
    if freshness is None:
        return "no limit declared"
    lags = {"warning": freshness.warn_after, "error": freshness.error_after}
    return ", ".join(f"{what} after {lag[0]} {lag[1]}{'s' * (lag[0] > 1)}" for what, lag in lags.items() if lag)
