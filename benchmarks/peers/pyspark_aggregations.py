"""The aggregations as most people write them in PySpark: a sliding window a feature, on two local cores."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmarks.aggregation_cases import Aggregate, K, Task, run_task
from benchmarks.peers.pyspark_job import SECONDS_PER_DAY, open_session

if TYPE_CHECKING:
    from pyspark.sql import Column


def start(task: Task) -> Callable[[], None]:
    """Open a session, and return what computes the task."""
    rows = open_session().read.parquet(str(task.source))
    wanted = rows.select("transaction_id", *map(_column, task.aggregates))
    return lambda: wanted.write.mode("overwrite").option("compression", "snappy").parquet(str(task.output))


def _column(aggregate: Aggregate) -> Column:
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812 - its usual name

    by_time = Window.partitionBy("user_id").orderBy(F.col("timestamp").cast("long"))
    # Times are whole seconds: the second after t - N days is the first that counts.
    frame = by_time.rangeBetween(1 - aggregate.days * SECONDS_PER_DAY, Window.currentRow)
    found = {
        "sum": F.sum,
        "count": F.count,
        "avg": lambda amount: F.avg(amount.cast("double")),
        "min": F.min,
        "max": F.max,
        "stddev": F.stddev_samp,
        "count_distinct": F.collect_set,
        "last_k": F.collect_list,
    }[aggregate.function](F.col("amount")).over(frame)
    if aggregate.function == "count_distinct":
        found = F.size(found).cast("bigint")
    if aggregate.function == "last_k":
        found = F.slice(found, F.greatest(F.lit(1), F.size(found) - (K - 1)), F.lit(K))
    return found.alias(aggregate.name)


if __name__ == "__main__":
    run_task(start)
