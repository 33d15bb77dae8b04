"""Open sessions of embedded Sail: each process has one server on a loopback port, with any number of sessions."""

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

# Sail reads these when its server starts; values that the user has set win.
SAIL_ENVIRONMENT = {
    "RUST_LOG": "off",
    # If a file's statistics have equal least and greatest values, the column reads as that constant; NaN,
    # which statistics leave out, becomes that constant too.
    "SAIL_EXECUTION__COLLECT_STATISTICS": "false",
    # Otherwise Sail forgets a session, with its whole catalog, after 15 idle minutes.
    "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(10 * 365 * 24 * 3600),
}

_lock = threading.Lock()
_server: Any = None
_port: PrivatePort | None = None


def open_sail_session() -> SparkSession:
    """Return a new session of the process's server, and start the server for the first one."""
    from pyspark.sql.connect.session import SparkSession

    from feature_platform_py.sessions.retries import set_retries

    # `pyspark.sql.functions` builds Connect expressions only if this is set.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    with _interrupts_kept():
        builder = SparkSession.builder.channelBuilder(_channel_builder(_start()))
        for key, value in SESSION_CONFIG.items():
            builder = builder.config(key, value)
        session: SparkSession = builder.create()
        set_retries(session)
    return session


def _channel_builder(address: str) -> DefaultChannelBuilder:
    """Return the builder of the connection to the server's port, which is open only while connecting."""
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

    # gRPC would close an idle connection, and no second connection is possible.
    return Builder(f"sc://{address}", [("grpc.client_idle_timeout_ms", 2**31 - 1)])


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Give Ctrl-C back to Python: Sail's server handles it itself, and dbt would not receive it.

    Bypass Python's `signal` module: it works only in the main thread, and dbt opens connections in others.
    """
    sigaction = ctypes.CDLL(None).sigaction
    # Larger than `struct sigaction` on any system.
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
