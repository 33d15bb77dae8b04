"""The rows of a seed as a DataFrame: read as text, cast by the engine, nothing lost on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dbt_common.exceptions import DbtRuntimeError

from feature_platform_py.core.sql_text import quoted

if TYPE_CHECKING:
    import agate  # type: ignore[import-untyped]
    from pyspark.sql import DataFrame, SparkSession


def seed_frame(spark: SparkSession, seed: str, table: agate.Table, types: Mapping[str, str]) -> DataFrame:
    """Return the rows with their types. Raises DbtRuntimeError for a value that its type cannot hold."""
    from pyspark.sql.types import StringType, StructField, StructType

    names = list(table.column_names)
    _check_names(seed, names)
    texts = StructType([StructField(name, StringType()) for name in names])
    frame = spark.createDataFrame([[_text(value) for value in row] for row in table.rows], texts)
    _check_values(seed, frame, types)
    return frame.select(*(frame[quoted(name)].cast(types[name]).alias(name) for name in names))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    # Not `1E+5`, which is not an integer for the engine.
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _check_names(seed: str, names: list[str]) -> None:
    counted = Counter(name.lower() for name in names)
    if same := [name for name in names if counted[name.lower()] > 1]:
        given = ", ".join(f"`{name}`" for name in same)
        raise DbtRuntimeError(
            f"seed `{seed}`: expected columns whose names differ in more than case, given {given}; rename them in the file"
        )


def _check_values(seed: str, frame: DataFrame, types: Mapping[str, str]) -> None:
    """Raise for the first value of each column that a cast would turn into NULL, as Spark without ANSI does."""
    from pyspark.sql import functions

    lost = []
    for name in [name for name in frame.columns if types[name] != "string"]:
        column = frame[quoted(name)]
        lost.append(functions.min(functions.when(column.try_cast(types[name]).isNull(), column)).alias(name))
    if not lost:
        return
    found = {name: value for name, value in frame.agg(*lost).first().asDict().items() if value is not None}
    if found:
        problems = [f"column `{name}`: `{value}` is not a {types[name]}" for name, value in found.items()]
        raise DbtRuntimeError(f"seed `{seed}`: {'; '.join(problems)}. Give the column its type with `column_types`")
