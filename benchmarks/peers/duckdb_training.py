"""Features of labels in DuckDB, on two threads: windows by range joins, the newest values by an `asof join`."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.training_cases import WINDOWS
from benchmarks.training_task import Task, run_task


def start(task: Task) -> Callable[[], None]:
    """Open a database, and return what computes the task."""
    import duckdb

    connection = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
    connection.execute("set TimeZone = 'UTC'")
    query = windows_query(task) if task.case == "windows" else newest_query(task)
    statement = f"copy ({query}) to '{task.output}' (format parquet, compression snappy)"

    def compute() -> None:
        connection.execute(statement)

    return compute


def windows_query(task: Task) -> str:
    """Every event of the longest window beside its label, and then a sum, count or maximum of those of each window."""
    longest = max(days for _, days in WINDOWS.values())
    columns = ", ".join(map(_column, WINDOWS))
    return (
        f"select label_id, {columns} from read_parquet('{task.labels}') as labels left join read_parquet('{task.events}') as events"
        " on labels.user_id = events.user_id and timestamp <= decided_at"
        f" and timestamp > decided_at - interval {longest} days group by label_id"
    )


def _column(name: str) -> str:
    function, days = WINDOWS[name]
    return f"{function}(amount) filter (timestamp > decided_at - interval {days} days) as {name}"


def newest_query(task: Task) -> str:
    """The values of the newest event, whatever lies between it and the label."""
    columns = ", ".join(f"events.{name}" for name in WINDOWS)
    return (
        f"select label_id, {columns} from read_parquet('{task.labels}') as labels asof left join"
        f" read_parquet('{task.values}') as events on labels.user_id = events.user_id and timestamp <= decided_at"
    )


if __name__ == "__main__":
    run_task(start)
