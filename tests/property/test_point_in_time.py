"""On random rows that ask, features are what the plain reference gives: windows, versions, values by key, and targets.

`FP_EXAMPLES` sets how many random cases are tried.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet
import pytest

from feature_platform_py.reference.windows import EPOCH, micros_of
from feature_platform_py.testing import (
    Answers,
    PointInTime,
    reference_features_at,
    reference_targets_at,
    reference_values_by_key,
    reference_versions_at,
)
from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager
from tests.property.asking_sql import query, uses_of
from tests.property.asking_tables import CASES, Batch, batch
from tests.property.same_values import is_same

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EXAMPLES = int(os.environ.get("FP_EXAMPLES", "500"))
BATCHES = range(-(-EXAMPLES // CASES))
TABLES = ("asking", "events", "versions", "people")


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    with SparkSessionManager("sail", tmp_path_factory.mktemp("warehouse")) as session:
        yield session


@pytest.mark.parametrize("number", BATCHES)
def test_asking_rows_get_what_the_reference_gives(number: int, spark: SparkSession, tmp_path: Path) -> None:
    tried = batch(number)
    found = answers(tried, spark, tmp_path)
    messages = differences(found, list(references(tried).values()), tried)
    assert not messages, "\n".join(messages[:5])


NOON = datetime(2024, 5, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
COMMON = {"who": "bigint", "at": "timestamp"}
SUM = {"name": "f", "function": "sum", "column": "x", "windows": ["7d"]}
COUNT = {"name": "n", "function": "count", "windows": ["lifetime"]}


def rows_of(names: str, *rows: tuple[Any, ...]) -> pyarrow.Table:
    return pyarrow.Table.from_pylist([dict(zip(names.split(), row, strict=True)) for row in rows])


def asked(*rows: tuple[Any, ...], names: str = "customer asked") -> pyarrow.Table:
    """Return rows that ask, with their places in `row`."""
    return rows_of(f"row {names}", *((place, *row) for place, row in enumerate(rows)))


def columns_of(found: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in sorted(found, key=lambda row: int(row["row"]))]


EVENTS = rows_of("who at x", (1, NOON, 10), (1, NOON, 10), (1, NOON, 20), (2, NOON, 5), (None, NOON, 7), (1, None, 9))


def test_ties_do_not_multiply_rows(spark: SparkSession, tmp_path: Path) -> None:
    versions = rows_of("who at kind cents no", (1, NOON, "old", 1, 1), (1, NOON, "new", 2, 2))
    tried = Batch(
        asking=asked((1, NOON), (1, NOON), (2, NOON)), events=EVENTS, versions=versions, keys={"who": "customer"},
        common=COMMON, features=[SUM, COUNT], order_by=["no"],
    )  # fmt: skip
    found = answers(tried, spark, tmp_path)
    expected = [(40, 3, "new"), (40, 3, "new"), (5, 1, None)]
    assert columns_of(found, "f_7d", "n_lifetime", "kind") == expected


@pytest.mark.parametrize("order_by", [(), ("no",)])
def test_two_versions_of_which_none_comes_last_are_an_error(
    spark: SparkSession, tmp_path: Path, order_by: tuple[str, ...]
) -> None:
    versions = rows_of("who at kind cents no", (1, NOON, "old", 1, 1), (1, NOON, "new", 2, 1), (1, NOON, "x", 3, None))
    tried = Batch(
        asking=asked((1, NOON)), events=EVENTS, versions=versions, keys={"who": "customer"}, common=COMMON,
        features=[SUM], order_by=list(order_by),
    )  # fmt: skip
    with pytest.raises(Exception, match=r"found two of who 1, at .*2024"):
        answers(tried, spark, tmp_path)


def test_no_row_is_lost(spark: SparkSession, tmp_path: Path) -> None:
    people = rows_of("who colour day", (1, "red", 1), (None, "none", 2))
    asking = asked((1, NOON - 9 * DAY), (1, NOON + 900 * DAY), (3, NOON), (None, NOON), (1, None), (None, None))
    tried = Batch(
        asking=asking, events=EVENTS, people=people, keys={"who": "customer"}, common=COMMON, features=[SUM, COUNT],
    )  # fmt: skip
    # Before the first event, long after the last, a customer without any; without a key or a time nothing is known.
    expected = [
        (None, 0, "red"),
        (None, 3, "red"),
        (None, 0, None),
        (None, None, None),
        (None, None, "red"),
        (None, None, None),
    ]
    assert columns_of(answers(tried, spark, tmp_path), "f_7d", "n_lifetime", "colour") == expected


def test_composite_keys_do_not_collide(spark: SparkSession, tmp_path: Path) -> None:
    tried = Batch(
        asking=asked(("a", "bc", NOON), ("ab", "c", NOON), ("abc", "", NOON), names="p q asked"),
        events=rows_of("a b at x", ("a", "bc", NOON, 1), ("ab", "c", NOON, 2)),
        keys={"a": "p", "b": "q"},
        common={"a": "string", "b": "string", "at": "timestamp"},
        features=[SUM],
    )
    assert columns_of(answers(tried, spark, tmp_path), "f_7d") == [(1,), (2,), (None,)]


def test_values_written_later_are_not_known_before(spark: SparkSession, tmp_path: Path) -> None:
    late = (1, NOON - DAY, 100, NOON + 2 * DAY)
    versions = [(1, NOON - DAY, "first", 1, NOON - DAY), (1, NOON - DAY, "corrected", 2, NOON + 2 * DAY)]
    tried = Batch(
        asking=asked((1, NOON + DAY), (1, NOON + 2 * DAY)),
        events=rows_of("who at x loaded", (1, NOON, 1, NOON), late),
        versions=rows_of("who at kind cents loaded", *versions),
        keys={"who": "customer"}, common=COMMON, features=[SUM], loaded_at="loaded", order_by=["loaded"],
    )  # fmt: skip
    assert columns_of(answers(tried, spark, tmp_path), "f_7d", "kind") == [(1, "first"), (101, "corrected")]


def test_a_sum_of_a_week_is_empty_a_week_after_the_last_event(spark: SparkSession, tmp_path: Path) -> None:
    times = (NOON, NOON + 7 * DAY - timedelta(microseconds=1), NOON + 7 * DAY)
    tried = Batch(
        asking=asked(*((1, each) for each in times)), events=EVENTS, keys={"who": "customer"}, common=COMMON, features=[SUM],
    )  # fmt: skip
    assert columns_of(answers(tried, spark, tmp_path), "f_7d") == [(40,), (40,), (None,)]


def answers(tried: Batch, spark: SparkSession, folder: Path) -> list[dict[str, Any]]:
    """Return the asking rows with what the macros give them."""
    columns = {}
    for name in TABLES:
        if (table := getattr(tried, name)) is not None:
            # A file keeps times without a zone; `createDataFrame` does not.
            pyarrow.parquet.write_table(table, folder / f"{name}.parquet")
            frame = spark.read.parquet(str(folder / f"{name}.parquet"))
            frame.createOrReplaceTempView("asking_rows" if name == "asking" else name)
            columns[name] = [(each.name, each.dataType.simpleString()) for each in frame.schema]
    found = spark.sql(query(uses_of(tried, columns), columns["asking"]))
    return list(found.toArrow().to_pylist())


def references(tried: Batch) -> dict[str, Answers]:
    def at(keys: Mapping[str, str], **more: Any) -> PointInTime:
        known = {"loaded_at": tried.loaded_at, "available_after": tried.available_after, "closed": tried.closed}
        return PointInTime(keys=keys, event_time=tried.times, **known, **more)

    def windows(features: Any, point: PointInTime) -> Answers:
        return reference_features_at(tried.asking, tried.events, features, at=point, time_zone=tried.zone)

    latest = at(tried.keys)
    return {
        "features": windows(tried.features, at(tried.keys, filters=tried.filters)),
        "others": windows(tried.others, at(tried.other)),
        "targets": reference_targets_at(tried.asking, tried.events, tried.targets, at=at(tried.keys)),
        "versions": reference_versions_at(
            tried.asking,
            tried.versions,
            ["kind", "cents"],
            at=latest,
            order_by=tried.order_by,
            max_age_days=tried.max_age_days,
        ),
        "people": reference_values_by_key(tried.asking, tried.people, ["colour", "day"], keys=tried.keys),
    }


def differences(found: list[dict[str, Any]], expected: Sequence[Answers], tried: Batch) -> list[str]:
    """Return where rows and features differ from the references."""
    own = tried.asking.schema.names
    rows = {row["row"]: row for row in found}
    messages = (
        [] if len(found) == len(rows) == tried.asking.num_rows else [f"{len(found)} rows of {tried.asking.num_rows}"]
    )
    for table in expected:
        for row in table.rows:
            for name in (each for each in table.columns or () if each not in own):
                value = rows[row["row"]][name]
                if not is_same(value, _as_common(row[name], value), tolerance=1e-12):
                    asked = {each: row[each] for each in own}
                    messages.append(f"{name} of {asked} is {value!r}, not {row[name]!r}")
    return messages


def _as_common(expected: Any, found: Any) -> Any:
    """Return a time as the type in which it was compared with the time of rows that ask."""
    if isinstance(expected, date) and isinstance(found, datetime) and found.tzinfo:
        return EPOCH + timedelta(microseconds=micros_of(expected))
    return expected
