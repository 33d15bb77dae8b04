"""Check options and columns of files that YAML declares; each fault has its line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from feature_platform_py.core.data_types import NUMERIC, kind_of, parse_type
from feature_platform_py.core.document import Document, Place
from feature_platform_py.core.errors import Problem
from feature_platform_py.core.fields import STRICT, ColumnName, FieldError, FilledText, Mapped, Text, read_part
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.files.columns import Reading
from feature_platform_py.files.options import option_fault
from feature_platform_py.files.patterns import EPOCHS, DatePattern

TEXT_FORMATS = ("csv", "json")


def _pattern(text: str) -> str:
    if text not in EPOCHS:
        DatePattern(text)
    return text


ColumnsOfFiles = Annotated[
    Mapped, Field(description="how columns of CSV and JSON files are read, by their names in the files")
]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ColumnPart:
    """How a column of CSV or JSON files is read."""

    type: Annotated[
        Annotated[FilledText, AfterValidator(lambda text: parse_type(text).text)] | None,
        Field(description="a Spark SQL type such as `decimal(12,2)`"),
    ] = None
    format: Annotated[
        Annotated[Text, AfterValidator(_pattern)] | None,
        Field(description="how dates or times are written: a pattern such as `dd.MM.yyyy`, or `epoch_ms`"),
    ] = None
    decimal: Annotated[Literal[".", ","], Field(description="what stands before the decimals of a number")] = "."
    group: Annotated[Literal["", ".", ",", " ", "'"], Field(description="what stands between thousands")] = ""
    rename: Annotated[ColumnName | None, Field(description="the column's name in the table")] = None

    def __post_init__(self) -> None:
        kind = kind_of(self.type) if self.type else None
        if self.format and kind not in {None, "date", "timestamp"}:
            raise FieldError("format", f"expected none for the type {self.type}; it is for dates and timestamps")
        if (self.decimal != "." or self.group) and kind not in {None, *NUMERIC}:
            raise FieldError("decimal", f"expected none for the type {self.type}; it is for numbers")
        if self.group == self.decimal:
            raise FieldError("group", f"expected another character than before the decimals, `{self.decimal}`")


def columns_schema() -> dict[str, Any]:
    """Return the JSON Schema of declared columns: for each name a type, or a mapping."""
    part: dict[str, Any] = TypeAdapter(ColumnPart).json_schema()
    return {"additionalProperties": {"anyOf": [{"type": "string"}, part]}}


def read_columns(place: Place, problems: list[Problem]) -> dict[str, Reading]:
    """Return the valid declared columns; add the faults of the others to `problems`."""
    found = {}
    for name in place.value if isinstance(place.value, dict) else {}:
        at = place.at(name)
        part = _of_type(at, problems) if isinstance(at.value, str) else read_part(ColumnPart, at, problems)
        if part:
            found[str(name)] = Reading(part.type, part.format, part.decimal, part.group, part.rename)
    return found


def _of_type(place: Place, problems: list[Problem]) -> ColumnPart | None:
    """Return the column of a declaration with only a type: `amount: decimal(12,2)`."""
    alone = Place(Document(place.document.file, {"type": place.value}))
    found: list[Problem] = []
    part = read_part(ColumnPart, alone, found)
    problems += [place.problem(f"`{place.name}`: {problem.message.removeprefix('`type`: ')}") for problem in found]
    return part


def check_files(place: Place, options: Mapping[str, str], format: str | None, problems: list[Problem]) -> None:  # noqa: A002
    """Add to `problems` the options that the format does not support, and columns that it cannot declare."""
    for name, value in options.items():
        if format and (fault := option_fault(name, str(value), format=format)):
            problems.append(place.at("options", name).problem(f"`{place.at('options').name}`: {fault}"))
    if place.at("columns").is_there and format not in TEXT_FORMATS:
        given = f"`{format}`, which has types of its own" if format else "a table"
        problems.append(
            place.at("columns").problem(
                f"`{place.at('columns').name}`: expected a source of {ticked(TEXT_FORMATS)}, given {given}; remove `columns`"
            )
        )
