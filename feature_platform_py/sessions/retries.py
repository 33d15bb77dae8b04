"""Decide when a Spark Connect client repeats a request. Imports pyspark: import it only if a session is open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import grpc
from pyspark.sql.connect.client.retries import DefaultPolicy, RetryPolicy

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# pyspark's default: about ten minutes.
DEFAULT_RETRIES = 15
_UNREADABLE = "Exception deserializing response!"


class UnreadableAnswer(RetryPolicy):  # type: ignore[misc]
    """Repeats a request whose one answer the client failed to parse, after the server analysed or set something.

    Repeating such a request changes nothing. Executions answer with a stream and are not repeated: they may have written.
    """

    def __init__(self) -> None:
        super().__init__(max_retries=2, initial_backoff=50)

    def can_retry(self, exception: BaseException) -> bool:
        """Return whether gRPC raised this error for such an answer; gRPC logs the cause itself."""
        return (
            isinstance(exception, grpc.RpcError)
            and not isinstance(exception, Iterator)
            and exception.code() is grpc.StatusCode.INTERNAL
            and exception.details() == _UNREADABLE
        )


def set_retries(session: SparkSession, retries: int = DEFAULT_RETRIES) -> None:
    """Set how often the session tries to reach its server."""
    session.client.set_retry_policies([DefaultPolicy(max_retries=retries), UnreadableAnswer()])
