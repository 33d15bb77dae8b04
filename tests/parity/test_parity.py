"""Each case's result on every other engine is the one that `local` has: the columns, their types, and every value."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from feature_platform_py.testing import assert_features_equal, reference_features
from feature_platform_py.warehouse.session import close_warehouse, open_warehouse
from tests.conftest import copy_project
from tests.parity import engines
from tests.parity.cases import ODD, SAMPLES, WINDOW_AGGREGATORS, add_cases, hostile_rows, window_rows
from tests.parity.engines import Engine

CASES = (*SAMPLES, *ODD)
# A Connect server on the JVM runs the queries of `spark`, which `connect_to_sail` sends the same way, and a warehouse at a store has
# those of a folder: `FP_EVERY_CASE` has them run all.
FEW = ("sample_customer_profile_job", "sample_financial_features_job", "odd_rows_as_of", "hostile_text")
Stored = tuple[list[tuple[str, str]], list[tuple[Any, ...]]]
Start = Callable[[Path, Path], AbstractContextManager[Engine]]
ENGINES: dict[str, Start] = {
    "spark": lambda log, _: engines.spark(log),
    "connect_to_jvm": lambda log, _: engines.connect_to_jvm(log),
    "connect_to_sail": lambda log, _: engines.connect_to_sail(log),
    "databricks": engines.databricks,
}


def stored(place: Path | str, case: str) -> Stored:
    """The columns of a case's result with their types, and its rows in an order of their own; `place` is a project or an address."""
    warehouse = open_warehouse("sail", warehouse_of(place))
    warehouse.refresh()
    table = warehouse.spark.table(f"results.{case}")
    columns = [(field.name, field.dataType.simpleString()) for field in table.schema]
    return columns, sorted((tuple(row.values()) for row in table.toArrow().to_pylist()), key=repr)


def warehouse_of(place: Path | str) -> Path | str:
    return place if isinstance(place, str) else place / "warehouse"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The project in which `local` has run every case: once, also if several processes run the tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "parity"
    folder.mkdir(exist_ok=True)
    project, done = folder / "project", folder / "done"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(project, ignore_errors=True)
            run_cases(lambda log, _: engines.local(log), project)
            done.touch()
    yield project
    close_warehouse("sail", project / "warehouse")


def run_cases(start: Start, project: Path, cases: Sequence[str] = CASES) -> None:
    """Run cases on an engine, in a copy of the project."""
    copy_project(project)
    add_cases(project)
    with start(project.with_name("engine.log"), project) as engine:
        for case in cases:
            engine.run(project, case)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_results_are_equal(
    engine: str, local: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    # One test per engine: if two processes shared its cases, each would have to start the engine.
    project = tmp_path / "project"
    cases = FEW if engine == "connect_to_jvm" and not os.environ.get("FP_EVERY_CASE") else CASES
    run_cases(ENGINES[engine], project, cases)
    different = all_differences(project, local, cases)
    # The table of docs/engines.md counts cases.
    record_property("cases", len(cases))
    record_property("failed_cases", len(different))
    assert different == {}


@pytest.mark.slow
@pytest.mark.parametrize("start", [engines.local, engines.spark])
def test_results_in_a_warehouse_at_a_store_are_equal(
    start: Callable[..., AbstractContextManager[Engine]], local: Path, bucket: str, tmp_path: Path
) -> None:
    warehouse, cases = f"{bucket}/{start.__name__}", CASES if os.environ.get("FP_EVERY_CASE") else FEW
    place = {"FP_WAREHOUSE": warehouse, "FP_CACHE": str(tmp_path / "cache")}
    run_cases(lambda log, _: start(log, **place), tmp_path / "project", cases)
    assert [*(tmp_path / "project" / "warehouse").rglob("*")] == []
    assert all_differences(warehouse, local, cases) == {}


def all_differences(place: Path | str, local: Path, cases: Sequence[str]) -> dict[str, list[Any]]:
    """The first rows that differ from those of `local`, by case."""
    different = {case: found for case in cases if (found := differences(stored(place, case), stored(local, case)))}
    close_warehouse("sail", warehouse_of(place))
    return different


def differences(found: Stored, expected: Stored) -> list[Any]:
    """The columns if they differ, else the first rows that do."""
    (columns, rows), (expected_columns, expected_rows) = found, expected
    if columns != expected_columns:
        return [columns, expected_columns]
    pairs = zip_longest(rows, expected_rows, fillvalue=())
    return [pair for pair in pairs if not same(*pair)][:3]


def test_only_the_case_without_rows_has_none(local: Path) -> None:
    assert [case for case in CASES if not stored(local, case)[1]] == ["no_rows"]


def test_hostile_text_is_carried_unchanged(local: Path) -> None:
    _, rows = stored(local, "hostile_text")
    kept = hostile_rows()[:-1]
    totals = [[each["amount"] if each["user"] == row["user"] else 0 for each in kept] for row in kept]
    expected = [(*row.values(), *total) for row, total in zip(kept, totals, strict=True)]
    assert rows == sorted(expected, key=repr)


def test_windowed_features_are_what_their_definitions_say(local: Path) -> None:
    expected = window_rows()
    for params in WINDOW_AGGREGATORS:
        expected = reference_features(expected, params)
    actual = open_warehouse("sail", local / "warehouse").spark.table("results.windows")
    assert_features_equal(actual, expected, keys="id", relative_tolerance=1e-12)


def same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two rows, or two arrays in them, are equal, bit for bit."""
    return len(one) == len(other) and all(map(same_value, one, other))


def same_value(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return same(one, other)
    return bool(one == other) or (isinstance(one, float) and isinstance(other, float) and one != one and other != other)
