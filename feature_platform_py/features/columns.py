"""Describe the columns that transformers read and add, and the faults of columns that they cannot read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from feature_platform_py.core.data_types import KINDS, NUMERIC, Columns, kind_of
from feature_platform_py.core.document import KeyPath
from feature_platform_py.core.suggestions import printable, suggestion, ticked, unknown

PLAIN = frozenset({"boolean", "integer", "decimal", "floating", "string", "binary", "date", "timestamp"})

READABLE: Mapping[str, frozenset[str]] = {
    "key": PLAIN,
    "time": frozenset({"date", "timestamp"}),
    "number": NUMERIC,
    "text": frozenset({"string"}),
    "category": frozenset({"string", "integer"}),
    "ordered": frozenset({*NUMERIC, "string", "date", "timestamp"}),
    "any": frozenset({*KINDS.values(), "array", "map", "struct", "other"}),
}
"""The kinds that a parameter may require of its column, and the matching kinds of type."""

_WANTED: Mapping[frozenset[str], str] = {
    READABLE["key"]: "a column of plain values",
    READABLE["time"]: "a date or timestamp column",
    READABLE["number"]: "a numeric column",
    READABLE["text"]: "a string column",
    READABLE["category"]: "a string or integer column",
    READABLE["ordered"]: "a column of numbers, times or texts",
}


@dataclass(frozen=True)
class InputColumn:
    """A column that a transformer reads: its role, the parameter that names it, and the allowed kinds of type.

    A column inside of a parameter has the path to it: `("features", 0, "column")`.
    """

    role: str
    param: str | KeyPath
    name: str
    kinds: frozenset[str]

    @property
    def path(self) -> KeyPath:
        """The keys and positions that lead to the column's name."""
        return (self.param,) if isinstance(self.param, str) else self.param


@dataclass(frozen=True)
class OutputColumn:
    """A column that a transformer adds; its type is None if it depends on an unknown source column.

    `looks_ahead` marks a value that counts rows after the row's own event time.
    """

    name: str
    type: str | None
    looks_ahead: bool = False
    description: str = ""


@dataclass(frozen=True)
class WantedValue:
    """A value that a parameter names, and the feature's value (`effect`) if no row of the column has it.

    `position` is the value's place in the parameter's list.
    """

    param: str
    position: int
    column: str
    value: str
    feature: str
    effect: str


@dataclass(frozen=True)
class Reads:
    """Marks a parameter that names a column to read: `birthdate_col: Annotated[ColumnName, Reads("birth date", "time")]`.

    `kind` is `key` (plain values), `time` (a date or a timestamp), `number`, `text`, `category` (a text or a whole number) or `any`.
    """

    role: str
    kind: Literal["key", "time", "number", "text", "category", "any"] = "any"

    def __post_init__(self) -> None:
        if self.kind not in READABLE:
            raise ValueError(unknown("kind", self.kind, known=READABLE))


def column_named(name: str, columns: Columns) -> tuple[str, str] | None:
    """Return the column of the name in any case, as Spark finds it."""
    # Try an exact match first: if two columns differ only in case, messages name the one that was meant.
    exact = [column for column in columns if column[0] == name]
    return next(iter(exact + [column for column in columns if column[0].lower() == name.lower()]), None)


def missing_column(name: str, columns: Columns, *, there: str) -> str:
    """Return the message for a column that a source or a DataFrame lacks."""
    names = [known for known, _ in columns]
    said = f"column `{printable(name)}` is missing in the {there}."
    return " ".join(filter(None, [said, suggestion(name, names), f"Its columns: {ticked(names)}"]))


def input_fault(needed: InputColumn, columns: Columns, *, there: str) -> str | None:
    """Return why a column cannot be read (it is missing, or of another kind of type), or None."""
    column = column_named(needed.name, columns)
    if column is None:
        return missing_column(needed.name, columns, there=there)
    # An unknown type is checked when the transformer is applied.
    if not column[1] or kind_of(column[1]) in needed.kinds:
        return None
    return f"expected {_WANTED[needed.kinds]} as the {needed.role}, `{column[0]}` is {column[1]}"
