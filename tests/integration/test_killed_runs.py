"""A run that is killed leaves a warehouse that the next run completes from. `FP_KILLS` sets how many are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow
import pyarrow.dataset
import yaml

KILLS = int(os.environ.get("FP_KILLS", "4"))
SAMPLE = "configs/jobs/sample_financial_features_job.yaml"


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("fpjob")), "run", "killed.yaml"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _finish() -> float:
    started = time.monotonic()
    process = _start()
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    return time.monotonic() - started


def _result() -> pyarrow.Table:
    table = pyarrow.dataset.dataset("output/killed").to_table()
    return table.sort_by("transaction_id")


def test_the_run_after_a_killed_one_gives_equal_results(project: Path) -> None:
    job = yaml.safe_load(Path(SAMPLE).read_text())
    job |= {
        "job_name": "killed",
        "output_sink": {"sink_type": "overwrite_parquet", "config": {"path": "output/killed"}},
    }
    Path("killed.yaml").write_text(yaml.safe_dump(job))
    seconds = min(_finish(), _finish())
    expected = _result()
    assert expected.num_rows == 49102
    chance = random.Random(20)
    killed = 0
    for _ in range(KILLS):
        process = _start()
        # Imports change nothing on disk: most kills fall into the later part of a run.
        time.sleep(seconds * chance.triangular(0.3, 1.0, 0.8))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        process.communicate()
        assert _result().equals(expected), "a killed run changed what the sink showed"
        _finish()
        assert _result().equals(expected)
    assert killed >= KILLS // 2
