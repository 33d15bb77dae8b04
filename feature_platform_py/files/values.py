"""Cast whole columns of text exactly to a type, and name the first text that does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.data_types import DataType, nested_parts, parse_type
from feature_platform_py.files.columns import BadValue, Reading
from feature_platform_py.files.patterns import EPOCHS, DatePattern

if TYPE_CHECKING:
    import pyarrow as pa

Cast = Callable[["pa.Array"], "pa.Array"]

_ZONE = r"[T ]\d{2}(:?\d{2}.*?)?(Z|[+-]\d{2}(:?\d{2})?)$"
_WORDS = {
    "nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "infinity": "Infinity", "-infinity": "-Infinity", "+inf": "Infinity",
    "+infinity": "Infinity",
}  # fmt: skip


class UnheldError(ValueError):
    """A text that was cast does not fit the type."""


@lru_cache(maxsize=1024)
def arrow_type(text: str) -> pa.DataType:
    """Return the Arrow type of a Spark SQL type."""
    import pyarrow as pa

    found = parse_type(text)
    if found.kind == "decimal":
        return pa.decimal128(found.precision, found.scale)
    if found.kind == "nested":
        return _nested_type(text)
    plain = {
        "boolean": pa.bool_(), "tinyint": pa.int8(), "smallint": pa.int16(), "int": pa.int32(), "bigint": pa.int64(),
        "float": pa.float32(), "double": pa.float64(), "binary": pa.binary(), "date": pa.date32(),
        "timestamp": pa.timestamp("us", "UTC"), "timestamp_ntz": pa.timestamp("us"),
    }  # fmt: skip
    return plain.get(found.text, pa.string())


def _nested_type(text: str) -> pa.DataType:
    import pyarrow as pa

    name, parts = nested_parts(text)
    if name == "struct":
        return pa.struct([pa.field(member, arrow_type(part)) for member, part in parts])
    types = [arrow_type(part) for _, part in parts]
    return pa.map_(*types) if name == "map" else pa.list_(types[0])


def cast_texts(texts: pa.Array, reading: Reading) -> tuple[pa.Array, BadValue | None]:
    """Return the texts as values of the reading's type, or the first text that is not one."""
    data_type = parse_type(reading.type or "string")
    cast = _caster(data_type, reading)
    try:
        return cast(texts), None
    except (ValueError, OverflowError):
        row = _first_bad(texts, cast)
        return texts, BadValue(row, texts[row].as_py(), _expected(data_type, reading))


def _first_bad(texts: pa.Array, cast: Cast) -> int:
    """Return the position of the first text that cannot be cast, found by bisection."""
    low, high = 0, len(texts)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            cast(texts.slice(low, middle - low))
        except (ValueError, OverflowError):
            high = middle
        else:
            low = middle
    return low


def _expected(data_type: DataType, reading: Reading) -> str:
    if reading.format:
        return f"{data_type.text} written as `{reading.format}`"
    if reading.decimal != "." or reading.group:
        grouped = f" and `{reading.group}` between thousands" if reading.group else ""
        return f"{data_type.text} with `{reading.decimal}` before its decimals{grouped}"
    return data_type.text


def _caster(data_type: DataType, reading: Reading) -> Cast:
    casters: dict[str, Any] = {
        "string": lambda texts: texts,
        "binary": lambda texts: texts.cast("binary"),
        "boolean": _booleans,
        "integer": lambda texts: _integers(_numbers(texts, reading), arrow_type(data_type.text)),
        "decimal": lambda texts: _decimals(_numbers(texts, reading), arrow_type(data_type.text)),
        "floating": lambda texts: _floats(_numbers(texts, reading), arrow_type(data_type.text)),
        "date": lambda texts: _dates(texts, reading.format),
        "timestamp": lambda texts: _times(texts, reading.format, arrow_type(data_type.text)),
    }
    cast: Cast = casters[data_type.kind]
    return cast


