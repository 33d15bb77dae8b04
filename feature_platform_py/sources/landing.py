"""Write the rows of a query to a table of the warehouse: in chunks to a file, then in one commit."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import EngineError
from feature_platform_py.sources.arrow_columns import delta_columns
from feature_platform_py.warehouse.catalog_file import TableName

if TYPE_CHECKING:
    import pyarrow as pa

    from feature_platform_py.warehouse.warehouse import Warehouse

# Sail keeps unwritten files in memory: with the usual 128 MB per file, more than a gigabyte.
_FILE_BYTES = 16 * 1024 * 1024


class ChunkedRows(Protocol):
    """Rows that arrive in chunks; `kinds` are the server's types of the columns."""

    schema: pa.Schema
    kinds: list[str]

    def chunks(self) -> Iterator[pa.Table]:
        """Yield the rows in their order."""


class ChunkedSource(Protocol):
    """A source whose rows are not all in memory at once."""

    def reading(self) -> AbstractContextManager[ChunkedRows]:
        """Return the rows of one execution."""


def land(source: ChunkedSource, warehouse: Warehouse, name: TableName, *, columns: Columns) -> int:
    """Replace the table by the query's rows in one commit, and return their number.

    `columns` are the known columns of the query. Raises EngineError if not all rows arrive, or if they have other columns; the
    table then keeps its old content.
    """
    with tempfile.TemporaryDirectory(prefix="feature_platform_") as folder:
        file = Path(folder) / "rows.parquet"
        found = write_file(source, file)
        if list(found) != list(columns):
            listed = ", ".join(f"`{column}` {data_type}" for column, data_type in found)
            raise EngineError(
                f"the query's columns have changed since the job was planned; they are now {listed}; run it again"
            )
        return commit_file(file, warehouse, name)


def write_file(source: ChunkedSource, file: Path) -> Columns:
    """Write the rows to a Parquet file, holding a chunk of them at a time, and return their columns."""
    import pyarrow.parquet as pq

    with source.reading() as reading:
        columns = delta_columns(reading.schema, reading.kinds)
        with pq.ParquetWriter(file, reading.schema) as writer:
            for chunk in reading.chunks():
                writer.write_table(chunk)
    return columns


def commit_file(file: Path, warehouse: Warehouse, name: TableName) -> int:
    """Replace the table by the file's rows in one commit, and return their number."""
    return warehouse.write_table(name, warehouse.spark.read.parquet(str(file)), file_bytes=_FILE_BYTES)


def kept_file(source: ChunkedSource) -> Path:
    """Return a Parquet file of the rows; it is removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="feature_platform_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_file(source, folder / "rows.parquet")
    return folder / "rows.parquet"
