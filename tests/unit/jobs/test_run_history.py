"""The history of a job's runs: what is kept, how much of it, and what is made of it."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.core.project import open_project
from feature_platform_py.jobs.run_history import KEPT_RUNS, past_runs, remember_run
from tests.conftest import copy_project


def test_runs_are_kept_in_their_order_and_the_oldest_are_dropped(tmp_path: Path) -> None:
    project = open_project(copy_project(tmp_path / "project"))
    assert past_runs(project, "spend") == []
    for number in range(KEPT_RUNS + 3):
        remember_run(project, "spend", seconds=1.26, rows=number, filled={"total": number // 2})
    found = past_runs(project, "spend")
    assert [run.rows for run in found] == list(range(3, KEPT_RUNS + 3))
    assert (found[-1].seconds, found[1].null_shares) == (1.3, {"total": 0.5})
    assert past_runs(project, "other") == []


def test_a_result_without_rows_has_no_shares(tmp_path: Path) -> None:
    project = open_project(copy_project(tmp_path / "project"))
    remember_run(project, "spend", seconds=1, rows=0, filled={"total": 0})
    assert past_runs(project, "spend")[0].null_shares == {}


def test_a_damaged_history_is_begun_anew(tmp_path: Path) -> None:
    project = open_project(copy_project(tmp_path / "project"))
    remember_run(project, "spend", seconds=1, rows=5, filled={})
    [file] = (project.root / "target/jobs/spend").iterdir()
    file.write_text('[{"finished": 1}]')
    remember_run(project, "spend", seconds=1, rows=7, filled={})
    assert [run.rows for run in past_runs(project, "spend")] == [7]
