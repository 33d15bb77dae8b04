"""Each case's result on every other engine is the one that `local` has: the columns, their types, and every value."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from feature_platform_py.warehouse.session import close_warehouse, open_warehouse
from tests.conftest import copy_project
from tests.parity import engines
from tests.parity.cases import ODD, SAMPLES, add_cases, hostile_rows
from tests.parity.engines import Engine

pytestmark = pytest.mark.no_cover

Start = Callable[[Path, Path], AbstractContextManager[Engine]]
ENGINES: dict[str, Start] = {
    "spark": lambda log, _: engines.spark(log),
    "connect_to_jvm": lambda log, _: engines.connect_to_jvm(log),
    "connect_to_sail": lambda log, _: engines.connect_to_sail(log),
    "databricks": engines.databricks,
}


class Results:
    """What an engine made of the cases, each run when it is first asked for."""

    def __init__(self, engine: Engine, project: Path) -> None:
        self.engine = engine
        self.project = project
        self._answers: dict[str, dict[str, Any]] = {}

    def of(self, case: str) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
        """The columns with their types, and the rows in an order of their own."""
        if case not in self._answers:
            self._answers[case] = self.engine.run(self.project, case)
        return stored(self.project, case)


def stored(project: Path, case: str) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
    """The columns of a case's result with their types, and its rows in an order of their own."""
    warehouse = open_warehouse("sail", project / "warehouse")
    warehouse.refresh()
    table = warehouse.spark.table(f"results.{case}")
    columns = [(field.name, field.dataType.simpleString()) for field in table.schema]
    return columns, sorted((tuple(row.values()) for row in table.toArrow().to_pylist()), key=repr)


def results(start: Start, folder: Path) -> Iterator[Results]:
    project = copy_project(folder / "project")
    add_cases(project)
    with start(folder / "engine.log", project) as engine:
        yield Results(engine, project)
    close_warehouse("sail", project / "warehouse")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    yield from results(lambda log, _: engines.local(log), tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="module", params=ENGINES)
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    yield from results(ENGINES[request.param], tmp_path_factory.mktemp(request.param))


@pytest.mark.slow
@pytest.mark.parametrize("case", [*SAMPLES, *ODD])
def test_results_are_equal(case: str, other: Results, local: Results) -> None:
    columns, rows = other.of(case)
    expected_columns, expected_rows = local.of(case)
    assert columns == expected_columns
    assert len(rows) == len(expected_rows)
    assert [pair for pair in zip(rows, expected_rows, strict=True) if not same(*pair)][:3] == []
    assert (len(rows) > 0) == (case != "no_rows")


def test_hostile_text_is_carried_unchanged(local: Results) -> None:
    _, rows = local.of("hostile_text")
    kept = hostile_rows()[:-1]
    totals = [[each["amount"] if each["user"] == row["user"] else 0 for each in kept] for row in kept]
    expected = [(*row.values(), *total) for row, total in zip(kept, totals, strict=True)]
    assert rows == sorted(expected, key=repr)


def same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two rows are equal, bit for bit."""
    return all(
        a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))
        for a, b in zip(one, other, strict=True)
    )
