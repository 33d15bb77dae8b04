"""Spark SQL type strings (`bigint`, `decimal(12,2)`, `array<string>`), checked before they reach SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from feature_platform_py.core.sql_text import quoted
from feature_platform_py.core.suggestions import printable

if TYPE_CHECKING:
    from pyspark.sql.types import DataType as SparkType

Columns = Sequence[tuple[str, str]]
"""Names and Spark SQL types of a table's columns, in its order."""

KINDS: Mapping[str, str] = {
    "boolean": "boolean",
    "tinyint": "integer",
    "smallint": "integer",
    "int": "integer",
    "bigint": "integer",
    "decimal": "decimal",
    "float": "floating",
    "double": "floating",
    "string": "string",
    "binary": "binary",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_ntz": "timestamp",
}
ALIASES: Mapping[str, str] = {
    "bool": "boolean",
    "byte": "tinyint",
    "short": "smallint",
    "integer": "int",
    "long": "bigint",
    "numeric": "decimal",
    "dec": "decimal",
    "real": "float",
    "timestamp_ltz": "timestamp",
}
NUMERIC = frozenset({"integer", "decimal", "floating"})
MAX_PRECISION = 38
_DIGITS: Mapping[str, int] = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
_MAX_DEPTH = 50
_NESTED = re.compile(r"(array|map|struct)\s*<(.+)>", re.IGNORECASE | re.DOTALL)
_FIELD = re.compile(r"\s*(\w+|`(?:[^`]|``)+`)\s*:(.+)", re.DOTALL)


@dataclass(frozen=True)
class DataType:
    """A type: its canonical Spark SQL text, its kind (`integer`, `string`), and the digits of a decimal."""

    text: str
    kind: str
    precision: int = 0
    scale: int = 0


@lru_cache(maxsize=4096)
def parse_type(text: str) -> DataType:
    """Return the type that `text` names.

    Raises ValueError, with what was expected, for anything that is not a Spark SQL type.
    """
    name = text.strip()
    # Nesting is read by recursion; a file must not decide its depth.
    if name.count("<") <= _MAX_DEPTH and (match := _NESTED.fullmatch(name)):
        return _nested_type(text, match[1].lower(), match[2])
    name = re.sub(r"\s*([(),])\s*", r"\1", name).lower()
    if match := re.fullmatch(r"([a-z_]+)(?:\((\d+)(?:,(\d+))?\))?", name):
        return _simple_type(text, *match.groups())
    raise ValueError(_expected(text))


def sql_type(data_type: SparkType) -> str:
    """Return an engine's type as SQL text: its `simpleString`, with the odd names of struct fields quoted."""
    from pyspark.sql.types import ArrayType, MapType, StructType

    match data_type:
        case ArrayType():
            return f"array<{sql_type(data_type.elementType)}>"
        case MapType():
            return f"map<{sql_type(data_type.keyType)},{sql_type(data_type.valueType)}>"
        case StructType():
            return f"struct<{','.join(f'{_member(each.name)}:{sql_type(each.dataType)}' for each in data_type)}>"
        case _:
            return str(data_type.simpleString())


def _member(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) else quoted(name)


def nested_parts(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the name of a nested type, and its parts as (member, type); only those of a struct have names."""
    name, _, inner = text.strip().partition("<")
    parts = _split(inner.strip().removesuffix(">"))
    if name.strip().lower() != "struct":
        return name.strip().lower(), [("", part.strip()) for part in parts]
    fields = [_FIELD.fullmatch(part) for part in parts]
    return "struct", [(_unquoted(field[1]), field[2].strip()) for field in fields if field]


def kind_of(text: str) -> str:
    """Return the kind of a type that an engine reported; `other` for one that this module does not know."""
    try:
        return parse_type(text).kind
    except ValueError:
        return "other"


def common_key_type(one: str, other: str) -> str | None:
    """Return the type to which two keys are widened so that equal values stay equal and no digit is lost; None if there is none."""
    types = [parse_type(each) for each in (one, other)]
    kinds = {each.kind for each in types}
    if types[0] == types[1]:
        return types[0].text
    if kinds == {"string"}:
        return "string"
    if kinds == {"integer"}:
        return max((each.text for each in types), key=_DIGITS.__getitem__)
    return _common_decimal(types) if kinds <= {"decimal", "integer"} else None


def _common_decimal(types: Sequence[DataType]) -> str | None:
    scale = max(each.scale for each in types)
    whole = max(each.precision - each.scale if each.precision else _DIGITS[each.text] for each in types)
    return f"decimal({whole + scale},{scale})" if whole + scale <= MAX_PRECISION else None


def _simple_type(text: str, name: str, first: str | None, second: str | None) -> DataType:
    name = ALIASES.get(name, name)
    if name in {"varchar", "char"} and first and not second:
        return DataType(f"{name}({int(first)})", "string")
    if name == "decimal":
        return _decimal_type(text, int(first or 10), int(second or 0))
    if name not in KINDS or first:
        raise ValueError(_expected(text))
    return DataType(name, KINDS[name])


def _decimal_type(text: str, precision: int, scale: int) -> DataType:
    if not 1 <= precision <= MAX_PRECISION or scale > precision:
        raise ValueError(
            f"`{printable(text)}`: expected a decimal of 1 to {MAX_PRECISION} digits, at most all of them decimals"
        )
    return DataType(f"decimal({precision},{scale})", "decimal", precision, scale)


def _nested_type(text: str, name: str, inner: str) -> DataType:
    parts = _split(inner)
    if name == "struct":
        fields = [_FIELD.fullmatch(part) for part in parts]
        if not all(fields):
            raise ValueError(_expected(text))
        members = [(_member(_unquoted(field[1])), parse_type(field[2]).text) for field in fields if field]
        return DataType(f"struct<{','.join(f'{name}:{inner}' for name, inner in members)}>", "nested")
    if len(parts) != (1 if name == "array" else 2):
        raise ValueError(_expected(text))
    return DataType(f"{name}<{','.join(parse_type(part).text for part in parts)}>", "nested")


def _unquoted(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name


def _split(inner: str) -> list[str]:
    """Return the parts between the commas that are outside of brackets and backticks."""
    parts, depth, is_quoted = [""], 0, False
    for char in inner:
        is_quoted ^= char == "`"
        if not is_quoted:
            depth += (char in "<(") - (char in ">)")
        if char == "," and depth == 0 and not is_quoted:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _expected(text: str) -> str:
    known = ", ".join(KINDS)
    return f"`{printable(text)}` is not a Spark SQL type; expected one of {known}, array<...>, map<...>, struct<...>"
