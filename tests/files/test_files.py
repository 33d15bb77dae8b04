"""Every file of the suite comes out with the values and types that plain Python says it has."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import open_warehouse
from feature_platform_py.warehouse.warehouse import Warehouse
from tests.files.cases import CASES, Case

SOURCE = TableName("sources", "file")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return open_warehouse("sail", tmp_path_factory.mktemp("files"))


def read(warehouse: Warehouse, case: Case, folder: Path) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
    """The columns and the rows in order, as the engine has them."""
    warehouse.register_source(SOURCE, case.source(folder))
    rows = warehouse.spark.table(str(SOURCE)).toArrow().to_pylist()
    return warehouse.columns(SOURCE), [tuple(row.values()) for row in rows]


def plain(value: Any) -> Any:
    """The value with times in UTC as Python writes it, and every NaN as one that equals itself."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


@pytest.mark.parametrize("name", CASES)
def test_a_file_comes_out_as_it_is(name: str, warehouse: Warehouse, tmp_path: Path) -> None:
    case = CASES[name]
    columns, rows = read(warehouse, case, tmp_path)
    assert columns == case.columns
    found, expected = ([tuple(map(plain, row)) for row in each] for each in (rows, case.rows))
    assert sorted(found, key=repr) == sorted(expected, key=repr)
