"""`fpjob run` of several jobs: in the order of what they read of each other, and as far as they can run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import open_project
from feature_platform_py.jobs.order import in_order
from tests.conftest import Fpjob, reword

_JOB = """\
job_name: {name}
input_source: {{source_type: spark, config: {{location: {reads}, format: {format}}}}}
feature_transformers: [{{name: WithGreeting, params: {{name_col: who, greeting_col_name: {name}_greeting}}}}]
output_sink: {{sink_type: overwrite_parquet, config: {{path: {writes}}}}}
"""
FIRST, SECOND, OTHER = (Path("configs/jobs") / f"{name}.yaml" for name in ("first", "second", "other"))


def _write(file: Path, reads: str, writes: str) -> None:
    kind = "csv" if reads.endswith("csv") else "parquet"
    file.write_text(_JOB.format(name=file.stem, reads=reads, format=kind, writes=writes))


@pytest.fixture
def jobs(project: Path) -> Path:
    Path("people.csv").write_text("who\nAnna\nBert\n")
    _write(FIRST, "people.csv", "output/first")
    _write(SECOND, "output/first", "output/second")
    _write(OTHER, "people.csv", "output/other")
    return project


def test_a_job_runs_after_the_one_whose_result_it_reads(jobs: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("run", SECOND, "other", "first", "--format", "json")
    assert outcome.status == 0, outcome.stderr
    assert [report["job"] for report in json.loads(outcome.stdout)] == ["first", "second", "other"]
    assert outcome.stderr.splitlines()[-1].startswith("3 of 3 jobs ran, ")


def test_a_job_that_fails_leaves_out_those_that_read_its_result(jobs: Path, fpjob: Fpjob) -> None:
    reword("people.csv", "who", "hwo")
    _write(OTHER, "data/bank/customers.csv", "output/other")
    reword(OTHER, "name_col: who", "name_col: gender")
    outcome = fpjob("run", "second", "other", "first", "--format", "json")
    assert outcome.status == 2
    [first, second, other] = json.loads(outcome.stdout)
    assert "`who`" in first["error"]
    assert second["error"] == "second: left out, because it reads the result of `first`"
    assert other["sink"]["rows"] > 0
    assert outcome.stderr.splitlines()[-1].startswith("1 of 3 jobs ran, not first, second, ")


def test_mistakes_of_all_files_are_reported_before_anything_runs(jobs: Path, fpjob: Fpjob) -> None:
    for file in (FIRST, OTHER):
        reword(file, "WithGreeting", "WithGreetin")
    outcome = fpjob("run", FIRST, "second", OTHER)
    assert outcome.status == 2
    assert [line.split(":")[0] for line in outcome.stderr.splitlines()] == [str(FIRST), str(OTHER)]
    assert not Path("output").exists()


def test_jobs_that_read_each_other_are_refused(jobs: Path) -> None:
    _write(FIRST, "output/second", "output/first")
    with pytest.raises(ConfigurationError, match="jobs read each other's results: `first`, `second`"):
        in_order([FIRST, SECOND], open_project())


def test_rows_of_several_jobs_are_not_one_csv(jobs: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("run", "first", "second", "--format", "csv")
    assert outcome.status == 2
    assert "the rows of several jobs are not one table" in outcome.stderr
