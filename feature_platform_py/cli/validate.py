"""`fpjob validate`: report every error of every job file."""

from __future__ import annotations

from collections.abc import Sequence

from feature_platform_py.cli.output import print_csv, print_json, print_text
from feature_platform_py.cli.signs import step
from feature_platform_py.core.errors import ConfigurationError, EngineError, FeaturePlatformError, Problem, problems_of
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import validate_job
from feature_platform_py.jobs.find import find_job


def validate_command(jobs: Sequence[str], *, target: str | None, output_format: str) -> None:
    """Check the jobs, print the valid ones, and raise one error with the problems of all others.

    It is EngineError if all of these could not be checked because something did not answer.
    """
    project = open_project(target=target)
    problems: list[Problem] = []
    good: list[str] = []
    is_wrong = False
    for job in jobs:
        step(f"checks {job}")
        try:
            file = find_job(job, project)
            validate_job(file, project)
            good.append(str(file))
        except FeaturePlatformError as error:
            problems += problems_of(error, job)
            is_wrong = is_wrong or not isinstance(error, EngineError)
    if output_format == "json":
        shown = [{"file": each.file, "line": each.line, "message": each.message} for each in problems]
        print_json({"valid": good, "problems": shown})
    elif output_format == "csv":
        rows = [(each.file, each.line, each.message) for each in problems]
        print_csv(["file", "line", "problem"], [*((job, None, None) for job in good), *rows])
    else:
        for job in good:
            print_text(f"{job}: valid")
    if problems and is_wrong:
        raise ConfigurationError(problems)
    if problems:
        raise EngineError("\n".join(map(str, sorted(problems))))
