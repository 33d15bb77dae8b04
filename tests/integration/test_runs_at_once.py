"""Two runs on one warehouse at once: of one job the second says that the first is running, of two that share a group each is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from feature_platform_py.core.project import open_project
from feature_platform_py.runs.lock import running_alone
from tests.conftest import Fpjob, copy_project
from tests.oracle.brute_force import Row

JOB = """\
job_name: {name}
input_source: {{source_type: spark, config: {{location: jupiter.mm.fact_mm_transaction}}}}
features: [customer_activity.transactions_7d]
feature_transformers:
  - {{name: UserSpendAggregator, params: {{user_id_col: user_id, timestamp_col: timestamp, amount_col: amount, window_days: {days}}}}}
output_sink: {{sink_type: overwrite_parquet, config: {{path: output/{name}}}}}
"""
RUN = "from feature_platform_py.cli.main import main; main()"


def add_job(project: Path, name: str, *, days: int) -> str:
    path = f"configs/jobs/{name}.yaml"
    (project / path).write_text(JOB.format(name=name, days=days))
    return path


def start(project: Path, job: str) -> subprocess.Popen[str]:
    program = [sys.executable, "-c", RUN, "run", job]
    return subprocess.Popen(program, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rows(folder: Path) -> list[Row]:
    import pyarrow.parquet as pq

    return sorted(pq.read_table(folder).to_pylist(), key=lambda row: row["transaction_id"])


def test_a_job_that_is_running_is_not_started_again(project: Path, fpjob: Fpjob) -> None:
    job = add_job(project, "spend", days=7)
    with running_alone(open_project(project), "spend"):
        outcome = fpjob("run", job)
    assert outcome.status == 3
    last = outcome.stderr.splitlines()[-1]
    assert last.startswith("the job `spend` is running already, in process ")
    assert last.endswith(" UTC. This run changed nothing; start it when the other has ended")
    assert not (project / "output").exists()
    assert fpjob("run", job).status == 0


def test_a_warehouse_that_cannot_be_written_to_is_said(
    project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = add_job(project, "spend", days=7)
    monkeypatch.setenv("FP_WAREHOUSE", str(project / job))
    outcome = fpjob("run", job)
    assert outcome.status == 2
    assert outcome.stderr.splitlines()[-1] == (
        "profiles/profiles.yml: expected a `warehouse` folder that can be written to,"
        f" given `{project / job}`: Not a directory; name another there, or with `FP_WAREHOUSE`"
    )


def test_runs_at_once_lose_and_mix_nothing(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    names = {"short": 7, "long": 90}
    jobs = {name: add_job(project, name, days=days) for name, days in names.items()}
    running = [start(project, job) for job in (jobs["short"], jobs["long"], jobs["short"])]
    ended = [(process.communicate(timeout=300), process.returncode) for process in running]
    assert ended[1][1] == 0, ended[1]
    # The two of one job: one after the other, or one alone.
    assert sorted((ended[0][1], ended[2][1])) in ([0, 0], [0, 3]), ended
    alone = copy_project(tmp_path / "alone")
    for name, days in names.items():
        process = start(alone, add_job(alone, name, days=days))
        assert process.wait(timeout=300) == 0
        assert rows(project / "output" / name) == rows(alone / "output" / name)
