"""One task run by one engine: the platform's job, or a peer's script, each a process of its own."""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.features import Features
from benchmarks.inputs import DATA, ROOT, show_at
from benchmarks.processes import Finished, run

OURS = "fpjob"
PEERS = ("pyspark", "duckdb", "polars")
JVM_SQL, JVM_SLIDING = "jvm_sql", "jvm_sliding"
_WAREHOUSE = DATA / "warehouse"


@dataclass(frozen=True)
class Task:
    """The features to compute of a Parquet file; the name is that of the job and of the outputs. Our sink is of a `sink_type`."""

    name: str
    features: Features
    source: Path
    sink_type: str = "overwrite_parquet"

    def output(self, engine: str) -> Path:
        """Where an engine writes its result."""
        return DATA / "output" / f"{self.name}_{engine}.parquet"

    @property
    def shown_source(self) -> Path:
        """The path that our job reads, whatever file is the source: so the job is the same job."""
        return DATA / "input" / "shown" / f"{self.name}.parquet"


def run_engine(engine: str, task: Task, *, limit_seconds: float | None = None) -> Finished:
    """Compute all features; ours starts from an empty warehouse. TimeLimitError if it takes longer than it may."""
    if engine == OURS:
        remove(_WAREHOUSE)
        _cleared(task.output(OURS))
        return run_ours(task, limit_seconds=limit_seconds)
    output = _cleared(task.output(engine))
    arguments = ["--source", str(task.source), "--output", str(output), *task.features.arguments()]
    command = [sys.executable, "-m", f"benchmarks.peers.{engine}_job", *arguments]
    return run(command, folder=ROOT, limit_seconds=limit_seconds)


def run_on_target(task: Task, target: str, *, environment: Mapping[str, str]) -> Finished:
    """Run the platform's job on a target, from an empty warehouse."""
    remove(_WAREHOUSE)
    _cleared(task.output(OURS))
    return run_ours(task, "--target", target, environment=environment)


def run_ours(
    task: Task, *options: str, limit_seconds: float | None = None, environment: Mapping[str, str] | None = None
) -> Finished:
    """Run the platform's job on the warehouse and the sink as they are, with further options of `fpjob run`."""
    show_at(task.shown_source, task.source)
    job = _write_job(task, output=task.output(OURS))
    command = [str(Path(sys.executable).with_name("fpjob")), "run", str(job), "--format", "json", *options]
    environment = {"FP_WAREHOUSE": str(_WAREHOUSE), **(environment or {})}
    return run(command, folder=ROOT, environment=environment, limit_seconds=limit_seconds)


def warm_up(task: Task, few_rows: Path) -> None:
    """Run our job once on few rows, so that dbt has parsed the project, as it has in any but a job's very first run."""
    run_engine(OURS, replace(task, source=few_rows))


def medians(engine: str, runs: Sequence[Finished]) -> dict[str, float]:
    """The middle values; `seconds` leaves the start of a peer's session out, and nothing of ours."""
    each_run = [_figures(engine, finished) for finished in runs]
    return {name: statistics.median(figures[name] for figures in each_run) for name in each_run[0]}


def _figures(engine: str, finished: Finished) -> dict[str, float]:
    figures = {
        "seconds": finished.seconds if engine == OURS else finished.report["seconds"],
        "whole_seconds": finished.seconds,
        "cpu_seconds": finished.cpu_seconds,
        "peak_bytes": finished.peak_bytes() or 0,
    }
    of_tasks = {name: finished.report[name] for name in ("task_cpu_seconds",) if name in finished.report}
    return figures | of_tasks | (_stages(finished) if engine == OURS else {})


def _stages(finished: Finished) -> dict[str, float]:
    """Seconds of the stages of a job: its models, all of dbt, the sink, and the start, which is everything else.

    The sum over the models exceeds the time that they took, where models ran at the same time.
    """
    phases = finished.report["phases"]
    models = {model["name"]: model["seconds"] for model in finished.report["models"]}
    ends = {name: end for name in models if (end := _end(name, finished)) is not None}
    return {
        "models_seconds": sum(models.values()),
        "models_wall_seconds": covered((end - models[name], end) for name, end in ends.items()),
        "dbt_seconds": phases["dbt"],
        "sink_seconds": phases["sink"],
        "start_seconds": finished.seconds - phases["dbt"] - phases["sink"],
    }


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """How long at least one of the spans, each of a begin and an end, lasted."""
    seconds, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        seconds += max(0.0, end - max(begin, until))
        until = max(until, end)
    return seconds


def models(runs: Iterable[Finished]) -> list[dict[str, Any]]:
    """Seconds and memory by model and for the sink, of the run that took the middle time."""
    middle = sorted(runs, key=lambda each: each.seconds)
    finished = middle[len(middle) // 2]
    of_models = [_model(model, finished) for model in finished.report["models"]]
    tests = finished.report.get("tests", [])
    test_seconds = sum(test["seconds"] for test in tests)
    sink = finished.report["sink"]
    # The sink's work is what follows the last model's line.
    last_line = finished.progress[-1].at if finished.progress else None
    peak = finished.peak_bytes(since=last_line)
    return [
        *of_models,
        {"name": f"{len(tests)} tests", "rows": None, "seconds": test_seconds, "peak_bytes": None},
        {"name": "sink", "rows": sink["rows"], "seconds": sink["seconds"], "peak_bytes": peak},
    ]


def _model(model: Mapping[str, Any], finished: Finished) -> dict[str, Any]:
    """A model's memory is that of the process from its start to the line that tells its end."""
    end = _end(model["name"], finished)
    peak = None if end is None else finished.peak_bytes(since=end - model["seconds"], until=end)
    return {
        "name": model["name"],
        "rows": model["rows"],
        "seconds": model["seconds"],
        "peak_bytes": peak,
        "work": model.get("work"),
    }


def _end(model: str, finished: Finished) -> float | None:
    """When the line came that tells a model's end; None if there is no such line."""
    return next((line.at for line in reversed(finished.progress) if model in line.text.split()[1:2]), None)


def _write_job(task: Task, *, output: Path) -> Path:
    """The job file of a task; each is a job of its own."""
    import yaml

    options = {"options": {"compression": "snappy"}} if task.sink_type == "overwrite_parquet" else {}
    job = {
        "job_name": f"benchmark_{task.name}",
        "description": "The features of a benchmark, from a Parquet file that no registry entry names.",
        "input_source": {"source_type": "spark", "config": {"location": str(task.shown_source), "format": "parquet"}},
        "feature_transformers": task.features.transformers(),
        "output_sink": {"sink_type": task.sink_type, "config": {"path": str(output), **options}},
    }
    path = DATA / "jobs" / f"{task.name}.yaml"
    text = yaml.safe_dump(job, sort_keys=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _cleared(path: Path) -> Path:
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
