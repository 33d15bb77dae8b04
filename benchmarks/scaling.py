"""What a job costs a Spark cluster, from what it costs per row here: `python -m benchmarks.scaling` prints docs/scaling.md's tables.

The costs per row are those of `benchmarks/spark_costs.json`, which `benchmarks.spark_costs` measures. Everything grows with the rows
alone: partitions keep their size, so that there are more of them, and a sort within one takes as long as before.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.inputs import ROOT
from benchmarks.marked import write_between
from benchmarks.spark_costs import COSTS
from benchmarks.tables import table

PAGE = ROOT / "docs" / "scaling.md"
MARK = "model"
ROWS = (10**9, 10**10, 10**11, 10**12)
_TABLES = ("user_spend", "user_monthly_transactions", "user_categorical_spend")
_TIMED = ("user_spend", "user_monthly_transactions")
_READS = {
    "values_parse": ("transaction_id", "user_id", "timestamp", "amount", "category", "transaction_type"),
    "fingerprint": ("user_id", "timestamp", "amount"),
    "user_spend": ("user_id", "timestamp", "amount"),
    "user_monthly_transactions": ("user_id", "timestamp"),
    "user_categorical_spend": ("user_id", "amount", "category"),
}
# Each table compares and records for itself, where models share no memory: see docs/decisions/0008.
_FULL = ("values_parse", *(["fingerprint"] * len(_TABLES)), *_TABLES)
_HISTORY_DAYS, _MONTHS, _WINDOW_DAYS = 730, 24, 30


@dataclass(frozen=True)
class Cluster:
    """What is assumed of the machines: `efficiency` is the part of their cores' time that goes into tasks."""

    cores: int = 16
    efficiency: float = 0.5
    hours: float = 1.0
    partition_bytes: int = 128 * 2**20


class Costs:
    """Measured costs per source row: of statements, and of the bytes that they read."""

    def __init__(self, measured: Mapping[str, Any]) -> None:
        self._statements = measured["statements"]
        self._columns = measured["column_bytes"]

    def of(self, statements: Sequence[str], figure: str) -> float:
        """The sum of a figure over statements."""
        return float(sum(self._statements[each][figure] for each in statements))

    def read_bytes(self, statements: Sequence[str]) -> float:
        """The bytes of the columns that the statements read."""
        return float(sum(self._columns[column] for each in statements for column in _READS[each]))

    def core_hours(self, statements: Sequence[str]) -> float:
        """CPU time in tasks."""
        return self.of(statements, "cpu_seconds") / 3600


@dataclass(frozen=True)
class FullRefresh:
    """All feature tables of all rows, and a sink that takes all rows with their features."""

    rows: int
    source_gb: float
    read_gb: float
    shuffle_gb: float
    tables_gb: float
    core_hours: float
    sink_shuffle_gb: float
    sink_gb: float
    sink_core_hours: float
    tasks: int
    files: int
    task_memory_gb: float
    machines: int


def full_refresh(rows: int, costs: Costs, cluster: Cluster) -> FullRefresh:
    """Everything is computed; tasks, files and memory are those of `user_spend`, which sorts all rows.

    A task has the rows of some users, of all months: it writes a file for each month.
    """
    shuffled = costs.of(["user_spend"], "shuffle_bytes") * rows
    tasks = max(1, math.ceil(shuffled / cluster.partition_bytes))
    core_hours = costs.core_hours(_FULL) * rows
    return FullRefresh(
        rows=rows,
        source_gb=costs.read_bytes(["values_parse"]) * rows / 1e9,
        read_gb=costs.read_bytes(_FULL) * rows / 1e9,
        shuffle_gb=costs.of(_FULL, "shuffle_bytes") * rows / 1e9,
        tables_gb=costs.of(_TABLES, "output_bytes") * rows / 1e9,
        core_hours=core_hours,
        sink_shuffle_gb=costs.of(["job_features"], "shuffle_bytes") * rows / 1e9,
        sink_gb=costs.of(["job_features"], "output_bytes") * rows / 1e9,
        sink_core_hours=costs.core_hours(["job_features"]) * rows,
        tasks=tasks,
        files=tasks * _MONTHS,
        task_memory_gb=costs.of(["user_spend"], "memory_bytes") * rows / tasks / 1e9,
        machines=math.ceil(core_hours / cluster.efficiency / cluster.hours / cluster.cores),
    )


@dataclass(frozen=True)
class Increment:
    """One new period of the tables that have time in their grain; the comparison reads all rows, or the new period's."""

    rows: int
    compared_gb: float
    compare_core_hours: float
    loaded_at_core_hours: float
    compute_core_hours: float
    shuffle_gb: float


