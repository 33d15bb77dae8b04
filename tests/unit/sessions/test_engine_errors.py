"""What the errors of a session's engine mean: by their codes, never by values that they quote."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from pyspark.errors.exceptions.connect import NumberFormatException, SparkConnectGrpcException, SparkRuntimeException

from feature_platform_py.core.messages import read_mark
from feature_platform_py.sessions.engine_errors import is_outside_calendar, is_server_lost, raised_text

MARKED = "[FP_AMOUNT_WITHOUT_ROOM] amounts of column `a`: too large"
CAUSE = f"Caused by: org.apache.spark.SparkRuntimeException: [USER_RAISED_EXCEPTION] {MARKED} SQLSTATE: P0001"


def connect_error(kind: type[Any], message: str, condition: str | None = None, **others: Any) -> Any:
    return kind(message, errorClass=condition, messageParameters=others.pop("parameters", {}), **others)


def test_what_sql_raised_is_a_parameter_of_the_error() -> None:
    error = connect_error(
        SparkRuntimeException, "reworded", "USER_RAISED_EXCEPTION", parameters={"errorMessage": MARKED}
    )
    assert raised_text(error) == MARKED


def test_what_sql_raised_in_a_task_that_writes_is_the_first_cause() -> None:
    trace = f"org.apache.spark.SparkException\n\tat a.B(C.scala:1)\n{CAUSE}\n\tat d.E(F.scala:2)"
    error = connect_error(
        SparkConnectGrpcException, "[TASK_WRITE_FAILED] Task failed", "TASK_WRITE_FAILED", server_stacktrace=trace
    )
    assert raised_text(error) == MARKED


def test_a_message_without_a_condition_is_what_sail_passes_on() -> None:
    assert raised_text(SparkConnectGrpcException(MARKED)) == MARKED


@pytest.mark.parametrize(
    "error",
    [
        connect_error(NumberFormatException, f"[CAST_INVALID_INPUT] The value '{MARKED}'", "CAST_INVALID_INPUT"),
        connect_error(
            NumberFormatException,
            f"[CAST_INVALID_INPUT] The value '{MARKED}'",
            "CAST_INVALID_INPUT",
            server_stacktrace=f"a.B\n\tat c\nCaused by: d.E: [CAST_INVALID_INPUT] The value '\n{CAUSE}\n'",
        ),
        SparkConnectGrpcException(f"Cannot cast string '{MARKED}' to value of Int32 type"),
        ValueError(MARKED),
        RuntimeError(f"[USER_RAISED_EXCEPTION] {MARKED}"),
    ],
)
def test_values_that_errors_quote_are_not_what_sql_raised(error: Exception) -> None:
    assert read_mark(raised_text(error) or "") is None


class Unavailable(grpc.RpcError):  # type: ignore[misc]
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    "error",
    [
        *(
            connect_error(SparkConnectGrpcException, "reworded", f"INVALID_HANDLE.SESSION_{why}")
            for why in ("NOT_FOUND", "CHANGED", "CLOSED")
        ),
        SparkConnectGrpcException("reworded", grpc_status_code=grpc.StatusCode.UNAVAILABLE),
        Unavailable(),
    ],
)
def test_a_lost_server_is_known_by_its_code(error: Exception) -> None:
    assert is_server_lost(error)


@pytest.mark.parametrize(
    "error",
    [
        SparkConnectGrpcException("Cannot cast string 'SESSION_CLOSED' to value of Int32 type"),
        connect_error(NumberFormatException, "The value 'StatusCode.UNAVAILABLE'", "CAST_INVALID_INPUT"),
        RuntimeError("[RETRIES_EXCEEDED] SESSION_NOT_FOUND"),
    ],
)
def test_values_that_errors_quote_are_no_lost_server(error: Exception) -> None:
    assert not is_server_lost(error)


NO_DAY = "Cannot convert arrow_array::types::TimestampMicrosecondType 9223372036854775807 to datetime"


@pytest.mark.parametrize(
    ("message", "is_outside"),
    [
        (NO_DAY, True),
        (f"Cast error: {NO_DAY}", True),
        ("spark_date_format: cannot convert timestamp value -9223372036854775807 to datetime", True),
        ("Timestamp 9223372036854775807 out of range", True),
        (f"Cast error: Cannot cast string '{NO_DAY}' to value of Int32 type", False),
        (f"Cast error: Cannot cast string 'a\n{NO_DAY}\n' to value of Int32 type", False),
    ],
)
def test_a_time_outside_the_calendar_is_all_that_sail_says(message: str, is_outside: bool) -> None:
    assert is_outside_calendar(SparkConnectGrpcException(message)) == is_outside
