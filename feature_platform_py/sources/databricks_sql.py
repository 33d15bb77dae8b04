"""Read the result of a query of a Databricks SQL warehouse in chunks of Arrow that need little memory."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.sessions.databricks import HTTP_PATH, DatabricksConnectionConfig
from feature_platform_py.sources.arrow_columns import delta_columns, in_utc
from feature_platform_py.sources.base import Source
from feature_platform_py.sources.connector import Patience, check_address, connect, import_connector
from feature_platform_py.sources.connector_errors import (
    QueryRefusedError,
    is_busy,
    is_connection_failure,
    is_refusal,
    is_timeout,
    masked,
    reason,
)
from feature_platform_py.sources.statement import query_fault, without_rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

logger = logging.getLogger(__name__)

Scalar = str | int | float | bool | date | Decimal
Result = TypeVar("Result")

# Rows of the first chunk; its size decides the rows of the others.
_FIRST_ROWS = 1_000


@dataclass(frozen=True)
class DatabricksSQLSource(Source):
    """The rows of a query, whose `:name` markers are bound to `parameters` by the server.

    The default connection is that of the environment. It is opened when rows or columns are requested.
    A chunk has at most `chunk_rows` rows and, if rows are wide, about `chunk_bytes` bytes.
    """

    query: str
    parameters: Mapping[str, Scalar] = field(default_factory=dict, repr=False)
    connection: DatabricksConnectionConfig | None = None
    patience: Patience = field(default_factory=Patience)
    chunk_rows: int = 50_000
    chunk_bytes: int = 8 * 1024 * 1024

    def columns(self) -> Columns:
        """Return the names and Spark SQL types of the result, without computing a row.

        Raises ConfigurationError for columns that a Delta table cannot hold, EngineError for errors of the server.
        """
        with self._reading(without_rows(self.query)) as reading:
            return delta_columns(reading.schema, reading.kinds)

    def to_arrow_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches, fetched on demand; times are in UTC.

        A connection that fails before the first row is tried again; afterwards it raises EngineError.
        """
        with self.reading() as reading:
            for chunk in reading.chunks():
                yield from chunk.to_batches()

    def to_arrow(self) -> pa.Table:
        """Return all rows at once."""
        import pyarrow as pa

        with self.reading() as reading:
            return pa.concat_tables([reading.schema.empty_table(), *reading.chunks()])

    def to_pandas(self) -> pd.DataFrame:
        """Return all rows at once; decimals are `decimal.Decimal`, times are in UTC."""
        return self.to_arrow().to_pandas()

    def read(self, session: SparkSession) -> DataFrame:
        """Return the rows as a DataFrame of an embedded session, from a file that lives as long as the process."""
        from feature_platform_py.sources.landing import kept_file

        return session.read.parquet(str(kept_file(self)))

    @contextmanager
    def reading(self) -> Iterator[ArrivingRows]:
        """The result while it is read; its connection is closed at the end."""
        with self._reading(self.query) as reading:
            yield reading

    @contextmanager
    def _reading(self, statement: str) -> Iterator[ArrivingRows]:
        if fault := query_fault(self.query, self.parameters):
            raise ConfigurationError(f"`query`: {fault}")
        config = self.connection or DatabricksConnectionConfig.from_env(needs=(HTTP_PATH,))
        check_address(config)
        import_connector()
        reading = self._with_retries(config, lambda: ArrivingRows(self, config, statement))
        try:
            yield reading
        finally:
            reading.close()

    def _with_retries(self, config: DatabricksConnectionConfig, start: Callable[[], Result]) -> Result:
        started = time.monotonic()
        for attempt in itertools.count(1):
            failure: Exception
            try:
                return start()
            except EngineError:
                raise
            except Exception as error:
                failure = error
            is_starting = is_busy(failure) and time.monotonic() - started < self.patience.start
            is_last = attempt >= self.patience.attempts and not is_starting
            if is_last or not _is_worth_retrying(failure):
                break
            delay = self.patience.delay(attempt)
            logger.info("%s: no connection; trying again in %.1f s", config.host, delay)
            time.sleep(delay)
        failed = _failed(failure, config, attempts=attempt, patience=self.patience)
        # Raised outside of the handler, so that the connector's exceptions and their frames are not kept.
        del failure
        raise failed


