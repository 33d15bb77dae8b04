"""A warehouse that one engine has written is continued by another: the ledger holds, and only what changed is computed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_platform_py.files.delta_expiry import expired
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import close_warehouse, open_warehouse
from feature_platform_py.warehouse.stored_relations import commits
from tests.conftest import copy_project
from tests.parity import engines
from tests.parity.engines import Engine

JOB = """\
job_name: spending
input_source: {source_type: spark, config: {location: spending.parquet}}
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: user_id, timestamp_col: time, amount_col: amount, window_days: 7}}
  - {name: UserMonthlyTransactionCounter, params: {user_id_col: user_id, timestamp_col: time}}
  - name: UserCategoricalSpendAggregator
    params: {user_id_col: user_id, amount_col: amount, category_col: category, target_category_value: food}
output_sink: {sink_type: delta_table, config: {path: results.spending, mode: overwrite}}
"""
TABLES = ("user_spend", "user_monthly_transactions", "user_categorical_spend")
NOTHING = dict.fromkeys(TABLES, "nothing")
SCHEMA = pa.schema(
    [
        ("user_id", pa.int64()),
        ("time", pa.timestamp("us", tz="UTC")),
        ("amount", pa.decimal128(12, 2)),
        ("category", pa.string()),
    ]
)


@pytest.fixture(scope="module")
def sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with engines.local(tmp_path_factory.mktemp("sail") / "engine.log") as engine:
        yield engine


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with engines.spark(tmp_path_factory.mktemp("spark") / "engine.log") as engine:
        yield engine


@pytest.mark.slow
@pytest.mark.parametrize("begins", ["sail", "spark"])
def test_engines_take_turns(begins: str, sail: Engine, spark: Engine, tmp_path: Path) -> None:
    first, second = (sail, spark) if begins == "sail" else (spark, sail)
    project = make_project(tmp_path / "project")
    rows = transactions()
    put(project, rows)
    assert first.run(project, "spending")["works"] == dict.fromkeys(TABLES, "all rows")
    assert second.run(project, "spending")["works"] == NOTHING

    make_history(project)
    assert second.run(project, "spending")["works"] == NOTHING

    # A late row on the last day of the third month: the fourth begins within the window.
    rows.append(
        {"user_id": 1, "time": datetime(2024, 3, 31, tzinfo=UTC), "amount": Decimal("9.99"), "category": "food"}
    )
    put(project, rows)
    assert second.run(project, "spending")["works"] == {
        "user_spend": "2 of 6 months",
        "user_monthly_transactions": "1 of 6 months",
        "user_categorical_spend": "all rows",
    }
    assert first.run(project, "spending")["works"] == NOTHING

    # A correction and a deletion, which empties the last month.
    kept = [row for row in rows if row["time"] < datetime(2024, 6, 1, tzinfo=UTC)]
    kept[0] = kept[0] | {"amount": None}
    put(project, kept)
    assert first.run(project, "spending")["works"]["user_monthly_transactions"] == "1 of 6 months"
    assert second.run(project, "spending")["works"] == NOTHING

    fresh = make_project(tmp_path / "fresh")
    put(fresh, kept)
    sail.run(fresh, "spending")
    assert everything(project) == everything(fresh)


def make_project(folder: Path) -> Path:
    project = copy_project(folder)
    (project / "configs" / "jobs" / "spending.yaml").write_text(JOB)
    return project


def make_history(project: Path) -> None:
    """Write the tables again so often that their logs begin with a checkpoint, which the embedded engine writes every ten commits."""
    warehouse = open_warehouse("sail", project / "warehouse")
    for table in TABLES:
        name = TableName("features", f"spending__{table}")
        for _ in range(12):
            rows = warehouse.spark.table(str(name))
            periods = [column for column in rows.columns if column == "period_start"]
            warehouse.write_table(name, rows, partition_by=periods)
        expired(warehouse.location(name), retention=timedelta(0), now=time.time()).remove()
        assert min(commits(warehouse.location(name))).stem == f"{10:020}"
    close_warehouse("sail", project / "warehouse")


def transactions() -> list[dict[str, Any]]:
    """Four transactions a week of three users in six months."""
    start = datetime(2024, 1, 1, 8, tzinfo=UTC)
    times = [start + timedelta(hours=42 * number) for number in range(100)]
    return [
        {
            "user_id": number % 3,
            "time": moment,
            "amount": Decimal(number) / 4,
            "category": ("food", "rent", None)[number % 7 % 3],
        }
        for number, moment in enumerate(times)
    ]


def put(project: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), project / "spending.parquet")


def everything(project: Path) -> dict[str, Any]:
    """The columns and rows of the sink and of every feature table, the ledger's column included.

    By name: Sail puts the column of the partitions last, JVM Spark leaves it where it is.
    """
    warehouse = open_warehouse("sail", project / "warehouse")
    found = {}
    for name in ("results.spending", *(f"features.spending__{table}" for table in TABLES)):
        table = warehouse.spark.table(name)
        frame = table.select(*sorted(table.columns))
        rows = frame.toArrow().to_pylist()
        found[name] = frame.schema.simpleString(), sorted((tuple(row.values()) for row in rows), key=repr)
    close_warehouse("sail", project / "warehouse")
    return found
