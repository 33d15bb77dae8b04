"""Write a log of one version of a Delta table, without the statistics that engines mistake for values.

Sail takes a column whose least and greatest value in the log are equal for a constant. A decimal passes through a double there, and
NaN is left out. Tables of other writers therefore came out changed, and filters skipped files that they should have read. The data
files stay where they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.files.columns import shown

# The link in a snapshot's folder to the table's folder.
DATA = "data"
# A log holds their least and greatest values exactly. Decimals and floats lose digits there, and long texts are cut.
_EXACT = {"byte", "short", "integer", "long", "date", "timestamp", "timestamp_ntz"}
_INEXACT = re.compile(r"\b(?:float|double|decimal)\b")
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10})|\.[0-9a-f-]{36})?\.(parquet|json)")
_UUID_LENGTH = 20

Action = dict[str, Any]


@dataclass
class TableState:
    """The state of a table after the actions so far; `files` have their path and their deleted rows as keys."""

    protocol: Action = field(default_factory=dict)
    metadata: Action = field(default_factory=dict)
    files: dict[tuple[str, str], Action] = field(default_factory=dict)

    @property
    def properties(self) -> dict[str, str]:
        """The table's properties."""
        return dict(self.metadata.get("configuration") or {})

    def apply(self, action: Action) -> None:
        """Change the state as an action says."""
        self.protocol = action.get("protocol") or self.protocol
        self.metadata = action.get("metaData") or self.metadata
        if removed := action.get("remove"):
            self.files.pop(_key(removed), None)
        if added := action.get("add"):
            self.files[_key(added)] = added


def has_inexact_statistics(location: Path) -> bool:
    """Return whether the table has columns whose statistics cannot be trusted. Raises DataCheckError for a log with gaps."""
    if not (location / "_delta_log").is_dir():
        return False
    return bool(_INEXACT.search(replayed(location).metadata.get("schemaString", "")))


def log_files(location: Path) -> list[Path]:
    """Return the files of the table's log, in order."""
    return sorted(path for path in (location / "_delta_log").glob("*.json") if _COMMIT.fullmatch(path.name))


def version_at(location: Path, time: str) -> int:
    """Return the version of the table at a time (UTC if it names no zone). Raises DataCheckError if it had none."""
    wanted = datetime.fromisoformat(time)
    wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
    commits = [(int(path.stem), _committed(path)) for path in log_files(location)]
    found = [version for version, committed in commits if committed <= wanted]
    if not found:
        first = f"the first commit is of {commits[0][1]:%Y-%m-%d %H:%M:%S} UTC" if commits else "the log has no commit"
        raise DataCheckError(f"{shown(location)}: expected a commit of `{time}` or before; {first}")
    return max(found)


def _committed(path: Path) -> datetime:
    """Return when a commit was made: its own timestamp if the table keeps that, else the time of its file."""
    first = next(actions(path), {}).get("commitInfo", {}).get("inCommitTimestamp")
    seconds = path.stat().st_mtime if first is None else first / 1000
    return datetime.fromtimestamp(seconds, UTC)


def write_snapshot(location: Path, folder: Path, *, version: int | None = None) -> None:
    """Write a folder that is the table at a version (by default the newest): a log, and a link to the data.

    Raises DataCheckError for a log with gaps, or with files outside of the table's folder.
    """
    table = replayed(location, version)
    kept = _columns_with_exact_statistics(table.metadata)
    mapping = {name: value for name, value in table.properties.items() if name.startswith("delta.columnMapping")}
    written = [
        {"protocol": table.protocol},
        {"metaData": {**table.metadata, "configuration": mapping}},
        *({"add": _moved(added, kept, location)} for added in table.files.values()),
    ]
    (folder / "_delta_log").mkdir(parents=True)
    (folder / DATA).symlink_to(location, target_is_directory=True)
    log = folder / "_delta_log" / f"{0:020}.json"
    log.write_text("".join(f"{json.dumps(action)}\n" for action in written), encoding="utf-8")


def replayed(location: Path, version: int | None = None) -> TableState:
    """Return the table at a version (by default the newest), from its log. Raises DataCheckError for a log with gaps."""
    log, table = location / "_delta_log", TableState()
    listed = list(log.iterdir())
    commits = {int(found[1]): path for path in listed if (found := _COMMIT.fullmatch(path.name))}
    last = version if version is not None else max(commits, default=-1)
    start, parts = _last_checkpoint(listed, last)
    for part in parts:
        for action in _checkpointed(part, log):
            table.apply(action)
    wanted = range(start + 1, last + 1)
    if missing := [each for each in wanted if each not in commits] or (last < 0 and [0]):
        raise DataCheckError(f"{shown(location)}: expected commit {missing[0]} in the Delta log, found none")
    for each in wanted:
        for action in actions(commits[each]):
            table.apply(action)
    return table


