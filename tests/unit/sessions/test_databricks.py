"""A Databricks connection comes from the environment, and never shows its token."""

from __future__ import annotations

import traceback

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.sessions.databricks import HTTP_PATH, DatabricksConnectionConfig

TOKEN = "dapi0123456789"
COMPLETE = {
    "DATABRICKS_HOST": "https://adb-1.2.azuredatabricks.net/",
    "DATABRICKS_TOKEN": TOKEN,
    "DATABRICKS_CLUSTER_ID": "0123-456789-abc",
}


def test_the_url_of_databricks_connect() -> None:
    url = DatabricksConnectionConfig.from_env(COMPLETE).spark_remote.get_secret_value()
    assert url == (
        f"sc://adb-1.2.azuredatabricks.net:443/;use_ssl=true;token={TOKEN};x-databricks-cluster-id=0123-456789-abc"
    )


def test_the_token_is_masked() -> None:
    config = DatabricksConnectionConfig.from_env(COMPLETE)
    shown = f"{config} {config!r} {config.spark_remote} {config.spark_remote!r}"
    assert TOKEN not in shown
    assert "**********" in shown


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        DatabricksConnectionConfig.from_env({}, needs=(HTTP_PATH,))
    assert str(error.value) == (
        "the environment names no Databricks connection: "
        "`DATABRICKS_HOST` is missing; expected a host such as `adb-1234.5.azuredatabricks.net`; "
        "`DATABRICKS_TOKEN` is missing; expected an access token on one line; "
        "`DATABRICKS_HTTP_PATH` is missing; expected a path such as `/sql/1.0/warehouses/abcdef0123456789`"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABRICKS_HOST", "host/;token=other"),
        ("DATABRICKS_HOST", f"https://{TOKEN}@host"),
        ("DATABRICKS_TOKEN", "two lines\nof text"),
        ("DATABRICKS_CLUSTER_ID", "a;user_id=b"),
    ],
)
def test_a_value_of_another_shape_is_refused_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        DatabricksConnectionConfig.from_env({**COMPLETE, name: value})
    assert f"`{name}` is not" in str(error.value)
    assert value not in "".join(traceback.format_exception(error.value))


def test_a_token_that_would_end_its_place_in_the_url_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="`DATABRICKS_TOKEN` is not"):
        DatabricksConnectionConfig.from_env({**COMPLETE, "DATABRICKS_TOKEN": f"{TOKEN};user_id=other"})


def test_without_a_cluster_there_is_no_url() -> None:
    config = DatabricksConnectionConfig.from_env({**COMPLETE, "DATABRICKS_CLUSTER_ID": ""}, needs=())
    with pytest.raises(ConfigurationError, match="`DATABRICKS_CLUSTER_ID` is missing"):
        _ = config.spark_remote
