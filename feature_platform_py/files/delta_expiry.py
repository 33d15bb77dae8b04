"""Find the files of a Delta table that no version within a retention needs, and remove them.

Nothing is committed: the table keeps its version, and who compares versions sees no change. Data files that any version since the
retention began names are kept, whatever else is in the log. The log is cut only in front of a checkpoint, oldest files first, so that
it has no gap wherever the removal is killed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.core.stores.path import StorePath, remove_files
from feature_platform_py.files.columns import shown
from feature_platform_py.files.delta_log import TableState, actions, last_checkpoint, log_files, replayed

# A commit of an engine is followed by a checkpoint as often. From there on the log can be cut.
CHECKPOINT_EVERY = 10
# A file that no version names may belong to a commit that another program has not made yet.
UNNAMED_FOR = timedelta(days=1)
_OF_LOG = re.compile(r"(?:\d{20}\.)?(\d{20})\.(?:json|crc|compacted\.json|checkpoint\..+)")
_INTERVAL = re.compile(r"(\d+) (\w+?)s?\b")
_UNITS = {
    "microsecond": timedelta(microseconds=1),
    "millisecond": timedelta(milliseconds=1),
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=31),
    "year": timedelta(days=366),
}
# None of these adds files that only the feature itself knows.
_KNOWN_FEATURES = {
    *("appendOnly", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns", "columnMapping"),
    *("identityColumns", "deletionVectors", "timestampNtz", "v2Checkpoint", "domainMetadata", "rowTracking"),
    *("vacuumProtocolCheck", "inCommitTimestamp", "clustering", "typeWidening", "typeWidening-preview", "variantType"),
    *("allowColumnDefaults", "collations", "checkpointProtection"),
}


@dataclass(frozen=True)
class Expired:
    """Files of a Delta table that nobody needs any more, each with its bytes: those of its data, and those of its log."""

    data: Sequence[tuple[Path, int]] = ()
    log: Sequence[tuple[Path, int]] = ()

    @property
    def files(self) -> int:
        """How many files these are."""
        return len(self.data) + len(self.log)

    @property
    def bytes(self) -> int:
        """Their bytes together."""
        return sum(size for _, size in (*self.data, *self.log))

    def remove(self) -> None:
        """Remove the files."""
        remove_files([path for path, _ in (*self.data, *self.log)])


def is_due(table: Path, *, retention: timedelta, now: float) -> bool:
    """Return whether removing pays: a file was replaced before the retention began, or enough of the log is older.

    Looks at a few short files, so that each run can ask.
    """
    commits = log_files(table)
    old = commits[: _expired_commits(commits, now - retention.total_seconds())]
    removed = (action["remove"]["path"] for commit in old for action in actions(commit) if "remove" in action)
    return len(old) > CHECKPOINT_EVERY or any((table / unquote(path)).exists() for path in removed)


def expired(table: Path, *, retention: timedelta, now: float) -> Expired:
    """Return the files that no version needs that was the newest one at some time since the retention began.

    The table's own properties prolong the retention. Raises DataCheckError for a log with gaps, for a table of an unknown kind, and
    for one whose files are not found where its log names them.
    """
    commits, newest = log_files(table), replayed(table)
    _check_is_known(table, newest)
    kept_for = max(retention, kept_by(newest.properties))
    before = now - kept_for.total_seconds()
    number = _expired_commits(commits, before)
    if not number:
        return Expired()
    first = int(commits[number - 1].stem)
    later = [action for commit in commits[number:] for action in actions(commit)]
    needed = _paths(replayed(table, first)) | _named(later, "add")
    named = _named([action for commit in commits for action in actions(commit)], "add", "remove")
    found = {_plain(str(path.relative_to(table))): path for path in _data_files(table)}
    if missing := sorted(_paths(newest) - found.keys()):
        raise DataCheckError(f"{shown(table)}: expected the file `{missing[0]}`, which the Delta log names, found none")
    unnamed_before = min(before, now - UNNAMED_FOR.total_seconds())
    data = [
        path
        for name, path in found.items()
        if name not in needed and (name in named or path.stat().st_mtime <= unnamed_before)
    ]
    return Expired(_sized(data), _expired_log(table, newest, commits, now=now, kept_for=kept_for))


def _expired_log(
    table: Path, newest: TableState, commits: Sequence[Path], *, now: float, kept_for: timedelta
) -> list[tuple[Path, int]]:
    """Return the files of the log before the last checkpoint from which every version since the retention began can be read."""
    if newest.properties.get("delta.enableExpiredLogCleanup") == "false":
        return []
    kept_for = max(kept_for, kept_by(newest.properties, "delta.logRetentionDuration"))
    number = _expired_commits(commits, now - kept_for.total_seconds())
    if not number:
        return []
    first = int(commits[number - 1].stem)
    checkpoint, _ = last_checkpoint(table, first)
    files = [
        (int(match[1]), path) for path in (table / "_delta_log").iterdir() if (match := _OF_LOG.fullmatch(path.name))
    ]
    # A version can be read without its checksum.
    old = sorted(each for each in files if each[0] < (first if each[1].suffix == ".crc" else checkpoint))
    return _sized(path for _, path in old)


def _sized(paths: Iterable[Path]) -> list[tuple[Path, int]]:
    """Return the files, each with the file of checksums that JVM Spark writes beside it, and their bytes."""
    paths = list(paths)
    if any(isinstance(path, StorePath) for path in paths):
        return [(path, path.stat().st_size) for path in paths]
    all_paths = (each for path in paths for each in (path, path.with_name(f".{path.name}.crc")))
    return [(path, path.stat().st_size) for path in all_paths if path.exists()]


def _expired_commits(commits: Sequence[Path], before: float) -> int:
    """Return how many of the first commits were made by then, where no commit counts as older than one before it."""
    number, newest = 0, 0.0
    for commit in commits:
        newest = max(newest, commit.stat().st_mtime)
        if newest > before:
            break
        number += 1
    return number


def _check_is_known(table: Path, state: TableState) -> None:
    features = {*state.protocol.get("readerFeatures", ()), *state.protocol.get("writerFeatures", ())}
    if unknown := sorted(features - _KNOWN_FEATURES):
        raise DataCheckError(
            f"{shown(table)}: the table has the feature `{unknown[0]}` of Delta, whose files are not known here; use the program that"
            " wrote the table"
        )


def kept_by(properties: Mapping[str, str], name: str = "delta.deletedFileRetentionDuration") -> timedelta:
    """Return an interval among a table's properties, none of time if it is not set. Raises DataCheckError for an unknown unit."""
    text = properties.get(name, "")
    parts = _INTERVAL.findall(text.lower())
    if (text and not parts) or any(unit not in _UNITS for _, unit in parts):
        raise DataCheckError(
            f"`{name}`: expected an interval such as `interval 7 days`, given `{text}`; correct the property"
        )
    return sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta())


def _paths(state: TableState) -> set[str]:
    return {_plain(path) for path, _ in state.files}


def _named(found: Sequence[dict[str, dict[str, str]]], *kinds: str) -> set[str]:
    return {_plain(action[kind]["path"]) for action in found for kind in kinds if kind in action}


def _plain(path: str) -> str:
    """Return a path without escapes: writers escape values in folders' names once, and some of them in the log not again."""
    while (plain := unquote(path)) != path:
        path = plain
    return path


def _data_files(table: Path) -> Iterator[Path]:
    """Yield the Parquet files of a table, without those in hidden folders; a folder of a column's value is none."""
    if isinstance(table, StorePath):
        yield from (file for file in table.files() if _is_data(file.parts[len(table.parts) :]))
        return
    for folder, folders, files in os.walk(table):
        folders[:] = [name for name in folders if "=" in name or not name.startswith(("_", "."))]
        yield from (
            Path(folder, name) for name in files if name.endswith(".parquet") and not name.startswith((".", "_"))
        )


def _is_data(names: Sequence[str]) -> bool:
    is_hidden = any(name.startswith(("_", ".")) and "=" not in name for name in names[:-1])
    return not is_hidden and names[-1].endswith(".parquet") and not names[-1].startswith((".", "_"))
