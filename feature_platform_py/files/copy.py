"""Parquet copies of sources: one file for each state of the data, which every engine reads alike.

`<copies>/<declaration>/<state>/rows.parquet`: the declaration is a digest of how the source is read, the state one of its files.
A copy appears whole, in one step; later readers parse nothing again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.files.columns import shown

ROWS = "rows.parquet"
# Raise it when the reader changes, so that copies of an earlier reader are made anew.
_READER = 1
# How many states of a source are kept: another process may be reading the previous one.
_KEPT = 2
# What is older was left by a process that was killed.
_UNFINISHED_SECONDS = 24 * 3600


class FilesChangedError(DataCheckError):
    """The files of a source changed while they were read."""

    def __init__(self, location: str) -> None:
        super().__init__(f"{shown(location)}: the files changed while they were read; run the command again")


def digest(*parts: Any) -> str:
    """Return a digest of values that JSON can write; equal values have equal digests."""
    return hashlib.sha256(json.dumps([_READER, *parts], sort_keys=True).encode()).hexdigest()[:32]


def files_state(root: Path, files: Iterable[Path]) -> str:
    """Return the state of the files: their names below `root`, sizes and times of change."""
    stats = [(str(file.relative_to(root) if file != root else file.name), file.stat()) for file in files]
    return digest([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


def copied(
    copies: Path, *, declaration: str, state: Callable[[], str], write: Callable[[Path], None], location: str
) -> Path:
    """Return the Parquet file of a source's present state; call `write` to make it if it does not exist.

    Raises FilesChangedError if the files change while they are read; earlier copies then stay.
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
    for unfinished in folder.parent.glob(".*"):
        if unfinished.stat().st_mtime < time.time() - _UNFINISHED_SECONDS:
            shutil.rmtree(unfinished, ignore_errors=True)
    others = [each for each in folder.parent.iterdir() if each != folder and not each.name.startswith(".")]
    for old in sorted(others, key=lambda each: each.stat().st_mtime_ns, reverse=True)[_KEPT - 1 :]:
        rubbish = old.with_name(f".{old.name}.{os.getpid()}")
        old.rename(rubbish)
        shutil.rmtree(rubbish, ignore_errors=True)
