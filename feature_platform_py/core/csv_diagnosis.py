"""Where in a CSV file the values are that do not fit the declared types.

The engine says that a typed read failed, for some types without line or column. Here the engine decides
which values are bad, and Python's csv module, which counts physical lines, finds where they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from feature_platform_py.core.catalog_file import quoted
from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.external_sources import (
    ExternalSource,
    csv_records,
    shown,
    table_columns,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MOST_REPORTED = 5
MOST_BAD_VALUES = 1000

# What the engine's CSV reader says of the value that it stops at, by type.
_REFUSED_VALUE = re.compile(
    r"parsing value '(.*?)' as type|parse the string value (.*?) to decimal|parsing timestamp from '(.*?)':",
    re.DOTALL,
)
_FAILURES_WITHOUT_VALUE = ("Csv error: incorrect number of fields", "MALFORMED_RECORD_IN_PARSING")


@dataclass(frozen=True)
class Unparsable:
    """A value that is not of its column's type; without a column, a row with too few or many fields."""

    file: str
    line: int
    column: str | None
    value: str
    type: str

    def __str__(self) -> str:
        if self.column is None:
            return f"{self.file}:{self.line}: the row has {self.value} fields. Expected {self.type}"
        article = "an" if self.type.startswith(tuple("aeiou")) else "a"
        return f"{self.file}:{self.line}: column `{self.column}`: `{self.value}` is not {article} {self.type}"


def is_parse_failure(message: str) -> bool:
    """Whether an engine's message is that of a CSV read that met a bad value or row."""
    return bool(_REFUSED_VALUE.search(message)) or any(text in message for text in _FAILURES_WITHOUT_VALUE)


def find_unparsable(spark: SparkSession, source: ExternalSource) -> list[Unparsable]:
    """Return the first rows and values, five at most, that a typed read of the source refuses.

    Empty if all values parse, and for data that are not CSV files of this machine.
    """
    if source.format != "csv" or not source.is_local:
        return []
    columns = table_columns(spark, source)
    found = list(islice(_misshapen_rows(source, len(columns)), MOST_REPORTED))
    if found:
        return found
    bad = _uncastable_values(spark, source, columns) or _refused_values(spark, source, columns)
    return list(islice(_places(source, columns, bad), MOST_REPORTED)) if bad else []


def find_cut_decimals(spark: SparkSession, source: ExternalSource) -> list[Unparsable]:
    """Return the first values, five at most, with more decimal places than their declared type keeps.

    The engine's typed read cuts them without a word: `1.239` becomes the decimal(12,2) 1.23.
    """
    if source.format != "csv" or not source.is_local or not source.columns:
        return []
    columns = table_columns(spark, source)
    patterns = {
        name: f"[.][0-9]{{{int(found[1])}}}[0-9]*[1-9]"
        for name, dtype in columns
        if (found := re.fullmatch(r"decimal\(\d+,(\d+)\)", dtype))
    }
    texts = _read(spark, source, [(name, "string") for name, _ in columns])
    bad: dict[str, set[str]] = {}
    for name, pattern in patterns.items():
        try:
            rows = texts.where(texts[quoted(name)].rlike(pattern)).select(quoted(name)).limit(MOST_REPORTED).collect()
        except Exception as error:
            if is_parse_failure(str(error)):
                return []  # A row of another shape: the typed read says so.
            raise
        bad[name] = {row[0] for row in rows}
    return list(islice(_places(source, columns, bad), MOST_REPORTED)) if any(bad.values()) else []


def _misshapen_rows(source: ExternalSource, expected: int) -> Iterator[Unparsable]:
    may_be_short = source.option("allowtruncatedrows", default="false").lower() == "true"
    for file, line, row in _rows(source):
        if len(row) > expected or (len(row) < expected and not may_be_short):
            yield Unparsable(shown(file), line, None, str(len(row)), str(expected))


def _uncastable_values(spark: SparkSession, source: ExternalSource, columns: Columns) -> dict[str, set[str]]:
    """Return the texts, by column, that the engine's `try_cast` makes NULL."""
    texts = _read(spark, source, [(name, "string") for name, _ in columns])
    bad = {}
    for name, dtype in columns:
        column = quoted(name)
        is_bad = f"{column} is not null and try_cast({column} as {dtype}) is null"
        found = texts.where(is_bad).select(column).distinct().limit(MOST_BAD_VALUES).collect()
        bad[name] = {row[0] for row in found}
    return {name: values for name, values in bad.items() if values}


def _refused_values(spark: SparkSession, source: ExternalSource, columns: Columns) -> dict[str, set[str]]:
    """Return the value, by column, at which the reader stops: it is stricter than `try_cast`."""
    bad = {}
    for name, dtype in columns:
        if dtype != "string":
            try:
                _read(spark, source, columns).select(quoted(name)).distinct().collect()
            except Exception as error:
                if refused := _REFUSED_VALUE.search(str(error)):
                    bad[name] = {next(value for value in refused.groups() if value is not None)}
    return bad


def _read(spark: SparkSession, source: ExternalSource, columns: Columns) -> DataFrame:
    """Return the data as those types, with line breaks in quotes read right whatever the source's options say."""
    listed = ", ".join(f"{quoted(name)} {dtype}" for name, dtype in columns)
    return (
        spark.read.format("csv").schema(listed).options(**{**source.options, "multiLine": "true"}).load(source.location)
    )


def _places(source: ExternalSource, columns: Columns, bad: Mapping[str, set[str]]) -> Iterator[Unparsable]:
    for file, line, row in _rows(source):
        for (name, dtype), value in zip(columns, row, strict=False):
            if value in bad.get(name, ()):
                yield Unparsable(shown(file), line, name, value, dtype)


def _rows(source: ExternalSource) -> Iterator[tuple[Path, int, list[str]]]:
    """Yield each data row with its file and the physical line on which it starts."""
    for file in source.files():
        for line, row in islice(csv_records(file, source), int(source.has_header), None):
            yield file, line, row
