"""A Databricks connection comes from the environment, and never shows its token."""

from __future__ import annotations

import traceback
from contextvars import copy_context
from pathlib import Path

import pytest
import yaml

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.sessions.databricks import HTTP_PATH, DatabricksConnectionConfig

ROOT = Path(__file__).parents[3]
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
        "the environment does not describe a Databricks connection: "
        "`DATABRICKS_HOST` or `DATABRICKS_SERVER_HOSTNAME` is missing; expected a host such as `adb-1234.5.azuredatabricks.net`; "
        "`DATABRICKS_TOKEN` is missing; expected an access token on one line; "
        "`DATABRICKS_HTTP_PATH` is missing; expected a path such as `/sql/1.0/warehouses/abcdef0123456789`"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABRICKS_HOST", "host/;token=other"),
        ("DATABRICKS_HOST", f"https://{TOKEN}@host"),
        ("DATABRICKS_SERVER_HOSTNAME", f"https://{TOKEN}@host"),
        ("DATABRICKS_TOKEN", "two lines\nof text"),
        ("DATABRICKS_CLUSTER_ID", "a;user_id=b"),
    ],
)
def test_a_value_of_another_shape_is_refused_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        DatabricksConnectionConfig.from_env({**COMPLETE, name: value})
    assert f"`{name}` is not" in str(error.value)
    assert value not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize(
    ("given", "host", "variable"),
    [
        ({"DATABRICKS_HOST": "a.net"}, "a.net", "DATABRICKS_HOST"),
        ({"DATABRICKS_SERVER_HOSTNAME": "a.net"}, "a.net", "DATABRICKS_SERVER_HOSTNAME"),
        (
            {"DATABRICKS_HOST": " ", "DATABRICKS_SERVER_HOSTNAME": "https://a.net/"},
            "https://a.net",
            "DATABRICKS_SERVER_HOSTNAME",
        ),
        (
            {"DATABRICKS_HOST": "https://A.net/", "DATABRICKS_SERVER_HOSTNAME": "a.net"},
            "https://A.net",
            "DATABRICKS_HOST",
        ),
    ],
)
def test_the_host_has_two_names(given: dict[str, str], host: str, variable: str) -> None:
    config = DatabricksConnectionConfig.from_env({"DATABRICKS_TOKEN": TOKEN, **given}, needs=())
    assert (config.host, config.host_variable) == (host, variable)


@pytest.mark.parametrize("other", ["b.net", "a.net:8443", "http://a.net"])
def test_two_hosts_are_an_error_that_shows_neither(other: str) -> None:
    both = {"DATABRICKS_HOST": "a.net", "DATABRICKS_SERVER_HOSTNAME": other, "DATABRICKS_TOKEN": TOKEN}
    with pytest.raises(ConfigurationError) as error:
        DatabricksConnectionConfig.from_env(both, needs=())
    assert str(error.value) == (
        "the environment does not describe a Databricks connection: "
        "`DATABRICKS_HOST` and `DATABRICKS_SERVER_HOSTNAME` are different hosts; unset one of them"
    )


def host_of_profile(environ: dict[str, str]) -> str:
    """Return the host as dbt renders it in the profile of the target `databricks`."""
    from dbt.config.renderer import ProfileRenderer
    from dbt_common.context import set_invocation_context

    profiles = yaml.safe_load((ROOT / "profiles" / "profiles.yml").read_text(encoding="utf-8"))
    host = profiles["feature_platform"]["outputs"]["databricks"]["host"]

    def rendered() -> str:
        set_invocation_context(environ)
        return str(ProfileRenderer({}).render_value(host))

    return copy_context().run(rendered)


@pytest.mark.parametrize(
    "environ",
    [
        {"DATABRICKS_HOST": "https://a.net/"},
        {"DATABRICKS_SERVER_HOSTNAME": "https://a.net/"},
        {"DATABRICKS_HOST": "https://a.net", "DATABRICKS_SERVER_HOSTNAME": "a.net"},
    ],
)
def test_plain_dbt_takes_either_name_of_the_host(environ: dict[str, str]) -> None:
    assert host_of_profile(environ) == "a.net"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "'DATABRICKS_HOST or DATABRICKS_SERVER_HOSTNAME'"),
        (
            {"DATABRICKS_HOST": "a.net", "DATABRICKS_SERVER_HOSTNAME": "b.net"},
            "'DATABRICKS_HOST or DATABRICKS_SERVER_HOSTNAME, not two different hosts'",
        ),
    ],
)
def test_plain_dbt_refuses_no_host_and_two(environ: dict[str, str], message: str) -> None:
    from dbt.exceptions import EnvVarMissingError

    with pytest.raises(EnvVarMissingError, match=f"Env var required but not provided: {message}"):
        host_of_profile(environ)


def test_a_token_that_would_end_its_place_in_the_url_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="`DATABRICKS_TOKEN` is not"):
        DatabricksConnectionConfig.from_env({**COMPLETE, "DATABRICKS_TOKEN": f"{TOKEN};user_id=other"})


def test_without_a_cluster_there_is_no_url() -> None:
    config = DatabricksConnectionConfig.from_env({**COMPLETE, "DATABRICKS_CLUSTER_ID": ""}, needs=())
    with pytest.raises(ConfigurationError, match="`DATABRICKS_CLUSTER_ID` is missing"):
        _ = config.spark_remote
