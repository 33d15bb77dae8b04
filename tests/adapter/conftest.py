"""Fixtures of dbt's own adapter tests, pointed at one warehouse in a temporary folder.

All test classes share it and its session; dbt's fixtures give each class a schema of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbt.tests.fixtures.project import *  # noqa: F403


@pytest.fixture(scope="session")
def warehouse_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the one warehouse."""
    return tmp_path_factory.mktemp("warehouse")


@pytest.fixture(scope="class")
def dbt_profile_target(warehouse_folder: Path) -> dict[str, Any]:
    """The profile's target."""
    return {"type": "fpspark", "engine": "sail", "warehouse": str(warehouse_folder), "threads": 4}


@pytest.fixture(scope="class")
def logs_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A folder for dbt's logs outside of the project."""
    folder = tmp_path_factory.mktemp("logs")
    os.environ["DBT_LOG_PATH"] = str(folder)
    yield str(folder)
    del os.environ["DBT_LOG_PATH"]
