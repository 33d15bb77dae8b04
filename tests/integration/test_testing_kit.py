"""The testing kit in the hands of a user: its fixtures in a test file, its rows and comparison on a session."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from feature_platform_py.testing import assert_features_equal, edge_case_frame, edge_case_rows
from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[2]
USER_TEST = """
from pathlib import Path

import pytest

from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.testing import assert_features_equal, edge_case_frame

seen = []


def test_session_runs_sql(feature_session):
    seen.append(feature_session)
    frame = edge_case_frame(feature_session, window_days=7)
    assert_features_equal(frame.limit(0), [])
    assert frame.where("`edge_case` = 'alone'").count() == 1


def test_session_is_the_same_for_all_tests(feature_session, feature_warehouse):
    assert seen == [feature_session]
    assert feature_warehouse.spark is not feature_session


def test_warehouse_keeps_tables_in_tmp_path(feature_warehouse, tmp_path):
    seen.append(feature_warehouse)
    feature_warehouse.write_table(TableName("made", "numbers"), feature_warehouse.spark.range(3))
    assert (tmp_path / "feature_warehouse" / "made" / "numbers").is_dir()
    assert feature_warehouse.spark.table("made.numbers").count() == 3


def test_warehouse_is_empty_in_each_test_and_closed_after(feature_warehouse):
    assert feature_warehouse.schemas() == []
    assert seen[-1].spark.is_stopped
"""


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    with SparkSessionManager("sail", tmp_path_factory.mktemp("warehouse")) as session:
        yield session


@pytest.fixture
def installed_plugin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry point of pyproject.toml where pytest finds it, as it does once the package is installed."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    entries = "".join(f"{name} = {value}\n" for name, value in pyproject["project"]["entry-points"]["pytest11"].items())
    metadata = pytester.mkdir("site") / "feature_platform_in_tests-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: feature-platform-in-tests\nVersion: 0\n")
    (metadata / "entry_points.txt").write_text(f"[pytest11]\n{entries}")
    monkeypatch.setenv("PYTHONPATH", f"{metadata.parent}:{ROOT}")


@pytest.mark.usefixtures("installed_plugin")
def test_the_fixtures_work_in_a_users_test_file(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(USER_TEST)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=4)


def test_the_plugin_imports_nothing_heavy() -> None:
    code = "import sys, feature_platform_py.testing.plugin; print({'pyspark', 'pandas', 'dbt', 'pyarrow'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout == "set()\n"


def test_edge_cases_come_through_the_engine_as_they_are(spark: SparkSession) -> None:
    rows, _ = edge_case_rows(window_days=[1, 30], seed=3)
    frame = edge_case_frame(spark, window_days=[1, 30], seed=3)
    assert_features_equal(frame, rows)
    assert [field.dataType.simpleString() for field in frame.schema] == [
        "bigint",
        "timestamp",
        "decimal(28,6)",
        "string",
        "string",
    ]


def test_frames_arrow_pandas_and_rows_of_one_table_are_equal(spark: SparkSession) -> None:
    frame = spark.sql("select 1L as a, cast(1.5 as decimal(4, 2)) as b, timestamp'2024-01-01' as c, double('NaN') as d")
    for other in (frame, frame.toArrow(), frame.toPandas(), frame.toArrow().to_pylist()):
        assert_features_equal(frame, other, keys="a")
        assert_features_equal(other, frame)


def test_types_of_frames_are_compared(spark: SparkSession) -> None:
    with pytest.raises(AssertionError, match="column `a` is int, expected bigint"):
        assert_features_equal(spark.sql("select 1 as a"), spark.sql("select 1L as a"))


def test_a_window_that_is_off_by_a_microsecond_is_found(spark: SparkSession) -> None:
    edge_case_frame(spark, window_days=7).createOrReplaceTempView("cases")
    sql = """
        select one.user_id, count(*) as events
        from cases as one
        inner join cases as other on one.user_id = other.user_id and other.timestamp <= one.timestamp
        where one.edge_case like '%looks 7 days back' and other.timestamp {} one.timestamp - interval 7 days
        group by one.user_id
    """
    with pytest.raises(AssertionError, match="    events: 3, expected 2"):
        assert_features_equal(spark.sql(sql.format(">=")), spark.sql(sql.format(">")), keys="user_id")
