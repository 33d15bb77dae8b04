"""Warn of copies of the platform's macros that an earlier version wrote into the project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from feature_platform_py.core.dbt_packages import has_other_copies
from feature_platform_py.core.project import find_root


@contextmanager
def told_of_copies() -> Iterator[None]:
    """Warn after a command, also one that fails, if dbt uses copies of macros that differ from the installed version's."""
    try:
        yield
    finally:
        with suppress(OSError):  # the command has reported a folder that cannot be read
            _tell(find_root(Path.cwd()))


def _tell(root: Path | None) -> None:
    if root and has_other_copies(root):
        from feature_platform_py.cli.output import print_progress

        print_progress(
            "warning: dbt uses the project's own copies of the platform's macros, and they differ from the installed version's;"
            " `fpjob upgrade` has the project take them from there (`--dry-run` shows what it changes)"
        )
