"""`fpjob plan`: what a run would do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from feature_platform_py.cli.output import aligned, print_json
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.session import reading_only
from feature_platform_py.jobs.plan import FeatureSet, JobPlan
from feature_platform_py.jobs.prepare import prepare_job
from feature_platform_py.jobs.run import plan_work
from feature_platform_py.jobs.work import TableWork


def plan_command(job: Path, *, target: str | None, output_format: str) -> None:
    """Print the plan of one job."""
    project = open_project(target=target)
    with reading_only(project.target.engine, project.target.warehouse):
        plan = prepare_job(job, project)
        works = plan_work(plan, project)
    if output_format == "json":
        print_json(plan_as_dict(plan, project, works))
    else:
        click.echo("\n".join([*plan_lines(plan, project), "", *work_lines(works)]))


def work_lines(works: Mapping[str, TableWork]) -> list[str]:
    """What each table needs, as the lines that a user reads."""
    rows = [(name, work.extent, _input_rows(work), work.why) for name, work in works.items()]
    return aligned([("table", "computes", "from", "because"), *rows])


def _input_rows(work: TableWork) -> str:
    return "" if work.rows is None or work.action == "skip" else f"{work.rows:,} rows"


def plan_lines(plan: JobPlan, project: Project) -> list[str]:
    """The plan as the lines that a user reads."""
    rows = [("table", "grain", "adds"), *(_set_row(feature_set) for feature_set in plan.feature_sets)]
    looking_ahead = [column.name for column in plan.features if column.looks_ahead]
    lines = [
        f"{plan.job_name} on target {project.target.name} ({project.target.engine})",
        f"  reads   {plan.source.shown}",
        *(
            f"  filter  {each.column} {each.op} {_filter_value(each.value)}".rstrip()
            for each in plan.config.input_source.filters
        ),
        f"  writes  {_sink_text(plan)}",
        "",
        *aligned(rows),
    ]
    if looking_ahead:
        lines += [
            "",
            f"  Looks ahead of the row: {', '.join(looking_ahead)}",
            "  (training data should use `as_of: event_time`)",
        ]
    return lines


def _set_row(feature_set: FeatureSet) -> tuple[str, str, str]:
    return feature_set.model, ", ".join(feature_set.keys), ", ".join(column.name for column in feature_set.features)


def _filter_value(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _sink_text(plan: JobPlan) -> str:
    sink = plan.sink
    if sink.kind == "display":
        return f"display, {sink.config['num_rows']} rows"
    return f"{sink.kind} {sink.config['path']} ({sink.mode})"


def plan_as_dict(plan: JobPlan, project: Project, works: Mapping[str, TableWork]) -> dict[str, Any]:
    """The plan as plain data, for `--format json`."""
    return {
        "job": plan.job_name,
        "target": project.target.name,
        "source": {"name": ".".join(plan.source.dbt_source), "reads": plan.source.shown},
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
        "sink": {"type": plan.sink.kind, "mode": plan.sink.mode, **plan.sink.config},
    }
