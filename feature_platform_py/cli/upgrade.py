"""`fpjob upgrade`: bring a project up to the installed version."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import click

from feature_platform_py.cli.output import print_text
from feature_platform_py.cli.signs import paused
from feature_platform_py.cli.sync import sync_command
from feature_platform_py.core.dbt_packages import FOLDER, OWN, link_own_package
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import find_root
from feature_platform_py.scaffold.upgrade import Upgrade, planned_upgrade, upgrade


def upgrade_command(*, is_dry_run: bool, is_agreed: bool) -> None:
    """Show what changes, ask, change it, and generate the files of the registry and the jobs anew."""
    root = find_root(Path.cwd())
    if root is None:
        raise ConfigurationError(
            f"{Path.cwd()}: expected to be inside a project, found no `dbt_project.yml` here or above; change to the project's folder"
        )
    plan = planned_upgrade(root)
    for line in _lines(plan):
        print_text(line)
    if plan.is_needed and not is_dry_run and not is_agreed and not _is_agreed():
        print_text("nothing was changed")
        return
    if is_dry_run:
        print_text("nothing was changed" if plan.is_needed else "nothing to change")
        return
    upgrade(root, plan)
    if link_own_package(root):
        print_text(f"linked {FOLDER}/{OWN} to the installed version")
    sync_command(is_check=False, output_format="text")
    print_text(f"the project is of version {version('feature-platform')}")


def _lines(plan: Upgrade) -> list[str]:
    lines = [f"writes {path}" for path in plan.written]
    if plan.removed:
        lines.append(f"removes {len(plan.removed)} copies of files that are in the package now")
    lines += [f"moves {path} to {plan.aside}/: it is the platform's, and has changes" for path in plan.kept_aside]
    return lines


def _is_agreed() -> bool:
    """Return whether the user agrees. Raises ConfigurationError without a terminal."""
    if not sys.stdin.isatty():
        raise ConfigurationError("expected `--yes`, given none; without a terminal the command cannot ask")
    with paused():
        return click.confirm("Change the project?", err=True)
