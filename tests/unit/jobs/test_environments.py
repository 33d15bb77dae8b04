"""An environment has its schema for itself, and neither takes nor loses what is another's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.jobs.environments import check_environment

PROFILE = """\
shop:
  target: dev
  outputs:
    prod: {type: fpspark, engine: spark, warehouse: PROD, schema: "{{ env_var('FP_SCHEMA', 'features') }}"}
    dev: {type: fpspark, engine: sail, warehouse: warehouse, schema: "{{ env_var('FP_SCHEMA', 'features_dev') }}"}
    cluster: {type: spark, host: one, port: 10000, schema: OTHER}
    copy: {type: spark, host: one, port: 10000, schema: "{{ env_var('FP_SCHEMA', 'features_dev') }}"}
    unknown: {type: duckdb, schema: "{{ target.schema.name }}", host: "{{ 1 + }}"}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FP_SCHEMA", raising=False)
    (tmp_path / "profiles").mkdir()
    return tmp_path


def environment(root: Path, name: str, target: str, *, prod: str = "./warehouse", more: str = "") -> Project:
    (root / "dbt_project.yml").write_text(f"name: shop\n{more}")
    text = PROFILE.replace("PROD", prod).replace("OTHER", "\"{{ env_var('FP_SCHEMA', 'features') }}\"")
    (root / "profiles" / "profiles.yml").write_text(text)
    return open_project(root, target=target).in_schema(name)


@pytest.mark.parametrize(("target", "other"), [("dev", "prod"), ("copy", "cluster")])
def test_the_schema_of_another_target_of_the_warehouse_is_no_environment(root: Path, target: str, other: str) -> None:
    expected = (
        "`--schema`: expected the name of a schema for this environment alone, given `features`, which has the tables of the target"
        f" `{other}`, unless `production_schema` in `dbt_project.yml` makes that an environment; name another one"
    )
    with pytest.raises(ConfigurationError) as error:
        check_environment(environment(root, "features", target))
    assert str(error.value) == expected


def test_the_schema_of_another_target_as_a_variable_is_no_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(root, "features", "dev")
    monkeypatch.setenv("FP_SCHEMA", "features")
    with pytest.raises(ConfigurationError, match="which has the tables of the target `prod`"):
        check_environment(open_project(root))


def test_a_schema_of_its_own_is_an_environment_beside_other_targets(root: Path) -> None:
    check_environment(environment(root, "dev_anna", "dev"))
    # Another warehouse has a schema of that name.
    check_environment(environment(root, "features", "dev", prod="elsewhere"))
    # The project says that the other target is an environment.
    check_environment(environment(root, "features", "dev", more="vars: {production_schema: features_dev}\n"))


def test_production_in_the_schema_of_an_environments_sources_is_kept(root: Path) -> None:
    project = environment(root, "dev_anna", "dev", prod="elsewhere")
    project = replace(project, target=replace(project.target, production="sources__dev_anna"))
    with pytest.raises(
        ConfigurationError, match="given `dev_anna`, whose schema `sources__dev_anna` has production's tables"
    ):
        check_environment(project)
