"""A workspace on the loopback address with the bank's tables, and a copy of the project whose target `databricks` is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databricks.workspace import Workspace, connect_profile

SECRET = "dapi0123456789abcdef"


@pytest.fixture(scope="module")
def workspace(module_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The workspace that the environment names for all tests of a module."""
    connect_profile(module_project)
    with Workspace(tmp_path_factory.mktemp("workspace") / "lakehouse") as served, pytest.MonkeyPatch.context() as patch:
        served.load_sources(module_project)
        for name, value in served.environment(SECRET).items():
            patch.setenv(name, value)
        patch.delenv("DATABRICKS_CATALOG", raising=False)
        yield served
