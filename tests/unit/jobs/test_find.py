"""Jobs and feature groups are found by path and by name, and an unknown one names the one that was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py import Job
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.jobs.find import find_job, find_job_or_group

JOBS = Path("configs/jobs")


@pytest.fixture
def opened(module_project: Path) -> Project:
    return open_project(module_project)


def test_a_job_is_found_by_its_name_and_by_its_file(opened: Project) -> None:
    sample = JOBS / "sample_financial_features_job.yaml"
    assert find_job("financial_features_extraction_v1", opened) == sample
    assert find_job(str(sample), opened) == sample
    assert find_job_or_group("financial_features_extraction_v1", opened) == sample


def test_a_group_is_found_by_its_name_and_by_its_file(opened: Project) -> None:
    assert find_job_or_group("customer_spend", opened) == "customer_spend"
    assert find_job_or_group("registry/feature/customer_spend.yaml", opened) == "customer_spend"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("financial_features_extraction", "Did you mean `financial_features_extraction_v1`?"),
        ("sample_finance_features_job.yaml", f"Did you mean `{JOBS}/sample_financial_features_job.yaml`?"),
        (f"{JOBS}/training_feature_job.yaml", f"Did you mean `{JOBS}/training_features_job.yaml`?"),
        ("customer_spend", "`customer_spend` is a feature group, expected a job"),
    ],
)
def test_an_unknown_job_names_the_near_one(opened: Project, name: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        find_job(name, opened)
    assert message in str(raised.value)


def test_an_unknown_group_names_the_near_one(opened: Project) -> None:
    with pytest.raises(ConfigurationError, match="Did you mean `customer_spend`"):
        find_job_or_group("customer_spends", opened)


def test_a_job_that_is_not_valid_is_known_by_its_file(opened: Project) -> None:
    broken = JOBS / "broken.yaml"
    broken.write_text("job_name: [\n")
    with pytest.raises(ConfigurationError, match=r"`configs/jobs/broken\.yaml`"):
        find_job("brken", opened)
    broken.unlink()


def test_python_finds_a_job_by_its_name_too(opened: Project) -> None:
    assert (
        Job("financial_features_extraction_v1").path
        == (opened.root / JOBS / "sample_financial_features_job.yaml").resolve()
    )
    with pytest.raises(ConfigurationError, match="Did you mean `financial_features_extraction_v1`"):
        Job("financial_features_extraction")
