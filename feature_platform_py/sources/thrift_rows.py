"""The result of a query of a Spark Thrift server as Arrow, in chunks; the server sends most types as text."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.data_types import Columns, kind_of, nested_parts
from feature_platform_py.core.errors import EngineError
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.files.values import arrow_type
from feature_platform_py.sessions.thrift import ThriftConnectionConfig
from feature_platform_py.sources.thrift_session import ThriftSession, thrift_session, values_of

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 20_000
# Of times in nested values; Spark's own format has milliseconds.
_JSON_TIME = "yyyy-MM-dd HH:mm:ss.SSSSSS"


@dataclass(frozen=True)
class ThriftRows:
    """The rows of a query; each reading opens a session of its own."""

    statement: str
    connection: ThriftConnectionConfig

    def columns(self) -> Columns:
        """Return the names and Spark SQL types of the result, without computing a row. Raises QueryRefusedError."""
        with thrift_session(self.connection) as session:
            return _columns(session, self.statement)

    def to_arrow(self) -> pa.Table:
        """Return all rows at once; times are in UTC."""
        import pyarrow as pa

        with self.reading() as reading:
            return pa.concat_tables([reading.schema.empty_table(), *reading.chunks()])

    @contextmanager
    def reading(self) -> Iterator[ArrivingThriftRows]:
        """The result while it is read."""
        with thrift_session(self.connection) as session:
            columns = _columns(session, self.statement)
            with session.run(_fetchable(self.statement, columns)) as handle:
                yield ArrivingThriftRows(session, handle, columns)


class ArrivingThriftRows:
    """A result whose rows are fetched on demand; `rows` counts those that have arrived."""

    def __init__(self, session: ThriftSession, handle: Any, columns: Columns) -> None:
        import pyarrow as pa

        self._session, self._handle, self._columns = session, handle, columns
        self.schema: pa.Schema = pa.schema([(name, _plain_type(kind)) for name, kind in columns])
        self.rows = 0

    def chunks(self) -> Iterator[pa.Table]:
        """Yield the rows in order. Call it only once."""
        import pyarrow as pa

        while True:
            found = self._session.chunk(self._handle, CHUNK_ROWS)
            pairs = zip(found, self._columns, strict=True)
            arrays = [_array(column, name, kind) for column, (name, kind) in pairs]
            if not arrays or not len(arrays[0]):
                return
            chunk = pa.Table.from_arrays(arrays, schema=self.schema)
            self.rows += chunk.num_rows
            yield chunk


def _columns(session: ThriftSession, statement: str) -> Columns:
    with session.run(f"describe query {statement}") as handle:
        names, kinds, *_ = [values_of(column) for column in session.chunk(handle, CHUNK_ROWS)]
    # The server adds its comments as rows that begin with a `#`.
    return list(zip(names, kinds, strict=True))


def _fetchable(statement: str, columns: Columns) -> str:
    """Return the query with nested values as JSON: the server would send them as text that cannot be parsed."""
    if not any(kind_of(kind) == "nested" for _, kind in columns):
        return statement
    options = f"map('timestampFormat', '{_JSON_TIME}', 'timestampNTZFormat', '{_JSON_TIME}')"
    chosen = [
        f"case when {quoted(name)} is not null then to_json(named_struct('value', {quoted(name)}), {options}) end as {quoted(name)}"
        if kind_of(kind) == "nested"
        else quoted(name)
        for name, kind in columns
    ]
    return f"select {', '.join(chosen)} from (\n{statement}\n)"  # noqa: S608 - quoted


def _plain_type(kind: str) -> Any:
    import pyarrow as pa

    return pa.timestamp("us", "UTC") if kind == "timestamp_ntz" else arrow_type(kind)


def _array(column: Any, name: str, kind: str) -> pa.Array:
    import pyarrow as pa

    values, data_type = values_of(column), _plain_type(kind)
    if kind_of(kind) == "nested":
        read = _reader(kind)
        parsed = [None if each is None else read(json.loads(each, parse_float=Decimal)["value"]) for each in values]
        return pa.array(parsed, data_type)
    try:
        match kind_of(kind):
            case "timestamp":
                return pa.array(values, pa.string()).cast(pa.timestamp("us")).cast(data_type)
            case "date" | "decimal":
                return pa.array(values, pa.string()).cast(data_type)
            case _:
                return pa.array(values, data_type)
    except pa.ArrowInvalid as error:
        message = f"column `{name}` ({kind}) has a value that cannot be fetched: {error}"
    raise EngineError(message)


def _reader(kind: str) -> Callable[[Any], Any]:
    """Return the function that reads a value of a type from what JSON gives."""
    name, parts = nested_parts(kind) if kind_of(kind) == "nested" else (kind, [])
    if name == "struct":
        members = {member: _reader(part) for member, part in parts}
        return lambda value: value and {member: read(value.get(member)) for member, read in members.items()}
    if name == "map":
        of_key, of_value = (_reader(part) for _, part in parts)
        return lambda value: value and [(of_key(key), of_value(each)) for key, each in value.items()]
    if name == "array":
        of_each = _reader(parts[0][1])
        return lambda value: value if value is None else [of_each(each) for each in value]
    return _plain_reader(kind)


def _plain_reader(kind: str) -> Callable[[Any], Any]:
    read: dict[str, Callable[[Any], Any]] = {
        "floating": float,
        "integer": int,
        "decimal": lambda value: Decimal(str(value)),
        "date": lambda value: date.fromisoformat(str(value)),
        "timestamp": lambda value: datetime.fromisoformat(str(value)),
        "boolean": lambda value: value in (True, "true"),
        "binary": b64decode,
    }
    found = read.get(kind_of(kind), str)
    return lambda value: None if value is None else found(value)
