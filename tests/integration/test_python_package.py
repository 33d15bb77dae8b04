"""The package as a program imports it: at once, by its names, and fully typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import feature_platform_py
import feature_platform_py.testing
from tests.conftest import ROOT

SCRIPT = """\
from pathlib import Path
from typing import Annotated

from pyspark.sql import DataFrame

from feature_platform_py import (
    ColumnName,
    Columns,
    DatabricksConnectionConfig,
    DatabricksSQLSource,
    FeatureTransformer,
    Job,
    OutputColumn,
    Reads,
    Result,
    SparkSessionManager,
    SparkSource,
    UserSpendAggregator,
    WindowAggregator,
    features_at,
    get_transformer,
    register_transformer,
)
from feature_platform_py.testing import assert_features_equal, edge_case_rows


@register_transformer
class Doubled(FeatureTransformer):
    amount_col: Annotated[ColumnName, Reads("amount", "number")]
    output_col: str = "doubled"

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        return (OutputColumn(self.output_col, "double", description="Twice the amount."),)

    def transform(self, dataframe: DataFrame) -> DataFrame:
        return dataframe.withColumn(self.output_col, dataframe[self.amount_col].cast("double") * 2)


def spend(path: Path) -> DataFrame:
    with SparkSessionManager() as session:
        rows = SparkSource(str(path), format="csv", options={"header": "true"}).read(session)
        aggregator = UserSpendAggregator(
            user_id_col="user_id", timestamp_col="timestamp", amount_col="amount", window_days=(7, 30)
        )
        return Doubled(amount_col="amount").apply(get_transformer("WithGreeting").apply(aggregator.apply(rows)))


def keys_of(windows: WindowAggregator) -> tuple[str, ...]:
    return windows.keys


def totals() -> list[str]:
    job = Job("configs/jobs/sample_financial_features_job.yaml")
    report = job.run(full_refresh=True)
    assert_features_equal(job.result(), job.result(), keys=["transaction_id"])
    return [node.name for node in report.nodes] + list(job.work())


def labelled(labels: DataFrame) -> Result:
    result = features_at(
        labels, features=["customer_spend.*"], event_time="decided_at", entities={"customer": ["user_id"]}
    )
    assert result.proof and result.proof.value["rows"]
    # A result gives a frame of Spark, as such a frame does.
    ages: DataFrame = get_transformer("SimpleAgeCalculator", {"birthdate_col": "birthdate"}).apply(result)
    return features_at(ages.toArrow(), features=[{"group": "customer_profile"}], event_time="decided_at")


def payments() -> int:
    connection = DatabricksConnectionConfig.from_env(needs=("DATABRICKS_HTTP_PATH",))
    source = DatabricksSQLSource("select :one as one", {"one": 1}, connection=connection)
    return len(source.columns()) + len(edge_case_rows().rows)
"""
# What the package's names have as types; all else that its modules import would take half a minute to read.
MYPY = """\
[mypy]
follow_imports = skip
[mypy-feature_platform_py.*,pyspark.*,pyarrow.*,pydantic.*]
follow_imports = silent
"""


def test_importing_the_package_imports_nothing_heavy() -> None:
    program = (
        "import sys, feature_platform_py\n"
        "print(sorted({'pyspark', 'dbt', 'pandas', 'pyarrow', 'pydantic', 'yaml'} & set(sys.modules)))\n"
        "for name in feature_platform_py.__all__: getattr(feature_platform_py, name)\n"
        "print(sorted({'pyspark', 'dbt', 'pandas', 'pyarrow', 'databricks'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"]


def test_every_name_is_there_and_no_other() -> None:
    assert dir(feature_platform_py) == sorted(feature_platform_py.__all__)
    assert all(hasattr(feature_platform_py, name) for name in dir(feature_platform_py))
    assert not [name for name in dir(feature_platform_py) if name.startswith("_")]
    assert not hasattr(feature_platform_py, "UserSpendAgregator")


def test_the_testing_kit_lists_its_own_names_only() -> None:
    assert dir(feature_platform_py.testing) == sorted(feature_platform_py.testing.__all__)


def test_a_users_script_is_typed_strictly(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "mypy.ini").write_text(MYPY)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=mypy.ini", "script.py"]
    # mypy does not see what an editable install adds to the path, and is silent on the inside of installed packages.
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "feature_platform_py").symlink_to(ROOT / "feature_platform_py")
    environment = {**os.environ, "MYPYPATH": str(tmp_path / "site")}
    done = subprocess.run(mypy, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Success: no issues found in 1 source file", done.stdout
    assert (ROOT / "feature_platform_py" / "py.typed").is_file()
