"""What many hourly runs leave in a warehouse, and how long they take: `python -m benchmarks.hourly` writes docs/benchmarks.md's part.

Every run has one new row. After each run, the files of its tables are made an hour older, so that the hours need not be waited for.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.inputs import ROOT
from benchmarks.marked import write_between
from benchmarks.tables import table

PAGE = ROOT / "docs" / "benchmarks.md"
MARK = "hourly"
HOUR = 3600
JOB = "hourly"
ROWS = Path("data/bank/transactions.csv")
_COPIED = ("dbt_project.yml", "macros", "models", "profiles", "registry", "configs", ".dbtignore", "data/bank")
_SAMPLE = "configs/jobs/sample_financial_features_job.yaml"
# Of the first and the last runs, so many are compared: a single run may be disturbed.
_COMPARED = 5


@dataclass(frozen=True)
class Size:
    """What lies in a folder."""

    files: int
    bytes: int

    def times(self, other: Size) -> tuple[float, float]:
        """How many times the files and the bytes of another folder these are."""
        return self.files / other.files, self.bytes / other.bytes


@dataclass(frozen=True)
class Report:
    """The warehouse after all runs, beside one that is built anew from the same rows, and the seconds of each run."""

    after: Size
    fresh: Size
    seconds: tuple[float, ...]

    @property
    def slower(self) -> float:
        """How many times as long the last runs take as the first ones."""
        return statistics.median(self.seconds[-_COMPARED:]) / statistics.median(self.seconds[:_COMPARED])


def write_project(folder: Path, sink: str, *, rows: int | None = None) -> Path:
    """Write a project with the sample job over some of its rows; return the job's file. The sink is YAML of its `output_sink`."""
    for name in _COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _ = shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    lines = (folder / ROWS).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / ROWS).write_text("".join(lines[: None if rows is None else rows + 1]), encoding="utf-8")
    definition = (folder / _SAMPLE).read_text().partition("output_sink:")[0]
    job = folder / "configs" / "jobs" / f"{JOB}.yaml"
    job.write_text(definition.replace("financial_features_extraction_v1", JOB) + f"output_sink: {sink}\n")
    return job


def run_hours(job: Path, runs: int) -> Report:
    """Run the job on one warehouse, each time with a new row, and then on a fresh one. The working directory is the project."""
    from feature_platform_py import Job

    Job(job).run()
    warehouse, seconds = Job(job).project.target.warehouse, []
    for number in range(runs):
        add_row(number)
        started = time.perf_counter()
        Job(job).run()
        seconds.append(time.perf_counter() - started)
        make_older(warehouse, HOUR)
        # What dbt keeps is not looked through again and again.
        gc.freeze()
    with _other_warehouse(warehouse.with_name("fresh")) as fresh:
        Job(job).run()
        return Report(size_of(warehouse), size_of(fresh), tuple(seconds))


def make_older(warehouse: Path, seconds: float) -> None:
    """Make the files of all tables of a warehouse older."""
    for log in warehouse.glob("*/*/_delta_log"):
        for file in [path for path in log.parent.rglob("*") if path.is_file()]:
            found = file.stat()
            os.utime(file, (found.st_atime - seconds, found.st_mtime - seconds))


def add_row(number: int) -> None:
    """Add a row to the source: of its last day, so that one period of each table changes."""
    with ROWS.open("a", encoding="utf-8") as file:
        file.write(f"{900_000 + number},1,1998-12-31,{number % 90 + 1}.50,,debit,household payment,100.00\n")


def size_of(folder: Path) -> Size:
    """Return how many files lie below a folder, and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return Size(len(sizes), sum(sizes))


@contextlib.contextmanager
def _other_warehouse(folder: Path) -> Iterator[Path]:
    before = os.environ.get("FP_WAREHOUSE")
    os.environ["FP_WAREHOUSE"] = str(folder)
    try:
        yield folder
    finally:
        if before is None:
            del os.environ["FP_WAREHOUSE"]
        else:
            os.environ["FP_WAREHOUSE"] = before


def section(found: Report, *, measured: str) -> str:
    """Return the part of the page that shows a report."""
    files, size = found.after.times(found.fresh)
    rows = [
        [f"after {len(found.seconds)} runs", f"{found.after.files:,}", f"{found.after.bytes / 1e6:.1f}"],
        ["fresh", f"{found.fresh.files:,}", f"{found.fresh.bytes / 1e6:.1f}"],
        ["times", f"{files:.2f}", f"{size:.2f}"],
    ]
    first, last = (statistics.median(each) for each in (found.seconds[:_COMPARED], found.seconds[-_COMPARED:]))
    return "\n\n".join(
        [
            f"## {len(found.seconds)} hourly runs of one new row each",
            "The sample job with a Parquet sink, on the bank's transactions, in one process. After each run, the files of its"
            " tables are made an hour older. At the end a fresh warehouse is built from the same rows. Old files are"
            " [removed by the runs](runs.md#old-files), with the usual retention.",
            f"Measured on {measured}.",
            table(["warehouse", "files", "MB"], rows),
            f"Seconds of a run, median of the first {_COMPARED} and of the last {_COMPARED}: {first:.1f} and {last:.1f},"
            f" {last / first:.2f} times as long.",
        ]
    )


def main() -> None:
    """Run, print the report as JSON, and write the page's part."""
    from benchmarks.parts import machine

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--sink", default="{sink_type: overwrite_parquet, config: {path: output/hourly}}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        report = run_hours(write_project(Path(folder), arguments.sink), arguments.runs)
    print(json.dumps(asdict(report)))
    write_between(PAGE, MARK, section(report, measured=f"{datetime.now(UTC):%Y-%m-%d}, {machine()}"))


if __name__ == "__main__":
    main()
