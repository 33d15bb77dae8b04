"""`fpjob plan`: show what a run would do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from feature_platform_py.cli.output import print_json, print_progress
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.jobs.describe import plan_lines, work_lines
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.jobs.work import TableWork
from feature_platform_py.runs.run import plan_warnings, plan_work
from feature_platform_py.targets import backend_of


def plan_command(job: Path, *, target: str | None, output_format: str) -> None:
    """Print the plan of one job."""
    project = open_project(target=target)
    with backend_of(project).unchanged():
        plan = prepare_job(job, project)
        works = plan_work(plan, project, on_note=print_progress)
        warnings = plan_warnings(plan, project)
    if output_format == "json":
        print_json(plan_as_dict(plan, project, works) | {"warnings": [each.as_dict() for each in warnings]})
        return
    lines = [*plan_lines(plan, project.target), *(["", *work_lines(works)] if works else [])]
    click.echo("\n".join([*lines, *(["", *map(str, warnings)] if warnings else [])]))


def plan_as_dict(plan: JobPlan, project: Project, works: Mapping[str, TableWork]) -> dict[str, Any]:
    """Return the plan as plain data, for `--format json`."""
    return {
        "job": plan.job_name,
        "target": project.target.name,
        "source": {"name": ".".join(plan.dbt_source), "reads": plan.source.shown, "read_as": list(plan.read_as)},
        "tables": [
            {
                "model": each.model,
                "table": f"{project.target.schema}.{plan.table_name(each.model)}",
                "grain": list(each.keys),
                "features": [column.name for column in each.features],
            }
            for each in plan.feature_sets
        ],
        "work": {name: work.as_dict() for name, work in works.items()},
        "columns": [{"name": name, "type": data_type, "looks_ahead": False} for name, data_type in plan.columns]
        + [{"name": each.name, "type": each.type, "looks_ahead": each.looks_ahead} for each in plan.features],
        "sink": {"type": plan.sink.kind, "mode": None, **plan.sink.settings},
    }
