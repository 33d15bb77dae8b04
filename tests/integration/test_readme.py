"""The README shows the sample job, is short, and its links lead somewhere; test_console_blocks.py runs its commands."""

from __future__ import annotations

import re

import yaml

from tests.conftest import ROOT

README = ROOT / "README.md"
_JOB = re.compile(r"```yaml\n(job_name: .+?)```", re.DOTALL)


def test_the_job_of_the_readme_is_the_sample_job() -> None:
    found = _JOB.search(README.read_text())
    assert found
    sample = yaml.safe_load((ROOT / "configs/jobs/sample_financial_features_job.yaml").read_text())
    shown = yaml.safe_load(found[1])
    assert {**shown["input_source"]["config"], "options": {}} == sample["input_source"]["config"]
    del shown["input_source"]["config"], sample["input_source"]["config"]
    assert shown == sample


def test_make_run_is_what_the_readme_shows() -> None:
    makefile = (ROOT / "Makefile").read_text()
    job = re.search(r"^JOB \?= (.+)$", makefile, re.MULTILINE)
    assert job
    assert f"$ fpjob run {job[1]}\n" in README.read_text()


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = README.read_text()
    assert len(text.splitlines()) < 150
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []
