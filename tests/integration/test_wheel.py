"""The wheel in an environment without the checkout, with Spark Connect's client instead of all of Spark."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

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


def test_a_wheel_writes_a_project_that_runs(environment: Environment, shop: Path) -> None:
    run = environment.good("fpjob", "run", SAMPLE, cwd=shop)
    assert "3 of 3 feature tables computed" in run.stderr
    assert "20 of 49,102 rows shown" in run.stderr


def test_the_project_has_no_copy_of_a_macro(environment: Environment, shop: Path) -> None:
    assert [*shop.glob("macros/*"), *shop.glob("tests/*")] == []
    assert (shop / PACKAGE).readlink().is_relative_to(environment.folder)


def test_plain_dbt_works_in_a_clone_after_one_command(environment: Environment, shop: Path, tmp_path: Path) -> None:
    environment.good("fpjob", "run", SAMPLE, cwd=shop)
    clone = tmp_path / "clone"
    # What Git has of the project, and its tables.
    left_out = shutil.ignore_patterns("dbt_packages", "target", "logs")
    shutil.copytree(shop, clone, symlinks=True, ignore=left_out)
    environment.good("fpjob", "registry", "sync", "--check", cwd=clone)
    select = "financial_features_extraction_v1__user_spend"
    built = environment.good("dbt", "build", "--select", select, "--warn-error", cwd=clone)
    assert "PASS=" in built.stdout and "ERROR=0" in built.stdout
    # The macro that reads the package's hook has registered the source.
    assert "user_spend" in environment.good("fpjob", "plan", SAMPLE, cwd=clone).stdout


def test_a_transformer_outside_of_a_project_finds_the_macros(environment: Environment, tmp_path: Path) -> None:
    code = (
        "import pandas as pd; from feature_platform_py import get_transformer;"
        "params = {'user_id_col': 'u', 'amount_col': 'a', 'category_col': 'c', 'target_category_value': 'x'};"
        "print(get_transformer('UserCategoricalSpendAggregator', params)"
        ".apply(pd.DataFrame({'u': [1, 1], 'a': [2, 3], 'c': ['x', 'x']}))['user_total_spend_x'].tolist())"
    )
    assert environment.good("python", "-c", code, cwd=tmp_path).stdout.strip() == "[Decimal('5'), Decimal('5')]"


def test_jvm_spark_is_an_extra_that_the_error_names(environment: Environment, shop: Path) -> None:
    environment.good("fpjob", "run", SAMPLE, cwd=shop)
    run = environment.run("fpjob", "run", SAMPLE, "--target", "spark", "--full-refresh", cwd=shop)
    told = run.stderr.splitlines()[-1]
    assert told == (
        "engine `spark`: JVM Spark is an extra, which is not installed; install it beside this package: python -m pip install"
        " 'pyspark[connect]==4.1.3'"
    )
    assert run.returncode == 2
    assert "nothing new" in environment.good("fpjob", "run", SAMPLE, cwd=shop).stderr
