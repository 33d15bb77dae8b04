"""An environment knows each place to which its runs wrote, so that dropping it leaves none behind."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from feature_platform_py.core.project import Project
from feature_platform_py.runs import environment
from tests.unit.jobs.jobs import local_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return local_project(root=tmp_path).in_schema("dev_anna")


def plan(job: str) -> Any:
    sink = SimpleNamespace(kind="parquet_files", location=f"output/dev_anna/{job}")
    return SimpleNamespace(job_name=job, sink=sink)


def paths(project: Project) -> list[str]:
    return sorted(sink["path"] for sink in environment.recorded_sinks(project))


def test_two_first_runs_at_one_time_leave_both_sinks(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_file = environment.replace_file

    def write_late(path: Path, content: str) -> None:
        # The other run begins between what this one reads and what it writes.
        monkeypatch.setattr(environment, "replace_file", replace_file)
        environment.prepare_sink(plan("second"), project)
        replace_file(path, content)

    monkeypatch.setattr(environment, "replace_file", write_late)
    environment.prepare_sink(plan("first"), project)
    assert paths(project) == ["output/dev_anna/first", "output/dev_anna/second"]
    assert [json.loads(file.read_text()) for file in project.notes.parent.rglob("first.json")] == [
        [{"job": "first", "kind": "parquet_files", "path": "output/dev_anna/first"}]
    ]


def test_sinks_that_were_noted_in_one_file_are_known(project: Project) -> None:
    noted = {"job": "old", "kind": "parquet_files", "path": "output/dev_anna/old"}
    project.notes.mkdir(parents=True)
    (project.notes / "sinks.json").write_text(json.dumps([noted]))
    for _ in range(2):
        environment.prepare_sink(plan("old"), project)
        environment.prepare_sink(plan("new"), project)
    assert paths(project) == ["output/dev_anna/new", "output/dev_anna/old"]
