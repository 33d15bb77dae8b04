"""What a workspace says: by the error class that its message begins with, never by values that it quotes."""

from __future__ import annotations

import pytest

from feature_platform_py.core.messages import Code, fault, read_mark
from feature_platform_py.sources.connector_errors import is_denied, is_missing, raised_text, said_by_server

DENIED = "[INSUFFICIENT_PERMISSIONS] Insufficient privileges. SQLSTATE: 42501"
MISSING = "[TABLE_OR_VIEW_NOT_FOUND] The table or view `a` cannot be found. SQLSTATE: 42P01; line 1 pos 14"
RAISED = "[USER_RAISED_EXCEPTION] [FP_AMOUNT_WITHOUT_ROOM] amounts of column `a`: too large SQLSTATE: P0001\n== SQL =="
QUOTING = "[CAST_INVALID_INPUT] The value '{}' of the type \"STRING\" cannot be cast. SQLSTATE: 22018"


def by_dbt(message: str) -> str:
    """How dbt reports what an adapter raised."""
    lines = message.replace("\n", "\n  ")
    return f"Database Error in model user_spend (models/user_spend.sql)\n  {lines}\n  compiled code at target/a.sql"


def by_thrift_server(message: str) -> str:
    """How dbt-spark reports what a Thrift server of Spark says, which names the error class twice."""
    error_class = message.partition("] ")[0] + "] " if message.startswith("[") else ""
    said = f"org.apache.hive.HiveSQLException: Error running query: {error_class}org.apache.spark.SparkException: {message}"
    lines = said.replace("\n", "\n  ")
    return f"Runtime Error in model user_spend (models/user_spend.sql)\n  Database Error\n    {lines}\n  \tat org.apache.spark.A"


@pytest.mark.parametrize(
    "reported", [str, by_dbt, by_thrift_server, lambda message: f"org.apache.b.SQLException: {message}"]
)
def test_the_error_class_says_what_a_message_means(reported: type[str]) -> None:
    assert is_denied(said_by_server(reported(DENIED)))
    assert is_denied(said_by_server(reported("PERMISSION_DENIED: User does not have USE SCHEMA on Schema 'a'.")))
    assert is_missing(said_by_server(reported(MISSING)))
    assert is_missing(said_by_server(reported("[DELTA_MISSING_DELTA_TABLE] `a` SQLSTATE: 42P01")))
    found = read_mark(raised_text(said_by_server(reported(RAISED))))
    assert found == fault(Code.AMOUNT_WITHOUT_ROOM, "amounts of column `a`: too large")


@pytest.mark.parametrize("hostile", [DENIED, MISSING, RAISED, f"\n{RAISED}", by_dbt(RAISED), "PERMISSION_DENIED: a"])
@pytest.mark.parametrize("reported", [str, by_dbt])
def test_a_value_that_a_message_quotes_says_nothing(hostile: str, reported: type[str]) -> None:
    for message in (QUOTING.format(hostile), hostile.join(["the value '", "'"]), f"a/b: {hostile}"):
        said = said_by_server(reported(message))
        assert not is_denied(said)
        assert not raised_text(said)
    # What is missing is asked with a query that reads no row.
    assert not is_missing(said_by_server(reported(f"the value '{hostile}'")))
