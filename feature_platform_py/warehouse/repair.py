"""Find what is in the place of a warehouse's files and does not belong there.

A path is checked to be a file before it is opened, because a FIFO blocks its reader for ever. The target of a link is never removed.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from feature_platform_py.core.errors import EngineError
from feature_platform_py.core.stores.path import StorePath
from feature_platform_py.warehouse.catalog_file import CatalogFile
from feature_platform_py.warehouse.stored_relations import commits

DISCARDED_PREFIX = ".discarded-"
_LOG = "_delta_log"
_ACTIONS = {"add", "remove", "metaData", "protocol", "commitInfo", "txn"}
_NEWEST_WRITER = 7
_PARQUET = b"PAR1"
_SHORTEST_PARQUET = 12


@dataclass(frozen=True)
class Fault:
    """A path of a warehouse, and its fault."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def place_faults(*, folders: Iterable[Path], files: Iterable[Path]) -> list[Fault]:
    """Return what is in the place of folders and files. These may be missing, or links; a store has objects only."""
    found = [(path, "a folder") for path in folders if _is_there(path) and not path.is_dir()]
    found += [(path, "a file") for path in files if _is_there(path) and not _is_file(path)]
    return [Fault(path, f"expected {wanted}, found {_kind(path)}") for path, wanted in found]


def catalog_fault(warehouse: Path) -> Fault | None:
    """Return what is wrong with the text of the catalog file."""
    catalog = CatalogFile(warehouse)
    try:
        catalog.load()
    except EngineError:
        return Fault(catalog.path, "expected the JSON catalog of views and sources, found other text")
    return None


def table_fault(table: Path) -> Fault | None:
    """Return what is in the place of a table's files; their content is not read."""
    if isinstance(table, StorePath):
        return None
    if faults := place_faults(folders=[table, table / _LOG], files=[]):
        return faults[0]
    for folder, folders, files in os.walk(table):
        names = [*files, *(name for name in folders if name.endswith((".parquet", ".json")))]
        if faults := place_faults(folders=[], files=[Path(folder, name) for name in names]):
            return faults[0]
    return None


def log_fault(table: Path) -> Fault | None:
    """Return what is wrong with the text of a table's log; `table_fault` has found no fault in its files."""
    found = sorted(commits(table))
    if not found:
        return Fault(table, "it has files but no log") if table.is_dir() and any(table.iterdir()) else None
    first = 0 if not any((table / _LOG).glob("*.checkpoint*")) else int(found[0].stem)
    for number, commit in enumerate(found, start=first):
        if int(commit.stem) != number:
            return Fault(commit, f"expected commit {number} before it")
        if reason := _commit_fault(commit):
            return Fault(commit, reason)
    return _checkpoint_fault(table / _LOG / "_last_checkpoint")


def _commit_fault(commit: Path) -> str:
    try:
        actions = [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines()]
    except ValueError:
        return "expected JSON, found other text"
    if not any(isinstance(action, dict) and _ACTIONS & action.keys() for action in actions):
        return "expected actions of a Delta table, found none"
    if any(action.get("protocol", {}).get("minWriterVersion", 0) > _NEWEST_WRITER for action in actions):
        return "expected a known protocol"
    return ""


def _checkpoint_fault(named: Path) -> Fault | None:
    if not named.exists():
        return None
    try:
        version = int(json.loads(named.read_text(encoding="utf-8"))["version"])
    except (ValueError, TypeError, KeyError):
        return Fault(named, "expected the name of a checkpoint, found other text")
    is_there = any(named.parent.glob(f"{version:020}.checkpoint*"))
    return None if is_there else Fault(named, f"expected checkpoint {version}, which it names")


def is_damaged_copy(copy: Path, *, is_deep: bool) -> bool:
    """Return whether a Parquet file, or a file of a folder, lacks a Parquet ending; with `is_deep`, whether its rows are unreadable.

    In a folder with only the log of a Delta table, check the log: the files belong to the table.
    """
    if (copy / _LOG).is_dir():
        return bool(table_fault(copy) or log_fault(copy))
    files = sorted(copy.glob("*.parquet")) if copy.is_dir() else [copy]
    return not files or any(_is_damaged(file, is_deep=is_deep) for file in files)


def _is_damaged(file: Path, *, is_deep: bool) -> bool:
    if not _is_file(file) or file.stat().st_size < _SHORTEST_PARQUET:
        return True
    with file.open("rb") as content:
        content.seek(-len(_PARQUET), os.SEEK_END)
        if content.read() != _PARQUET:
            return True
    return is_deep and not _can_be_read(file)


def _can_be_read(file: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for _ in pq.ParquetFile(file).iter_batches():
            pass
    except (pa.ArrowException, OSError):
        return False
    return True


def throw_away(path: Path) -> None:
    """Remove a path in one step, so that no reader sees half of it; of a link, remove only the link."""
    if isinstance(path, StorePath):
        remove(path)
    elif os.path.lexists(path):
        rubbish = path.with_name(f"{DISCARDED_PREFIX}{uuid.uuid4().hex}")
        path.rename(rubbish)
        remove(rubbish)


def remove_uncommitted(table: Path) -> None:
    """Remove the folder that a killed first write left: nobody reads files without a commit. The table's lock must be held.

    A folder with anything else in the place of a table's files stays.
    """
    if table.is_dir() and not any(commits(table)) and table_fault(table) is None:
        throw_away(table)


def remove(path: Path) -> None:
    """Remove a folder with its content, or any other path; ignore what cannot be removed."""
    if isinstance(path, StorePath):
        if not path.remove_all():
            path.unlink(missing_ok=True)
    elif path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_there(path: Path) -> bool:
    return not isinstance(path, StorePath) and os.path.lexists(path)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # a link to itself


def _kind(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "a link that leads to none"
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFREG: "a file", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "something else")
