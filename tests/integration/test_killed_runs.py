"""Runs are killed while the source changes; the next complete run leaves what a full refresh in a fresh warehouse does.

Of three kills, one falls into the writing of the sink. `FP_KILLS` sets how many there are; many kill runs with a Delta sink too.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow
import pyarrow.dataset
import pytest
import yaml
from deltalake import DeltaTable

from feature_platform_py.warehouse.session import open_session
from tests.conftest import ROOT, copy_project

USUAL_KILLS = 2
KILLS = int(os.environ.get("FP_KILLS", USUAL_KILLS))
SINKS = ["overwrite_parquet"] if KILLS == USUAL_KILLS else ["overwrite_parquet", "overwrite_delta"]
# As `fpjob run`, with periods in a sink of few rows.
RUN = """
from feature_platform_py.cli.main import main
from feature_platform_py.sinks import divided
divided.MIN_ROWS = 0
main()
"""
TABLES = ("user_spend", "user_monthly_transactions", "user_categorical_spend")
SAMPLE = "configs/jobs/sample_financial_features_job.yaml"
SOURCE = Path("data", "bank", "transactions.csv")
Rows = list[dict[str, str]]


def _start(project: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, "run", "killed.yaml"],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _finish(project: Path) -> float:
    started = time.monotonic()
    process = _start(project)
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    return time.monotonic() - started


def _await_the_sink(process: subprocess.Popen[str], project: Path) -> None:
    """Wait until the run has begun to write its sink."""
    while process.poll() is None and not any((project / "output").glob(".killed.*.staged")):
        time.sleep(0.005)


def _kill(process: subprocess.Popen[str], *, after: float) -> bool:
    """Whether the process was still there to be killed."""
    time.sleep(after)
    is_running = process.poll() is None
    if is_running:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return is_running


def _result(project: Path) -> pyarrow.Table:
    folder = project / "output" / "killed"
    is_delta = (folder / "_delta_log").exists()
    table = DeltaTable(folder).to_pyarrow_table() if is_delta else pyarrow.dataset.dataset(folder).to_table()
    return table.sort_by([(name, "ascending") for name in table.column_names])


def _tables(project: Path) -> dict[str, pyarrow.Table]:
    """The feature tables as they are stored, their rows in order."""
    # Another process wrote them: a session of its own sees them as they are now.
    session = open_session("sail", project / "warehouse")
    found = {}
    for table in TABLES:
        rows = session.read.format("delta").load(str(project / "warehouse" / "features" / f"killed__{table}")).toArrow()
        found[table] = rows.sort_by([(name, "ascending") for name in rows.column_names])
    return found


def _read_rows() -> Rows:
    with (ROOT / SOURCE).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _write_rows(project: Path, rows: Rows) -> None:
    with (project / SOURCE).open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _changed(rows: Rows, chance: random.Random) -> Rows:
    """A late row, a correction, a deletion, and a new row, each somewhere else every time."""
    late, corrected, deleted, latest = (dict(chance.choice(rows)) for _ in range(4))
    numbers = [int(row["transaction_id"]) for row in rows]
    late |= {"transaction_id": str(max(numbers) + 1), "amount": "12.34"}
    latest |= {"transaction_id": str(max(numbers) + 2), "timestamp": max(row["timestamp"] for row in rows)}
    correction = {
        "amount": f"{chance.randrange(10**6) / 100:.2f}",
        "category": chance.choice(["household payment", ""]),
    }
    gone = {corrected["transaction_id"], deleted["transaction_id"]}
    kept = [row for row in rows if row["transaction_id"] not in gone]
    return [*kept, corrected | correction, late, latest]


def _prepare(project: Path, sink_type: str) -> None:
    """Give the project the sample job, and a folder of its own for the bank's data."""
    (project / "data" / "bank").unlink()
    (project / "data" / "bank").mkdir()
    shutil.copy(ROOT / "data" / "bank" / "customers.csv", project / "data" / "bank")
    job = yaml.safe_load((project / SAMPLE).read_text())
    job |= {
        "job_name": "killed",
        "output_sink": {"sink_type": sink_type, "config": {"path": "output/killed"}},
    }
    for transformer in job["feature_transformers"][1:]:
        # So that all tables have periods.
        transformer["params"] |= {"timestamp_col": "timestamp", "as_of": "event_time"}
    (project / "killed.yaml").write_text(yaml.safe_dump(job))


@pytest.fixture(params=SINKS)
def sink_type(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fresh(project: Path, tmp_path: Path, sink_type: str) -> Path:
    """Another copy of the project, in which every run is the first."""
    folder = copy_project(tmp_path / "fresh")
    _prepare(folder, sink_type)
    return folder


def _refresh(fresh: Path, rows: Rows) -> None:
    for written in ("warehouse", "output/killed"):
        shutil.rmtree(fresh / written, ignore_errors=True)
    _write_rows(fresh, rows)
    _finish(fresh)


def test_the_run_after_killed_ones_equals_a_full_refresh(project: Path, fresh: Path, sink_type: str) -> None:
    chance = random.Random(20)
    _prepare(project, sink_type)
    rows = _read_rows()
    _write_rows(project, rows)
    _finish(project)
    rows = _changed(rows, chance)
    _write_rows(project, rows)
    seconds = _finish(project)
    killed = 0
    for number in range(KILLS):
        before = _result(project)
        rows = _changed(rows, chance)
        _write_rows(project, rows)
        process = _start(project)
        if number % 3 == 0:
            _await_the_sink(process, project)
            killed += _kill(process, after=chance.uniform(0, 0.4))
        else:
            # Imports change nothing on disk: most kills fall into the later part of a run.
            killed += _kill(process, after=seconds * chance.triangular(0.3, 0.95, 0.75))
        shown = _result(project)
        # Every other time the next run is killed too, over a source that has changed again.
        if number % 2 and number + 1 < KILLS:
            continue
        seconds = min(seconds, _finish(project))
        _refresh(fresh, rows)
        assert _result(project).equals(_result(fresh))
        assert _tables(project) == _tables(fresh)
        assert shown.equals(before) or shown.equals(_result(project)), "a killed run changed what the sink showed"
    assert killed >= KILLS // 2
