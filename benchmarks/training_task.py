"""What a process computes: the features of labels, from files, into a Parquet file with `label_id` and the features."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import session_cpu_seconds
from benchmarks.training_cases import WINDOWS


@dataclass(frozen=True)
class Task:
    """The `case` is `windows`, computed from events at the labels' times, or `versions`: the newest values of an event."""

    case: str
    events: Path
    values: Path
    labels: Path
    output: Path
    features: tuple[str, ...] = tuple(WINDOWS)

    def arguments(self) -> list[str]:
        """The command line that `run_task` reads back."""
        names = ("case", "events", "values", "labels", "output")
        return [part for name in names for part in (f"--{name}", str(getattr(self, name)))]


def run_task(start: Callable[[Task], Callable[[], None]]) -> None:
    """Start an engine, have it compute the task of the command line, and print seconds and CPU seconds without the start's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", required=True)
    for name in ("events", "values", "labels", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    compute = start(Task(**vars(parser.parse_args())))
    began, cpu_began = time.perf_counter(), session_cpu_seconds(os.getsid(0))
    compute()
    seconds, cpu_seconds = time.perf_counter() - began, session_cpu_seconds(os.getsid(0)) - cpu_began
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds}))
