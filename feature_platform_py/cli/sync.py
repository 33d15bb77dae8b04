"""`fpjob registry sync`: dbt YAML from the registry."""

from __future__ import annotations

import difflib

import click

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import open_project
from feature_platform_py.registry.sync import stale_files, write_files


def sync_command(*, is_check: bool) -> None:
    """Write the generated files and name them; with `is_check`, raise ConfigurationError with a diff if one is stale."""
    project = open_project()
    if not is_check:
        for path in write_files(project):
            click.echo(f"wrote {path}")
        return
    diffs = [_diff(str(path), there, wanted) for path, (there, wanted) in stale_files(project).items()]
    if diffs:
        raise ConfigurationError("\n".join(diffs) + "\nGenerated files are stale; run `fpjob registry sync`")


def _diff(path: str, there: str, wanted: str) -> str:
    lines = there.splitlines(keepends=True), wanted.splitlines(keepends=True)
    return "".join(difflib.unified_diff(*lines, path, f"{path} (from the registry)"))