def increment(rows: int, costs: Costs, *, period_days: int) -> Increment:
    """The newest period has new rows; a window reads back one length, and nothing lies after it."""
    new = rows * period_days / _HISTORY_DAYS
    reached = rows * (period_days + _WINDOW_DAYS) / _HISTORY_DAYS
    compare = ["fingerprint"] * len(_TIMED)
    return Increment(
        rows=rows,
        compared_gb=costs.read_bytes(compare) * rows / 1e9,
        compare_core_hours=costs.core_hours(compare) * rows,
        loaded_at_core_hours=costs.core_hours(compare) * new,
        compute_core_hours=costs.core_hours(["user_spend"]) * reached
        + costs.core_hours(["user_monthly_transactions"]) * new,
        shuffle_gb=(costs.of(["user_spend"], "shuffle_bytes") * reached) / 1e9,
    )


def report(measured: Mapping[str, Any], cluster: Cluster) -> str:
    """The measured costs and the model's tables, as Markdown."""
    costs = Costs(measured)
    full = [full_refresh(rows, costs, cluster) for rows in ROWS]
    of_one_user = costs.of(["user_spend"], "cpu_seconds") * 1e9 / 3600
    return "\n\n".join(
        [
            f"Per source row, on JVM Spark, {measured['measured']}; {measured['rows']:,} rows, {measured['users']:,} users:",
            _costs_table(measured["statements"]),
            "All feature tables of all rows, and then a sink of all rows:",
            _full_table(full),
            f"What that needs if the tables are to take {cluster.hours:g} hour(s), on machines of {cluster.cores} cores that spend "
            f"{cluster.efficiency:.0%} of their time in tasks, with shuffle partitions of {cluster.partition_bytes // 2**20} MB:",
            _machines_table(full),
            f"One new month, or one new day, of {_HISTORY_DAYS} days, in the tables that have time in their grain, core hours:",
            _increments_table(costs),
            f"One user with 10^9 rows is one task of `user_spend`, of {of_one_user:.1f} hours.",
        ]
    )


def _costs_table(statements: Mapping[str, Mapping[str, float]]) -> str:
    names = ("values_parse", "fingerprint", *_TABLES, "job_features")
    rows = [
        [
            f"`{name}`",
            f"{statements[name]['cpu_seconds'] * 1e6:.2f}",
            f"{statements[name]['shuffle_bytes']:.1f}",
            f"{statements[name]['memory_bytes']:.0f}",
            f"{statements[name]['output_bytes']:.1f}",
        ]
        for name in names
    ]
    return table(["", "CPU, microseconds", "shuffled, bytes", "sorted in memory, bytes", "written, bytes"], rows)


def _full_table(estimates: Sequence[FullRefresh]) -> str:
    rows = [
        [
            _power(each.rows),
            *map(_number, (each.source_gb, each.read_gb, each.shuffle_gb, each.tables_gb, each.core_hours)),
            *map(_number, (each.sink_shuffle_gb, each.sink_gb, each.sink_core_hours)),
        ]
        for each in estimates
    ]
    heads = ["rows", "source, GB", "read, GB", "shuffled, GB", "tables, GB", "core hours"]
    return table([*heads, "sink: shuffled, GB", "written, GB", "core hours"], rows, is_first_a_number=True)


def _machines_table(estimates: Sequence[FullRefresh]) -> str:
    rows = [
        [_power(each.rows), f"{each.machines:,}", f"{each.tasks:,}", f"{each.task_memory_gb:.1f}", f"{each.files:,}"]
        for each in estimates
    ]
    heads = ["rows", "machines", "tasks of `user_spend`", "memory of a task, GB", "files of 24 months"]
    return table(heads, rows, is_first_a_number=True)


def _increments_table(costs: Costs) -> str:
    rows = []
    for number in ROWS:
        month, day = (increment(number, costs, period_days=days) for days in (30, 1))
        figures = (month.compared_gb, month.compare_core_hours, month.loaded_at_core_hours, day.loaded_at_core_hours)
        computed = (month.compute_core_hours, day.compute_core_hours)
        rows.append([_power(number), *map(_number, (*figures, *computed))])
    heads = ["rows", "read to compare, GB", "compare", "with `loaded_at`: month", "day", "compute: month", "day"]
    return table(heads, rows, is_first_a_number=True)


def _power(rows: int) -> str:
    return f"10^{round(math.log10(rows))}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def main() -> None:
    """Print the model, or write it into the page."""
    parser = argparse.ArgumentParser(description="What a job costs a Spark cluster.")
    parser.add_argument("--cores", type=int, default=Cluster.cores, help="cores of a machine")
    parser.add_argument("--efficiency", type=float, default=Cluster.efficiency, help="part of their time in tasks")
    parser.add_argument("--hours", type=float, default=Cluster.hours, help="how long a full refresh may take")
    parser.add_argument("--write", action="store_true", help="write docs/scaling.md anew")
    given = parser.parse_args()
    text = report(json.loads(COSTS.read_text()), Cluster(given.cores, given.efficiency, given.hours))
    if given.write:
        write_between(PAGE, MARK, text)
    else:
        print(text)


if __name__ == "__main__":
    main()
