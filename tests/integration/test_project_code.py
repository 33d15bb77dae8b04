"""Whose code a command runs: the project's own Python, unless it is told not to."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.core.project_code import NO_PROJECT_CODE
from tests.conftest import Fpjob

JOB = """\
job_name: doubled
input_source:
  source_type: spark
  config: {location: jupiter.mm.fact_mm_transaction}
feature_transformers:
  - {name: Doubled}
output_sink:
  sink_type: display
"""


@pytest.fixture
def ran(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that the project's Python makes when it is run."""
    monkeypatch.setenv(NO_PROJECT_CODE, "")
    (project / "transformers").mkdir(exist_ok=True)
    trace = project / "ran"
    (project / "transformers" / "doubled.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    (project / "configs" / "jobs" / "doubled.yaml").write_text(JOB)
    return trace


@pytest.mark.parametrize(
    "command", [["registry", "validate"], ["validate", "configs/jobs/sample_financial_features_job.yaml"]]
)
def test_what_needs_no_transformer_of_the_project_does_not_run_it(ran: Path, fpjob: Fpjob, command: list[str]) -> None:
    assert fpjob(*command).status == 0
    assert not ran.exists()


def test_list_runs_the_project_s_python(ran: Path, fpjob: Fpjob) -> None:
    assert fpjob("list").status == 0
    assert ran.exists()


@pytest.mark.parametrize("by_option", [True, False])
def test_list_names_what_it_may_not_run(
    ran: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch, *, by_option: bool
) -> None:
    if not by_option:
        monkeypatch.setenv(NO_PROJECT_CODE, "1")
    outcome = fpjob(*(["--no-project-code"] if by_option else []), "list")
    assert outcome.status == 0
    assert "(not loaded: --no-project-code)  transformers/doubled.py" in outcome.stdout
    assert not ran.exists()


@pytest.mark.parametrize("command", ["validate", "plan", "run", "show"])
def test_a_job_with_such_a_transformer_is_refused(ran: Path, fpjob: Fpjob, command: str) -> None:
    outcome = fpjob("--no-project-code", command, "configs/jobs/doubled.yaml")
    assert outcome.status != 0
    assert "configs/jobs/doubled.yaml:6: transformer `Doubled` is unknown." in outcome.stderr + outcome.stdout
    assert "Not loaded, because of `--no-project-code`: `transformers/doubled.py`" in outcome.stderr + outcome.stdout
    assert not ran.exists()


@pytest.mark.parametrize("command", [["registry", "validate"], ["registry", "sync"]])
def test_other_commands_do_not_run_it(ran: Path, fpjob: Fpjob, command: list[str]) -> None:
    fpjob("--no-project-code", *command)
    assert not ran.exists()


def test_a_model_in_python_is_not_run(ran: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("--no-project-code", "run", "configs/jobs/sample_customer_profile_job.yaml")
    assert outcome.status == 3
    assert (
        "models/jobs/customer_profile_v1/customer_profile_v1__job_enriched.py: a model in Python is not run with `--no-project-code`"
        in outcome.stderr
    )
    assert not ran.exists()
