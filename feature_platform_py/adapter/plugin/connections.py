"""Credentials, connections and cursors: every dbt thread gets a cursor on the one shared session."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dbt.adapters.contracts.connection import AdapterResponse, Connection, ConnectionState, Credentials
from dbt.adapters.events.logging import AdapterLogger
from dbt.adapters.fpspark.failures import OUTSIDE_CALENDAR, explained, told
from dbt.adapters.fpspark.statements import execute
from dbt.adapters.spark.connections import SparkConnectionManager
from dbt_common.exceptions import DbtBaseException, DbtDatabaseError, DbtRuntimeError

from feature_platform_py.core.data_types import sql_type
from feature_platform_py.core.messages import Code, fault
from feature_platform_py.core.project import SERVER_CATALOG
from feature_platform_py.core.rows import without_time_zone
from feature_platform_py.warehouse.server_catalog import ServerCatalog, open_server_catalog
from feature_platform_py.warehouse.session import open_warehouse

if TYPE_CHECKING:
    from feature_platform_py.warehouse.warehouse import Warehouse

logger = AdapterLogger("fpspark")


@dataclass
class FpSparkCredentials(Credentials):  # type: ignore[misc]
    """The profile: which engine runs the SQL, and the folder that holds the tables, or the server whose catalog does."""

    schema: str = field(kw_only=True)
    database: str | None = None
    engine: str = "sail"
    warehouse: str = "warehouse"
    catalog: str = "folder"

    def open_catalog(self) -> Warehouse | ServerCatalog:
        """Return what holds the tables, with the process's session."""
        if self.catalog == "folder":
            return open_warehouse(self.engine, self.warehouse)
        if (self.catalog, self.engine) == (SERVER_CATALOG, "connect"):
            return open_server_catalog()
        raise DbtRuntimeError(
            f"profile: expected `catalog: folder`, or `catalog: {SERVER_CATALOG}` with `engine: connect`, given `{self.catalog}` with"
            f" `engine: {self.engine}` (`FP_CATALOG`)"
        )

    @property
    def type(self) -> str:
        """The adapter's name in profiles."""
        return "fpspark"

    @property
    def unique_field(self) -> str:
        """What dbt hashes to tell one installation from another."""
        return self.warehouse

    def _connection_keys(self) -> tuple[str, ...]:
        return "engine", "warehouse", "schema"


class Cursor:
    """Runs one statement and holds its result, times in the session's time zone."""

    def __init__(self, warehouse: Warehouse | ServerCatalog) -> None:
        self._warehouse = warehouse
        self._rows: list[tuple[Any, ...]] = []
        self.description: list[tuple[Any, ...]] | None = None
        self.rows_affected: int | None = None

    def execute(self, sql: str, bindings: Sequence[Any] | None = None) -> None:
        """Run the statement to its end; a query's rows are then fetched from memory."""
        if bindings:
            raise DbtRuntimeError("fpspark: a statement has bindings. Expected literals in its SQL")
        frame, self.rows_affected = execute(self._warehouse, sql)
        if frame is not None:
            types = [(field.name, sql_type(field.dataType)) for field in frame.schema]
            self.description = [(name, dtype, None, None, None, None, True) for name, dtype in types]
            columns = [_values(column) for column in frame.toArrow().columns]
            self._rows = [tuple(map(without_time_zone, row)) for row in zip(*columns, strict=True)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, limit: int) -> list[tuple[Any, ...]]:
        """Return the next rows, at most `limit`."""
        rows, self._rows = self._rows[:limit], self._rows[limit:]
        return rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, None after the last."""
        return next(iter(self.fetchmany(1)), None)

    def close(self) -> None:
        """Forget the rows."""
        self._rows = []


class Handle:
    """What dbt takes for a connection."""

    def __init__(self, warehouse: Warehouse | ServerCatalog) -> None:
        self.warehouse = warehouse

    def cursor(self) -> Cursor:
        """Return a new cursor."""
        return Cursor(self.warehouse)

    def cancel(self) -> None:
        """Interrupt what the session runs: dbt is stopping."""
        self.warehouse.spark.interruptAll()

    def close(self) -> None:
        """Leave the session open: other threads, and sinks after dbt, use it."""


class FpSparkConnectionManager(SparkConnectionManager):  # type: ignore[misc]
    """Opens handles on the shared session and turns the engine's errors into dbt's."""

    TYPE = "fpspark"

    @classmethod
    def open(cls, connection: Connection) -> Connection:
        """Give the connection a handle on the process's session."""
        if connection.state != ConnectionState.OPEN:
            credentials = connection.credentials
            connection.handle = Handle(credentials.open_catalog())
            connection.state = ConnectionState.OPEN
        return connection

    @contextmanager
    def exception_handler(self, sql: str) -> Generator[None, None, None]:
        """Raise whatever fails inside as an error that dbt reports with the model."""
        try:
            yield
        except DbtBaseException:
            raise
        except Exception as error:
            logger.debug(f"Error while running:\n{sql}\n{error}")
            raise DbtDatabaseError(explained(error)) from error

    @classmethod
    def data_type_code_to_name(cls, type_code: str) -> str:
        """Return a column's type in full; dbt-spark's cuts it at the first `_`, and contracts then accept other types."""
        return type_code

    @classmethod
    def get_response(cls, cursor: Cursor) -> AdapterResponse:
        """Return what the run results say of the cursor's statement."""
        return response(cursor.rows_affected)


def response(rows_affected: int | None) -> AdapterResponse:
    """Return a run result's response, with the rows written if they are known."""
    if rows_affected is None:
        return AdapterResponse(_message="OK")
    return AdapterResponse(_message=f"OK {rows_affected:,} rows", rows_affected=rows_affected)


def _values(column: Any) -> list[Any]:
    try:
        return list(column.to_pylist())
    except (OverflowError, ValueError) as error:
        raise DbtRuntimeError(told(fault(Code.TIME_OUTSIDE_CALENDAR, OUTSIDE_CALENDAR))) from error
