"""`fpjob validate`: report every error of every job file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from feature_platform_py.cli.output import print_json
from feature_platform_py.core.errors import ConfigurationError, EngineError, FeaturePlatformError, Problem, problems_of
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import validate_job


def validate_command(jobs: Sequence[Path], *, target: str | None, output_format: str) -> None:
    """Check the jobs, print the valid ones, and raise one error with the problems of all others.

    It is EngineError if all of these could not be checked because something did not answer.
    """
    project = open_project(target=target)
    problems: list[Problem] = []
    good: list[Path] = []
    is_wrong = False
    for job in jobs:
        try:
            validate_job(job, project)
            good.append(job)
        except FeaturePlatformError as error:
            problems += problems_of(error, str(job))
            is_wrong = is_wrong or not isinstance(error, EngineError)
    if output_format == "json":
        shown = [{"file": each.file, "line": each.line, "message": each.message} for each in problems]
        print_json({"valid": [str(job) for job in good], "problems": shown})
    else:
        for job in good:
            click.echo(f"{job}: valid")
    if problems and is_wrong:
        raise ConfigurationError(problems)
    if problems:
        raise EngineError("\n".join(map(str, sorted(problems))))
