"""Embedded Sail: one server for each process, on a loopback port of its own, and as many sessions as are asked for."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.errors import EngineError
from feature_platform_py.sessions.private_port import PrivatePort, guarded

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client import DefaultChannelBuilder

CONNECT_SECONDS = 60
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

_lock = threading.Lock()
_server: Any = None
_port: PrivatePort | None = None


def open_sail_session() -> SparkSession:
    """Return a new session of the process's server, which is started for the first."""
    from pyspark.sql.connect.session import SparkSession

    from feature_platform_py.sessions.retries import set_retries

    # `pyspark.sql.functions` builds Connect expressions only where this is set.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    with _interrupts_kept():
        builder = SparkSession.builder.channelBuilder(_channel_builder(_start()))
        for key, value in SESSION_CONFIG.items():
            builder = builder.config(key, value)
        session: SparkSession = builder.create()
        set_retries(session)
    return session


def _channel_builder(address: str) -> DefaultChannelBuilder:
    """Return what connects to the server's port, which is open for the moment of connecting only."""
    import grpc
    from pyspark.sql.connect.client import DefaultChannelBuilder

    class Builder(DefaultChannelBuilder):  # type: ignore[misc] # pyspark has no types
        def toChannel(self) -> grpc.Channel:  # noqa: N802 - pyspark's name
            with _port.open() if _port else nullcontext():
                channel = super().toChannel()
                try:
                    grpc.channel_ready_future(channel).result(timeout=CONNECT_SECONDS)
                except grpc.FutureTimeoutError as error:
                    raise EngineError(
                        f"the embedded engine did not answer within {CONNECT_SECONDS} s; try again"
                    ) from error
            return channel

    # Nobody can connect again: gRPC would give an idle connection up.
    return Builder(f"sc://{address}", [("grpc.client_idle_timeout_ms", 2**31 - 1)])


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


def _start() -> str:
    global _server, _port
    with _lock:
        if _server is None:
            for name, value in SAIL_ENVIRONMENT.items():
                os.environ.setdefault(name, value)
            from pysail.spark import SparkConnectServer

            _server = SparkConnectServer(ip="127.0.0.1", port=0)
            _server.start(background=True)
            _port = guarded(_server.listening_address)
            atexit.register(_stop)
    host, port = _server.listening_address
    return f"{host}:{port}"


def _stop() -> None:
    global _server, _port
    if _server is not None:
        _server.stop()
        _server = None
    if _port is not None:
        _port.close()
        _port = None
