"""The aggregations in Polars: one rolling aggregation a window over sorted rows, on two threads; amounts are whole cents."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmarks.aggregation_cases import Aggregate, K, Task, run_task

if TYPE_CHECKING:
    import polars as pl

HOURS_PER_DAY = 24


def start(task: Task) -> Callable[[], None]:
    """Load the library, and return what computes the task."""
    # Polars reads it when it is loaded.
    os.environ["POLARS_MAX_THREADS"] = "2"
    import polars  # noqa: F401

    return lambda: compute(task)


def compute(task: Task) -> None:
    """Compute the task."""
    import polars as pl

    rows = pl.scan_parquet(task.source).sort("user_id", "timestamp", "transaction_id")
    rows = rows.with_columns(cents=(pl.col("amount") * 100).cast(pl.Int64)).collect()
    found = [rows.select("transaction_id")]
    for days in dict.fromkeys(each.days for each in task.aggregates):
        rolling = rows.lazy().rolling(
            "timestamp", period=f"{days * HOURS_PER_DAY}h", closed="right", group_by="user_id"
        )
        of_window = [each for each in task.aggregates if each.days == days]
        found.append(rolling.agg(map(_column, of_window)).select(each.name for each in of_window).collect())
    names = [each.name for each in task.aggregates]
    pl.concat(found, how="horizontal").select("transaction_id", *names).write_parquet(task.output, compression="snappy")


def _column(aggregate: Aggregate) -> pl.Expr:
    import polars as pl

    cents, as_amount = pl.col("cents"), pl.Decimal(38, 2)
    return {
        "sum": cents.sum().cast(as_amount) / 100,
        "count": cents.count().cast(pl.Int64),
        "avg": cents.sum() / cents.count() / 100,
        "min": cents.min().cast(as_amount) / 100,
        "max": cents.max().cast(as_amount) / 100,
        "stddev": cents.std() / 100,
        "count_distinct": cents.n_unique().cast(pl.Int64),
        "last_k": pl.col("amount").tail(K),
    }[aggregate.function].alias(aggregate.name)


if __name__ == "__main__":
    run_task(start)
