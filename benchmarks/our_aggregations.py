"""The aggregations by `WindowAggregator` on the embedded engine; dbt has rendered the SQL before it is timed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

from benchmarks.aggregation_cases import Task, run_task


def start(task: Task) -> Callable[[], None]:
    """Open a session, and return what computes the task."""
    from feature_platform_py import SparkSessionManager, get_transformer

    spark = SparkSessionManager("sail", warehouse=tempfile.mkdtemp()).get_session()
    features = [each.feature() for each in task.aggregates]
    params = {"keys": "user_id", "timestamp_col": "timestamp", "features": features}
    rows = get_transformer("WindowAggregator", params).apply(spark.read.parquet(str(task.source)))
    wanted = rows.select("transaction_id", *(each.name for each in task.aggregates))
    return lambda: wanted.write.mode("overwrite").option("compression", "snappy").parquet(str(task.output))


if __name__ == "__main__":
    run_task(start)
