"""What dbt's environment variables say changes no run of a job; plain dbt heeds them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pyarrow.dataset
import pytest
from dbt.adapters.base.impl import DEFAULT_BASE_BEHAVIOR_FLAGS
from dbt.adapters.spark.impl import SparkAdapter
from dbt.cli.main import cli

from feature_platform_py.core.dbt_invocation import invoke_dbt
from feature_platform_py.core.errors import EngineError
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.runs.dbt import DbtRun
from feature_platform_py.runs.run import check_is_built
from tests.conftest import Fpjob, reword

JOB = """
job_name: shop
input_source: {source_type: spark, config: {location: shop.csv, format: csv, options: {header: true}}}
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: who, timestamp_col: at, amount_col: amount}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/shop}}
"""
# Each of them left out rows, models or tests, took old tables for new ones, or stopped the run.
HOSTILE = {
    "DBT_EMPTY": "1",
    "DBT_ENGINE_EMPTY": "1",
    "DBT_RESOURCE_TYPES": "test",
    "DBT_EXCLUDE_RESOURCE_TYPES": "model",
    "DBT_FULL_REFRESH": "1",
    "DBT_FAIL_FAST": "1",
    "DBT_INDIRECT_SELECTION": "empty",
    "DBT_DEFER": "1",
    "DBT_FAVOR_STATE": "1",
    "DBT_STATE": "nowhere",
    "DBT_SAMPLE": "1 day",
    "DBT_EVENT_TIME_START": "2024-01-02",
    "DBT_EVENT_TIME_END": "2024-01-03",
    "DBT_WARN_ERROR": "1",
    "DBT_WRITE_JSON": "1",
    "DBT_TARGET_PATH": "elsewhere",
    "DBT_LOG_PATH": "elsewhere",
    "DBT_PROFILES_DIR": "nowhere",
    "DBT_PROJECT_DIR": "nowhere",
    "DBT_PROFILE": "another",
    "DBT_TARGET": "another",
    "DBT_QUIET": "1",
    "DBT_PARTIAL_PARSE": "0",
    "DBT_PARTIAL_PARSE_FILE_PATH": "nowhere",
    "DBT_POPULATE_CACHE": "0",
    "DBT_STORE_FAILURES": "1",
    "DBT_NO_PRINT": "1",
    "DBT_SINGLE_THREADED": "1",
    "DBT_RECORDER_MODE": "replay",
    "DBT_RECORDER_FILE_PATH": "nowhere",
}


def _options(command: click.Command) -> Iterator[click.Parameter]:
    yield from command.params
    for subcommand in getattr(command, "commands", {}).values():
        yield from _options(subcommand)


def _variables() -> list[str]:
    named = [option.envvar for option in _options(cli) if option.envvar]
    return sorted({name for each in named for name in ([each] if isinstance(each, str) else each)})


def _write(project: Path, *amounts: str) -> None:
    rows = [f"a,2024-01-0{day} 10:00:00,{amount}" for day, amount in enumerate(amounts, start=1)]
    (project / "shop.csv").write_text("\n".join(["who,at,amount", *rows]) + "\n")


def _spends(project: Path) -> list[float]:
    rows = pyarrow.dataset.dataset(project / "output" / "shop").to_table().sort_by("at").to_pylist()
    return [float(row["user_30d_total_spend"]) for row in rows]


@pytest.fixture
def shop(project: Path) -> Path:
    _write(project, "1.50", "2.50")
    (project / "shop.yaml").write_text(JOB)
    return project


def test_no_variable_of_a_dbt_option_reaches_dbt(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    def see(command: click.Command, context: click.Context) -> tuple[None, bool]:
        if context.parent is not None:
            seen.append(context.params | context.parent.params)
        return None, True

    # What dbt makes of its command line, and nothing more: a hundred runs take minutes.
    monkeypatch.setattr(click.Command, "invoke", see)
    invoke_dbt(["build"])
    variables = _variables()
    assert {"DBT_EMPTY", "DBT_ENGINE_EMPTY", "DBT_RESOURCE_TYPES", "DBT_STATE"} <= set(variables)
    for variable in variables:
        with monkeypatch.context() as patch:
            patch.setenv(variable, HOSTILE.get(variable, "1"))
            invoke_dbt(["build"])
    assert len(seen) == len(variables) + 1
    assert [values for values in seen if values != seen[0]] == []


def test_a_run_under_hostile_variables_is_the_run_without_them(
    shop: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    outcome = fpjob("run", "shop.yaml")
    assert outcome.status == 0, outcome.stderr
    assert _spends(shop) == [1.5, 4.0]
    _write(shop, "1.50", "2.50", "3.00")
    assert "2024-01 changed" in fpjob("plan", "shop.yaml").stdout
    outcome = fpjob("run", "shop.yaml")
    assert outcome.status == 0, outcome.stderr
    assert _spends(shop) == [1.5, 4.0, 7.0]
    assert not (shop / "elsewhere").exists()
    # The tests were run, all of them.
    assert "tests passed" in outcome.stderr.splitlines()[-1]
    assert " 0 tests passed" not in outcome.stderr
    assert "full refresh" not in outcome.stderr
    assert os.environ["DBT_EMPTY"] == "1"


def test_flags_of_the_project_file_leave_out_no_test_and_a_profile_may_use_a_variable_of_an_option(
    shop: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, profile = shop / "dbt_project.yml", shop / "profiles" / "profiles.yml"
    settings.write_text(
        settings.read_text().replace("flags:\n", "flags:\n  indirect_selection: empty\n  fail_fast: true\n")
    )
    reword(profile, "env_var('FP_SCHEMA', 'features')", "env_var('DBT_HOST')")
    monkeypatch.setenv("DBT_HOST", "of_variable")
    outcome = fpjob("run", "shop.yaml")
    assert outcome.status == 0, outcome.stderr
    assert " 0 tests passed" not in outcome.stderr
    assert (shop / "warehouse" / "of_variable" / "shop__user_spend").is_dir()


def test_a_model_that_dbt_left_out_is_an_error(shop: Path) -> None:
    project = open_project(shop)
    with pytest.raises(EngineError, match="dbt did not build `stg_job_input`, `user_spend`, `job_features`") as raised:
        check_is_built(prepare_job(shop / "shop.yaml", project), DbtRun((), shop / "dbt.log"), project)
    assert "the sink was not written" in str(raised.value)


def test_adapters_add_their_flags_to_no_later_call(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flag = {"name": "of_the_adapter", "default": True, "description": "As those of Databricks."}
    # Set on the base, because dbt loads the adapter's own module.
    monkeypatch.setattr(SparkAdapter, "_behavior_flags", property(lambda _: [flag]))
    known = list(DEFAULT_BASE_BEHAVIOR_FLAGS)
    for _ in range(2):
        assert invoke_dbt(["parse", "--quiet", "--profiles-dir", "profiles"]).success
        assert known == DEFAULT_BASE_BEHAVIOR_FLAGS


def test_plain_dbt_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_EMPTY", "1")
    invoke_dbt(["build", "--help"])
    assert cli.commands["build"].make_context("build", []).params["empty"] is True
