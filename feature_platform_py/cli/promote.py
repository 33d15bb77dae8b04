"""`fpjob promote`: replace production's feature tables by those of an environment, and run the job in production."""

from __future__ import annotations

import time

from feature_platform_py.cli.output import print_json, print_progress, print_text
from feature_platform_py.cli.run import run_file
from feature_platform_py.cli.signs import step
from feature_platform_py.core.project import open_project
from feature_platform_py.core.text import aligned
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.jobs.find import find_job
from feature_platform_py.runs.promotion import promote

_SAID = {
    "replaced": "becomes that of {}",
    "new": "is new, from {}",
    "same": "is the same",
    "left": "stays; that of {} is not of today's input",
}


def promote_command(job: str, *, target: str | None, output_format: str, is_dry_run: bool) -> None:
    """Promote the tables of a job, and run it in production; a dry run only says which tables would be replaced."""
    project = open_project(target=target)
    file = find_job(job, project)
    plan = prepare_job(file, project)
    tables = promote(plan, project, is_dry_run=is_dry_run, on_note=print_progress, on_step=step)
    rows = [(each.name, _SAID[each.change].format(project.target.schema)) for each in tables]
    promoted = f"{plan.job_name}: {sum(each.is_brought for each in tables)} of {len(tables)} feature tables"
    lines = [*aligned(rows), f"{promoted} {'would be replaced' if is_dry_run else 'replaced'}"]
    if output_format == "text" and is_dry_run:
        print_text("\n".join(lines))
    else:
        print_progress("\n".join([*lines, ""]))
    told = {"job": plan.job_name, "environment": project.target.schema, "is_dry_run": is_dry_run}
    told["tables"] = [each.as_dict() for each in tables]
    if not is_dry_run:
        told["run"] = run_file(file, project.production, output_format=output_format, started=time.monotonic())
    if output_format == "json":
        print_json(told)
