"""Read any kind of table as names, Spark types if known, and rows of Python values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

Row = Mapping[str, Any]

_ARROW_NAMES = {
    "bool": "boolean",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "halffloat": "float",
    "float": "float",
    "large_string": "string",
    "string_view": "string",
    "large_binary": "binary",
    "binary_view": "binary",
    "date32[day]": "date",
    "null": "void",
}


@dataclass(frozen=True)
class Table:
    """Rows, with the names of their columns in order and the known types.

    `blurred` are columns in which a missing value and NaN look the same. A list without rows has no columns: None.
    """

    columns: tuple[str, ...] | None
    types: Mapping[str, str]
    rows: list[Row]
    blurred: frozenset[str] = field(default_factory=frozenset)


def as_table(given: Any, role: str) -> Table:
    """Return a DataFrame of Spark or pandas, an Arrow table or stream, or a list of mappings as a table, and a table as it is.

    Raises TypeError for anything else, and ValueError if two columns have one name or a row lacks a column.
    """
    if isinstance(given, Table):
        return given
    module = type(given).__module__.partition(".")[0]
    if module == "pyspark" and hasattr(given, "toArrow"):
        return _from_spark(given, role)
    if module == "pyarrow" and hasattr(given, "to_pylist") and hasattr(given, "schema"):
        return _from_arrow(given, role)
    if module == "pandas" and hasattr(given, "columns"):
        return _from_pandas(given, role)
    if hasattr(given, "__arrow_c_stream__"):
        import pyarrow

        return _from_arrow(pyarrow.table(given), role)
    if isinstance(given, Sequence) and all(isinstance(row, Mapping) for row in given):
        return _from_rows(given, role)
    raise TypeError(
        f"`{role}`: expected a DataFrame of Spark, pandas or Polars, an Arrow table or a list of dicts,"
        f" got {type(given).__module__}.{type(given).__qualname__}"
    )


def _from_spark(frame: Any, role: str) -> Table:
    columns = _distinct(frame.columns, role)
    types = {each.name: each.dataType.simpleString() for each in frame.schema}
    return Table(columns, types, _arrow_rows(frame.toArrow()))


def _from_arrow(table: Any, role: str) -> Table:
    columns = _distinct(table.schema.names, role)
    types = {each.name: _arrow_type(each.type) for each in table.schema}
    return Table(columns, types, _arrow_rows(table))


def _from_pandas(frame: Any, role: str) -> Table:
    import pandas
    import pyarrow

    columns = _distinct(frame.columns, role)
    types: dict[str, str] = {}
    for name in columns:
        dtype = frame[name].dtype
        # With a missing value, an integer column becomes `float64`. Naive times are taken as UTC.
        is_vague = str(dtype) == "object" or (_is_numpy_float(dtype) and frame[name].isna().any()) or _is_naive(dtype)
        if not is_vague:
            types[name] = _arrow_type(pyarrow.Array.from_pandas(frame[name]).type)
    # Only pandas' Arrow types have both.
    blurred = frozenset(name for name in columns if not isinstance(frame[name].dtype, pandas.ArrowDtype))
    return Table(columns, types, [_without_markers(row) for row in frame.to_dict("records")], blurred)


def _from_rows(rows: Sequence[Row], role: str) -> Table:
    columns = tuple(rows[0]) if rows else None
    for number, row in enumerate(rows, start=1):
        if set(row) != set(columns or ()):
            odd = ", ".join(f"`{name}`" for name in sorted(set(row) ^ set(columns or ()), key=str))
            raise ValueError(f"`{role}`: row {number} has other columns than row 1: {odd}; write NULL as None")
    return Table(columns, {}, list(rows))


def _distinct(names: Iterable[Any], role: str) -> tuple[str, ...]:
    columns = tuple(map(str, names))
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise ValueError(f"`{role}`: expected each column once, there are several `{'`, `'.join(twice)}`; rename them")
    return columns


def _arrow_rows(table: Any) -> list[Row]:
    import pyarrow

    # Entries of a map come as pairs, in any order.
    maps = [each.name for each in table.schema if pyarrow.types.is_map(each.type)]
    rows = cast("list[dict[str, Any]]", table.to_pylist())
    for row in rows if maps else []:
        row.update({name: dict(row[name]) for name in maps if row[name] is not None})
    return cast("list[Row]", rows)


def _arrow_type(data_type: Any) -> str:
    """Return the Spark SQL name of an Arrow type; its own name if Spark has none."""
    from pyarrow import types

    if types.is_dictionary(data_type):
        return _arrow_type(data_type.value_type)
    if types.is_decimal(data_type):
        return f"decimal({data_type.precision},{data_type.scale})"
    if types.is_timestamp(data_type):
        return "timestamp" if data_type.tz else "timestamp_ntz"
    if types.is_map(data_type):
        return f"map<{_arrow_type(data_type.key_type)},{_arrow_type(data_type.item_type)}>"
    if types.is_list(data_type) or types.is_large_list(data_type):
        return f"array<{_arrow_type(data_type.value_type)}>"
    if types.is_struct(data_type):
        return f"struct<{','.join(f'{each.name}:{_arrow_type(each.type)}' for each in data_type)}>"
    return _ARROW_NAMES.get(str(data_type), str(data_type))


def _is_numpy_float(dtype: Any) -> bool:
    return bool(getattr(dtype, "kind", "") == "f" and type(dtype).__module__.startswith("numpy"))


def _is_naive(dtype: Any) -> bool:
    return bool(getattr(dtype, "kind", "") == "M" and getattr(dtype, "tz", None) is None)


def _without_markers(row: Row) -> Row:
    """Return the row with None for pandas' NaT and NA."""
    import pandas

    return {str(name): None if value is pandas.NaT or value is pandas.NA else value for name, value in row.items()}
