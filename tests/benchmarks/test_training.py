from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from benchmarks.training_cases import WINDOWS, write_values
from benchmarks.training_tables import section
from benchmarks.training_task import Task

Row = dict[str, Any]
START = datetime(2024, 1, 1, tzinfo=UTC)
FUNCTIONS = {"sum": sum, "count": len, "max": max}
FIGURES = {"seconds": 6.0, "cpu_seconds": 9.0, "peak_bytes": 2e9}
SIZE: dict[str, Any] = {
    "rows": 1000,
    "users": 10,
    "months": 24,
    "labels": 50,
    "engines": {
        "windows": {"ours": FIGURES, "duckdb": "stopped"},
        "versions": {"duckdb": FIGURES | {"cpu_seconds": 3.0}, "tempo": FIGURES | {"cpu_seconds": 36.0}},
    },
    "differences": [],
    "stale": {"labels": 0.0, "spend_7d": 0.25},
    "stages": {},
}
FOUND = {"repeats": 1, "measured": "2026-01-31", "machine": "2 cores", "sizes": [SIZE]}


def events() -> Iterator[Row]:
    """Events of two users, some at one instant; the labels ask at such instants, a window's length after them, and before all."""
    hours = {1: [0, 24 * 7, 24 * 7, 24 * 30, 24 * 31, 24 * 90], 2: [1, 2, 24 * 40]}
    for user, times in hours.items():
        for number, hour in enumerate(times):
            amount = Decimal(number * 7 % 5 + user) / 4
            yield {
                "user_id": user,
                "timestamp": START + timedelta(hours=hour),
                "amount": amount.quantize(Decimal("0.01")),
            }


def labels() -> Iterator[Row]:
    hours = [-1, 0, 1, 24 * 7, 24 * 14, 24 * 37, 24 * 61, 24 * 200]
    asked = [(user, hour) for user in (1, 2, 3) for hour in hours]
    for number, (user, hour) in enumerate(asked):
        yield {"label_id": number, "user_id": user, "decided_at": START + timedelta(hours=hour)}


def features_at(user: int, time: datetime) -> dict[str, Any]:
    """The definition: of the user's events in (t - N days, t], the sum, number or maximum of amounts; a sum of none is NULL."""
    found = {}
    for name, (function, days) in WINDOWS.items():
        held = [
            each["amount"]
            for each in events()
            if each["user_id"] == user and time - timedelta(days=days) < each["timestamp"] <= time
        ]
        found[name] = FUNCTIONS[function](held) if held or function == "count" else None
    return found


def newest_event(label: Row) -> datetime | None:
    times = [each["timestamp"] for each in events() if each["user_id"] == label["user_id"]]
    return max((time for time in times if time <= label["decided_at"]), default=None)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    types = {"user_id": pa.int64(), "timestamp": pa.timestamp("us", "UTC"), "amount": pa.decimal128(12, 2)}
    parquet.write_table(pa.Table.from_pylist(list(events()), pa.schema(types)), tmp_path / "events.parquet")
    asking = {"label_id": pa.int64(), "user_id": pa.int64(), "decided_at": pa.timestamp("us", "UTC")}
    parquet.write_table(pa.Table.from_pylist(list(labels()), pa.schema(asking)), tmp_path / "labels.parquet")
    write_values(tmp_path / "events.parquet", tmp_path / "values.parquet")
    files = (tmp_path / f"{name}.parquet" for name in ("events", "values", "labels", "output"))
    return Task("", *files)


def computed(task: Task, engine: str, case: str) -> dict[int, Row]:
    peer = import_module(f"benchmarks.peers.{engine}_training")
    peer.start(Task(case, task.events, task.values, task.labels, task.output))()
    return {row.pop("label_id"): row for row in parquet.read_table(task.output).to_pylist()}


def test_peer_that_computes_windows_gives_what_they_are_defined_as(task: Task) -> None:
    expected = {each["label_id"]: features_at(each["user_id"], each["decided_at"]) for each in labels()}
    assert computed(task, "duckdb", "windows") == expected


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_peers_that_look_up_give_the_windows_of_the_newest_event(task: Task, engine: str) -> None:
    nothing = dict.fromkeys(WINDOWS)
    expected = {
        each["label_id"]: features_at(each["user_id"], time) if (time := newest_event(each)) else nothing
        for each in labels()
    }
    assert computed(task, engine, "versions") == expected


def test_each_engine_is_shown_beside_the_two_look_ups() -> None:
    text = section(FOUND)
    assert "| the statements of its models alone | 6.0 | 2.0 | 9.0 | 3.00 | 0.25 |" in text
    assert "| DuckDB, range join | stopped |  |  |  |  |" in text
    assert "25% of `spend_7d`" in text


def test_values_that_differ_are_said() -> None:
    assert "**The outputs differ**" not in section(FOUND)
    assert "**The outputs differ**: a." in section(FOUND | {"sizes": [SIZE | {"differences": ["a"]}]})
