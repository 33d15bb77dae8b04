"""A project knows its schema, and whether that is an environment's."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project, check_schema_is_read, open_project
from feature_platform_py.sinks.delta_table import DeltaTable
from feature_platform_py.sinks.parquet_files import ParquetFiles

FROM_ENVIRONMENT = "\"{{ env_var('FP_SCHEMA', 'features') }}\""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FP_SCHEMA", raising=False)
    (tmp_path / "profiles").mkdir()
    return tmp_path


def project(root: Path, schema: str, *, variables: str = "") -> Project:
    (root / "dbt_project.yml").write_text(f"name: x\n{variables}")
    output = f"{{type: fpspark, engine: sail, schema: {schema}}}"
    (root / "profiles" / "profiles.yml").write_text(f"x:\n  target: local\n  outputs:\n    local: {output}\n")
    return open_project(root)


def test_production_keeps_its_folders(root: Path) -> None:
    found = project(root, FROM_ENVIRONMENT)
    assert (found.target.schema, found.target.environment) == ("features", None)
    assert found.notes == root / "warehouse" / ".running"
    assert (found.caches, found.logs) == (root / "target" / "jobs", root / "logs")


def test_the_environment_variable_names_an_environment_with_folders_of_its_own(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FP_SCHEMA", "dev_anna")
    found = project(root, FROM_ENVIRONMENT)
    assert (found.target.environment, found.target.production) == ("dev_anna", "features")
    assert found.notes == root / "warehouse" / ".environments" / "dev_anna" / "running"
    assert found.caches == root / "target" / "environments" / "dev_anna"
    assert found.production.target.environment is None
    check_schema_is_read(found.production)


def test_a_profile_with_another_schema_is_an_environment_if_the_project_says_so(root: Path) -> None:
    assert project(root, "dev_anna").target.environment is None
    found = project(root, "dev_anna", variables="vars: {production_schema: features}\n")
    assert (found.target.environment, found.target.production) == ("dev_anna", "features")
    with pytest.raises(ConfigurationError, match=r"write `schema: \"\{\{ env_var\('FP_SCHEMA', 'features'\) \}\}\"`"):
        check_schema_is_read(found.production)


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("shop.spend", "dev_shop.spend"),
        ("main.shop.spend", "main.dev_shop.spend"),
        ("spend", "spend"),
        ("output/spend", "output/dev/spend"),
        ("s3://bucket/spend/", "s3://bucket/dev/spend"),
        ("/exports/spend", "/exports/dev/spend"),
    ],
)
def test_a_sink_has_a_place_of_its_own_in_an_environment(path: str, there: str) -> None:
    assert DeltaTable(path=path, mode="overwrite").in_environment("dev").path == there


def test_a_folder_whose_name_looks_like_a_tables_is_a_folder_there_too() -> None:
    assert ParquetFiles(path="shop.spend", mode="overwrite").in_environment("dev").path == "dev/shop.spend"
