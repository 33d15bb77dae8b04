"""The newest values of labels in Polars: `join_asof` on two threads, with the sort that it needs."""

from __future__ import annotations

import os
from collections.abc import Callable

from benchmarks.training_cases import WINDOWS
from benchmarks.training_task import Task, run_task


def start(task: Task) -> Callable[[], None]:
    """Load the library, and return what computes the task."""
    # Polars reads it when it is loaded.
    os.environ["POLARS_MAX_THREADS"] = "2"
    import polars as pl

    def compute() -> None:
        values = pl.scan_parquet(task.values).sort("timestamp")
        labels = pl.scan_parquet(task.labels).sort("decided_at")
        on = {"left_on": "decided_at", "right_on": "timestamp", "by": "user_id", "check_sortedness": False}
        joined = labels.join_asof(values, strategy="backward", **on)
        joined.select("label_id", *WINDOWS).collect().write_parquet(task.output, compression="snappy")

    return compute


if __name__ == "__main__":
    run_task(start)
