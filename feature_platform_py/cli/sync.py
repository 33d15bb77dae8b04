"""`fpjob registry sync`: generate dbt's files from the registry."""

from __future__ import annotations

import difflib

from feature_platform_py.cli.output import print_json, print_text
from feature_platform_py.core.errors import BrokenJobsError, ConfigurationError, Problem
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.sync import stale_files, write_files


def sync_command(*, is_check: bool, output_format: str) -> None:
    """Write the generated files and name them; with `is_check`, raise ConfigurationError with a diff if one is stale.

    Raises BrokenJobsError at the end if some jobs were left out.
    """
    project = open_project()
    problems: list[Problem] = []
    if is_check:
        stale = stale_files(project, problems)
        if output_format == "json":
            print_json({"stale": [str(path) for path in stale]})
        diffs = [_diff(str(path), there, wanted) for path, (there, wanted) in stale.items()]
        if diffs and not problems:
            raise ConfigurationError("\n".join(diffs) + "\nGenerated files are stale; run `fpjob registry sync`")
    else:
        changed = write_files(project, problems)
        written = [str(path) for path in changed if (project.root / path).exists()]
        removed = [str(path) for path in changed if str(path) not in written]
        if output_format == "json":
            print_json({"written": written, "removed": removed})
        else:
            for path in map(str, changed):
                print_text(f"{'removed' if path in removed else 'wrote'} {path}")
    if problems:
        raise BrokenJobsError(problems)


def _diff(path: str, there: str, wanted: str) -> str:
    lines = there.splitlines(keepends=True), wanted.splitlines(keepends=True)
    return "".join(difflib.unified_diff(*lines, path, f"{path} (from the registry)"))
