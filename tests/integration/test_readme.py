"""The README's commands print what the README says; `--update-golden` pastes what they print now."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

README = ROOT / "README.md"
_RUN = re.compile(r"<!-- run: (?P<command>.+?) -->\n```console\n(?P<output>.*?)```\n", re.DOTALL)
_JOB = re.compile(r"```yaml\n(job_name: .+?)```", re.DOTALL)


def _run(command: str) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, env=environment
    )
    return f"$ {command}\n{done.stdout}"


def _comparable(output: str) -> list[str]:
    """The lines without seconds; models that are built at the same time finish in any order."""
    return sorted(re.sub(r" +\d+\.\d+ s\b", " N s", line).rstrip() for line in output.splitlines())


def test_commands_print_what_the_readme_says(project: Path, request: pytest.FixtureRequest) -> None:
    text = README.read_text()
    shown = list(_RUN.finditer(text))
    assert shown
    for block in shown:
        printed = _run(block["command"])
        if request.config.getoption("--update-golden"):
            text = text.replace(block[0], block[0].replace(block["output"] + "```\n", printed + "```\n"))
            README.write_text(text)
        else:
            assert _comparable(printed) == _comparable(block["output"])


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
    commands = [block["command"] for block in _RUN.finditer(README.read_text())]
    job = re.search(r"^JOB \?= (.+)$", makefile, re.MULTILINE)
    assert job
    assert f"fpjob run {job[1]}" in commands


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = README.read_text()
    assert len(text.splitlines()) < 150
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []
