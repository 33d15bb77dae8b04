"""The backend of a Spark Connect server with a catalog of its own, by SQL in this process's session on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from feature_platform_py.core.data_types import Columns, sql_type
from feature_platform_py.sinks.arrow_files import arrow_batches
from feature_platform_py.sources.arrow_columns import in_utc
from feature_platform_py.sources.connector_errors import QueryRefusedError
from feature_platform_py.targets.cluster import ClusterBackend
from feature_platform_py.warehouse.server_catalog import ServerCatalog, open_server_catalog

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

Result = TypeVar("Result")
_LOST = "the Spark Connect server is gone"


class ConnectCatalogBackend(ClusterBackend):
    """The schema of the target on the server that `SPARK_REMOTE` names."""

    @property
    def adapter(self) -> str:
        """The dbt adapter."""
        return "the adapter"

    def relations(self) -> list[tuple[str, str]]:
        """Return the tables and views of the target's schema; none if the schema does not exist."""
        schema = self._project.target.schema
        return [(f"{schema}.{name}", found.kind) for name, found in open_server_catalog().relations(schema).items()]

    def rows_of(self, statement: str) -> SessionRows:
        """Return the statement's rows, to be fetched in chunks."""
        return SessionRows(statement, open_server_catalog())

    def execute(self, statement: str) -> None:
        """Run a statement that changes something, once."""
        catalog = open_server_catalog()
        _refused_by(catalog, lambda: catalog.spark.sql(statement).collect())

    def explained(self, message: str) -> str | None:
        """Return what the loss of the server means; the adapter has said it."""
        found = message.find(_LOST)
        return None if found < 0 else message[found:]


@dataclass(frozen=True)
class SessionRows:
    """The rows of a query in a session on a server."""

    statement: str
    catalog: ServerCatalog

    def columns(self) -> Columns:
        """Return the names and Spark SQL types of the result, without computing a row. Raises QueryRefusedError."""
        fields = _refused_by(self.catalog, lambda: self._frame().schema)
        return [(field.name, sql_type(field.dataType)) for field in fields]

    def to_arrow(self) -> pa.Table:
        """Return all rows at once; times are in UTC."""
        found = _refused_by(self.catalog, lambda: self._frame().toArrow())
        return found.cast(in_utc(found.schema))

    @contextmanager
    def reading(self) -> Iterator[ArrivingSessionRows]:
        """The result while it is read."""
        yield ArrivingSessionRows(self._frame())

    def _frame(self) -> DataFrame:
        return self.catalog.spark.sql(self.statement)


class ArrivingSessionRows:
    """A result whose rows arrive on demand; `rows` counts those that have."""

    def __init__(self, frame: DataFrame) -> None:
        self._frame = frame
        self.schema: pa.Schema = in_utc(frame.limit(0).toArrow().schema)
        self.rows = 0

    def chunks(self) -> Iterator[pa.Table]:
        """Yield the rows in order. Call it only once."""
        import pyarrow as pa

        for batch in arrow_batches(self._frame, self.schema):
            self.rows += batch.num_rows
            yield pa.Table.from_batches([batch])


def _refused_by(catalog: ServerCatalog, run: Callable[[], Result]) -> Result:
    """Return what the call gives; raise what the server says of a query as QueryRefusedError."""
    from pyspark.errors import AnalysisException

    try:
        return run()
    except AnalysisException as error:
        said = str(error)
    raise QueryRefusedError(catalog.endpoint, said)
