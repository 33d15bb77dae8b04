"""`fpjob plan`: show what a run of a job would do, or what a feature group needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feature_platform_py.cli.output import print_csv, print_json, print_progress, print_text
from feature_platform_py.cli.signs import step
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.dbt_files.prepare import prepare_named
from feature_platform_py.features.feature_set import FeatureSet
from feature_platform_py.jobs.changed_periods import why_whole
from feature_platform_py.jobs.describe import plan_lines, work_lines
from feature_platform_py.jobs.plan import JobPlan, TablesPlan
from feature_platform_py.jobs.point_in_time import Use
from feature_platform_py.jobs.work import CLONED_WORK, TableWork
from feature_platform_py.runs.environment import stand_in
from feature_platform_py.runs.renames import find_moves
from feature_platform_py.runs.run import plan_row_counts, plan_warnings, plan_work
from feature_platform_py.targets import backend_of


def plan_command(name: str, *, target: str | None, output_format: str) -> None:
    """Print the plan of the job in a file, or of the feature group of a name or a file."""
    project = open_project(target=target)
    with backend_of(project).unchanged():
        plan = prepare_named(name, project)
        taken = stand_in(plan, project)
        step("loads dbt, and asks what has changed")
        works = plan_work(plan, project, on_note=print_progress)
        if not project.target.has_session:
            works |= dict.fromkeys(taken, CLONED_WORK)
        moves = find_moves(plan, project)
        job = plan if isinstance(plan, JobPlan) else None
        step("looks at the source")
        counts = plan_row_counts(job, project) if job else None
        warnings = plan_warnings(job, project) if job else []
    if output_format == "csv":
        described = plan_as_dict(plan, project, works)["columns"]
        print_csv(list(described[0]), [list(each.values()) for each in described])
        return
    if output_format == "json":
        rows: dict[str, Any] = {"rows": counts.as_dict()} if counts else {}
        environment = {"environment": {"schema": project.target.environment, "takes_over": taken}}
        rows |= environment if project.target.environment else {}
        rows |= {"moves": [{"from": old, "to": new} for old, new in moves.tables]} if moves.tables else {}
        print_json(plan_as_dict(plan, project, works) | rows | {"warnings": [each.as_dict() for each in warnings]})
        return
    lines = plan_lines(plan, project.target)
    lines += ["", f"  from {project.target.production}: {', '.join(taken)}"] if taken else []
    lines += ["", *(f"  moves   {old} to {new}" for old, new in moves.tables)] if moves.tables else []
    lines = [*lines, *(["", *work_lines(works)] if works else [])]
    lines += ["", f"  of {counts.rows:,} rows: {counts.shown}"] if counts else []
    print_text("\n".join([*lines, *(["", *map(str, warnings)] if warnings else [])]))


def plan_as_dict(plan: TablesPlan, project: Project, works: Mapping[str, TableWork]) -> dict[str, Any]:
    """Return the plan of a job or a feature group as plain data, for `--format json`."""
    job = plan if isinstance(plan, JobPlan) else None
    read_as = list(job.read_as) if job else []
    source = {"name": plan.source_name, "reads": plan.source.shown, "read_as": read_as}
    common = {
        ("job" if job else "feature_group"): plan.name,
        "target": project.target.name,
        "source": source,
        "tables": [_table(part, each, project) for part in plan.parts for each in part.feature_sets],
        "work": {name: work.as_dict() for name, work in works.items()},
    }
    kept = plan.columns if job else [each for each in plan.columns if each[0] in plan.feature_sets[0].keys]
    columns = [{"name": name, "type": data_type, "looks_ahead": False} for name, data_type in kept]
    columns += [{"name": each.name, "type": each.type, "looks_ahead": each.looks_ahead} for each in plan.features]
    uses = {"point_in_time": [_use(each) for each in job.uses]} if job and job.uses else {}
    return {**common, "columns": columns, **uses, **({"sink": _sink(job)} if job else {})}


def _sink(job: JobPlan) -> dict[str, Any]:
    return {"type": job.sink.kind, "mode": None, **job.sink.settings, "whole": why_whole(job)}


def _use(use: Use) -> dict[str, Any]:
    return {
        "table": use.name,
        "group": use.group.name if use.group else None,
        "keys": dict(use.keys),
        "event_time": dict([use.time]) if use.time else {},
        "reads": ".".join(use.relation),
        "reach_days": use.reach_days,
        "ahead_seconds": use.ahead_seconds,
        "known": dict(use.known),
    }


def _table(part: TablesPlan, feature_set: FeatureSet, project: Project) -> dict[str, Any]:
    return {
        "model": part.shown(part.table_name(feature_set.model)),
        "table": f"{project.target.schema}.{part.table_name(feature_set.model)}",
        "grain": list(feature_set.keys),
        "features": [column.name for column in feature_set.features],
    }
