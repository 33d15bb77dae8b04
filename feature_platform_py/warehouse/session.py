"""Open warehouses: with Sail one session per warehouse folder, with other engines one per process.

Every dbt thread, Python model and sink of a process shares the session of its warehouse, because Sail's
catalog belongs to the session.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.stores.address import is_store_address
from feature_platform_py.core.stores.client import check_store, store_client
from feature_platform_py.core.stores.path import StorePath, place_of
from feature_platform_py.sessions.jvm_session import find_jvm_session, is_jvm_session_stopped, open_jvm_session
from feature_platform_py.sessions.remote_session import (
    REMOTE,
    Remote,
    check_warehouse_server,
    close_remote_session,
    configure,
    find_remote_session,
    is_remote_session_alive,
    open_remote_session,
)
from feature_platform_py.sessions.sail_session import SESSION_CONFIG, open_sail_session
from feature_platform_py.warehouse.catalog_file import CatalogFile
from feature_platform_py.warehouse.engine_paths import delta_path
from feature_platform_py.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Config = Mapping[str, str]


@dataclass(frozen=True)
class _Session:
    """A session, and the function that stops it: none if other code opened it.

    If its catalog `is_shared`, other sessions and warehouses may have tables in it.
    """

    spark: SparkSession
    stop: Callable[[], None] | None
    is_shared: bool
    is_alive: Callable[[SparkSession], bool]


@dataclass(frozen=True)
class _Opened:
    session: _Session
    warehouse: Warehouse


_lock = threading.RLock()
_opened: dict[tuple[str, Path], _Opened] = {}
_read_only: set[tuple[str, Path]] = set()


def open_session(engine: str, warehouse: str | Path) -> SparkSession:
    """Return the process's session over the warehouse folder, its tables and views registered."""
    return open_warehouse(engine, warehouse).spark


def open_warehouse(engine: str, warehouse: str | Path) -> Warehouse:
    """Return the process's catalog of the warehouse folder, opening its session at the first call.

    Raises ConfigurationError for an unknown engine, EngineError for one that does not start.
    """
    return find_or_open_warehouse(engine, warehouse)[0]


def find_or_open_warehouse(
    engine: str, warehouse: str | Path, *, config: Config | None = None
) -> tuple[Warehouse, bool]:
    """Return the warehouse like `open_warehouse`, and whether this call opened the session, with these settings."""
    key = _key(engine, warehouse)
    # Two threads that start the embedded server at once would hang it.
    with _lock:
        there = _opened.get(key)
        is_new = there is None or not there.session.is_alive(there.session.spark)
        if is_new:
            _stop(_opened.pop(key, None))
            _opened[key] = _open(*key, config or {})
        return _opened[key].warehouse, is_new


def close_warehouse(engine: str, warehouse: str | Path) -> None:
    """Stop the process's session over the warehouse folder, if any; the next `open_warehouse` opens another.

    Only the code that opened it may call this: a `Warehouse` or frame of the session no longer works afterwards.
    """
    with _lock:
        _stop(_opened.pop(_key(engine, warehouse), None))


@contextmanager
def reading_only(engine: str, warehouse: str | Path) -> Iterator[None]:
    """Open the warehouse anew for the block; what is registered in it does not change the folder."""
    key = _key(engine, warehouse)
    with _lock:
        kept = _opened.pop(key, None)
        _read_only.add(key)
    try:
        yield
    finally:
        with _lock:
            _read_only.discard(key)
            _stop(_opened.pop(key, None))
            if kept:
                _opened[key] = _opened_again(kept) if kept.session.is_shared else kept


def _key(engine: str, warehouse: str | Path) -> tuple[str, Path]:
    return engine, place_of(str(warehouse), Path.cwd()).expanduser().resolve()


def _open(engine: str, folder: Path, config: Config) -> _Opened:
    if engine not in ENGINES:
        known = ", ".join(f"`{name}`" for name in sorted(ENGINES))
        raise ConfigurationError(f"profile: engine `{engine}` is unknown. Known: {known}")
    os.environ.setdefault("PYARROW_IGNORE_TIMEZONE", "1")
    is_read_only = (engine, folder) in _read_only
    path = folder if is_read_only and not folder.exists() else delta_path(folder)
    if isinstance(folder, StorePath):
        # Said before an engine starts, which then finds the same settings.
        check_store(str(folder))
    for definition in CatalogFile(path).load().values():
        if is_store_address(definition.location):
            # JVM Spark gets what it needs for a store when it starts.
            store_client(definition.location)
    session = ENGINES[engine](path, config)
    if not _opened:
        # Registered after the engine's own clean-up, so that it runs before that.
        atexit.unregister(_close_all)
        atexit.register(_close_all)
    with _stopped_on_failure(session.stop):
        warehouse = Warehouse(session.spark, path, is_read_only=is_read_only, is_catalog_shared=session.is_shared)
        warehouse.refresh()
    return _Opened(session, warehouse)


@contextmanager
def _stopped_on_failure(stop: Callable[[], None] | None) -> Iterator[None]:
    """Stop the session if the block fails, because no other code holds it."""
    try:
        yield
    except BaseException:
        if stop:
            stop()
        raise


def _opened_again(opened: _Opened) -> _Opened:
    """Return the same session, registered anew: other code may have put relations of the same names into its catalog."""
    warehouse = Warehouse(opened.session.spark, opened.warehouse.folder, is_catalog_shared=True)
    warehouse.refresh()
    return replace(opened, warehouse=warehouse)


def _stop(opened: _Opened | None) -> None:
    if opened and opened.session.stop:
        opened.session.stop()


def _close_all() -> None:
    with _lock:
        for opened in _opened.values():
            _stop(opened)
        _opened.clear()


def _sail(folder: Path, config: Config) -> _Session:  # noqa: ARG001 - the embedded engine keeps its own catalog
    spark = open_sail_session()
    configure(spark, config, close=spark.stop)
    return _Session(spark, spark.stop, is_shared=False, is_alive=lambda session: not session.is_stopped)


def _jvm_spark(folder: Path, config: Config) -> _Session:
    there = find_jvm_session()
    spark = there or open_jvm_session(config, warehouse=folder)
    stop = None if there else partial(_stop_jvm_spark, spark)
    return _Session(spark, stop, is_shared=True, is_alive=lambda session: not is_jvm_session_stopped(session))


def _stop_jvm_spark(spark: SparkSession) -> None:
    # Stopping it twice would stop a session that was opened since.
    if not is_jvm_session_stopped(spark):
        spark.stop()


def _connect(folder: Path, config: Config) -> _Session:
    remote = Remote("connect", SecretStr(os.environ.get(REMOTE, "").strip()))
    there = find_remote_session(remote)
    spark = there or open_remote_session(remote, SESSION_CONFIG | dict(config))
    stop = None if there else lambda: close_remote_session(spark)
    with _stopped_on_failure(stop):
        check_warehouse_server(remote, spark, folder)
    return _Session(spark, stop, is_shared=True, is_alive=is_remote_session_alive)


ENGINES: dict[str, Callable[[Path, Config], _Session]] = {"sail": _sail, "spark": _jvm_spark, "connect": _connect}
