"""`fpjob list --orphans` and `fpjob prune`: tables that no job or feature group builds any more."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from feature_platform_py.cli.output import print_csv, print_json, print_text
from feature_platform_py.cli.signs import paused, step
from feature_platform_py.cli.vacuum import size_text
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import open_project
from feature_platform_py.core.text import aligned
from feature_platform_py.runs.orphans import Orphan, drop_orphans, find_orphans


def orphans_command(*, target: str | None, output_format: str) -> None:
    """Print the tables and views that nothing builds any more; no engine is started."""
    orphans = find_orphans(open_project(target=target))
    if output_format == "json":
        print_json([_as_dict(each) for each in orphans])
    elif output_format == "csv":
        columns = ["relation", "kind", "owner", "is_owner_there", "bytes"]
        print_csv(columns, [[_as_dict(each)[name] for name in columns] for each in orphans])
    else:
        print_text("\n".join([*_lines(orphans), f"{_counted(orphans)} without a job"]))


def prune_command(*, target: str | None, output_format: str, is_dry_run: bool, is_agreed: bool) -> None:
    """Drop the tables and views that nothing builds any more, after asking; a dry run drops nothing."""
    project = open_project(target=target)
    orphans = find_orphans(project)
    is_dropped = bool(orphans) and not is_dry_run
    if output_format == "text" and orphans:
        print_text("\n".join(_lines(orphans)))
    if is_dropped and not is_agreed and not _is_agreed(orphans):
        print_text("nothing was dropped")
        return
    if is_dropped:
        step("drops tables")
        drop_orphans(orphans, project)
    if output_format == "json":
        print_json({"is_dry_run": is_dry_run, "relations": [_as_dict(each) for each in orphans]})
    else:
        print_text(f"{_counted(orphans)} {'would be dropped' if is_dry_run else 'dropped'}")


def _is_agreed(orphans: Sequence[Orphan]) -> bool:
    """Return whether the user agrees. Raises ConfigurationError without a terminal."""
    if not sys.stdin.isatty():
        raise ConfigurationError("expected `--yes`, given none; without a terminal the command cannot ask")
    with paused():
        return click.confirm(f"Drop {_counted(orphans)}?", err=True)


def _lines(orphans: Sequence[Orphan]) -> list[str]:
    return aligned(
        [(each.relation, each.kind, size_text(each.bytes) if each.bytes else "", each.why) for each in orphans]
    )


def _counted(orphans: Sequence[Orphan]) -> str:
    """Return how many there are, and their size."""
    kinds = {kind: sum(each.kind == kind for each in orphans) for kind in ("table", "view")}
    counted = " and ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in kinds.items())
    return f"{counted} of {size_text(sum(each.bytes for each in orphans))}"


def _as_dict(orphan: Orphan) -> dict[str, Any]:
    return {"relation": orphan.relation, **asdict(orphan)}
