"""A sink that one module adds: a job runs into it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Fpjob

JOB = """\
job_name: lines
input_source: {source_type: spark, config: {location: people.csv, columns: {name: string, born: date}}}
feature_transformers:
  - {name: WithGreeting, params: {name_col: name}}
output_sink: {sink_type: json_lines, config: {path: output/people.jsonl}}
"""


@pytest.mark.usefixtures("added_sink")
def test_a_job_runs_into_a_sink_of_one_module(project: Path, fpjob: Fpjob) -> None:
    (project / "people.csv").write_text("name,born\nEve,2001-02-03\nAda,1815-12-10\n")
    (project / "job.yaml").write_text(JOB)
    outcome = fpjob("run", "job.yaml", "--format", "json")
    assert outcome.status == 0, outcome.stderr
    report = json.loads(outcome.stdout)
    assert "  writes  json_lines output/people.jsonl" in outcome.stderr
    assert (report["sink"]["type"], report["sink"]["path"], report["sink"]["rows"]) == (
        "json_lines",
        "output/people.jsonl",
        2,
    )
    assert report["features"] == [{"name": "greeting", "nulls": 0, "null_share": 0.0}]
    assert [json.loads(line) for line in (project / "output" / "people.jsonl").read_text().splitlines()] == [
        {"name": "Ada", "born": "1815-12-10", "greeting": "Hello, Ada"},
        {"name": "Eve", "born": "2001-02-03", "greeting": "Hello, Eve"},
    ]
    (project / "output" / "people.jsonl").unlink()
    (project / "output" / "people.jsonl").mkdir()
    refused = fpjob("run", "job.yaml")
    assert refused.status == 3
    assert "expected a file, `output/people.jsonl` is a folder; name another path" in refused.stderr
