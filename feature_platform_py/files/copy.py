"""Columnar copies of sources: one Parquet file for each state of the data, which every engine reads alike.

`<copies>/<declaration>/<state>/rows.parquet`: the declaration is what was said of the source, the state what its files were.
A copy appears whole, in one step; whoever finds it parses nothing again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.files.columns import shown

ROWS = "rows.parquet"
# Changes with how files are read: copies of an earlier reader are then made anew.
_READER = 1
# The states of a source that stay: another process may be reading the one before.
_KEPT = 2


class FilesChangedError(DataCheckError):
    """Somebody wrote the files of a source while they were read."""

    def __init__(self, location: str) -> None:
        super().__init__(f"{shown(location)}: the files changed while they were read; run again")


def digest(*parts: Any) -> str:
    """Return a name for parts that JSON can write, the same wherever they are the same."""
    return hashlib.sha256(json.dumps([_READER, *parts], sort_keys=True).encode()).hexdigest()[:32]


def files_state(root: Path, files: Iterable[Path]) -> str:
    """Return the state of the files: their names below `root`, sizes and times of change."""
    stats = [(str(file.relative_to(root) if file != root else file.name), file.stat()) for file in files]
    return digest([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


def copied(
    copies: Path, *, declaration: str, state: Callable[[], str], write: Callable[[Path], None], location: str
) -> Path:
    """Return the Parquet file of a source's present state, which `write` is asked for if there is none.

    Raises FilesChangedError if the files change while they are read; the copy of an earlier state then stays.
    """
    before = state()
    folder = copies / declaration / before
    if (folder / ROWS).exists():
        return folder / ROWS
    building = folder.with_name(f".{before}.{uuid.uuid4().hex}")
    building.mkdir(parents=True)
    try:
        write(building / ROWS)
        if state() != before:
            raise FilesChangedError(location)
        _move(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _forget_older(folder)
    return folder / ROWS


def _move(building: Path, folder: Path) -> None:
    try:
        building.rename(folder)
    except OSError:
        # Another process was quicker: its copy is the same.
        if not (folder / ROWS).exists():
            raise


def _forget_older(folder: Path) -> None:
    others = [each for each in folder.parent.iterdir() if each != folder and not each.name.startswith(".")]
    for old in sorted(others, key=lambda each: each.stat().st_mtime_ns, reverse=True)[_KEPT - 1 :]:
        rubbish = old.with_name(f".{old.name}.{os.getpid()}")
        old.rename(rubbish)
        shutil.rmtree(rubbish, ignore_errors=True)
