"""Read the connection to a Databricks workspace from the environment; the token is never shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from feature_platform_py.core.errors import ConfigurationError

HOST, SERVER_HOSTNAME, TOKEN, CLUSTER_ID, HTTP_PATH = (
    "DATABRICKS_HOST",
    "DATABRICKS_SERVER_HOSTNAME",
    "DATABRICKS_TOKEN",
    "DATABRICKS_CLUSTER_ID",
    "DATABRICKS_HTTP_PATH",
)
_HOST_SHAPE = (r"(https?://)?[A-Za-z0-9.-]+(:[0-9]{1,5})?/?", "a host such as `adb-1234.5.azuredatabricks.net`")
_SHAPES = {
    HOST: _HOST_SHAPE,
    SERVER_HOSTNAME: _HOST_SHAPE,
    TOKEN: (r"[A-Za-z0-9._~+/=-]+", "an access token on one line"),
    CLUSTER_ID: (r"[A-Za-z0-9_-]+", "a cluster's id such as `0123-456789-abcdefgh`"),
    HTTP_PATH: (r"/?[A-Za-z0-9_./-]+", "a path such as `/sql/1.0/warehouses/abcdef0123456789`"),
}


@dataclass(frozen=True)
class DatabricksConnectionConfig:
    """A workspace, an access token, and a cluster (Databricks Connect), a SQL warehouse, or both.

    `host_variable` is the variable that named the host. `str()` and `repr()` show the token as `**********`.
    """

    host: str
    token: SecretStr
    cluster_id: str | None = None
    http_path: str | None = None
    host_variable: str = HOST

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, *, needs: Sequence[str] = (CLUSTER_ID,)
    ) -> DatabricksConnectionConfig:
        """Return the connection that the environment names.

        `DATABRICKS_HOST` or, as Databricks' SQL connector calls it, `DATABRICKS_SERVER_HOSTNAME` is the host; the others are
        `DATABRICKS_TOKEN`, `DATABRICKS_CLUSTER_ID` and `DATABRICKS_HTTP_PATH`. `needs` are the variables wanted besides host and
        token. Raises one ConfigurationError that names every variable that is missing, or has a value of the wrong shape, and the
        two names of the host where their values differ.
        """
        given = os.environ if environ is None else environ
        values = {name: given.get(name, "").strip() for name in _SHAPES}
        host_variable = HOST if values[HOST] or not values[SERVER_HOSTNAME] else SERVER_HOSTNAME
        wanted = dict.fromkeys((host_variable, TOKEN, *needs))
        missing = [f"{_shown(name)} is missing; expected {_SHAPES[name][1]}" for name in wanted if not values[name]]
        # Do not show the value: it may be a token in the wrong variable.
        wrong = [
            f"`{name}` is not {expected}"
            for name, (pattern, expected) in _SHAPES.items()
            if values[name] and not re.fullmatch(pattern, values[name])
        ]
        if values[HOST] and values[SERVER_HOSTNAME] and _address(values[HOST]) != _address(values[SERVER_HOSTNAME]):
            wrong.append(f"`{HOST}` and `{SERVER_HOSTNAME}` are different hosts; unset one of them")
        if problems := missing + wrong:
            raise ConfigurationError(
                "the environment does not describe a Databricks connection: " + "; ".join(problems)
            )
        return cls(
            host=values[host_variable].rstrip("/"),
            token=SecretStr(values[TOKEN]),
            cluster_id=values[CLUSTER_ID] or None,
            http_path=values[HTTP_PATH] or None,
            host_variable=host_variable,
        )

    @property
    def spark_remote(self) -> SecretStr:
        """The Spark Connect URL of the cluster, with the token."""
        if self.cluster_id is None:
            raise ConfigurationError(f"`{CLUSTER_ID}` is missing; Databricks Connect needs a cluster")
        host = re.sub("^https?://", "", self.host)
        address = host if ":" in host else f"{host}:443"
        settings = f"use_ssl=true;token={self.token.get_secret_value()};x-databricks-cluster-id={self.cluster_id}"
        return SecretStr(f"sc://{address}/;{settings}")


def _shown(name: str) -> str:
    return f"`{HOST}` or `{SERVER_HOSTNAME}`" if name == HOST else f"`{name}`"


def _address(host: str) -> str:
    return host.removeprefix("https://").rstrip("/").lower()
