"""Whatever ends a command leaves one message, the status that says what it was, and nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from feature_platform_py.core.project import open_project
from feature_platform_py.runs.lock import running_alone
from tests.conftest import copy_project

JOB = """
job_name: ended
input_source: {source_type: spark, config: {location: sales.csv}}
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: who, timestamp_col: at, amount_col: amount}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/ended}}
"""
FPJOB = str(Path(sys.executable).with_name("fpjob"))


def _start(project: Path, *arguments: str, stdout: int | None = subprocess.DEVNULL) -> subprocess.Popen[str]:
    temporary = project.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [FPJOB, *arguments],
        cwd=project,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )


def _end_when(process: subprocess.Popen[str], line: str, number: int) -> str:
    """Send the signal when the process has printed a line with the text; return what it printed after that."""
    assert process.stderr is not None
    for printed in process.stderr:
        if line in printed:
            break
    process.send_signal(number)
    return process.communicate(timeout=120)[1]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a job over a small file."""
    # A blank in the path costs a folder of links, which must go too.
    project = copy_project(tmp_path_factory.mktemp("ended") / "my project")
    (project / "sales.csv").write_text("who,at,amount\na,2024-01-01 10:00:00,1.50\n")
    (project / "ended.yaml").write_text(JOB)
    return project


@pytest.mark.parametrize(
    ("number", "line", "status"),
    [(signal.SIGTERM, "success  user_spend", 143), (signal.SIGHUP, "success  stg_job_input", 129)],
)
def test_a_run_that_is_told_to_stop_says_so_and_cleans_up(ended: Path, number: int, line: str, status: int) -> None:
    process = _start(ended, "run", "ended.yaml", "--full-refresh")
    said = _end_when(process, line, number)
    assert process.returncode == status, said
    name = signal.Signals(number).name
    assert said.splitlines()[-1] == (f"stopped by {name}; unfinished results were discarded. Start it again")
    assert "Traceback" not in said
    assert list((ended.parent / "temporary").iterdir()) == []
    assert not (ended / "output").exists() or list((ended / "output").iterdir()) == []
    # Nobody holds the job.
    with running_alone(open_project(ended), "ended"):
        pass


@pytest.mark.parametrize(
    ("redirection", "reason"),
    [
        (">/dev/full", "No space left on device"),
        (">&-", "Bad file descriptor"),
        ("| true", "Broken pipe"),
    ],
)
def test_a_standard_output_that_takes_nothing_is_one_message(ended: Path, redirection: str, reason: str) -> None:
    # The pipe's reader has gone before anything is written.
    piped = f"{{ sleep 0.1; {FPJOB} list; echo $? >&2; }} {redirection}"
    plain = f"{FPJOB} list {redirection}; echo $? >&2"
    script = piped if redirection.startswith("|") else plain
    done = subprocess.run(["bash", "-c", script], cwd=ended, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr.splitlines() == [
        f"standard output: {reason}; the output is lost",
        "3",
    ]


def test_a_standard_error_that_takes_nothing_stops_no_work(ended: Path) -> None:
    for command, status in (("validate nowhere.yaml 2>/dev/full", 2), ("list 2>&-", 0)):
        done = subprocess.run(["bash", "-c", f"{FPJOB} {command}"], cwd=ended, stdout=subprocess.PIPE, check=False)
        assert done.returncode == status
        assert (b"jobs:" in done.stdout) is (status == 0)
