"""On random tables, WindowAggregator gives what the plain reference gives: every function, kind of window and closed side.

`FP_EXAMPLES` sets how many random tables are tried.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.parquet
import pytest

from feature_platform_py import get_transformer
from feature_platform_py.testing import reference_features
from feature_platform_py.testing.tables import Table
from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager
from tests.property.window_tables import FUNCTIONS, PAIRS, ROUND, TABLES, Batch, batch

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EXAMPLES = int(os.environ.get("FP_EXAMPLES", "300"))
BATCHES = range(-(-EXAMPLES // TABLES))
# These divide, or take a root, after exact sums: a few roundings apart.
ROUNDED = ("stddev", "variance")


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    with SparkSessionManager("sail", tmp_path_factory.mktemp("warehouse")) as manager:
        yield manager.get_session()


@pytest.mark.parametrize("number", BATCHES)
def test_features_equal_the_reference(number: int, spark: SparkSession, tmp_path: Path) -> None:
    tried = batch(number)
    source = tried.table()
    expected = reference_features(source, tried.params)
    # A file keeps times without a zone; `createDataFrame` does not.
    pyarrow.parquet.write_table(source, tmp_path / "rows.parquet")
    rows = spark.read.parquet(str(tmp_path / "rows.parquet"))
    frame = get_transformer("WindowAggregator", tried.params).apply(rows)
    found = Table(tuple(frame.columns), {each.name: each.dataType.simpleString() for each in frame.schema}, [])
    assert found.columns == expected.columns
    assert found.types == expected.types
    different = differences(frame.toArrow(), expected, tried)
    assert not different, "\n".join(different)


def test_ten_batches_have_every_function_with_every_window_and_closed_side() -> None:
    for first in (0, ROUND):
        covered = frozenset().union(*(batch(number).covered for number in range(first, first + ROUND)))
        assert covered == {(function, *pair) for function in FUNCTIONS for pair in PAIRS}


def differences(actual: pyarrow.Table, expected: Table, tried: Batch, at_most: int = 3) -> list[str]:
    """Return where features differ: the definition, the values, and the rows of the key."""
    found = {row["id"]: row for row in actual.to_pylist()}
    definitions = {each["name"]: each for each in tried.params["features"]}
    messages = []
    for row in expected.rows:
        for name in expected.columns or ():
            mine, theirs = found[row["id"]][name], row[name]
            definition = definitions.get("_".join(name.split("_")[:2]), {})
            if not is_same(mine, theirs, tolerance=1e-12 if definition.get("function") in ROUNDED else 0):
                messages.append(f"{name} is {mine!r}, not {theirs!r}: {described(definition, row, tried)}")
                if len(messages) == at_most:
                    return messages
    assert len(found) == len(expected.rows)
    return messages


def is_same(one: Any, other: Any, *, tolerance: float) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=tolerance) or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(is_same(*pair, tolerance=0) for pair in zip(one, other, strict=True))
    return bool(one == other)


def described(definition: Mapping[str, Any], row: Mapping[str, Any], tried: Batch) -> str:
    """Return a definition, and the rows of the key with the columns that it reads."""
    keys = tried.params["keys"]
    read = [definition.get("column"), definition.get("order_by"), (definition.get("by") or {}).get("column")]
    columns = [
        "id",
        *keys,
        tried.params["timestamp_col"],
        *filter(None, read),
        *(each["column"] for each in definition.get("where", ())),
    ]
    # NaN equals nothing, so that keys are compared as text.
    same = [each for each in tried.rows if all(str(each[key]) == str(row[key]) for key in keys[:1])]
    rows = "\n    ".join(str({name: str(each[name]) for name in columns}) for each in same)
    return f"{definition}, time zone {tried.params.get('time_zone')}, row {row['id']} of\n    {rows}"
