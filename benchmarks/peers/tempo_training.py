"""The newest values of labels by tempo's `asofJoin`, on PySpark with two local cores."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.peers.pyspark_job import open_session
from benchmarks.training_cases import WINDOWS
from benchmarks.training_task import Task, run_task


def start(task: Task) -> Callable[[], None]:
    """Open a session, and return what computes the task."""
    from tempo import TSDF

    spark = open_session()
    # Both sides name their time alike.
    labels = spark.read.parquet(str(task.labels)).withColumnRenamed("decided_at", "timestamp")
    values = spark.read.parquet(str(task.values))
    joined = TSDF(labels, ts_col="timestamp", partition_cols=["user_id"]).asofJoin(
        TSDF(values, ts_col="timestamp", partition_cols=["user_id"])
    )
    wanted = joined.df.selectExpr("label_id", *(f"right_{name} as {name}" for name in WINDOWS))
    return lambda: wanted.write.mode("overwrite").option("compression", "snappy").parquet(str(task.output))


if __name__ == "__main__":
    run_task(start)
