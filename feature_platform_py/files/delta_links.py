"""Give a Delta table the newest rows of another one without computing or, on one file system, copying them.

Data files never change once they are written, so two tables can share them by hard links: removing a file from one table leaves it to
the other. Where links are not possible the files are copied; an object store copies them itself.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from feature_platform_py.core.errors import DataCheckError, EngineError
from feature_platform_py.core.stores.errors import ChangedMeanwhileError
from feature_platform_py.core.stores.path import StorePath
from feature_platform_py.files.columns import shown
from feature_platform_py.files.delta_log import Action, TableState, log_files, replayed

STAGED_PREFIX = ".linked-"
_LOG = "_delta_log"
# Another file system, one without links, too many links to one file, or a file of another user.
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
# None of these has files beside the data files, or facts about single rows of them, that a link would have to bring along.
_KNOWN_FEATURES = {
    *("appendOnly", "invariants", "checkConstraints", "generatedColumns", "columnMapping", "timestampNtz"),
    *("v2Checkpoint", "vacuumProtocolCheck", "typeWidening", "allowColumnDefaults", "deletionVectors"),
}
_ATTEMPTS = 3
_VERSIONS = ("minReaderVersion", "minWriterVersion")
_FEATURES = ("readerFeatures", "writerFeatures")


@dataclass(frozen=True)
class Linked:
    """The data files that a table got: their number and bytes, and how many of the bytes take room of their own."""

    files: int
    bytes: int
    copied: int

    def __add__(self, other: Linked) -> Linked:
        return Linked(self.files + other.files, self.bytes + other.bytes, self.copied + other.copied)


@dataclass
class _Files:
    """The files of a version, brought into another table's folder: what its log says of them."""

    added: list[Action] = field(default_factory=list)
    bytes: int = 0
    copied: int = 0

    @property
    def linked(self) -> Linked:
        return Linked(len(self.added), self.bytes, self.copied)


def link_table(table: Path, to: Path) -> Linked:
    """Make a new table of the newest version of another one; it appears in one step, with a log of its own.

    Raises DataCheckError if the table has features of Delta whose files are not known here, EngineError if `to` exists.
    """
    staged = to if isinstance(to, StorePath) else to.with_name(f"{STAGED_PREFIX}{to.name}-{uuid.uuid4().hex[:12]}")
    try:
        state, files = _newest_files(table, staged)
        said = [_info(table, files), {"protocol": state.protocol}, {"metaData": _metadata(state, str(uuid.uuid4()))}]
        _commit(staged, 0, [*said, *({"add": each} for each in files.added)])
        if staged != to:
            _appear(staged, to)
    finally:
        if staged != to:
            shutil.rmtree(staged, ignore_errors=True)
    return files.linked


def remove_staged(folder: Path, name: str) -> None:
    """Remove what killed calls of `link_table` left beside a table; its lock must be held."""
    if not isinstance(folder, StorePath):
        for left in folder.glob(f"{STAGED_PREFIX}{name}-*"):
            shutil.rmtree(left, ignore_errors=True)


@dataclass(frozen=True)
class Replacement:
    """A commit that gives a table the content of another one. Its files are in the table's folder, and nobody reads them yet."""

    table: Path
    linked: Linked
    _version: int
    _actions: tuple[Action, ...]

    def commit(self) -> None:
        """Replace the content in one step. Raises EngineError if another program has committed to the table meanwhile."""
        _commit(self.table, self._version, self._actions)


def replacement(table: Path, by: Path) -> Replacement:
    """Return the commit after which a table has the newest version of another one: readers see the old rows or the new ones.

    Columns and partitions become the other table's. Files that both have stay. Raises DataCheckError as `link_table` does.
    """
    there, version = replayed(table), int(log_files(table)[-1].stem)
    _check_is_known(table, there)
    state, files = _newest_files(by, table)
    names = {unquote(path) for path, _ in there.files}
    kept = names & {unquote(each["path"]) for each in files.added}
    now = int(time.time() * 1000)
    removed = [
        {"path": action["path"], "deletionTimestamp": now, "dataChange": True, **_partition_of(action)}
        for (path, _), action in there.files.items()
        if unquote(path) not in kept
    ]
    said = [_info(by, files)]
    if (protocol := _protocol_of_both(there.protocol, state.protocol)) != there.protocol:
        said.append({"protocol": protocol})
    said.append({"metaData": _metadata(state, there.metadata["id"])})
    added = [each for each in files.added if unquote(each["path"]) not in kept]
    changes = [*({"remove": each} for each in removed), *({"add": each} for each in added)]
    return Replacement(table, files.linked, version + 1, (*said, *changes))


def _partition_of(action: Action) -> Action:
    given = {name: action[name] for name in ("partitionValues", "size") if name in action}
    return {**given, "extendedFileMetadata": True} if len(given) > 1 else given


