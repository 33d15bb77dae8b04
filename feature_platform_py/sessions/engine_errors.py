"""Interpret the errors of a Spark session's engine by their documented codes. Sail documents none: see the functions."""

from __future__ import annotations

import re
from typing import Any

_RAISED = "USER_RAISED_EXCEPTION"
_SERVER_LOST = frozenset(f"INVALID_HANDLE.SESSION_{why}" for why in ("NOT_FOUND", "CHANGED", "CLOSED"))
_RAISED_BELOW = re.compile(rf"Caused by: [\w.$]+: \[{_RAISED}\] (.*?)(?: SQLSTATE: P0001)?$", re.MULTILINE)
# Sail reports a time outside of its calendar like this, without a code. Before a value that it quotes there are quotes.
_NO_DAY = re.compile(
    r"[\w :]*(?:cannot convert \S*timestamp\S*(?: value)? -?\d+ to datetime|timestamp -?\d+ out of range)",
    re.IGNORECASE,
)


def raised_text(error: BaseException) -> str | None:
    """Return the text that SQL gave to `raise_error`, if the engine failed because of that.

    Sail passes the text on as the whole message, and gives errors no kind: for Sail, return the message of any error.
    """
    from pyspark.errors import PySparkException

    if (thrown := getattr(error, "java_exception", None)) is not None:
        return _raised_in_jvm(thrown)
    if not isinstance(error, PySparkException):
        return None
    condition = error.getCondition()
    if condition == _RAISED:
        return (error.getMessageParameters() or {}).get("errorMessage")
    return str(error) if condition is None else _raised_below(error)


def is_outside_calendar(error: BaseException) -> bool:
    """Return whether an engine failed at a time outside of its calendar."""
    return bool(_NO_DAY.fullmatch(str(error)))


def is_format_unknown(error: BaseException | None) -> bool:
    """Return whether the engine does not know the format that it was to read."""
    from pyspark.errors import PySparkException

    return isinstance(error, PySparkException) and error.getCondition() == "DATA_SOURCE_NOT_FOUND"


def is_table_missing(error: BaseException) -> bool:
    """Return whether a query reads a table or view that is not there. Sail puts the condition into the text."""
    return "[TABLE_OR_VIEW_NOT_FOUND]" in str(error)


def is_server_lost(error: BaseException) -> bool:
    """Return whether a session's server does not answer, or has restarted since it opened the session."""
    import grpc
    from pyspark.errors import PySparkException
    from pyspark.errors.exceptions.connect import SparkConnectGrpcException

    if isinstance(error, PySparkException) and error.getCondition() in _SERVER_LOST:
        return True
    if isinstance(error, grpc.RpcError):
        return bool(error.code() is grpc.StatusCode.UNAVAILABLE)
    return isinstance(error, SparkConnectGrpcException) and error.getGrpcStatusCode() is grpc.StatusCode.UNAVAILABLE


def _raised_in_jvm(thrown: Any) -> str | None:
    """Return the text at the bottom of a Java exception's causes; a failed writing task wraps its cause."""
    from pyspark.errors.exceptions.captured import convert_exception

    while thrown is not None:
        error = convert_exception(thrown)
        if error.getCondition() == _RAISED:
            return (error.getMessageParameters() or {}).get("errorMessage")
        thrown = thrown.getCause()
    return None


def _raised_below(error: Any) -> str | None:
    """Return the raised text of the first cause of a Spark Connect server's error."""
    trace = error.getStackTrace() or "" if hasattr(error, "getStackTrace") else ""
    first = trace[trace.find("Caused by: ") :]
    found = _RAISED_BELOW.match(first)
    return found[1] if found else None
