"""Run statements in a session of a Spark Thrift server, with limits on waiting; failures are one line without the password."""

from __future__ import annotations

import logging
import re
import socket
import time
from ast import literal_eval
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.extras import install_command
from feature_platform_py.core.text import MASK, without_stack_trace
from feature_platform_py.sessions.thrift import ThriftConnectionConfig
from feature_platform_py.sources.connector_errors import QueryRefusedError, causes

_SECONDS_TO_REACH = 10.0
_SECONDS_TO_OPEN = 20.0
# The server answers within 5 s that a statement still runs, and has the rows of a finished one at hand.
_SECONDS_TO_ANSWER = 120.0
_ROWS_OF_COMMANDS = 100_000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_REFUSED_LOGIN = re.compile(r"Bad status: \d+ \((?P<why>.*)\)|Error validating the login", re.DOTALL)
_BYTES = re.compile(r"""b(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
_SILENCE = logging.NullHandler()


class ThriftSession:
    """An open session. A statement that the server refuses raises QueryRefusedError, a lost connection EngineError."""

    def __init__(self, config: ThriftConnectionConfig, connection: Any) -> None:
        self._config = config
        self._connection = connection

    @contextmanager
    def run(self, statement: str) -> Iterator[Any]:
        """Run a statement to its end; the block may fetch the rows of the operation that it gets."""
        with self._explained():
            handle = self._started(statement)
        try:
            with self._explained():
                self._wait_for(handle)
            yield handle
        finally:
            with suppress(Exception):
                self._connection.client.CloseOperation(_types().TCloseOperationReq(handle))

    def texts(self, statement: str) -> list[tuple[str, ...]]:
        """Return the first rows of a command whose columns are texts."""
        with self.run(statement) as handle:
            return list(zip(*map(values_of, self.chunk(handle, _ROWS_OF_COMMANDS)), strict=True))

    def chunk(self, handle: Any, rows: int) -> list[Any]:
        """Return the next rows of an operation, by column; columns without rows after the last."""
        types = _types()
        request = types.TFetchResultsReq(handle, types.TFetchOrientation.FETCH_NEXT, rows)
        with self._explained():
            return list(self._checked(self._connection.client.FetchResults(request)).results.columns)

    def close(self) -> None:
        """Close the session on the server, unless the server is gone."""
        with suppress(Exception):
            self._connection.close()

    def _started(self, statement: str) -> Any:
        types = _types()
        request = types.TExecuteStatementReq(self._connection.sessionHandle, statement, runAsync=True)
        return self._checked(self._connection.client.ExecuteStatement(request)).operationHandle

    def _wait_for(self, handle: Any) -> None:
        types, pause = _types(), _FIRST_PAUSE
        states = types.TOperationState
        while True:
            found = self._checked(self._connection.client.GetOperationStatus(types.TGetOperationStatusReq(handle)))
            if found.operationState not in {states.INITIALIZED_STATE, states.PENDING_STATE, states.RUNNING_STATE}:
                break
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)
        if found.operationState != states.FINISHED_STATE:
            ended = states._VALUES_TO_NAMES.get(found.operationState, "").removesuffix("_STATE").lower()
            said = without_stack_trace(found.errorMessage or f"the statement was {ended}")
            raise QueryRefusedError(self._config.address, said)

    def _checked(self, answer: Any) -> Any:
        types = _types()
        if answer.status.statusCode not in {
            types.TStatusCode.SUCCESS_STATUS,
            types.TStatusCode.SUCCESS_WITH_INFO_STATUS,
        }:
            raise QueryRefusedError(self._config.address, answer.status.errorMessage or "without a reason")
        return answer

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except EngineError:
            raise
        except Exception as error:
            message = f"{self._config.address}: {LOST}: {_reason(error, self._config)}; run again"
        else:
            return
        raise EngineError(message)


def values_of(column: Any) -> list[Any]:
    """Return the values of a column as the server has sent them; it marks NULLs in a set of bits."""
    sent = next(each for each in vars(column).values() if each is not None)
    values = list(sent.values)
    for row in (8 * at + bit for at, byte in enumerate(sent.nulls) if byte for bit in range(8) if byte & (1 << bit)):
        if row < len(values):
            values[row] = None
    return values


LOST = "the connection to the Spark Thrift server was lost. What was being written is there whole, or not at all"


@contextmanager
def thrift_session(config: ThriftConnectionConfig) -> Iterator[ThriftSession]:
    """Open a session for the block.

    Raises EngineError within half a minute if no server answers or it refuses the client, ConfigurationError if a package is missing.
    """
    _import_client(config)
    _check_reachable(config)
    session = _opened(config)
    try:
        yield session
    finally:
        session.close()


def _opened(config: ThriftConnectionConfig) -> ThriftSession:
    from pyhive import hive

    try:
        wire, transport = _transport(config)
        wire.setTimeout(_SECONDS_TO_OPEN * 1000)
        connection = hive.Connection(
            thrift_transport=transport, username=config.user, configuration=dict(config.settings)
        )
        wire.setTimeout(_SECONDS_TO_ANSWER * 1000)
        return ThriftSession(config, connection)
    except Exception as error:
        failure = _opening_failure(error, config)
    # Raised outside of the handler, so that no frame with the password is kept.
    raise failure


def _transport(config: ThriftConnectionConfig) -> tuple[Any, Any]:
    """Return the socket, and the transport over it that the authentication needs, as PyHive and dbt-spark build them."""
    from thrift.transport.TSocket import TSocket
    from thrift.transport.TTransport import TBufferedTransport

    wire = _tls_socket(config) if config.use_ssl else TSocket(config.host, config.port)
    if config.auth == "NOSASL":
        return wire, TBufferedTransport(wire)
    import thrift_sasl
    from pyhive.hive import get_installed_sasl

    mechanism = "GSSAPI" if config.auth == "KERBEROS" else "PLAIN"
    # Without a password the server takes any text but none.
    password = config.password.get_secret_value() if config.password else "x"

    def client() -> Any:
        return get_installed_sasl(config.host, mechanism, config.kerberos_service_name, config.user, password)

    return wire, thrift_sasl.TSaslClientTransport(client, mechanism, wire)


def _import_client(config: ThriftConnectionConfig) -> None:
    """Raise ConfigurationError if a package is missing, or is not of a version that dbt-spark can use."""
    missing = [name for name in ("pyhive", "TCLIService", "thrift_sasl") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            "a Spark Thrift server is reached through PyHive, which is not installed; install it beside this package: "
            + install_command("thrift")
        )
    if config.auth == "KERBEROS" and find_spec("kerberos") is None:
        raise ConfigurationError(
            "`auth: KERBEROS` needs the package `kerberos`, which is not installed: python -m pip install kerberos"
        )
    for name in ("pyhive", "thrift"):
        logging.getLogger(name).addHandler(_SILENCE)
    if config.use_ssl and not _is_tls_possible(config):
        raise ConfigurationError(
            f"`use_ssl`: dbt-spark encrypts with thrift before 0.17, given {version('thrift')}; install that version (an environment"
            " without the Databricks connector, which needs a later one), or set `FP_THRIFT_SSL` to false and let a proxy encrypt"
        )


def _is_tls_possible(config: ThriftConnectionConfig) -> bool:
    try:
        _tls_socket(config)
    except ValueError:
        return False
    return True


def _tls_socket(config: ThriftConnectionConfig) -> Any:
    """Return the socket as dbt-spark makes it, which does not ask who has issued the server's certificate."""
    import ssl

    from thrift.transport.TSSLSocket import TSSLSocket

    return TSSLSocket(config.host, config.port, cert_reqs=ssl.CERT_NONE)


def _check_reachable(config: ThriftConnectionConfig) -> None:
    try:
        socket.create_connection((config.host, config.port), timeout=_SECONDS_TO_REACH).close()
    except OSError as error:
        why = error.strerror or f"no answer within {_SECONDS_TO_REACH:g} s"
        message = (
            f"{config.address}: expected a Spark Thrift server, but none answers ({why}); check `FP_THRIFT_HOST`,"
            " `FP_THRIFT_PORT` and the network"
        )
    else:
        return
    raise EngineError(message)


def _opening_failure(error: Exception, config: ThriftConnectionConfig) -> EngineError:
    why, user = _reason(error, config), f"user `{config.user}` by `auth: {config.auth}`"
    if any(isinstance(each, TimeoutError) for each in causes(error)) or "timed out" in why:
        return EngineError(
            f"{config.address}: no answer within {_SECONDS_TO_OPEN:g} s to {user}; check that `FP_THRIFT_AUTH` is what the server's"
            " `hive.server2.authentication` says, and that the server is not still starting"
        )
    if found := _REFUSED_LOGIN.search(why):
        return EngineError(
            f"{config.address}: the server refuses {user}: {(found['why'] or why).strip()}; check `FP_THRIFT_AUTH`,"
            " `FP_THRIFT_USER` and `FP_THRIFT_PASSWORD`"
        )
    return EngineError(
        f"{config.address}: the server did not open a session for {user}: {why}; check that `FP_THRIFT_AUTH` is what its"
        " `hive.server2.authentication` says, and `FP_THRIFT_SSL`"
    )


def _reason(error: Exception, config: ThriftConnectionConfig) -> str:
    """Return the innermost cause in one line, without the password."""
    answer: Any = error.args[0] if error.args else None
    if hasattr(answer, "status"):
        text = str(answer.status.errorMessage)
    else:
        deepest = list(causes(error))[-1]
        text = str(deepest) or type(deepest).__name__
    # The client puts bytes of the server into its messages as Python writes them.
    text = _BYTES.sub(lambda found: literal_eval(found[0]).decode(errors="replace"), text)
    text = " ".join(text.split())[:500]
    return text.replace(config.password.get_secret_value(), MASK) if config.password else text


def _types() -> Any:
    from TCLIService import ttypes

    return ttypes
