"""When a Spark Connect client asks its server again. Imports pyspark: import it where a session is open anyway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import grpc
from pyspark.sql.connect.client.retries import DefaultPolicy, RetryPolicy

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# pyspark's own number: about ten minutes.
DEFAULT_RETRIES = 15
_UNREADABLE = "Exception deserializing response!"


class UnreadableAnswer(RetryPolicy):  # type: ignore[misc]
    """The server has analysed or set what it was asked for, and the client failed at parsing the one answer.

    Asking again changes nothing. Executions answer with a stream and are not asked again: they may have written.
    """

    def __init__(self) -> None:
        super().__init__(max_retries=2, initial_backoff=50)

    def can_retry(self, exception: BaseException) -> bool:
        """Whether this is what gRPC raises for it, which logs the cause itself."""
        return (
            isinstance(exception, grpc.RpcError)
            and not isinstance(exception, Iterator)
            and exception.code() is grpc.StatusCode.INTERNAL
            and exception.details() == _UNREADABLE
        )


def set_retries(session: SparkSession, retries: int = DEFAULT_RETRIES) -> None:
    """Let the session ask so many times where the server cannot be reached."""
    session.client.set_retry_policies([DefaultPolicy(max_retries=retries), UnreadableAnswer()])
