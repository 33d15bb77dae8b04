"""Write the rows of files to one Parquet file, in one pass if the first rows' types fit all rows, else in two."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class RowsOfFiles(Protocol):
    """The rows of files of one format, in parts that fit into memory."""

    def parts(self) -> Iterator[Any]:
        """Yield all rows, as they are written."""

    def learn(self, part: Any) -> None:
        """Let a part decide on the inferred types."""

    def types(self) -> Any:
        """Return the types that fit the parts so far."""

    def finish(self) -> None:
        """Raise the errors that are known only after the last part."""

    def typed(self, part: Any, types: Any) -> pa.Table:
        """Return a part with those types. Raises DataCheckError for the first values that do not fit."""

    def empty(self) -> pa.Table:
        """Return the table without rows."""


def write_rows(rows: RowsOfFiles, file: Path) -> None:
    """Write all rows with types that hold every value. Raises DataCheckError if a declared type cannot hold a value."""
    with _uncollected():
        _write(rows, file)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Suspend the collection of cycles: rows have none, and searching them would take half of the time."""
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_enabled:
            gc.enable()


def _write(rows: RowsOfFiles, file: Path) -> None:
    written = None
    with _Writer(file) as writer:
        for part in rows.parts():
            rows.learn(part)
            types = rows.types()
            written = written or types
            if types == written:
                writer.write(rows.typed(part, types))
        rows.finish()
        if written is None:
            writer.write(rows.empty())
    final = rows.types()
    if written is not None and written != final:
        with _Writer(file) as writer:
            for part in rows.parts():
                writer.write(rows.typed(part, final))


class _Writer:
    """A Parquet file whose columns are those of the first table."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer: Any = None

    def __enter__(self) -> _Writer:
        return self

    def write(self, table: pa.Table) -> None:
        import pyarrow.parquet as pq

        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, table.schema, compression="zstd", compression_level=1)
        self._writer.write_table(table)

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
