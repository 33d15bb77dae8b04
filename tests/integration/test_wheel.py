"""The wheel in an environment without the checkout, with Spark Connect's client instead of all of Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wheel import Environment, install_wheel

pytestmark = pytest.mark.slow
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
    assert "20 of 49,102 rows shown" in run.stderr


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
