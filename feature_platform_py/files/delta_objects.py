"""Bring the log of a Delta table at an object store to this machine, and the data of a version for a log of the platform's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.core.stores.client import StoredObject
from feature_platform_py.core.stores.errors import StoreError
from feature_platform_py.files.copy import digest
from feature_platform_py.files.delta_log import (
    DATA,
    TableState,
    has_inexact_statistics,
    last_checkpoint,
    log_files,
    replayed,
    write_snapshot,
)
from feature_platform_py.files.objects import StoreFiles, folder_files, told_as

_LOG = "_delta_log"
# What is known of states of logs: whether statistics of the table cannot be trusted.
_inexact: dict[str, bool] = {}


def stored_log(location: str) -> StoreFiles:
    """Return the objects of a table's log. Raises StoreError if there is no commit."""
    found = folder_files(f"{location.rstrip('/')}/{_LOG}")
    if not commits_of(found):
        place = found.location.removesuffix(f"/{_LOG}")
        raise StoreError(f"{place}: expected a Delta table, found none; correct the path")
    return found


def commits_of(log: StoreFiles) -> list[StoredObject]:
    """Return the objects of a log that are commits, in order."""
    names = {each.key.rpartition("/")[2]: each for each in log.objects}
    return [each for name, each in sorted(names.items()) if name.endswith(".json") and name[:-5].isdigit()]


def version_of(log: StoreFiles) -> int:
    """Return the version that the newest commit made."""
    return int(commits_of(log)[-1].key.rpartition("/")[2][:-5])


@contextmanager
def log_twin(log: StoreFiles, *, is_whole: bool = False) -> Iterator[Path]:
    """Yield a folder of this machine that has the table's log from its last checkpoint on, or all of it, and no data."""
    place = StoreFiles(log.location.removesuffix(f"/{_LOG}"), log.objects)
    with TemporaryDirectory(prefix="feature_platform_") as folder, told_as(place, Path(folder)):
        table = Path(folder)
        log.twin(table / _LOG)
        log.fetch(table / _LOG, _needed(table, is_whole=is_whole))
        _set_times(log, table / _LOG)
        yield table


def _needed(table: Path, *, is_whole: bool) -> list[Path]:
    """Return the files of the log that tell the newest version: all that an older version may need, too, if it is whole."""
    commits, folder = log_files(table), table / _LOG
    version, parts = last_checkpoint(table, int(commits[-1].stem))
    if is_whole:
        return [*commits, *(each for each in folder.rglob("*.parquet")), *folder.glob("*.checkpoint.*.json")]
    return [*parts, *(each for each in commits if int(each.stem) > version), *folder.glob("_sidecars/*")]


def _set_times(log: StoreFiles, folder: Path) -> None:
    """Give the files the times of their objects: those of commits are the times of versions."""
    for each in log.objects:
        written = each.written.timestamp()
        os.utime(folder / log.name(each), (written, written))


def has_inexact_stored_statistics(log: StoreFiles) -> bool:
    """Return whether the table has columns whose statistics cannot be trusted."""
    state = digest(log.location, log.state())
    if state not in _inexact:
        with log_twin(log) as table:
            _inexact[state] = has_inexact_statistics(table)
    return _inexact[state]


def write_stored_snapshot(location: str, log: StoreFiles, folder: Path, *, version: int | None = None) -> None:
    """Write a folder that is the table at a version: a log of the platform's own, and the data.

    Data files never change: those that the snapshot of another state beside the folder has are shared with it.
    """
    with log_twin(log, is_whole=version is not None) as table:
        state = replayed(table, version)
        write_snapshot(table, folder, version=version)
    (folder / DATA).unlink()
    (folder / DATA).mkdir()
    everything = folder_files(location)
    wanted = [each for each in everything.objects if _is_of(everything.name(each), state)]
    files = StoreFiles(everything.location, tuple(wanted))
    _check_whole(files, state)
    missing = [file for file in _twin_files(files, folder / DATA) if not _is_shared(file, folder)]
    files.fetch(folder / DATA, missing)


def _is_of(name: str, state: TableState) -> bool:
    is_vector = name.endswith(".bin") and "deletion_vector_" in name
    return is_vector or name in _names(state)


def _names(state: TableState) -> set[str]:
    return {path for path, _ in state.files}


def _check_whole(files: StoreFiles, state: TableState) -> None:
    if missing := sorted(_names(state) - {files.name(each) for each in files.objects}):
        raise DataCheckError(
            f"{files.location}: expected the file `{missing[0]}`, which the Delta log names, found none"
        )


def _twin_files(files: StoreFiles, folder: Path) -> list[Path]:
    files.twin(folder)
    return [folder / files.name(each) for each in files.objects]


def _is_shared(file: Path, folder: Path) -> bool:
    """Link a file of another state's snapshot, and return whether there is one."""
    name = file.relative_to(folder)
    for other in folder.parent.parent.glob(f"[!.]*/{folder.name}"):
        if (other / name).is_file():
            file.unlink()
            os.link(other / name, file)
            return True
    return False
