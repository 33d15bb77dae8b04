"""The aggregations that are timed, as ours and the peers are told them."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import session_cpu_seconds

_FIVE = ("1d", "7d", "30d", "90d", "365d")
K = 5


@dataclass(frozen=True)
class Aggregate:
    """A function over a window; the peers know windows of days that are closed on the right."""

    function: str
    window: str = "30d"
    column: str | None = "amount"
    closed: str = "right"

    @property
    def name(self) -> str:
        """The name of its column."""
        return "_".join([self.function, self.column or "rows", *self.window.split()])

    @property
    def days(self) -> int:
        """The length of its window."""
        return int(self.window.removesuffix("d"))

    def feature(self) -> dict[str, Any]:
        """What `WindowAggregator` is told."""
        is_ordered = self.function in ("first", "last", "first_k", "last_k")
        told: dict[str, Any] = {"function": self.function, "windows": [self.window], "closed": self.closed}
        told |= {"column": self.column} if self.column else {}
        told |= {"order_by": "transaction_id"} if is_ordered else {}
        told |= {"k": K} if self.function.endswith("_k") else {}
        return told | {"name": self.name.removesuffix(f"_{'_'.join(self.window.split())}")}


def _one(function: str, **params: Any) -> tuple[Aggregate, ...]:
    return (Aggregate(function, **params),)


def _each(functions: tuple[str, ...], windows: tuple[str, ...]) -> tuple[Aggregate, ...]:
    return tuple(Aggregate(function, window) for function in functions for window in windows)


CASES: Mapping[str, tuple[Aggregate, ...]] = {
    "sum": _one("sum"),
    "count": _one("count", column=None),
    "avg": _one("avg"),
    "min": _one("min"),
    "max": _one("max"),
    "stddev": _one("stddev"),
    "variance": _one("variance"),
    "count_distinct_few": _one("count_distinct", column="category"),
    "count_distinct_many": _one("count_distinct"),
    "first": _one("first"),
    "last": _one("last"),
    "first_k": _one("first_k"),
    "last_k": _one("last_k"),
    "seconds_since_first": _one("seconds_since_first", column=None),
    "seconds_since_last": _one("seconds_since_last", column=None),
    "sum_left": _one("sum", closed="left"),
    "sum_offset": _one("sum", window="30d offset 30d"),
    "sum_lifetime": _one("sum", window="lifetime"),
    "sum_month": _one("sum", window="month"),
    "sum_previous_month": _one("sum", window="previous month"),
    "sum_five_windows": _each(("sum",), _FIVE),
    "twenty": _each(("sum", "avg", "count", "stddev"), _FIVE),
    "twenty_with_extremes": _each(("sum", "avg", "min", "max"), _FIVE),
}
COMPARED = ("sum", "max", "count_distinct_many", "last_k", "twenty")


@dataclass(frozen=True)
class Task:
    """What a process computes: a case over a Parquet file, into another one with `transaction_id` and the features."""

    source: Path
    output: Path
    aggregates: tuple[Aggregate, ...]


def run_task(start: Callable[[Task], Callable[[], None]]) -> None:
    """Start an engine, have it compute the task of the command line, and print seconds and CPU seconds without the start's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--case", choices=CASES, required=True)
    given = parser.parse_args()
    compute = start(Task(given.source, given.output, CASES[given.case]))
    began, cpu_began = time.perf_counter(), session_cpu_seconds(os.getsid(0))
    compute()
    seconds, cpu_seconds = time.perf_counter() - began, session_cpu_seconds(os.getsid(0)) - cpu_began
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds}))
