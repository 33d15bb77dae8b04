"""An analysis whose answer the client cannot parse is asked for again; an execution, which may have written, is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from feature_platform_py.warehouse.session import close_warehouse, open_warehouse
from feature_platform_py.warehouse.warehouse import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    yield open_warehouse("sail", tmp_path / "warehouse")
    close_warehouse("sail", tmp_path / "warehouse")


def fail(call: Any, monkeypatch: pytest.MonkeyPatch, *, times: int) -> list[bytes]:
    """Let the parser of a call's answers fail so often; return what it has failed at."""
    parse: Callable[[bytes], object] = call._response_deserializer
    failed: list[bytes] = []

    def failing(answer: bytes) -> object:
        if len(failed) < times:
            failed.append(answer)
            raise MemoryError
        return parse(answer)

    monkeypatch.setattr(call, "_response_deserializer", failing)
    return failed


@pytest.mark.parametrize("times", [1, 2])
def test_an_analysis_is_asked_for_again(times: int, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = warehouse.spark.range(3)
    failed = fail(warehouse.spark.client._stub.AnalyzePlan, monkeypatch, times=times)
    assert frame.columns == ["id"]
    assert len(failed) == times


def test_an_execution_is_not_asked_for_again(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    spark = warehouse.spark
    spark.sql(f"create table counted (id bigint) using delta location '{warehouse.folder}/counted'")
    failed = fail(spark.client._stub.ExecutePlan, monkeypatch, times=1)
    with pytest.raises(Exception, match="Exception deserializing response"):
        spark.sql("insert into counted select id from range(1000)")
    assert len(failed) == 1
    assert spark.sql("select count(*) as n from counted").collect() in ([(0,)], [(1000,)])


def test_an_answer_that_never_parses_is_an_error(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = fail(warehouse.spark.client._stub.AnalyzePlan, monkeypatch, times=100)
    with pytest.raises(Exception, match="Exception deserializing response"):
        _ = warehouse.spark.range(3).columns
    assert len(failed) == 3
