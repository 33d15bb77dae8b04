"""Open sessions on a Spark Connect server in bounded time; the token in the URL is never shown."""

from __future__ import annotations

import os
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pydantic import SecretStr

from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.text import MASK
from feature_platform_py.sessions.engine_errors import is_format_unknown

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client import DefaultChannelBuilder

REMOTE = "SPARK_REMOTE"
CHANNEL_SECONDS = 10
ANSWER_SECONDS = 60
# A stopped cluster answers its first request only after it has started.
CLUSTER_ANSWER_SECONDS = 600
# If the server is gone, a request is tried again for 17 s; pyspark itself would try for ten minutes.
RETRIES = 5
# A server gets only this setting, unlike the embedded engine, because it may not know Delta.
REMOTE_CONFIG = {"spark.sql.session.timeZone": "UTC"}

_ADDRESS = r"sc://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?"
_SETTING = re.compile(r"([a-z0-9_.-]+)=([ -~]*)")
_SHOWN_SETTINGS = frozenset({"use_ssl", "user_id", "user_agent", "session_id", "x-databricks-cluster-id"})


@dataclass(frozen=True)
class Remote:
    """A Spark Connect server: the engine's name, the URL, and the seconds to wait for its first answer."""

    engine: str
    url: SecretStr
    answer_seconds: float = ANSWER_SECONDS

    def channel_builder(self) -> DefaultChannelBuilder:
        """Return the builder of the connection. Raises ConfigurationError, without showing the URL, if the URL is invalid."""
        if not self.url.get_secret_value().strip():
            raise ConfigurationError(
                f"engine `{self.engine}`: `{REMOTE}` is missing; expected a URL such as `sc://host:15002`"
            )
        builder = _parse(self.url)
        if builder is None:
            raise ConfigurationError(
                f"`{REMOTE}`: expected `sc://host:port`, or `sc://host:port/;name=value;...`; the value has"
                " another form (it is not shown, because it may contain a token). For JVM Spark on this machine pass `engine='spark'`"
            )
        return builder


def open_remote_session(remote: Remote, config: Mapping[str, str]) -> SparkSession:
    """Return a new session on the server. Raises EngineError, with host and port, if it does not answer in time."""
    builder = remote.channel_builder()
    _wait_for_channel(remote, builder)
    from pyspark.sql.connect.session import SparkSession

    from feature_platform_py.sessions.retries import set_retries

    # `pyspark.sql.functions` builds Connect expressions only if this is set.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    session: SparkSession = SparkSession.builder.channelBuilder(builder).create()
    failure = _failure_within(remote.answer_seconds, lambda: session.version)
    if failure is not None:
        _abandon(session)
        reason = _masked(_reason(failure), builder)
        raise EngineError(
            f"engine `{remote.engine}`: `{builder.endpoint}` did not open a session: {reason}."
            " Check the token, and that the cluster exists"
        )
    set_retries(session, RETRIES)
    configure(session, REMOTE_CONFIG | dict(config), close=lambda: close_remote_session(session))
    return session


def find_remote_session(remote: Remote) -> SparkSession | None:
    """Return an open session on the same server with the same settings, or None."""
    from pyspark.sql.connect.session import SparkSession

    wanted = _identity(remote.channel_builder())
    there = (SparkSession.getActiveSession(), SparkSession._get_default_session())
    same = (session for session in there if session and _identity(session.client._builder) == wanted)
    return next(filter(is_remote_session_alive, same), None)


def close_remote_session(session: SparkSession) -> None:
    """Stop the session; give up soon if the server is gone."""
    from feature_platform_py.sessions.retries import set_retries

    set_retries(session, 2)
    _failure_within(CHANNEL_SECONDS, session.client.release_session)
    _abandon(session)


def is_remote_session_alive(session: SparkSession) -> bool:
    """Return whether the session is open here and on its server; a restarted server has no sessions."""
    ask = lambda: session.conf.get("spark.sql.session.timeZone")  # noqa: E731
    return not session.is_stopped and _failure_within(CHANNEL_SECONDS, ask) is None


