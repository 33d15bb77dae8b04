"""Old files of Delta tables are removed: all that no version within the retention needs, and no others.

What is needed is found again from a copy of the whole log, version by version.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from feature_platform_py.files.delta_expiry import expired, is_due
from feature_platform_py.files.delta_upkeep import write_checkpoint
from feature_platform_py.runs.sink_memory import table_version
from feature_platform_py.warehouse.repair import log_fault
from feature_platform_py.warehouse.stored_relations import commits

HISTORIES = int(os.environ.get("FP_HISTORIES", "4"))
STEPS = 30
HOUR = 3600.0
PLACES = ["a b/%ü=1", "plain", "%25", ""]
Rows = list[dict[str, Any]]


@dataclass
class History:
    """A table whose files and commits are as old as they would be if an hour or more lay between the commits."""

    table: Path
    chance: random.Random
    # The writer itself cuts logs that are older than 30 days.
    now: float = field(default_factory=lambda: time.time() - 12 * 24 * HOUR)
    logs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    made: dict[int, float] = field(default_factory=dict)
    rows: dict[int, Rows] = field(default_factory=dict)
    unnamed: dict[Path, float] = field(default_factory=dict)
    cleaned: float = 0.0

    def commit(self, change: Callable[[], object]) -> None:
        """Make one or more commits at a later time."""
        self.now += self.chance.randrange(1, 20) * HOUR
        before = set(self.table.rglob("*"))
        change()
        for path in sorted(set(self.table.rglob("*")) - before):
            os.utime(path, (self.now, self.now))
            if path.parent.name == "_delta_log" and path.name[:-5].isdigit():
                version = int(path.stem)
                self.logs[version] = list(map(json.loads, path.read_text().splitlines()))
                self.made[version] = self.now
                self.rows[version] = rows_of(self.table, version)

    def leave_a_file(self) -> None:
        """Leave a file that no commit names, as a killed run does."""
        file = self.table / f"p={self.chance.choice(['plain', 'x'])}" / f"part-{len(self.unnamed)}.parquet"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"PAR1")
        os.utime(file, (self.now, self.now))
        self.unnamed[file] = self.now

    def current_since(self, begin: float) -> list[int]:
        """The versions that were the newest one at some time since then."""
        versions = sorted(self.made)
        ends = [self.made[version] for version in versions[1:]] + [float("inf")]
        return [version for version, end in zip(versions, ends, strict=True) if end > begin]

    def needed(self, versions: list[int]) -> set[Path]:
        """The data files of versions, replayed from the first commit on."""
        live, found = set[str](), set[str]()
        for version in sorted(self.logs):
            for action in self.logs[version]:
                live |= {action["add"]["path"]} if "add" in action else set()
                live -= {action["remove"]["path"]} if "remove" in action else set()
            found |= live if version in versions else set()
        return {self.table / unquote(path) for path in found}

    def change(self) -> Callable[[], object]:
        """A change of rows as runs make them, or of files alone."""
        new = some_rows(self.chance)
        place = self.chance.choice(new.column("p").to_pylist())
        of_place = new.filter(pa.compute.equal(new["p"], place))
        name = str(self.table)
        return self.chance.choice(
            [
                lambda: write_deltalake(name, new, mode="append"),
                lambda: write_deltalake(name, new, mode="overwrite"),
                lambda: write_deltalake(name, of_place, mode="overwrite", predicate=f"p = '{place}'"),
                lambda: write_deltalake(name, of_place, mode="overwrite", predicate=f"p = '{place}'"),
                lambda: DeltaTable(name).delete(f"p = '{place}'"),
                lambda: DeltaTable(name).optimize.compact(),
                lambda: DeltaTable(name).create_checkpoint(),
            ]
        )


def some_rows(chance: random.Random) -> pa.Table:
    number = chance.randrange(1, 5)
    places = [chance.choice(PLACES[:3]) for _ in range(number)]
    return pa.table({"id": [chance.randrange(10**9) for _ in places], "p": places})


def rows_of(table: Path, version: int | None = None) -> Rows:
    rows: Rows = DeltaTable(table, version=version).to_pyarrow_table().to_pylist()
    return sorted(rows, key=lambda row: row["id"])


def data_files(table: Path) -> set[Path]:
    return {path for path in table.rglob("*.parquet") if "_delta_log" not in path.parts}


def test_checksums_go_with_their_files(tmp_path: Path) -> None:
    """JVM Spark writes a hidden file beside each file, of the log too."""
    table = tmp_path / "table"
    for number in range(3):
        write_deltalake(table, pa.table({"id": [number]}), mode="overwrite")
    write_deltalake(table, pa.table({"id": [3]}), mode="overwrite")
    for file in [path for path in table.rglob("*") if path.is_file()]:
        file.with_name(f".{file.name}.crc").write_bytes(b"crc")
    DeltaTable(table).create_checkpoint()
    expired(table, retention=timedelta(0), now=time.time()).remove()
    left = sorted(path.name for path in table.rglob("*") if path.is_file())
    live = Path(DeltaTable(table).file_uris()[0]).name
    last = f"{3:020}"
    kept = [live, f".{live}.crc", f"{last}.json", f".{last}.json.crc", f"{last}.checkpoint.parquet", "_last_checkpoint"]
    assert left == sorted(kept)


def test_a_table_is_the_same_one_after_its_log_was_cut(tmp_path: Path) -> None:
    table = tmp_path / "table"
    for number in range(3):
        write_deltalake(table, pa.table({"id": [number]}), mode="overwrite")
    before = table_version(table)
    DeltaTable(table).create_checkpoint()
    expired(table, retention=timedelta(0), now=time.time()).remove()
    assert len(list(commits(table))) == 1
    assert table_version(table) == before


def test_nothing_is_due_before_a_version_is_old(tmp_path: Path) -> None:
    table = tmp_path / "table"
    for number in range(3):
        write_deltalake(table, pa.table({"id": [number]}), mode="overwrite")
    now = time.time()
    assert not is_due(table, retention=timedelta(hours=1), now=now)
    assert expired(table, retention=timedelta(hours=1), now=now).files == 0
    assert is_due(table, retention=timedelta(hours=1), now=now + 2 * HOUR)
    found = expired(table, retention=timedelta(hours=1), now=now + 2 * HOUR)
    assert len(found.data) == 2
    found.remove()
    assert not is_due(table, retention=timedelta(hours=1), now=now + 2 * HOUR)


@pytest.mark.parametrize(
    ("properties", "kept_hours"),
    [
        ({}, 1),
        ({"delta.deletedFileRetentionDuration": "interval 5 hours"}, 5),
        ({"delta.deletedFileRetentionDuration": "interval 1 day 2 hours"}, 26),
        ({"delta.deletedFileRetentionDuration": "interval 30 minutes"}, 1),
    ],
)
def test_a_tables_own_property_keeps_its_versions_longer(
    tmp_path: Path, properties: dict[str, str], kept_hours: int
) -> None:
    table, hour = tmp_path / "table", timedelta(hours=1)
    for number in range(3):
        write_deltalake(table, pa.table({"id": [number]}), mode="overwrite", configuration=properties)
    now = time.time()
    assert expired(table, retention=hour, now=now + (kept_hours - 0.5) * HOUR).files == 0
    assert len(expired(table, retention=hour, now=now + (kept_hours + 0.5) * HOUR).data) == 2


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_what_is_needed_stays_and_all_else_goes(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    history = History(tmp_path / "table", chance)
    first = some_rows(chance)
    settings = {"delta.checkpointInterval": str(chance.choice([5, 100]))}
    history.commit(lambda: write_deltalake(history.table, first, partition_by=["p"], configuration=settings))
    for _ in range(STEPS):
        history.commit(history.change())
        if chance.random() < 0.2:
            history.leave_a_file()
        if chance.random() < 0.3:
            clean(history, timedelta(days=chance.choice([0, 1, 7])))


def clean(history: History, retention: timedelta) -> None:
    begin = history.now - retention.total_seconds()
    # What a shorter retention took does not come back.
    history.cleaned = max(history.cleaned, begin)
    if history.chance.random() < 0.5:
        write_checkpoint(history.table)
    versions = history.current_since(history.cleaned)
    needed = history.needed(versions)
    latest = min(begin, history.now - 24 * HOUR)
    young = {file for file, made in history.unnamed.items() if made > latest and file.exists()}
    found = expired(history.table, retention=retention, now=history.now)
    if history.chance.random() < 0.3:
        # Killed in the middle.
        for path, _ in [*found.data, *found.log][: history.chance.randrange(1 + found.files)]:
            path.unlink()
    else:
        found.remove()
        named = {
            history.table / unquote(add["path"])
            for log in history.logs.values()
            for each in log
            if (add := each.get("add"))
        }
        # Without a commit that is old enough, nothing is known to be old.
        if versions[0] > 0 or min(history.made.values()) <= begin:
            assert data_files(history.table) <= needed | young | unknown(history, named)
    assert needed | young <= data_files(history.table)
    for version in versions:
        assert rows_of(history.table, version) == history.rows[version]
    assert rows_of(history.table) == history.rows[max(history.rows)]
    # A log with a gap is taken for a damaged one.
    assert log_fault(history.table) is None


def unknown(history: History, named: set[Path]) -> set[Path]:
    """Files whose commits were removed from the log before them, by a removal that was killed: they go when they are a day old."""
    return {file for file in named if file.exists() and file.stat().st_mtime > history.now - 24 * HOUR}
