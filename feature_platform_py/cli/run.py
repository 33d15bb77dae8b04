"""`fpjob run`: print the plan, a line for each finished model, the result, and a summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from feature_platform_py.cli.ending import status_of
from feature_platform_py.cli.output import print_csv, print_json, print_progress, print_table
from feature_platform_py.cli.signs import begun, step
from feature_platform_py.core.errors import ConfigurationError, FeaturePlatformError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.jobs.changed_periods import why_whole
from feature_platform_py.jobs.describe import plan_lines
from feature_platform_py.jobs.find import find_job
from feature_platform_py.jobs.order import in_order
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.jobs.work import TableWork
from feature_platform_py.runs.dbt import NodeResult
from feature_platform_py.runs.repair import repair_warehouse
from feature_platform_py.runs.run import RunReport, run_job
from feature_platform_py.sinks.results import ResultCounts


def run_command(jobs: Sequence[str], *, target: str | None, output_format: str, **asked: bool) -> int:
    """Run the jobs of names or files, print what they did, and return the exit status.

    Raises the error of a single job; those of several are printed, and the highest of their statuses is returned.
    """
    project = open_project(target=target)
    files = list(dict.fromkeys(find_job(job, project) for job in jobs))
    if len(files) > 1:
        return _run_several(files, project, output_format=output_format, asked=asked)
    result = _run_one(files[0], project, output_format=output_format, started=begun(), asked=asked)
    if output_format == "json":
        print_json(result)
    return 0


def _run_several(files: Sequence[Path], project: Project, *, output_format: str, asked: Mapping[str, bool]) -> int:
    """Run jobs in the order of their dependencies; leave out those that read the result of a job that failed."""
    results: list[dict[str, Any]] = []
    failed: dict[str, None] = {}
    status = 0
    for job in in_order(files, project):
        name, missing = job.config.job_name, [each for each in job.needed if each in failed]
        try:
            if missing:
                raise ConfigurationError(f"{name}: left out, because it reads the result of {ticked(missing)}")
            result = _run_one(
                job.config.path, project, output_format=output_format, started=time.monotonic(), asked=asked
            )
            results.append(result)
            print_progress()
        except FeaturePlatformError as error:
            failed[name] = None
            status = status if missing else max(status, status_of(error))
            results.append({"job": name, "error": str(error)})
            print_progress(f"{error}\n")
    if output_format == "json":
        print_json(results)
    told = f", not {', '.join(failed)}" if failed else ""
    print_progress(f"{len(results) - len(failed)} of {len(results)} jobs ran{told}, {time.monotonic() - begun():.1f} s")
    return status


def _run_one(
    file: Path, project: Project, *, output_format: str, started: float, asked: Mapping[str, bool]
) -> dict[str, Any]:
    """Run the job of a file, print what it did, and return the report."""
    repair_warehouse(project, is_full_refresh=asked["is_full_refresh"], tell=print_progress)
    plan = _prepared(file, project, output_format)
    print_progress("\n".join([*plan_lines(plan, project.target), ""]))
    step("looks at what has changed")
    report = run_job(plan, project, on_node=_print_node, on_note=print_progress, on_step=step, **asked)
    _print_result(plan, report, output_format)
    for warning in report.warnings:
        print_progress(str(warning))
    seconds = time.monotonic() - started
    print_progress(_summary(plan, report, seconds))
    return _as_dict(plan, report, seconds)


def run_file(file: Path, project: Project, *, output_format: str, started: float) -> dict[str, Any]:
    """Run the job of a file as `fpjob run` does without options, print what it did, and return the report."""
    asked = dict.fromkeys(("is_full_refresh", "is_reconciled", "is_tested"), False)
    return _run_one(file, project, output_format=output_format, started=started, asked=asked)


def _prepared(file: Path, project: Project, output_format: str) -> JobPlan:
    # Nobody waits for the first line of a log.
    plan = prepare_job(file, project, tell=print_progress) if sys.stderr.isatty() else prepare_job(file, project)
    if output_format == "csv" and plan.sink.is_stored:
        raise ConfigurationError(
            f"`--format csv` prints the rows that a sink shows, and {plan.sink.shown} keeps them; use `--format json`, or after the"
            f" run `fpjob show {plan.job_name} --format csv`"
        )
    return plan


def _print_result(plan: JobPlan, report: RunReport, output_format: str) -> None:
    """Print on stdout the rows that the sink shows."""
    sink = report.sink
    if output_format == "csv":
        print_csv(sink.columns, sink.preview)
    elif output_format == "text":
        print_progress()
        if sink.columns:
            print_table(sink.columns, sink.preview, truncate=sink.truncate, first=leading_columns(plan))


def leading_columns(plan: JobPlan) -> list[str]:
    """Return the columns that tell most about a row: those that identify it and its time, then the features."""
    registered = plan.source.registered
    own = list(registered.primary_key) if registered else []
    grains = [name for group in plan.groups for name in group.grain]
    grains += [name for each in plan.feature_sets for name in each.keys]
    asked = [name for use in plan.uses for name in (*use.keys.values(), *(use.time[1:] if use.time else ()))]
    added = {column.name for column in plan.features}
    keys = [name for name in (*own, *asked, *grains) if name not in added]
    return list(dict.fromkeys([*keys, *(column.name for column in plan.features)]))


def _print_node(node: NodeResult) -> None:
    if node.kind == "test" and (node.is_good or node.status == "skipped"):
        return
    rows = "" if node.rows is None else f"{node.rows:,} rows"
    work = f"  {_work_text(node.work)}" if node.work else ""
    print_progress(f"  {node.status:<7}  {node.name:<25} {rows:>12} {node.seconds:>6.2f} s{work}")


def _work_text(work: TableWork) -> str:
    return work.why if work.action == "skip" else f"{work.extent}: {work.why}"


def _summary(plan: JobPlan, report: RunReport, seconds: float) -> str:
    tables = [node.work for node in report.nodes if node.work]
    computed = sum(work.action != "skip" for work in tables)
    counted = f"{computed} of {len(tables)} feature tables computed, " if tables else ""
    warned = f", {number} warning{'s' if number > 1 else ''}" if (number := len(report.warnings)) else ""
    return f"{plan.job_name}: {counted}{report.tests_ended}, {report.sink.outcome}{warned}, {seconds:.1f} s"


def _as_dict(plan: JobPlan, report: RunReport, seconds: float) -> dict[str, Any]:
    return {
        "job": plan.job_name,
        "models": [_node_dict(node) for node in report.nodes if node.kind == "model"],
        "tests": [_node_dict(node) for node in report.nodes if node.kind == "test"],
        "sink": {
            "type": report.sink.kind,
            "path": report.sink.place,
            "rows": report.sink.rows,
            "why_left": report.sink.why_left,
            "replaced_periods": report.sink.replaced,
            "whole": why_whole(plan),
            "seconds": round(report.phases["sink"], 3),
            "preview": [dict(zip(report.sink.columns, row, strict=True)) for row in report.sink.preview],
        },
        "features": _features(report.sink.counts),
        "warnings": [each.as_dict() for each in report.warnings],
        "phases": {name: round(value, 3) for name, value in report.phases.items()},
        "seconds": round(seconds, 3),
    }


def _features(counts: ResultCounts | None) -> list[dict[str, Any]]:
    """Return how often each feature is NULL in the result; empty if no result was written."""
    nulls = {name: counts.rows - filled for name, filled in counts.filled.items()} if counts else {}
    rows = counts.rows if counts else 0
    return [{"name": name, "nulls": each, "null_share": each / rows if rows else None} for name, each in nulls.items()]


def _node_dict(node: NodeResult) -> dict[str, Any]:
    work = {"work": node.work.as_dict()} if node.work else {}
    return {"name": node.name, "status": node.status, "rows": node.rows, "seconds": round(node.seconds, 3), **work}
