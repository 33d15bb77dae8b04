"""JVM Spark as the platform opens it, for jobs that are compared on it, and what its tasks used and moved."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.features import Features, peer_arguments

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_GROUP = "job"
AddFeatures = Callable[["DataFrame", Features], "DataFrame"]


def run_job(add_features: AddFeatures) -> None:
    """Read, add the features, write; prints the seconds, those of the session's start apart, and the CPU seconds of its tasks."""
    from feature_platform_py.sessions.jvm_session import open_jvm_session

    task = peer_arguments()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        spark = open_jvm_session(event_log(Path(folder)), warehouse=Path(folder) / "warehouse")
        spark.sparkContext.setJobGroup(_GROUP, _GROUP)
        ready = time.perf_counter()
        features = add_features(spark.read.parquet(str(task.source)), task.features)
        features.write.mode("overwrite").option("compression", "snappy").parquet(str(task.output))
        done = time.perf_counter()
        spark.stop()
        tasks = moved_by_group(event_lines(Path(folder)))[_GROUP]
    report = {"seconds": done - ready, "start_seconds": ready - started, "task_cpu_seconds": tasks["cpu_seconds"]}
    print(json.dumps(report))


def event_log(folder: Path) -> dict[str, str]:
    """Settings with which Spark writes the events of a session to one file in the folder."""
    return {
        "spark.driver.memory": "8g",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": folder.as_uri(),
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
    }


def event_lines(folder: Path) -> Iterator[str]:
    """The lines of the event logs in a folder."""
    for file in sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".crc"):
        yield from file.read_text().splitlines()


def moved_by_group(lines: Iterable[str]) -> dict[str, dict[str, float]]:
    """What the tasks of each job group used and moved: CPU seconds, bytes, and the rows that were shuffled."""
    groups: dict[int, str] = {}
    moved: dict[str, Counter[str]] = {}
    for line in lines:
        event = json.loads(line)
        if event["Event"] == "SparkListenerJobStart":
            group = (event.get("Properties") or {}).get("spark.jobGroup.id")
            groups |= dict.fromkeys(event["Stage IDs"], group or "")
        elif event["Event"] == "SparkListenerTaskEnd" and event.get("Task Metrics"):
            moved.setdefault(groups[event["Stage ID"]], Counter()).update(_of_task(event["Task Metrics"]))
    return {group: dict(figures) for group, figures in moved.items() if group}


def _of_task(metrics: Mapping[str, Any]) -> dict[str, float]:
    written = metrics["Shuffle Write Metrics"]
    return {
        "cpu_seconds": metrics["Executor CPU Time"] / 1e9,
        "shuffle_bytes": written["Shuffle Bytes Written"],
        "shuffle_rows": written["Shuffle Records Written"],
        "memory_bytes": metrics["Peak Execution Memory"],
        "spilled_bytes": metrics["Disk Bytes Spilled"],
    }
