"""`fpjob run`: print the plan, a line for each finished model, the result, and a summary."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from feature_platform_py.cli.output import print_json, print_progress, print_table
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.jobs.describe import plan_lines
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.jobs.work import TableWork
from feature_platform_py.runs.dbt import NodeResult
from feature_platform_py.runs.repair import repair_warehouse
from feature_platform_py.runs.run import RunReport, run_job
from feature_platform_py.sinks.results import ResultCounts


def run_command(
    job: Path, *, target: str | None, output_format: str, is_full_refresh: bool, is_reconciled: bool, is_tested: bool
) -> None:
    """Run one job and print what it did."""
    started = time.monotonic()
    project = open_project(target=target)
    repair_warehouse(project, is_full_refresh=is_full_refresh, tell=print_progress)
    # Nobody waits for the first line of a log.
    plan = prepare_job(job, project, tell=print_progress) if sys.stderr.isatty() else prepare_job(job, project)
    print_progress("\n".join([*plan_lines(plan, project.target), ""]))
    report = run_job(
        plan,
        project,
        is_full_refresh=is_full_refresh,
        is_reconciled=is_reconciled,
        is_tested=is_tested,
        on_node=_print_node,
        on_note=print_progress,
    )
    seconds = time.monotonic() - started
    if output_format == "json":
        print_json(_as_dict(plan, report, seconds))
        return
    print_progress()
    if report.sink.columns:
        print_table(report.sink.columns, report.sink.preview, truncate=report.sink.truncate)
    for warning in report.warnings:
        print_progress(str(warning))
    print_progress(_summary(plan, report, seconds))


def _print_node(node: NodeResult) -> None:
    if node.kind == "test" and (node.is_good or node.status == "skipped"):
        return
    rows = "" if node.rows is None else f"{node.rows:,} rows"
    work = f"  {_work_text(node.work)}" if node.work else ""
    print_progress(f"  {node.status:<8} {node.name:<26} {rows:>15} {node.seconds:>7.2f} s{work}")


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
