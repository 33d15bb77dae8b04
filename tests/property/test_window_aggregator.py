"""On random tables, WindowAggregator gives what the plain reference gives: every function, kind of window and closed side.

`FP_EXAMPLES` sets how many random tables are tried.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.parquet
import pytest
import sqlglot

from feature_platform_py import get_transformer
from feature_platform_py.features.compile_macros import features_of_rows
from feature_platform_py.reference.tables import Table, as_table
from feature_platform_py.testing import assert_features_equal, reference_features
from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager
from tests.property.same_values import is_same
from tests.property.window_tables import FUNCTIONS, PAIRS, ROUND, TABLES, Batch, batch

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EXAMPLES = int(os.environ.get("FP_EXAMPLES", "300"))
BATCHES = range(-(-EXAMPLES // TABLES))
# These divide, or take a root, after exact sums: a few roundings apart.
ROUNDED = ("stddev", "variance")


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    with SparkSessionManager("sail", tmp_path_factory.mktemp("warehouse")) as session:
        yield session


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


@pytest.mark.parametrize("number", range(4))
def test_no_step_of_the_query_has_two_columns_of_one_name(number: int) -> None:
    # Sail takes one of them in silence.
    tried = batch(number)
    columns = [*as_table(tried.table(), "rows").types.items()]
    sets = get_transformer("WindowAggregator", tried.params).feature_sets(columns)
    query = features_of_rows("given_rows", columns, sets)
    steps: dict[str, list[str]] = {}
    add_columns(sqlglot.parse_one(query, dialect="spark"), "query", steps)
    assert {"in_windows", "final"} <= steps.keys()
    repeated = {step: [name for name, times in Counter(names).items() if times > 1] for step, names in steps.items()}
    assert {step: names for step, names in repeated.items() if names} == {}


def add_columns(query: Any, name: str, steps: dict[str, list[str]]) -> None:
    """Add the names of a query's columns, and before it those of its steps; `*` and `step.*` stand for those of another."""
    for step in query.ctes:
        add_columns(step.this, step.alias, steps)
    source = query.args["from_"].this.name
    steps[name] = [
        column
        for each in query.selects
        for column in (
            steps.get(getattr(each, "table", "") or source, []) if each.is_star else [each.alias_or_name.lower()]
        )
    ]


@pytest.mark.parametrize("wanted", [0.0, 1.5])
def test_a_condition_may_leave_one_value_of_what_orders_ties(
    wanted: float, spark: SparkSession, tmp_path: Path
) -> None:
    noon = datetime(2024, 5, 15, 12, tzinfo=UTC)
    rows = [{"who": 1, "at": noon, "x": x, "v": v} for v, x in enumerate((0.0, 1.5, -0.0, 1.5, None, float("nan")))]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    frame = spark.read.parquet(str(tmp_path / "rows.parquet"))
    where = [{"column": "x", "op": "equals", "value": wanted}]
    feature = {"function": "last", "column": "v", "order_by": "x", "windows": ["7d"], "where": where}
    params = {"keys": "who", "timestamp_col": "at", "features": [feature]}
    expected = reference_features(frame, params)
    assert_features_equal(get_transformer("WindowAggregator", params).apply(frame), expected)


def test_extremes_of_the_largest_numbers_of_a_type(spark: SparkSession, tmp_path: Path) -> None:
    # On both sides of what has room beside the number of a block: 20 digits with 1s, 26 with 30d.
    types = {f"d{digits}": pyarrow.decimal128(digits, 2) for digits in (2, 12, 20, 21, 26, 27, 38)}
    types |= {"tiny": pyarrow.int8(), "whole": pyarrow.int64()}
    years = (1, 1583, 1969, 1970, 2024, 9998)
    times = [datetime(year, 1, 1, second=second % 4, tzinfo=UTC) for year in years for second in range(6)]
    ends: dict[str, tuple[Any, Any]] = {
        name: (Decimal((1, (9,) * each.precision, -2)), Decimal((0, (9,) * each.precision, -2)))
        for name, each in types.items()
        if pyarrow.types.is_decimal(each)
    }
    ends |= {"tiny": (-128, 127), "whole": (-(2**63), 2**63 - 1)}
    rows = [
        {"who": 1, "at": at} | {name: (*both, None)[number % 5 % 3] for name, both in ends.items()}
        for number, at in enumerate(times)
    ]
    fields = {"who": pyarrow.int64(), "at": pyarrow.timestamp("us", "UTC"), **types}
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, pyarrow.schema(fields)), tmp_path / "rows.parquet")
    frame = spark.read.parquet(str(tmp_path / "rows.parquet"))
    windows = ["1s", "30d", "2s offset 1s", "year", "previous day"]
    features = [{"function": each, "column": name, "windows": windows} for each in ("min", "max") for name in types]
    params = {"keys": "who", "timestamp_col": "at", "features": features}
    assert_features_equal(get_transformer("WindowAggregator", params).apply(frame), reference_features(frame, params))


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
