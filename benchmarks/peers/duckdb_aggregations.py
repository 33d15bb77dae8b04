"""The aggregations as one DuckDB query with sliding frames, on two threads."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.aggregation_cases import Aggregate, K, Task, run_task

MICROS_PER_DAY = 24 * 60 * 60 * 1_000_000
_SQL = {
    "sum": "sum(amount) over {frame}",
    "count": "count(amount) over {frame}",
    "avg": "cast(sum(amount) over {frame} as double) / count(amount) over {frame}",
    "min": "min(amount) over {frame}",
    "max": "max(amount) over {frame}",
    "stddev": "stddev_samp(amount) over {frame}",
    "count_distinct": "count(distinct amount) over {frame}",
    # Transactions have numbers in the order of their times.
    "last_k": f"list_reverse(arg_max(amount, transaction_id, {K}) over {{frame}})",
}


def start(task: Task) -> Callable[[], None]:
    """Open a database, and return what computes the task."""
    import duckdb

    connection = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
    statement = f"copy ({query(task)}) to '{task.output}' (format parquet, compression snappy)"

    def compute() -> None:
        connection.execute(statement)

    return compute


def query(task: Task) -> str:
    """The query: a frame for each window."""
    days = dict.fromkeys(each.days for each in task.aggregates)
    by_user = "partition by user_id order by epoch_us(timestamp) range between"
    frames = [f"last_{each} as ({by_user} {each * MICROS_PER_DAY - 1} preceding and current row)" for each in days]
    columns = ", ".join(map(_column, task.aggregates))
    return f"select transaction_id, {columns} from read_parquet('{task.source}') window {', '.join(frames)}"


def _column(aggregate: Aggregate) -> str:
    return f"{_SQL[aggregate.function].format(frame=f'last_{aggregate.days}')} as {aggregate.name}"


if __name__ == "__main__":
    run_task(start)
