"""Open the connector to a SQL warehouse, with limits on waiting."""

from __future__ import annotations

import logging
import re
import socket
import urllib.request
from dataclasses import dataclass
from typing import Any

from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.extras import install_command
from feature_platform_py.sessions.databricks import HTTP_PATH, DatabricksConnectionConfig

_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
# Without any handler, Python would print the connector's log of failures that this module explains.
_SILENCE = logging.NullHandler()
_RETRIES_OF_A_REQUEST = 2
_SECONDS_TO_REACH = 10.0


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds, and how often to try again.

    `request` limits the wait for a connection and for each answer of the server, `query` the run of the query. A failed
    connection is tried `attempts` times in all, after `first_delay` seconds, twice that, and so on up to half a minute. While
    the server reports that it is starting, it is tried for `start` seconds.
    """

    request: float = 180.0
    query: float = 3600.0
    attempts: int = 5
    first_delay: float = 1.0
    start: float = 0.0

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after the attempt, counted from 1."""
        return min(30.0, self.first_delay * 2.0 ** (attempt - 1))


def connect(config: DatabricksConnectionConfig, patience: Patience) -> Any:
    """Return a connection of the connector; failures are the connector's own exceptions."""
    from databricks import sql

    path = (config.http_path or "").lstrip("/")
    # The connector puts `https://` before any other host.
    address = {"_connection_uri": f"{config.host}/{path}"} if config.host.startswith("http://") else {}
    host, _, port = re.sub("^https?://", "", config.host).partition(":")
    return sql.connect(
        server_hostname=host,
        http_path=path,
        access_token=config.token.get_secret_value(),
        _port=int(port or 443),
        **address,
        enable_telemetry=False,
        user_agent_entry="feature-platform",
        max_download_threads=4,
        _socket_timeout=patience.request,
        _retry_stop_after_attempts_count=_RETRIES_OF_A_REQUEST,
        # Do not repeat a request whose time is up.
        _retry_stop_after_attempts_duration=patience.request,
        _retry_delay_min=min(1.0, max(0.1, patience.first_delay)),
        _retry_delay_max=5.0,
        _retry_delay_default=1.0,
    )


def import_connector() -> None:
    """Raise ConfigurationError if the connector is not installed."""
    try:
        import databricks.sql  # noqa: F401
    except ImportError:
        missing = True
    else:
        missing = False
        logging.getLogger("databricks.sql").addHandler(_SILENCE)
    if missing:
        raise ConfigurationError(
            "Databricks is reached through its connector, which is not installed; install it beside this package: "
            + install_command("databricks")
        )


def check_address(config: DatabricksConnectionConfig) -> None:
    """Raise ConfigurationError if the address would expose the token, or does not name a warehouse."""
    if not config.http_path:
        raise ConfigurationError(f"`{HTTP_PATH}` is missing; a query needs a SQL warehouse")
    if config.host.startswith("http://") and not _LOOPBACK.fullmatch(config.host):
        raise ConfigurationError(
            f"`{config.host_variable}` starts with http://, which would expose the token to the network; use https://"
        )


def check_reachable(config: DatabricksConnectionConfig) -> None:
    """Raise EngineError if the host accepts no connection; skip the check behind a proxy."""
    if "https" in urllib.request.getproxies():
        return
    host, _, port = re.sub("^https?://", "", config.host).partition(":")
    try:
        socket.create_connection((host, int(port or 443)), timeout=_SECONDS_TO_REACH).close()
    except OSError as error:
        why = error.strerror or f"no answer within {_SECONDS_TO_REACH:g} s"
        message = f"{config.host}: expected a workspace, but no server answers ({why}); check `{config.host_variable}` and the network"
    else:
        return
    raise EngineError(message)
