"""Read the rows of Parquet files that engines read differently, with the columns and types of all files."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError, DataCheckError
from feature_platform_py.core.suggestions import printable
from feature_platform_py.files.columns import Reading, shown
from feature_platform_py.files.folder import DataFile
from feature_platform_py.files.guesses import Guess
from feature_platform_py.files.parquet_types import (
    cast_column,
    common_type,
    filled_type,
    is_read_by_engines,
    nearest_type,
)
from feature_platform_py.files.values import arrow_type, cast_texts

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_IN_MEMORY = 65536


@dataclass(frozen=True)
class Footer:
    """A file, and the columns that its footer names.

    `stored` are the types that Arrow as the writer kept; a reader may follow them, as Sail does.
    """

    file: DataFile
    schema: pa.Schema
    stored: pa.Schema


def footers(location: Path, files: Sequence[DataFile]) -> list[Footer]:
    """Return the footers of all files without reading a row.

    Raises ConfigurationError for a folder without files and for columns without a name, or of one name, DataCheckError for what is
    not a Parquet file.
    """
    if not files:
        raise ConfigurationError(f"{shown(location)}: expected Parquet files in the folder, found none")
    return [_footer(file) for file in files]


def is_read_in_place(location: Path, found: Sequence[Footer]) -> bool:
    """Return whether every engine reads the files alike in place: one folder, one schema, and types that all engines have.

    Sail leaves out files with a `=` in their names.
    """
    first = found[0].schema
    is_flat = all(each.file.path.parent == location or each.file.path == location for each in found)
    is_alike = all(each.schema.types == first.types and each.schema.names == first.names for each in found)
    types = {*first.types, *(data_type for each in found for data_type in each.stored.types)}
    is_whole = not any("=" in each.file.path.name for each in found)
    return is_flat and is_alike and is_whole and all(map(is_read_by_engines, types))


def changed_types(found: Sequence[Footer]) -> list[str]:
    """Return a line for each column that gets another type than in the files."""
    types = {
        column.name: column.type for each in found for column in each.schema if not is_read_by_engines(column.type)
    }
    return [f"`{printable(name)}`: {_told(given)}" for name, given in types.items()]


class ParquetRows:
    """The rows of the files of one source; columns of `declared` names that folders hold have the declared types."""

    def __init__(self, found: Sequence[Footer], *, declared: Columns) -> None:
        self._found = found
        self._columns = _common_columns(found)
        self._partitions = _partition_readings(found, declared)

    def parts(self) -> Iterator[tuple[Footer, pa.Table]]:
        """Yield all rows as the files have them."""
        import pyarrow as pa

        for footer in self._found:
            with _reading(footer.file.path):
                for batch in _opened(footer.file.path).iter_batches(batch_size=_ROWS_IN_MEMORY):
                    yield footer, pa.Table.from_batches([batch])

    def learn(self, part: Any) -> None:
        """Do nothing: the footers had the types."""

    def types(self) -> Mapping[str, pa.DataType]:
        """Return the type of each column."""
        return self._columns

    def finish(self) -> None:
        """Do nothing: nothing is left to check."""

    def typed(self, part: tuple[Footer, pa.Table], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Return rows with all columns; those that their file lacks are NULL."""
        import pyarrow as pa

        footer, rows = part
        columns = {}
        for name, target in types.items():
            is_there = name in rows.column_names
            columns[name] = self._cast(footer, name, rows[name]) if is_there else pa.nulls(rows.num_rows, target)
        for name, reading in self._partitions.items():
            text = pa.repeat(pa.scalar(footer.file.partition[name], pa.string()), rows.num_rows)
            columns[name] = cast_texts(text, reading)[0]
        return pa.table(columns)

    def empty(self) -> pa.Table:
        """Return the table without rows."""
        import pyarrow as pa

        partitions = {name: arrow_type(reading.type or "string") for name, reading in self._partitions.items()}
        return pa.table({name: pa.array([], each) for name, each in {**self._columns, **partitions}.items()})

    def _cast(self, footer: Footer, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        import pyarrow as pa

        try:
            return cast_column(cast_column(column, filled_type(nearest_type(column.type))), self._columns[name])
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            message = f"{shown(footer.file.path)}: column `{printable(name)}`: {column.type} cannot become"
            raise DataCheckError(f"{message} {self._columns[name]}: {error}. Write it with another type") from error


def _common_columns(found: Sequence[Footer]) -> dict[str, pa.DataType]:
    """Return the columns of all files, in order of their first appearance. Raises DataCheckError for types that differ."""
    columns: dict[str, pa.DataType] = {}
    for footer in found:
        for column in footer.schema:
            given = nearest_type(column.type)
            common = common_type(columns.get(column.name, given), given)
            if common is None:
                first = next(each for each in found if column.name in each.schema.names)
                raise DataCheckError(
                    f"{shown(footer.file.path)}: column `{printable(column.name)}`: expected {columns[column.name]}, as in"
                    f" `{shown(first.file.path)}`, given {given}; write the files with one type"
                )
            columns[column.name] = common
    return {name: filled_type(data_type) for name, data_type in columns.items()}


def _partition_readings(found: Sequence[Footer], declared: Columns) -> dict[str, Reading]:
    """Return how values in names of folders are read: with the declared type, or one that fits them all."""
    import pyarrow as pa

    types = {name.lower(): data_type for name, data_type in declared}
    readings = {}
    for name in found[0].file.partition:
        texts = pa.array([each.file.partition[name] for each in found], pa.string())
        guess = Guess()
        guess.add(texts)
        reading = Reading(types.get(name.lower()) or guess.type or "string")
        if bad := cast_texts(texts, reading)[1]:
            path = found[bad.row].file.path.parent
            raise DataCheckError(
                f"{shown(path)}: column `{name}`: `{printable(bad.value)}` is not of type {bad.expected}"
            )
        readings[name] = reading
    return readings


def _footer(file: DataFile) -> Footer:
    with _reading(file.path):
        opened = _opened(file.path)
        schema = opened.schema_arrow.remove_metadata()
        footer = Footer(file, schema, _stored_schema(opened.metadata.metadata or {}) or schema)
    _check_names(footer)
    return footer


def _stored_schema(metadata: Mapping[bytes, bytes]) -> pa.Schema | None:
    import pyarrow as pa

    text = metadata.get(b"ARROW:schema")
    return None if text is None else pa.ipc.read_schema(pa.py_buffer(b64decode(text)))


def _check_names(footer: Footer) -> None:
    """Raise ConfigurationError for columns without a name, or of one name."""
    file = footer.file
    names = [*footer.schema.names, *file.partition]
    if "" in names:
        raise ConfigurationError(f"{shown(file.path)}: column {names.index('') + 1} has no name; give it one")
    lowered = [name.lower() for name in names]
    for name in names:
        if lowered.count(name.lower()) > 1:
            raise ConfigurationError(
                f"{shown(file.path)}: more than one column is called `{printable(name)}`, in any case, and engines read only one of"
                f" them; rename them. Existing columns: {', '.join(f'`{printable(each)}`' for each in names)}"
            )


def _opened(path: Path) -> Any:
    from pyarrow.parquet import ParquetFile

    return ParquetFile(path, coerce_int96_timestamp_unit="us")


class _reading:  # noqa: N801 - a context manager, used as a function
    """Adds the file's name to Arrow's errors about a file that it cannot read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        import pyarrow as pa

        if isinstance(error, pa.ArrowException | OSError):
            given = "an empty file" if self._path.stat().st_size == 0 else str(error)
            raise DataCheckError(
                f"{shown(self._path)}: expected a Parquet file, given {given}. Remove the file, or write it anew"
            ) from error


def _told(given: pa.DataType) -> str:
    from pyarrow import types

    nearest = filled_type(nearest_type(given))
    unit = f", the number of its {_UNITS[given.unit]}" if types.is_duration(given) else ""
    cut = ", cut to microseconds" if types.is_timestamp(given) else ""
    return f"{given} comes out as {nearest}{unit}{cut}"


_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
