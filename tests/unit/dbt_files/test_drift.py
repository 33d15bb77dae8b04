"""Features that jobs compute and that the registry does not know, or not so, are said by sync before anything is written."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
import yaml

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.sync import stale_files, write_files

GROUPS = Path("registry/feature")
SPEND = GROUPS / "user_spend.yaml"


def problems(root: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        stale_files(open_project(root))
    return [str(problem) for problem in error.value.problems]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_project_has_no_drift(project: Path) -> None:
    assert stale_files(open_project(project)) == {}


def test_a_column_that_is_no_feature_of_the_group(project: Path) -> None:
    edit(SPEND, "user_<window_days>d_avg_spend", "user_<window_days>d_mean_spend")
    expected = (
        "computes `user_30d_avg_spend` in `user_spend`, which is not a feature of the group; add it. "
        "Its features: `user_<window_days>d_total_spend`, `user_<window_days>d_mean_spend`"
    )
    assert f"{SPEND}:10: the job `training_features_v1` {expected}" in problems(project)


def test_a_type_that_the_feature_may_not_have(project: Path) -> None:
    edit(SPEND, "    type: double", "    type: float")
    [line] = {number for number, text in enumerate(SPEND.read_text().splitlines(), 1) if text == "    type: float"}
    job = "the job `financial_features_extraction_v1` computes `user_30d_avg_spend` in `user_spend` as double"
    message = f"feature `user_<window_days>d_avg_spend` is float, and {job}; give both one type"
    assert f"{SPEND}:{line}: {message}" in problems(project)


def test_a_model_without_a_group(project: Path) -> None:
    SPEND.unlink()
    assert (
        "configs/jobs/sample_financial_features_job.yaml:1: the job `financial_features_extraction_v1` computes "
        "`user_30d_total_spend` in `user_spend`, which has no feature group; add `registry/feature/user_spend.yaml`"
    ) in problems(project)


def test_a_job_with_faults_stops_sync_with_all_of_them(project: Path) -> None:
    for name in ("sample_financial_features_job", "training_features_job"):
        edit(project / "configs/jobs" / f"{name}.yaml", "UserSpendAggregator", "UserSpendAgregator")
    assert [line.partition(":")[0] for line in problems(project)] == [
        "configs/jobs/sample_financial_features_job.yaml",
        "configs/jobs/training_features_job.yaml",
    ]


def test_jinja_in_the_registry_stays_text(project: Path) -> None:
    edit(SPEND, "owner: data-platform", "owner: \"{{ env_var('HOME') }}\"")
    write_files(open_project(project))
    groups = yaml.safe_load((project / "models/groups.yml").read_text())["groups"]
    owners = [group["owner"]["name"] for group in groups]
    assert [jinja2.Template(owner).render() for owner in owners] == ["data-platform", "{{ env_var('HOME') }}"]
