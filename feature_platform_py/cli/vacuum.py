"""`fpjob vacuum`: remove old files of feature tables and Delta sinks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from feature_platform_py.cli.output import print_csv, print_json, print_progress, print_text
from feature_platform_py.core.errors import (
    BrokenJobsError,
    FeaturePlatformError,
    Problem,
    problems_of,
)
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.text import aligned
from feature_platform_py.dbt_files.prepare import prepare_group, prepare_job, prepare_named
from feature_platform_py.jobs.names import job_files
from feature_platform_py.jobs.plan import GroupPlan, JobPlan
from feature_platform_py.registry.registry import load_registry
from feature_platform_py.runs.vacuum import Cleaned, check_target, interval, vacuum
from feature_platform_py.targets import backend_of


def vacuum_command(
    names: Sequence[str], *, target: str | None, retention: str | None, output_format: str, is_dry_run: bool
) -> None:
    """Remove old files of the named jobs and groups, or of all, and print what was removed from each table."""
    kept_for = interval(retention, given_by="--retention") if retention is not None else None
    project = open_project(target=target)
    check_target(project)
    problems: list[Problem] = []
    with backend_of(project).unchanged():
        plans = [prepare_named(name, project) for name in names] if names else list(_all_plans(project, problems))
    found = vacuum(plans, project, retention=kept_for, is_dry_run=is_dry_run, is_whole=not names, tell=print_progress)
    if output_format == "json":
        print_json(_as_dict(found, project, is_dry_run=is_dry_run))
    elif output_format == "csv":
        places = _as_dict(found, project, is_dry_run=is_dry_run)["places"]
        print_csv(["place", "files", "bytes", "joined", "why_left"], [list(each.values()) for each in places])
    else:
        print_text("\n".join([*aligned(list(_lines(found, project))), _summary(found, is_dry_run=is_dry_run)]))
    if problems:
        raise BrokenJobsError(problems)


def _all_plans(project: Project, problems: list[Problem]) -> Iterator[JobPlan | GroupPlan]:
    """Yield the plans of all jobs and groups of the project; `problems` grows by those of broken ones, which are left out."""
    for file in job_files(project):
        try:
            yield prepare_job(file, project)
        except FeaturePlatformError as error:
            problems += problems_of(error, project.shown(file))
    for group in load_registry(project.root).defined_groups:
        yield prepare_group(group.name, project)


def _lines(found: Sequence[Cleaned], project: Project) -> Iterator[list[str]]:
    for each in found:
        place = project.shown(each.place)
        if each.why_left is not None:
            yield [place, f"left as it is: {each.why_left}"]
        elif each.files or each.joined:
            joined = f", {each.joined} small files joined" if each.joined else ""
            yield [place, f"{each.files:,} files, {size_text(each.bytes)}{joined}"]


def _summary(found: Sequence[Cleaned], *, is_dry_run: bool) -> str:
    files, size = sum(each.files for each in found), sum(each.bytes for each in found)
    left = sum(each.why_left is not None for each in found)
    said = "would be removed" if is_dry_run else "removed"
    return f"{len(found)} places: {files:,} files of {size_text(size)} {said}" + (
        f", {left} left as they are" if left else ""
    )


def size_text(size: int) -> str:
    """Return bytes as people read them."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def _as_dict(found: Sequence[Cleaned], project: Project, *, is_dry_run: bool) -> dict[str, Any]:
    places = [
        {
            "place": project.shown(each.place),
            "files": each.files,
            "bytes": each.bytes,
            "joined": each.joined,
            "why_left": each.why_left,
        }
        for each in found
    ]
    return {"is_dry_run": is_dry_run, "places": places}
