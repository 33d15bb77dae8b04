"""The one place that opens sessions: one engine per process, one session per warehouse folder.

Every dbt thread, Python model and sink of a process shares the session of its warehouse, because the
engine's catalog lives and dies with the session.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.engine_paths import delta_path
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.warehouse import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SESSION_CONFIG = {
    "spark.sql.session.timeZone": "UTC",
    # A bare `create table` would make a Parquet table, which the next process could not find again.
    "spark.sql.sources.default": "delta",
}

# Read by Sail when its server starts; a value that the user has set wins.
SAIL_ENVIRONMENT = {
    "RUST_LOG": "off",
    # A file whose statistics say that a column's least and greatest value are equal reads as that constant, and NaN,
    # which statistics leave out, becomes the constant too.
    "SAIL_EXECUTION__COLLECT_STATISTICS": "false",
    # Sail forgets a session, its whole catalog included, after 15 idle minutes otherwise.
    "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(10 * 365 * 24 * 3600),
}

_lock = threading.RLock()
_warehouses: dict[tuple[str, Path], Warehouse] = {}
_read_only: set[tuple[str, Path]] = set()
_sail_server: Any = None


def open_session(engine: str, warehouse: str | Path) -> SparkSession:
    """Return the process's session over the warehouse folder, its tables and views registered."""
    return open_warehouse(engine, warehouse).spark


def open_warehouse(engine: str, warehouse: str | Path) -> Warehouse:
    """Return the process's catalog of the warehouse folder, opening its session at the first call.

    Raises ConfigurationError for an engine that is not known.
    """
    key = (engine, Path(warehouse).expanduser().resolve())
    # Two threads that start the embedded server at once hang it.
    with _lock:
        if key not in _warehouses:
            _warehouses[key] = _open(*key)
        return _warehouses[key]


@contextmanager
def reading_only(engine: str, warehouse: str | Path) -> Iterator[None]:
    """Inside, the warehouse is opened anew, and what is registered in it leaves the folder as it is."""
    key = (engine, Path(warehouse).expanduser().resolve())
    with _lock:
        kept = _warehouses.pop(key, None)
        _read_only.add(key)
    try:
        yield
    finally:
        with _lock:
            _read_only.discard(key)
            if opened := _warehouses.pop(key, None):
                opened.spark.stop()
            if kept:
                _warehouses[key] = kept


def _open(engine: str, folder: Path) -> Warehouse:
    if engine not in ENGINES:
        known = ", ".join(f"`{name}`" for name in sorted(ENGINES))
        raise ConfigurationError(f"profile: engine `{engine}` is unknown. Known: {known}")
    os.environ.setdefault("PYARROW_IGNORE_TIMEZONE", "1")
    is_read_only = (engine, folder) in _read_only
    path = folder if is_read_only and not folder.exists() else delta_path(folder)
    warehouse = Warehouse(ENGINES[engine](), path, is_read_only=is_read_only)
    warehouse.refresh()
    return warehouse


def _open_sail_session() -> SparkSession:
    from pyspark.sql.connect.session import SparkSession

    # `pyspark.sql.functions` builds Connect expressions only where this is set.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    with _interrupts_kept():
        builder = SparkSession.builder.remote(f"sc://{_start_sail()}")
        for key, value in SESSION_CONFIG.items():
            builder = builder.config(key, value)
        session: SparkSession = builder.create()
    return session


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Give Ctrl-C back to Python: Sail's server takes it for itself, and dbt would never hear of it.

    Past Python's `signal` module, which is for the main thread, where dbt opens no connection.
    """
    sigaction = ctypes.CDLL(None).sigaction
    # Larger than `struct sigaction` is anywhere.
    action = ctypes.create_string_buffer(1024)
    sigaction(signal.SIGINT, None, action)
    yield
    sigaction(signal.SIGINT, action, None)


def _start_sail() -> str:
    global _sail_server
    if _sail_server is None:
        for name, value in SAIL_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from pysail.spark import SparkConnectServer

        _sail_server = SparkConnectServer(ip="127.0.0.1", port=0)
        _sail_server.start(background=True)
        atexit.register(_close_all)
    host, port = _sail_server.listening_address
    return f"{host}:{port}"


def _close_all() -> None:
    global _sail_server
    with _lock:
        for warehouse in _warehouses.values():
            warehouse.spark.stop()
        _warehouses.clear()
        if _sail_server is not None:
            _sail_server.stop()
            _sail_server = None


# JVM Spark (`spark`) and Spark Connect endpoints (`connect`) are further entries here.
ENGINES: dict[str, Callable[[], Any]] = {"sail": _open_sail_session}
