"""Give a Spark session of any engine: embedded Sail, JVM Spark, a Spark Connect server, or a Databricks cluster."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING

from pydantic import SecretStr

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import find_root, open_project
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.sessions.databricks import CLUSTER_ID, HOST, SERVER_HOSTNAME, TOKEN, DatabricksConnectionConfig
from feature_platform_py.sessions.jvm_session import (
    find_jvm_session,
    is_jvm_session_stopped,
    refuse_connect_beside_jvm,
)
from feature_platform_py.sessions.remote_session import (
    CLUSTER_ANSWER_SECONDS,
    REMOTE,
    Remote,
    close_remote_session,
    find_remote_session,
    open_remote_session,
)
from feature_platform_py.warehouse import session as sessions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)


@dataclass
class _Shared:
    """A session in use: the number of its managers, and the function that closes it (none if other code opened it)."""

    session: SparkSession
    close: Callable[[], None] | None
    folder: TemporaryDirectory[str] | None = None
    holders: int = 0

    @property
    def is_stopped(self) -> bool:
        is_jvm = hasattr(self.session, "_sc")
        return is_jvm_session_stopped(self.session) if is_jvm else bool(self.session.is_stopped)


@dataclass(frozen=True)
class _Engine:
    """How a session is found or opened; managers with equal keys share one session."""

    key: Hashable
    find_or_open: Callable[[Mapping[str, str]], _Shared]


_DATABRICKS = (HOST, SERVER_HOSTNAME, TOKEN, CLUSTER_ID)
_lock = threading.RLock()
_sessions: dict[Hashable, _Shared] = {}


class SparkSessionManager:
    """Gives a Spark session, and stops it if a manager opened it: `with SparkSessionManager() as spark: spark.sql(...)`.

    A context yields the session and releases it at its end; `get_session` and `stop_session` do the same step by step.
    `engine` is `sail` (embedded, the default), `spark` (JVM Spark on this machine, with Delta), `connect` (the server
    that `SPARK_REMOTE` names) or `databricks` (`DATABRICKS_HOST` or
    `DATABRICKS_SERVER_HOSTNAME`, `DATABRICKS_TOKEN`, `DATABRICKS_CLUSTER_ID`). Without it, `SPARK_REMOTE` selects `connect`,
    any of the Databricks variables selects `databricks`.

    `warehouse` is the folder with the tables of `sail` and `spark`, which queries read by name. By default it is that of the project
    around the working directory; without a project it is a temporary folder, removed at stop. `config` are settings for a new session;
    an open session keeps its own.

    Managers of one engine and warehouse (or server) share a session. It stops with the last of them.
    """

    def __init__(
        self,
        engine: str | None = None,
        warehouse: str | Path | None = None,
        config: Mapping[str, str] | None = None,
    ) -> None:
        if engine is not None and engine not in _ENGINES:
            raise ConfigurationError(unknown("engine", engine, known=_ENGINES))
        self._engine = engine
        self._warehouse = None if warehouse is None else Path(warehouse).expanduser().resolve()
        self._config = {key: str(value) for key, value in (config or {}).items()}
        self._held: _Shared | None = None
        self._depth = 0

    def get_session(self) -> SparkSession:
        """Return the session; open it at the first call, and again if it was stopped since.

        Raises ConfigurationError for settings without a valid engine, EngineError if the engine does not start.
        """
        with _lock:
            if self._held is None or self._held.is_stopped:
                self.stop_session()
                self._held = self._hold()
            return self._held.session

    def stop_session(self) -> None:
        """Release the session, if any; it stops if no other manager holds it and a manager opened it."""
        with _lock:
            held, self._held = self._held, None
            if held is not None:
                _let_go(held)

    def __enter__(self) -> SparkSession:
        with _lock:
            session = self.get_session()
            self._depth += 1
        return session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _lock:
            self._depth -= 1
            if self._depth == 0:
                self.stop_session()

    def __repr__(self) -> str:
        state = "closed" if self._held is None or self._held.is_stopped else "open"
        return f"<SparkSessionManager engine={self._engine or 'from the environment'} {state}>"

    def _hold(self) -> _Shared:
        engine = _ENGINES[self._engine or _engine_of_environment()](self._warehouse)
        held = _sessions.get(engine.key)
        is_new = False
        if held is None or held.is_stopped:
            held = engine.find_or_open(self._config)
            is_new = held.close is not None
        if is_new:
            _sessions[engine.key] = held
        else:
            self._tell_of_other_settings(held.session)
        held.holders += 1
        return held

    def _tell_of_other_settings(self, session: SparkSession) -> None:
        other = [key for key, value in self._config.items() if session.conf.get(key, None) != value]
        if other:
            logger.warning("the session was open already, and keeps its own %s", ", ".join(other))


def _let_go(held: _Shared) -> None:
    held.holders -= 1
    if held.holders:
        return
    for key in [key for key, shared in _sessions.items() if shared is held]:
        del _sessions[key]
    if held.close and not held.is_stopped:
        held.close()
    if held.folder:
        held.folder.cleanup()


def _engine_of_environment() -> str:
    if os.environ.get(REMOTE, "").strip():
        return "connect"
    return "databricks" if any(os.environ.get(name, "").strip() for name in _DATABRICKS) else "sail"


def _sail(warehouse: Path | None) -> _Engine:
    folder = _folder(warehouse)

    def find_or_open(config: Mapping[str, str]) -> _Shared:
        refuse_connect_beside_jvm("sail")
        return _over_folder("sail", folder, config)

    return _Engine(("sail", folder), find_or_open)


def _jvm_spark(warehouse: Path | None) -> _Engine:
    def find_or_open(config: Mapping[str, str]) -> _Shared:
        there = find_jvm_session()
        opened = _over_folder("spark", _folder(warehouse), config)
        return replace(opened, close=None) if there else opened

    # A process has only one, whatever its folder is.
    return _Engine("spark", find_or_open)


def _folder(warehouse: Path | None) -> Path | None:
    """Return the folder of tables: the given one, or that of the project around the working directory, or None."""
    if warehouse is None and find_root(Path.cwd()):
        return open_project().target.warehouse.resolve()
    return warehouse


def _over_folder(engine: str, folder: Path | None, config: Mapping[str, str]) -> _Shared:
    """Return the session over the folder, or over a temporary folder."""
    temporary = None if folder else TemporaryDirectory(prefix="feature_warehouse_", ignore_cleanup_errors=True)
    path = folder or Path(temporary.name if temporary else "")
    opened, is_new = sessions.find_or_open_warehouse(engine, path, config=config)
    close = partial(sessions.close_warehouse, engine, path) if is_new else None
    return _Shared(opened.spark, close, temporary)


def _connect(warehouse: Path | None) -> _Engine:
    url = SecretStr(os.environ.get(REMOTE, "").strip())
    return _server(Remote("connect", url), warehouse)


def _databricks(warehouse: Path | None) -> _Engine:
    try:
        connection = DatabricksConnectionConfig.from_env()
    except ConfigurationError as error:
        message = f"engine `databricks`: {error}. Set them all, or pass `engine='sail'` to stay on this machine"
        raise ConfigurationError(message) from None
    return _server(Remote("databricks", connection.spark_remote, CLUSTER_ANSWER_SECONDS), warehouse)


def _server(remote: Remote, warehouse: Path | None) -> _Engine:
    if warehouse is not None:
        raise ConfigurationError(
            f"engine `{remote.engine}`: a `warehouse` folder is for `sail` and `spark`; leave it out, or pass"
            " `engine='sail'` to stay on this machine"
        )

    def find_or_open(config: Mapping[str, str]) -> _Shared:
        refuse_connect_beside_jvm(remote.engine)
        if there := find_remote_session(remote):
            return _Shared(there, None)
        opened = open_remote_session(remote, config)
        return _Shared(opened, lambda: close_remote_session(opened))

    return _Engine(remote.url, find_or_open)


_ENGINES: dict[str, Callable[[Path | None], _Engine]] = {
    "sail": _sail,
    "spark": _jvm_spark,
    "connect": _connect,
    "databricks": _databricks,
}
