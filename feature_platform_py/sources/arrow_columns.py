"""Convert the columns of a query's result to types that Delta holds, with times in UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.suggestions import printable

if TYPE_CHECKING:
    import pyarrow as pa

# Types that the server sends as text or not at all, and the advice for each.
_NOT_HELD: Mapping[str, tuple[str, str]] = {
    "interval_year_month": ("an interval", "cast it to a string, or give its months as a number"),
    "interval_day_time": ("an interval", "cast it to a string, or give its seconds as a number"),
    "null": ("a NULL without a type", "give it one: `cast(null as string)`"),
    "variant": ("a variant", "cast it to a string or to its type"),
    "union": ("a union", "cast it to a string"),
    "user_defined": ("of a type of its own", "cast it to a string"),
}


def in_utc(schema: pa.Schema) -> pa.Schema:
    """Return the schema with times in microseconds of UTC and 32-bit text offsets; times without a zone are in UTC."""
    import pyarrow as pa

    return pa.schema([field.with_type(_plain(field.type)) for field in schema])


def delta_columns(schema: pa.Schema, kinds: Sequence[str]) -> Columns:
    """Return the names and Spark SQL types of a result's columns; `kinds` are the server's types.

    Raises one ConfigurationError with every column that a Delta table cannot hold.
    """
    problems = [*_name_problems(schema.names), *_kind_problems(schema, kinds)]
    if problems:
        raise ConfigurationError("the query's result does not fit into a Delta table: " + "; ".join(problems))
    from pyspark.sql.pandas.types import from_arrow_type

    return [(field.name, from_arrow_type(field.type).simpleString()) for field in schema]


def _name_problems(names: Sequence[str]) -> Iterator[str]:
    if not names:
        yield "it has no columns; expected a query that returns some"
    first: dict[str, str] = {}
    for name in names:
        if not name:
            yield "a column has no name; give it an alias"
        elif name.lower() in first:
            yield f"the columns `{first[name.lower()]}` and `{name}` are the same name to Spark; give one an alias"
        first.setdefault(name.lower(), name)


def _kind_problems(schema: pa.Schema, kinds: Sequence[str]) -> Iterator[str]:
    for field, kind in zip(schema, kinds, strict=True):
        if kind in _NOT_HELD:
            what, advice = _NOT_HELD[kind]
            yield f"column `{printable(field.name)}` is {what}; {advice}"
        elif not _is_held(field.type):
            yield f"column `{printable(field.name)}` is {field.type}; cast it to a type that Spark stores"


def _is_held(data_type: pa.DataType) -> bool:
    import pyarrow.types as types

    if inner := _inner(data_type):
        return all(_is_held(field.type) for field in inner)
    held = (
        *(types.is_boolean, types.is_signed_integer, types.is_decimal128, types.is_float32, types.is_float64),
        *(types.is_string, types.is_binary, types.is_date32, types.is_timestamp),
    )
    return any(is_kind(data_type) for is_kind in held)


def _plain(data_type: pa.DataType) -> Any:
    import pyarrow as pa

    if pa.types.is_timestamp(data_type):
        return pa.timestamp("us", "UTC")
    if pa.types.is_large_string(data_type):
        return pa.string()
    if pa.types.is_large_binary(data_type):
        return pa.binary()
    if pa.types.is_struct(data_type):
        return pa.struct([field.with_type(_plain(field.type)) for field in _inner(data_type)])
    if pa.types.is_map(data_type):
        return pa.map_(*(_plain(field.type) for field in _inner(data_type)))
    if pa.types.is_list(data_type) or pa.types.is_large_list(data_type):
        return pa.list_(*(field.with_type(_plain(field.type)) for field in _inner(data_type)))
    return data_type


def _inner(data_type: pa.DataType) -> list[pa.Field]:
    """Return the fields inside a nested type; empty for a plain type."""
    import pyarrow as pa

    if pa.types.is_map(data_type):
        return [data_type.key_field, data_type.item_field]
    if pa.types.is_list(data_type) or pa.types.is_large_list(data_type):
        return [data_type.value_field]
    return [data_type.field(position) for position in range(data_type.num_fields)]
