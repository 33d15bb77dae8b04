"""The wheel in an environment without the checkout, with Spark Connect's client instead of all of Spark."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.wheel import Environment, install_wheel

pytestmark = pytest.mark.slow
PACKAGE = "dbt_packages/feature_platform_macros"
SAMPLE = "configs/jobs/sample_financial_features_job.yaml"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return install_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def shop(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    environment.good("fpjob", "init", "shop", cwd=folder)
    return folder / "shop"


def test_the_project_has_no_copy_of_a_macro(environment: Environment, shop: Path) -> None:
    assert [*shop.glob("macros/*"), *shop.glob("tests/*")] == []
    assert (shop / PACKAGE).readlink().is_relative_to(environment.folder)


@pytest.fixture(scope="module")
def clone(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Git has of the project."""
    clone = tmp_path_factory.mktemp("git") / "clone"
    left_out = shutil.ignore_patterns(*(line.rstrip("/") for line in (shop / ".gitignore").read_text().split()))
    shutil.copytree(shop, clone, symlinks=True, ignore=left_out)
    return clone


@pytest.fixture(scope="module")
def printed(environment: Environment, clone: Path) -> dict[str, str]:
    """What the commands of the workflow print in the clone, without that which installs."""
    steps = yaml.safe_load((clone / ".github/workflows/features.yml").read_text())["jobs"]["features"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands[0] == "python -m pip install -r requirements.txt"
    wheel = (clone / "requirements.txt").read_text().splitlines()[-1]
    assert Path(wheel).name in {path.name for path in (environment.folder.parent / "wheels").iterdir()}
    return {command: environment.shell(command, cwd=clone) for command in commands[1:]}


def test_each_command_of_the_workflow_runs_in_a_clone(printed: dict[str, str]) -> None:
    """Also plain dbt, because a command of `fpjob` has linked the macros by then."""
    assert "3 of 3 feature tables computed" in printed[f"fpjob run {SAMPLE}"]
    assert "ERROR=0" in printed["dbt build --select tag:financial"]


def test_the_hooks_before_a_commit_run_what_the_workflow_runs(shop: Path) -> None:
    workflow = (shop / ".github/workflows/features.yml").read_text()
    [local] = yaml.safe_load((shop / ".pre-commit-config.yaml").read_text())["repos"]
    assert len(local["hooks"]) == 3
    assert [each["entry"] for each in local["hooks"] if f"run: {each['entry']}" not in workflow] == []


def test_a_transformer_outside_of_a_project_finds_the_macros(environment: Environment, tmp_path: Path) -> None:
    code = (
        "import pandas as pd; from feature_platform_py import get_transformer;"
        "params = {'user_id_col': 'u', 'amount_col': 'a', 'category_col': 'c', 'target_category_value': 'x'};"
        "print(get_transformer('UserCategoricalSpendAggregator', params)"
        ".apply(pd.DataFrame({'u': [1, 1], 'a': [2, 3], 'c': ['x', 'x']}))['user_total_spend_x'].tolist())"
    )
    assert environment.good("python", "-c", code, cwd=tmp_path).stdout.strip() == "[Decimal('5'), Decimal('5')]"


@pytest.mark.usefixtures("printed")
def test_jvm_spark_is_an_extra_that_the_error_names(environment: Environment, clone: Path) -> None:
    """The tables that the workflow has built are not thrown away as what the engine cannot read."""
    tables = {path: path.stat().st_mtime_ns for path in (clone / "warehouse" / "features").rglob("*")}
    assert len(tables) > 10
    run = environment.run("fpjob", "run", SAMPLE, "--target", "spark", "--full-refresh", cwd=clone)
    assert run.stderr.splitlines()[-1] == (
        "engine `spark`: JVM Spark is an extra, which is not installed; install it beside this package: python -m pip install"
        " 'pyspark[connect]==4.1.3'"
    )
    assert run.returncode == 2
    assert {path: path.stat().st_mtime_ns for path in (clone / "warehouse" / "features").rglob("*")} == tables
