"""Map Arrow types of Parquet columns to the nearest type that every engine reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_DIGITS = 38


def nearest_type(given: pa.DataType) -> pa.DataType:
    """Return the type if every engine reads it faithfully, else the nearest type that holds its values.

    Only nanoseconds lose something: they become microseconds. A duration becomes the number of its units, a time of day
    its text. The type of a column without values stays open.
    """
    return _mapped(given, _nearest_plain)


def filled_type(given: pa.DataType) -> pa.DataType:
    """Return the type with text in place of open types."""
    import pyarrow as pa
    from pyarrow import types

    return _mapped(given, lambda plain: pa.string() if types.is_null(plain) else plain)


def without_views(given: pa.DataType) -> pa.DataType:
    """Return the type with text and bytes in the layout that files have; values in memory may have another one."""
    import pyarrow as pa
    from pyarrow import types

    def stored(plain: pa.DataType) -> pa.DataType:
        if types.is_string_view(plain):
            return pa.string()
        return pa.binary() if types.is_binary_view(plain) else plain

    return _mapped(given, stored)


def is_read_by_engines(given: pa.DataType) -> bool:
    """Return whether every engine reads the column as it is; the memory layout of lists does not matter."""
    return bool(_mapped(given, lambda plain: plain).equals(filled_type(nearest_type(given))))


def common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return the type that holds the values of both nearest types unchanged, or None."""
    import pyarrow as pa
    from pyarrow import types

    if one.equals(other) or types.is_null(other):
        return one
    if types.is_null(one):
        return other
    for is_kind in (types.is_signed_integer, types.is_floating):
        if is_kind(one) and is_kind(other):
            return max(one, other, key=lambda each: each.bit_width)
    if types.is_decimal(one) and types.is_decimal(other) and one.scale == other.scale:
        return max(one, other, key=lambda each: each.precision)
    if _is_text(one) and _is_text(other):
        return pa.string()
    return _common_nested(one, other)


def _common_nested(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    import pyarrow as pa
    from pyarrow import types

    if types.is_list(one) and types.is_list(other):
        inner = common_type(one.value_type, other.value_type)
        return inner and pa.list_(inner)
    if types.is_struct(one) and types.is_struct(other) and [each.name for each in one] == [each.name for each in other]:
        members = [(each.name, common_type(each.type, other.field(each.name).type)) for each in one]
        return None if None in dict(members).values() else pa.struct(members)
    return None


def _mapped(given: pa.DataType, plain: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """Return the type with its plain types replaced, and all its lists of the usual kind."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_struct(given):
        return pa.struct([field.with_type(_mapped(field.type, plain)) for field in given])
    if types.is_map(given):
        return pa.map_(_mapped(given.key_type, plain), _mapped(given.item_type, plain))
    if types.is_list(given) or types.is_large_list(given) or types.is_fixed_size_list(given):
        return pa.list_(given.value_field.with_type(_mapped(given.value_type, plain)))
    return plain(given)


def _nearest_plain(given: pa.DataType) -> pa.DataType:
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(given):
        return nearest_type(given.value_type)
    if isinstance(given, pa.BaseExtensionType):
        return pa.string() if isinstance(given, pa.UuidType) else nearest_type(given.storage_type)
    if types.is_decimal(given):
        return pa.decimal128(given.precision, given.scale) if given.precision <= _MOST_DIGITS else pa.string()
    if types.is_timestamp(given):
        return pa.timestamp("us", given.tz) if given.unit == "ns" else given
    if types.is_time(given):
        return pa.string()
    if types.is_fixed_size_binary(given):
        return pa.binary()
    if types.is_duration(given):
        return pa.int64()
    wider = {
        pa.uint8(): pa.int16(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.uint64(): pa.decimal128(20, 0),
        pa.float16(): pa.float32(),
        pa.date64(): pa.date32(),
    }
    return wider.get(given, given)


def _is_text(given: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(given) or types.is_large_string(given) or types.is_string_view(given))


def cast_column(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    """Return the column with its nearest type, cut to microseconds. Raises ArrowInvalid if another value does not fit."""
    import pyarrow as pa
    from pyarrow import compute, types

    if isinstance(column.type, pa.UuidType):
        return pa.chunked_array([[None if each is None else str(each) for each in column.to_pylist()]], target)
    if types.is_timestamp(column.type) and column.type.unit == "ns":
        # A cast cuts towards 1970, which would move the last nanosecond of an earlier day into the next day.
        return compute.floor_temporal(column, unit="microsecond").cast(target)
    return column.cast(target, safe="[ns" not in str(column.type))
