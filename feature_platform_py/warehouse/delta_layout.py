"""How the platform's Delta tables are laid out, whatever engine writes them: their properties, columns and commits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType

# If the least and the greatest value of a file are equal, Sail reads the column as that constant from the Delta log:
# decimals pass through a double there, and NaN and parts of a microsecond are left out.
WITHOUT_STATISTICS = {"delta.dataSkippingNumIndexedCols": "0"}
# Delta refuses these in a column's name, unless column mapping gives the columns other names in the files.
WITH_NAMES_OF_ITS_OWN = {"delta.columnMapping.mode": "name"}
REFUSED_BY_DELTA = re.compile(r"[ ,;{}()\n\t=]")


def table_properties(columns: Iterable[str]) -> dict[str, str]:
    """Return the Delta properties (as writer options) of a warehouse table with such columns."""
    return WITHOUT_STATISTICS | column_mapping(columns)


def column_mapping(columns: Iterable[str]) -> dict[str, str]:
    """Return the Delta properties that a table with such columns needs; empty for usual names."""
    return WITH_NAMES_OF_ITS_OWN if any(REFUSED_BY_DELTA.search(name) for name in columns) else {}


def every_name(data_type: DataType) -> Iterator[str]:
    """Yield the names of all columns and of their nested fields; JVM Spark refuses the same characters in both."""
    for field in getattr(data_type, "fields", ()):
        yield field.name
        yield from every_name(field.dataType)
    for part in ("elementType", "keyType", "valueType"):
        if inner := getattr(data_type, part, None):
            yield from every_name(inner)


def nullable(frame: DataFrame) -> DataFrame:
    """Return the frame with nullable columns, as Spark's writer makes them.

    Sail would write `count(*)` or a literal as NOT NULL, and refuse a later NULL in that column.
    """
    from pyspark.sql import functions

    # Do this whatever the analysis says: Sail calls `current_timestamp()` nullable and writes it as NOT NULL.
    nulls = [functions.lit(None).cast(field.dataType).alias(field.name) for field in frame.schema]
    return frame.union(frame.sparkSession.range(0).select(*nulls))


def rows_changed(operation: str, metrics: dict[str, Any]) -> int:
    """Return how many rows a commit wrote, changed or deleted, from its operation and that one's metrics."""
    counted = {
        "MERGE": ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted"),
        "DELETE": ("numDeletedRows",),
        "UPDATE": ("numUpdatedRows",),
    }.get(operation, ("numOutputRows",))
    return sum(int(metrics.get(name, 0)) for name in counted)