def check_warehouse_server(remote: Remote, session: SparkSession, folder: Path) -> None:
    """Raise EngineError unless the session's server knows Delta and sees the same folder as this process."""
    endpoint = remote.channel_builder().endpoint
    if is_format_unknown(_read_failure(session, "delta", folder)):
        raise EngineError(
            f"engine `{remote.engine}`: expected Delta Lake on the server `{endpoint}`, but it does not know the format `delta`."
            " Start it with"
            " `--packages io.delta:delta-spark_4.1_2.13:4.3.0"
            " --conf spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension"
            " --conf spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog`"
        )
    if folder.is_dir() and (failure := _unseen(session, folder)):
        raise EngineError(
            f"engine `{remote.engine}`: expected the server `{endpoint}` to see the warehouse `{folder}`: {_reason(failure)}."
            " Mount the same folder on both, and name it with `FP_WAREHOUSE`"
        )


def _unseen(session: SparkSession, folder: Path) -> Exception | None:
    """Return why the server cannot read a file that this process has just written; None if it can."""
    mark = folder / f"seen_by_server_{uuid.uuid4().hex}.txt"
    mark.write_text("seen")
    try:
        return _read_failure(session, "text", mark)
    finally:
        mark.unlink()


def _read_failure(session: SparkSession, format: str, path: Path) -> Exception | None:  # noqa: A002
    from pyspark.errors import PySparkException

    try:
        session.read.format(format).load(str(path)).limit(1).collect()
    except PySparkException as error:
        failure: Exception = error
        return failure
    return None


def configure(session: SparkSession, config: Mapping[str, str], *, close: Callable[[], None]) -> None:
    """Set the session's configuration. If a setting is refused, close the session and raise ConfigurationError."""
    refused = [key for key, value in config.items() if not _is_set(session, key, value)]
    if refused:
        close()
        names = ", ".join(f"`{key}`" for key in refused)
        raise ConfigurationError(
            f"`config`: expected settings of a session, but the engine refuses {names}; remove them"
        )


def _is_set(session: SparkSession, key: str, value: str) -> bool:
    from pyspark.errors import PySparkException

    try:
        session.conf.set(key, value)
    except PySparkException:
        return False
    return True


def _parse(url: SecretStr) -> DefaultChannelBuilder | None:
    """Return the builder of the connection, or None for an invalid URL. Parse the settings here: pyspark's errors show its URL."""
    from pyspark.sql.connect.client import DefaultChannelBuilder

    address, _, settings = url.get_secret_value().strip().partition("/;")
    pairs = [_SETTING.fullmatch(unquote(part)) for part in settings.split(";") if part]
    if not _is_address(address) or not all(pairs):
        return None
    builder = DefaultChannelBuilder(address)
    for pair in filter(None, pairs):
        builder.set(*pair.groups())
    return builder


def _is_address(text: str) -> bool:
    found = re.fullmatch(_ADDRESS, text)
    return found is not None and int((found[2] or ":0")[1:]) < 2**16


def _identity(builder: Any) -> tuple[Any, Any]:
    return getattr(builder, "endpoint", None), getattr(builder, "_params", None)


def _wait_for_channel(remote: Remote, builder: DefaultChannelBuilder) -> None:
    """Connect and disconnect, because a request would be tried again for ten minutes."""
    import grpc

    with builder.toChannel() as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=CHANNEL_SECONDS)
        except grpc.FutureTimeoutError:
            is_reachable = False
        else:
            is_reachable = True
    # Raise it here, so that no frame of the connection is in the traceback.
    if not is_reachable:
        raise EngineError(
            f"engine `{remote.engine}`: expected a Spark Connect server at `{builder.endpoint}`, but none answered within"
            f" {CHANNEL_SECONDS} s. Check host, port, network and certificate, or stay on this machine: `engine='sail'`,"
            " `--target local`"
        )


def _failure_within(seconds: float, call: Callable[[], object]) -> Exception | None:
    """Return why the call failed or timed out, or None."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return TimeoutError(f"no answer in {seconds:g} s")
    return failures[0] if failures else None


def _abandon(session: SparkSession) -> None:
    """Close the connection without another request to the server, which may not answer."""
    session.release_session_on_close = False
    session.stop()


def _reason(failure: Exception) -> str:
    """Return an error of pyspark in one line: gRPC's details if it has them."""
    text = str(failure)
    details = re.search(r'details = "(.*)"', text)
    return (details[1] if details else text.strip().partition("\n")[0])[:500]


def _masked(text: str, builder: DefaultChannelBuilder) -> str:
    for name, value in builder._params.items():
        text = text if name in _SHOWN_SETTINGS or not value else text.replace(value, MASK)
    return text
