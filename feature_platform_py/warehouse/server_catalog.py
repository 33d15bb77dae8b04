"""The catalog of a Spark Connect server, such as a Hive metastore, Glue or Unity: this process opens no file of its tables."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from feature_platform_py.core.data_types import Columns, sql_type
from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.locations import is_remote
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.sessions.remote_session import (
    REMOTE,
    Remote,
    close_remote_session,
    find_remote_session,
    is_remote_session_alive,
    open_remote_session,
)
from feature_platform_py.warehouse.catalog_file import RelationDefinition, TableName
from feature_platform_py.warehouse.delta_layout import every_name, table_properties

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from feature_platform_py.warehouse.external_sources import ExternalSource

READ_BY_PATH = frozenset({"delta", "parquet"})
"""The formats of files that a query can read by their URL alone."""
_lock = threading.RLock()
_opened: dict[str, ServerCatalog] = {}


class ServerCatalog:
    """Tables and views of the server that `SPARK_REMOTE` names, through the process's session on it."""

    def __init__(self, spark: SparkSession, endpoint: str) -> None:
        self.spark = spark
        self.endpoint = endpoint

    def relations(self, schema: str) -> dict[str, RelationDefinition]:
        """Return the tables and views of a schema; none if it does not exist."""
        if schema not in self.schemas():
            return {}
        views = {row[1] for row in self._rows(f"show views in {quoted(schema)}") if not row[2]}
        names = sorted(row[1] for row in self._rows(f"show tables in {quoted(schema)}") if not row[2])
        return {name: RelationDefinition("view" if name in views else "table", "") for name in names}

    def schemas(self) -> list[str]:
        """Return the schemas of the server."""
        return sorted(row[0] for row in self._rows("show schemas"))

    def columns(self, name: TableName) -> Columns:
        """Return the names and types of a table's columns; none if it does not exist."""
        if not self.spark.catalog.tableExists(str(name)):
            return []
        return [(field.name, sql_type(field.dataType)) for field in self.spark.table(str(name)).schema]

    def write_table(self, name: TableName, frame: DataFrame, *, partition_by: Sequence[str] = ()) -> int:
        """Replace the table by the frame's rows in one commit, and return their number."""
        from pyspark.sql import functions

        self.spark.sql(f"create schema if not exists {quoted(name.schema)}")
        writer = frame.writeTo(str(name)).using("delta")
        for key, value in table_properties(every_name(frame.schema)).items():
            writer = writer.tableProperty(key, value)
        if partition_by:
            writer = writer.partitionedBy(*(functions.col(quoted(column)) for column in partition_by))
        writer.createOrReplace()
        return int(self.spark.table(str(name)).count())

    def register_source(self, name: TableName, source: ExternalSource) -> None:
        """Make a view of files at a URL. Raises ConfigurationError for other files, which the server does not see by a URL alone."""
        if not is_remote(source.location) or source.format not in READ_BY_PATH or source.options:
            raise ConfigurationError(
                f"expected a table of the server, or the URL of a Delta table or of Parquet files without options, given"
                f" {source.format} at `{source.location}`; make a table of it on the server, and name that"
            )
        self.spark.sql(f"create schema if not exists {quoted(name.schema)}")
        self.spark.sql(f"create or replace view {name} as select * from {source.format}.{quoted(source.location)}")  # noqa: S608

    def _rows(self, statement: str) -> list[Any]:
        return list(self.spark.sql(statement).collect())


def open_server_catalog() -> ServerCatalog:
    """Return the catalog of the server that the environment names, with the process's session on it; open that if need be.

    Raises ConfigurationError for a URL that is missing or wrong, EngineError if the server does not answer.
    """
    os.environ.setdefault("PYARROW_IGNORE_TIMEZONE", "1")
    url = os.environ.get(REMOTE, "").strip()
    with _lock:
        known = _opened.pop(url, None)
        if known and is_remote_session_alive(known.spark):
            _opened[url] = known
            return known
        remote = Remote("connect", SecretStr(url))
        there = find_remote_session(remote)
        spark = there or open_remote_session(remote, {})
        if there is None:
            atexit.register(_close, spark)
        catalog = ServerCatalog(spark, remote.channel_builder().endpoint)
        _check_delta(catalog)
        _opened[url] = catalog
        return catalog


def _close(spark: SparkSession) -> None:
    if not spark.is_stopped:
        close_remote_session(spark)


DELTA_SETTINGS = (
    "`spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension` and"
    " `spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog`, with Delta's jars on its class path"
)
DELTA_PROBE = "explain create or replace table `default`.`_delta` using delta as select 1 as one"
"""Its plan is `AtomicReplaceTableAsSelect` on a server with Delta; nothing is written."""


def without_delta(endpoint: str, plan: str) -> EngineError | None:
    """Return the error for a server whose plan for the probe is not that of Delta, None for another."""
    if "AtomicReplaceTableAsSelect" in plan:
        return None
    return EngineError(
        f"{endpoint}: expected a server whose tables are Delta tables, which are replaced in one step; plain Parquet and Iceberg are"
        f" not. Start it with {DELTA_SETTINGS}. It says: {' '.join(plan.split())[:300]}"
    )


def _check_delta(catalog: ServerCatalog) -> None:
    from pyspark.errors import PySparkException

    try:
        plan = " ".join(str(row[0]) for row in catalog.spark.sql(DELTA_PROBE).collect())
    except PySparkException as error:
        plan = str(error)
    if failure := without_delta(catalog.endpoint, plan):
        raise failure
