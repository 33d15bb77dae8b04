"""The pytest plugin: fixtures with a session and a warehouse. pytest loads it in every run, so heavy imports are inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from feature_platform_py.warehouse.warehouse import Warehouse


@pytest.fixture(scope="session")
def feature_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Give a session of the embedded engine over a temporary warehouse, the same for all tests of a run."""
    from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager

    with SparkSessionManager(engine="sail", warehouse=tmp_path_factory.mktemp("feature_warehouse")) as session:
        yield session


@pytest.fixture
def feature_warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Give an empty warehouse in the test's `tmp_path`, with a session of its own that stops after the test."""
    from feature_platform_py.warehouse.session import close_warehouse, open_warehouse

    folder = tmp_path / "feature_warehouse"
    yield open_warehouse("sail", folder)
    close_warehouse("sail", folder)