def _newest_files(table: Path, to: Path) -> tuple[TableState, _Files]:
    """Return the newest version, its files linked into a folder. A version whose files were removed meanwhile is not the newest."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(FileNotFoundError):
            return _linked(table, to)
    try:
        return _linked(table, to)
    except FileNotFoundError as error:
        raise DataCheckError(
            f"{shown(table)}: expected the file `{Path(error.filename or '').name}`, which the Delta log names, found none"
        ) from error


def _linked(table: Path, to: Path) -> tuple[TableState, _Files]:
    state = replayed(table)
    _check_is_known(table, state)
    files = _Files()
    for action in state.files.values():
        file = _file_of(table, action)
        name, is_copied = _bring(file, to, Path(*file.parts[len(table.parts) :]))
        size = int(action["size"])
        files.added.append({**action, "path": name, "dataChange": True})
        files.bytes, files.copied = files.bytes + size, files.copied + (size if is_copied else 0)
    return state, files


def _file_of(table: Path, action: Action) -> Path:
    """Return a data file of the table. Raises DataCheckError for one outside of its folder."""
    path = action["path"]
    plain = Path(unquote(path))
    if plain.is_absolute() or ".." in plain.parts or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", path):
        raise DataCheckError(
            f"{shown(table)}: expected data files in its folder, given `{path}`, as in a shallow clone"
        )
    return table / plain


def _bring(file: Path, folder: Path, name: Path) -> tuple[str, bool]:
    """Put a file into a table's folder, and return its path in the log, and whether its bytes were copied.

    A file that is there already is that very file; another one with its name is left alone.
    """
    to = folder / name
    if isinstance(to, StorePath) and isinstance(file, StorePath):
        if not to.is_file():
            file.copy_to(to)
        return quote(name.as_posix(), safe="/="), True
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.exists() and not to.samefile(file):
        name = name.with_name(f"{uuid.uuid4().hex[:12]}-{name.name}")
        to = folder / name
    is_copied = not to.exists() and _link(file, to)
    return quote(name.as_posix(), safe="/="), is_copied


def _link(file: Path, to: Path) -> bool:
    """Link a file, or copy it where that is not possible; return whether it was copied."""
    try:
        os.link(file, to)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(file, to)
        return True
    return False


def _appear(staged: Path, to: Path) -> None:
    try:
        staged.rename(to)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise EngineError(f"{shown(to)}: the table has appeared meanwhile; start again") from error


def _commit(table: Path, version: int, actions: Iterable[Action]) -> None:
    """Write a commit that must not exist yet. Raises EngineError if another program has made it."""
    text = "".join(f"{json.dumps(action)}\n" for action in actions)
    log = table / _LOG
    commit = log / f"{version:020}.json"
    if isinstance(commit, StorePath):
        try:
            commit.write_if(text.encode(), None)
        except ChangedMeanwhileError as error:
            raise EngineError(_changed(table)) from error
        return
    log.mkdir(parents=True, exist_ok=True)
    beside = log / f".{commit.name}.{uuid.uuid4().hex}.tmp"
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, commit)
        except FileExistsError as error:
            raise EngineError(_changed(table)) from error
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _create(commit, text, table)
    finally:
        beside.unlink(missing_ok=True)


def _create(commit: Path, text: str, table: Path) -> None:
    """Write the commit where there are no links; a reader may see a part of it for a moment."""
    try:
        with commit.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise EngineError(_changed(table)) from error


def _changed(table: Path) -> str:
    return f"{shown(table)}: another program committed to the table meanwhile, and it was left as it is; start again"


def _info(table: Path, files: _Files) -> Action:
    rows = sum(int(json.loads(each["stats"]).get("numRecords", 0)) for each in files.added if each.get("stats"))
    metrics = {"numFiles": str(len(files.added)), "numOutputRows": str(rows), "numOutputBytes": str(files.bytes)}
    said = {"operation": "CLONE", "operationParameters": {"source": "/".join(table.parts[-2:])}}
    return {"commitInfo": {"timestamp": int(time.time() * 1000), **said, "operationMetrics": metrics}}


def _metadata(state: TableState, identity: str) -> Action:
    return {**state.metadata, "id": identity}


def _protocol_of_both(one: Mapping[str, Any], other: Mapping[str, Any]) -> Action:
    """Return the protocol that readers and writers of both tables need."""
    needed: Action = {name: max(one.get(name, 0), other.get(name, 0)) for name in _VERSIONS}
    for name in _FEATURES:
        if name in one or name in other:
            needed[name] = sorted({*one.get(name, ()), *other.get(name, ())})
    is_same = all(one.get(name) == needed[name] for name in _VERSIONS) and all(
        sorted(one.get(name, ())) == needed.get(name, []) for name in _FEATURES
    )
    return dict(one) if is_same else needed


def _check_is_known(table: Path, state: TableState) -> None:
    features = {*state.protocol.get("readerFeatures", ()), *state.protocol.get("writerFeatures", ())}
    unknown = sorted(features - _KNOWN_FEATURES)
    if unknown or any(action.get("deletionVector") for action in state.files.values()):
        named = unknown[0] if unknown else "deletionVectors"
        raise DataCheckError(
            f"{shown(table)}: the table uses the feature `{named}` of Delta, with which its files cannot be shared"
        )
