"""`fpjob registry sync`: generate dbt's files from the registry."""

from __future__ import annotations

import difflib

import click

from feature_platform_py.core.errors import BrokenJobsError, ConfigurationError, Problem
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.sync import stale_files, write_files


def sync_command(*, is_check: bool) -> None:
    """Write the generated files and name them; with `is_check`, raise ConfigurationError with a diff if one is stale.

    Raises BrokenJobsError at the end if some jobs were left out.
    """
    project = open_project()
    problems: list[Problem] = []
    if is_check:
        diffs = [_diff(str(path), there, wanted) for path, (there, wanted) in stale_files(project, problems).items()]
        if diffs and not problems:
            raise ConfigurationError("\n".join(diffs) + "\nGenerated files are stale; run `fpjob registry sync`")
    else:
        for path in write_files(project, problems):
            click.echo(f"{'wrote' if (project.root / path).exists() else 'removed'} {path}")
    if problems:
        raise BrokenJobsError(problems)


def _diff(path: str, there: str, wanted: str) -> str:
    lines = there.splitlines(keepends=True), wanted.splitlines(keepends=True)
    return "".join(difflib.unified_diff(*lines, path, f"{path} (from the registry)"))