def last_checkpoint(location: Path, last: int) -> tuple[int, list[Path]]:
    """Return the version and the files of the newest whole checkpoint at a version or before it; -1 without one."""
    return _last_checkpoint(list((location / "_delta_log").iterdir()), last)


def _last_checkpoint(listed: Sequence[Path], last: int) -> tuple[int, list[Path]]:
    found, of_log = dict[int, list[Path]](), sorted(listed)
    for path in of_log:
        match = _CHECKPOINT.fullmatch(path.name)
        if match and int(match[1]) <= last:
            is_of = f"{match[1]}.checkpoint.0"
            parts = [path] if not match[3] else [each for each in of_log if each.name.startswith(is_of)]
            if not match[3] or len(parts) == int(match[3]):
                found[int(match[1])] = parts
    return max(found.items(), default=(-1, []))


def _checkpointed(file: Path, log: Path) -> Iterator[Action]:
    for action in actions(file):
        if sidecar := action.get("sidecar"):
            yield from actions(log / "_sidecars" / Path(unquote(sidecar["path"])).name)
        yield action


def actions(file: Path) -> Iterator[Action]:
    """Yield the actions of a commit, or those of a checkpoint that say what the table is."""
    if file.suffix == ".json":
        try:
            yield from [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]
        except ValueError as error:
            raise DataCheckError(f"{shown(file)}: expected actions of a Delta table in JSON: {error}") from error
        return
    from pyarrow.parquet import ParquetFile

    opened = ParquetFile(file.open("rb"))
    wanted = [name for name in ("protocol", "metaData", "add", "sidecar") if name in opened.schema_arrow.names]
    for batch in opened.iter_batches(columns=wanted, batch_size=1000):
        yield from (_without_nulls(row) for row in batch.to_pylist(maps_as_pydicts="strict"))


def _without_nulls(value: Any) -> Any:
    """Return a row of a checkpoint as a commit has it: without NULLs, except values of partitions."""
    if not isinstance(value, dict):
        return value
    return {
        name: each if name in {"partitionValues", "configuration"} else _without_nulls(each)
        for name, each in value.items()
        if each is not None and not name.endswith("_parsed")
    }


def _key(action: Action) -> tuple[str, str]:
    """Return the identity of a file and its deleted rows; a file with other deleted rows is another one."""
    vector = action.get("deletionVector") or {}
    return unquote(action["path"]), f"{vector.get('pathOrInlineDv')}@{vector.get('offset')}" if vector else ""


def _columns_with_exact_statistics(metadata: Action) -> set[str]:
    """Return the names in the files of columns whose least and greatest values may stay in the log."""
    fields = json.loads(metadata["schemaString"])["fields"]
    exact = [each for each in fields if isinstance(each["type"], str) and each["type"] in _EXACT]
    return {each.get("metadata", {}).get("delta.columnMapping.physicalName", each["name"]) for each in exact}


def _moved(added: Action, kept: set[str], location: Path) -> Action:
    """Return the file as the snapshot names it, with only its trusted statistics."""
    path = added["path"]
    if path.startswith("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", path):
        raise DataCheckError(
            f"{shown(location)}: expected data files in its folder, given `{path}`, as in a shallow clone; write the table whole"
        )
    moved = {**added, "path": f"{DATA}/{path}", "dataChange": True, "stats": _trusted(added.get("stats"), kept)}
    vector = added.get("deletionVector")
    if vector and vector["storageType"] == "u":
        prefix, name = vector["pathOrInlineDv"][:-_UUID_LENGTH], vector["pathOrInlineDv"][-_UUID_LENGTH:]
        moved["deletionVector"] = {**vector, "pathOrInlineDv": "/".join(filter(None, (DATA, prefix))) + name}
    return moved


def _trusted(stats: str | None, kept: set[str]) -> str | None:
    if not stats:
        return None
    given: Mapping[str, Any] = json.loads(stats)
    bounds = {
        name: {column: value for column, value in (given.get(name) or {}).items() if column in kept}
        for name in ("minValues", "maxValues", "nullCount")
    }
    return json.dumps({**given, **bounds})