class ArrivingRows:
    """A result whose first rows have arrived."""

    def __init__(self, source: DatabricksSQLSource, config: DatabricksConnectionConfig, statement: str) -> None:
        self._source = source
        self._config = config
        self._connection = connect(config, source.patience)
        try:
            self._cursor = self._connection.cursor(arraysize=source.chunk_rows, buffer_size_bytes=source.chunk_bytes)
            self._execute(statement)
            self._first = self._cursor.fetchmany_arrow(min(_FIRST_ROWS, source.chunk_rows))
        except BaseException:
            self.close()
            raise
        self.schema: pa.Schema = in_utc(self._first.schema)
        self.kinds = [column[1] for column in self._cursor.description]
        self.rows = 0

    def chunks(self) -> Iterator[pa.Table]:
        """Yield the rows in order, each chunk with the reading's schema. Call it only once."""
        chunk, self._first = self._first, None
        while chunk.num_rows:
            # Keep a reference to only one chunk, or memory would hold two.
            rows = self._rows_of_next(chunk)
            self.rows += chunk.num_rows
            yield chunk.cast(self.schema)
            del chunk
            chunk = self._fetch(rows)

    def close(self) -> None:
        """Close the session on the server, unless the server is gone."""
        with suppress(Exception):
            self._connection.close()

    def _rows_of_next(self, chunk: pa.Table) -> int:
        bytes_of_row: int = max(1, chunk.nbytes // chunk.num_rows)
        rows: int = self._source.chunk_bytes // bytes_of_row
        return max(1, min(self._source.chunk_rows, rows))

    def _fetch(self, rows: int) -> pa.Table:
        try:
            return self._cursor.fetchmany_arrow(rows)
        except Exception as error:
            message = _broken_text(error, self._config, rows=self.rows)
        raise EngineError(message)

    def _execute(self, statement: str) -> None:
        """Run the statement. Raises EngineError if it takes longer than the limit of the query."""
        seconds = self._source.patience.query
        is_late = threading.Event()

        def cancel() -> None:
            is_late.set()
            with suppress(Exception):
                self._cursor.cancel()

        timer = threading.Timer(seconds, cancel)
        timer.daemon = True
        timer.start()
        failure: Exception | None = None
        try:
            self._cursor.execute(statement, dict(self._source.parameters) or None)
        except Exception as error:
            failure = error
        finally:
            timer.cancel()
        if is_late.is_set():
            del failure
            raise EngineError(
                f"{self._config.host}: the query had not finished after {seconds:g} s and was cancelled; "
                "make it smaller, or allow it more time"
            )
        if failure:
            raise failure


def _is_worth_retrying(error: Exception) -> bool:
    return is_connection_failure(error) and not is_refusal(error) and not is_timeout(error)


def _failed(error: Exception, config: DatabricksConnectionConfig, *, attempts: int, patience: Patience) -> EngineError:
    """Return the error for a query that failed before its first row."""
    if not is_connection_failure(error):
        return QueryRefusedError(config.host, masked(str(error), config.token.get_secret_value()))
    return EngineError(_failure_text(error, config, attempts=attempts, patience=patience))


def _failure_text(error: Exception, config: DatabricksConnectionConfig, *, attempts: int, patience: Patience) -> str:
    """Return why no answer arrived."""
    token = config.token.get_secret_value()
    if is_refusal(error):
        return f"{config.host}: {reason(error, token)}; check `DATABRICKS_TOKEN` and `{HTTP_PATH}`"
    if is_timeout(error):
        return f"{config.host}: no answer within {patience.request:g} s; check `{config.host_variable}` and that the warehouse runs"
    times = f"{attempts} times" if attempts > 1 else "once"
    return f"{config.host}: tried {times}, no connection: {reason(error, token)}; check `{config.host_variable}` and the network"


def _broken_text(error: Exception, config: DatabricksConnectionConfig, *, rows: int) -> str:
    """Return why a result broke off."""
    why = reason(error, config.token.get_secret_value())
    return f"{config.host}: the result broke off after {rows:,} rows: {why}; run the query again"