def _numbers(texts: pa.Array, reading: Reading) -> pa.Array:
    """Return the texts with a point before the decimals and nothing between thousands."""
    from pyarrow import compute

    if reading.decimal == "." and not reading.group:
        return texts
    point, group = re.escape(reading.decimal), re.escape(reading.group)
    whole = rf"(\d{{1,3}}({group}\d{{3}})+|\d+)" if group else r"\d+"
    _require(texts, rf"^[+-]?({whole})?({point}\d+)?([eE][+-]?\d+)?$")
    texts = compute.replace_substring(texts, reading.group, "") if group else texts
    return compute.replace_substring(texts, reading.decimal, ".") if reading.decimal != "." else texts


def _require(texts: pa.Array, pattern: str) -> None:
    """Raise UnheldError unless every text matches."""
    from pyarrow import compute

    if compute.all(compute.match_substring_regex(texts, pattern)).as_py() is False:
        raise UnheldError


def _refuse(texts: pa.Array, *parts: str) -> None:
    """Raise UnheldError if a text has one of the parts."""
    from pyarrow import compute

    if any(compute.any(compute.match_substring(texts, part)).as_py() for part in parts):
        raise UnheldError


def _booleans(texts: pa.Array) -> pa.Array:
    import pyarrow as pa
    from pyarrow import compute

    lower = compute.utf8_lower(texts)
    if compute.all(compute.is_in(lower, pa.array(["true", "false", None]))).as_py() is False:
        raise UnheldError
    return compute.equal(lower, "true")


def _integers(texts: pa.Array, target: pa.DataType) -> pa.Array:
    # Arrow reads `0x1F` as 31, and refuses `+7`.
    _refuse(texts, "x", "X")
    try:
        return texts.cast(target)
    except ValueError:
        return _unsigned(texts).cast(target)


def _unsigned(texts: pa.Array) -> pa.Array:
    from pyarrow import compute

    return compute.replace_substring_regex(texts, r"^\+(\d)", r"\1")


def _decimals(texts: pa.Array, target: pa.DataType) -> pa.Array:
    return texts.cast(target)


def _floats(texts: pa.Array, target: pa.DataType) -> pa.Array:
    """Return doubles. `NaN` and `Infinity` are values; a number beyond the range is refused."""
    from pyarrow import compute

    _refuse(texts, "x", "X")
    try:
        found = texts.cast("float64")
    except ValueError:
        found = _unsigned(texts).cast("float64")
    endless = compute.filter(texts, compute.is_inf(found))
    if len(endless):
        _require(endless, r"(?i)^[+-]?inf(inity)?$")
    return found.cast(target) if target != found.type else found


def _dates(texts: pa.Array, pattern: str | None) -> pa.Array:
    if pattern in EPOCHS:
        return _epochs(texts, str(pattern)).cast("date32", safe=True)
    return (DatePattern(pattern).rewritten(texts) if pattern else texts).cast("date32")


def _times(texts: pa.Array, pattern: str | None, target: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if pattern in EPOCHS:
        return _epochs(texts, str(pattern)).cast(target)
    texts = DatePattern(pattern).rewritten(texts) if pattern else texts
    plain = pa.timestamp("us")
    try:
        found = texts.cast(plain)
    except ValueError:
        return _zoned(_micros(texts)).cast(target)
    return found.cast(target)


def _micros(texts: pa.Array) -> pa.Array:
    """Return the texts without zeros after the sixth decimal of the seconds."""
    from pyarrow import compute

    return compute.replace_substring_regex(texts, r"(\.\d{6})0+", r"\1")


def _zoned(texts: pa.Array) -> pa.Array:
    """Return times in UTC; texts may name an offset."""
    import pyarrow as pa
    from pyarrow import compute

    has_zone = compute.match_substring_regex(texts, _ZONE)
    with_zone = compute.if_else(has_zone, texts, None).cast(pa.timestamp("us", "UTC"))
    without = compute.if_else(has_zone, None, texts).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    return compute.coalesce(with_zone, without)


def _epochs(texts: pa.Array, unit: str) -> pa.Array:
    import pyarrow as pa
    from pyarrow import compute

    numbers = _integers(texts, pa.int64())
    return compute.multiply_checked(numbers, EPOCHS[unit]).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
