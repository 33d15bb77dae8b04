"""The columns that transformers read and add, and what is wrong with one that they cannot read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from feature_platform_py.core.data_types import KINDS, NUMERIC, Columns, kind_of
from feature_platform_py.core.suggestions import printable, suggestion, ticked, unknown

PLAIN = frozenset({"boolean", "integer", "decimal", "floating", "string", "binary", "date", "timestamp"})

READABLE: Mapping[str, frozenset[str]] = {
    "key": PLAIN,
    "time": frozenset({"date", "timestamp"}),
    "number": NUMERIC,
    "text": frozenset({"string"}),
    "category": frozenset({"string", "integer"}),
    "any": frozenset({*KINDS.values(), "array", "map", "struct", "other"}),
}
"""What a parameter may say of the column that it names, and the kinds of type that this means."""

_WANTED: Mapping[frozenset[str], str] = {
    READABLE["key"]: "a column of plain values",
    READABLE["time"]: "a date or timestamp column",
    READABLE["number"]: "a numeric column",
    READABLE["text"]: "a string column",
    READABLE["category"]: "a string or integer column",
}


@dataclass(frozen=True)
class InputColumn:
    """A column that a transformer reads: its role, the parameter naming it, the kinds of its type."""

    role: str
    param: str
    name: str
    kinds: frozenset[str]


@dataclass(frozen=True)
class OutputColumn:
    """A column that a transformer adds; its type is None if it depends on a source column not known.

    `looks_ahead` marks a value that rows after the row's own event time count in.
    """

    name: str
    type: str | None
    looks_ahead: bool = False
    description: str = ""


@dataclass(frozen=True)
class WantedValue:
    """A value of a column that a parameter names, and what a feature is (`effect`) where no row has it.

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
    """The column of the name, as Spark finds it: whatever the case."""
    # An exact match first: where two columns differ only in case, messages name the one that was meant.
    exact = [column for column in columns if column[0] == name]
    return next(iter(exact + [column for column in columns if column[0].lower() == name.lower()]), None)


def missing_column(name: str, columns: Columns, *, there: str) -> str:
    """What to say of a column that is not among the columns of a source or a DataFrame."""
    names = [known for known, _ in columns]
    said = f"column `{printable(name)}` is missing in the {there}."
    return " ".join(filter(None, [said, suggestion(name, names), f"Its columns: {ticked(names)}"]))


def input_fault(needed: InputColumn, columns: Columns, *, there: str) -> str | None:
    """What hinders reading a column: it is not there, or of a type of another kind; None if nothing does."""
    column = column_named(needed.name, columns)
    if column is None:
        return missing_column(needed.name, columns, there=there)
    # A type that is not known yet is checked when the transformer is applied.
    if not column[1] or kind_of(column[1]) in needed.kinds:
        return None
    return f"expected {_WANTED[needed.kinds]} as the {needed.role}, `{column[0]}` is {column[1]}"
