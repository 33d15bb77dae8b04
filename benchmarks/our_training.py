"""The statements of a training set's models alone, as dbt compiled them at the job's last run: no dbt, tests, proof and tables."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.training_project import PROJECT
from benchmarks.training_task import Task, run_task


def start(task: Task) -> Callable[[], None]:
    """Open a session with a view for each source and model, and return what computes the result."""
    from feature_platform_py import SparkSessionManager

    job = f"label_{task.case}_v1"
    spark = SparkSessionManager("sail", warehouse=tempfile.mkdtemp()).get_session()
    sources = {"events": task.events, "event_values": task.values, f"{job}__input": task.labels}
    for name, file in sources.items():
        spark.read.parquet(str(file)).createOrReplaceTempView(f"sources__{name}")
    statements = _compiled(job)
    while statements:
        # A view can only be made of views that are there.
        ready = [
            name for name, text in statements.items() if not any(f"`features__{each}`" in text for each in statements)
        ]
        for name in ready:
            spark.sql(statements.pop(name)).createOrReplaceTempView(f"features__{name}")
    wanted = spark.table(f"features__{job}__job_features").select("label_id", *task.features)
    return lambda: wanted.write.mode("overwrite").option("compression", "snappy").parquet(str(task.output))


def _compiled(job: str) -> dict[str, str]:
    """The compiled query of each model, with names of one part in place of names of tables."""
    models = PROJECT / "target" / "jobs" / job / "compiled" / "feature_platform" / "models"
    return {file.stem: _renamed(file) for file in models.rglob("*.sql") if file.parent.suffix != ".yml"}


def _renamed(file: Path) -> str:
    return re.sub("`(features|sources)`[.]`", r"`\1__", file.read_text())


if __name__ == "__main__":
    run_task(start)
