"""Measure what each statement of a job costs JVM Spark per source row: `python -m benchmarks.spark_costs`.

Joins are shuffled, never broadcast, as they are where tables are large. The figures are of tasks, so that the session's start, dbt and
other load on the machine are not in them. They end in `benchmarks/spark_costs.json`, from which `benchmarks.scaling` computes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.features import CONFIGURATIONS
from benchmarks.inputs import Input, tell
from benchmarks.peers.jvm_session import event_lines, event_log, moved_by_group
from benchmarks.peers.jvm_sql_job import ROWS, job_query

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COSTS = Path(__file__).with_suffix(".json")
CONFIGURATION = "sample"
# What the ledger of a feature table is compared with: see docs/incremental.md.
_FINGERPRINT = f"""
select cast(`timestamp` as date) as _day, count(*), sum(_hash & 4294967295), sum(shiftright(_hash, 32))
from (select `timestamp`, xxhash64(0, user_id, `timestamp`, amount, amount is null) as _hash from {ROWS})
group by 1
"""
_TABLES = ("user_spend", "user_monthly_transactions", "user_categorical_spend")


def measure(table: Input) -> dict[str, Any]:
    """Per source row: CPU seconds and bytes of each statement, and the bytes of the source's columns."""
    from feature_platform_py.sessions.jvm_session import open_jvm_session

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "events").mkdir()
        settings = event_log(folder / "events") | {"spark.sql.autoBroadcastJoinThreshold": "-1"}
        spark = open_jvm_session(settings, warehouse=folder / "warehouse")
        _run_statements(spark, table.file(), folder)
        spark.stop()
        moved = moved_by_group(event_lines(folder / "events"))
        written = {each: _bytes_below(folder / each) for each in (*_TABLES, "job_features")}
    statements = {
        group: {name: value / table.rows for name, value in figures.items()}
        | {"output_bytes": written.get(group, 0) / table.rows}
        for group, figures in moved.items()
        if group != "warm-up"
    }
    return {
        **asdict(table),
        "measured": f"{datetime.now(UTC):%Y-%m-%d}",
        "column_bytes": _column_bytes(table),
        "statements": statements,
    }


def _run_statements(spark: SparkSession, source: Path, folder: Path) -> None:
    """Each statement once to warm the JVM up, and once under its own name."""
    import sqlglot
    from sqlglot import exp

    transactions = spark.read.parquet(str(source))
    job = sqlglot.parse_one(job_query(transactions, CONFIGURATIONS[CONFIGURATION]), read="spark")
    queries = {"values_parse": f"select * from {ROWS}", "fingerprint": _FINGERPRINT}
    for number, name in enumerate(_TABLES):
        feature_table = next(each for each in job.find_all(exp.CTE) if each.alias == f"features_{number}")
        queries[name] = feature_table.this.sql(dialect="spark")
        feature_table.set("this", sqlglot.parse_one(f"select * from {name}", read="spark"))
    queries["job_features"] = job.sql(dialect="spark")
    for name, query in queries.items():
        for group in ("warm-up", name):
            spark.sparkContext.setJobGroup(group, name)
            _write(spark.sql(query), folder / name, keeps=name not in ("values_parse", "fingerprint"))
        if name in _TABLES:
            spark.read.parquet(str(folder / name)).createOrReplaceTempView(name)
        tell(f"  {name}")


def _write(frame: DataFrame, path: Path, *, keeps: bool) -> None:
    if keeps:
        frame.write.mode("overwrite").parquet(str(path))
    else:
        frame.write.format("noop").mode("overwrite").save()


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def _column_bytes(table: Input) -> Mapping[str, float]:
    """What each column takes in the file, per row: a scan reads those that it needs."""
    import pyarrow.parquet

    metadata = pyarrow.parquet.ParquetFile(table.file()).metadata
    sizes: dict[str, float] = {}
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            sizes[column.path_in_schema] = (
                sizes.get(column.path_in_schema, 0) + column.total_compressed_size / table.rows
            )
    return sizes


def main() -> None:
    """Measure, and keep the figures."""
    parser = argparse.ArgumentParser(description="Measure what a job costs JVM Spark per row.")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--users", type=int, default=40_000)
    parser.add_argument("--months", type=int, default=24)
    given = parser.parse_args()
    costs = measure(Input(given.rows, given.users, given.months, density=1.0))
    COSTS.write_text(json.dumps(costs, indent=2) + "\n")
    tell(f"wrote {COSTS.name}")


if __name__ == "__main__":
    main()
