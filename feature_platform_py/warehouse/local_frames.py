"""Read frames of pandas, Polars and Arrow as Arrow tables, give them to a Spark session, and put columns behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.suggestions import printable, ticked

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

# They have a stream too, but not of rows.
_COLUMNS = frozenset({"Series", "ChunkedArray"})
_ACCEPTED = "expected a DataFrame of Spark, pandas or Polars, an Arrow table, or an object with `__arrow_c_stream__`"


def spark_frame_of(frame: Any) -> DataFrame | None:
    """Return the Spark frame that something is or stands for, such as a job's result; None for a frame of this process."""
    if _library(frame) == "pyspark" and hasattr(frame, "toArrow"):
        return frame
    return frame.to_spark() if hasattr(frame, "to_spark") else None


def arrow_table(frame: Any) -> pa.Table:
    """Return a frame of this process as an Arrow table; missing values of pandas are NULL.

    Raises ConfigurationError for another object, a column whose values have no common type, and several columns of one name.
    """
    import pyarrow as pa

    is_column = type(frame).__name__ in _COLUMNS
    if is_column or not (is_pandas(frame) or hasattr(frame, "__arrow_c_stream__")):
        given = "one column" if is_column else f"{type(frame).__module__}.{type(frame).__qualname__}"
        raise ConfigurationError(f"{_ACCEPTED}, given {given}{_way_to_a_frame(frame)}")
    _check_names([str(name) for name in frame.columns] if is_pandas(frame) else [])
    try:
        if is_pandas(frame):
            return pa.Table.from_pandas(frame.rename(columns=str), preserve_index=False)
        table = pa.table(frame)
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise ConfigurationError(f"{_ACCEPTED}, in which all values of a column have one type: {error}") from error
    _check_names(table.column_names)
    return table


def _way_to_a_frame(frame: Any) -> str:
    """Return what makes a frame of something, as the end of a message."""
    ways = {"collect": "lazy", "to_table": "a dataset"}
    if way := next((each for each in ways if hasattr(frame, each)), None):
        return f", which is {ways[way]}: call `.{way}()` on it"
    return "; `pandas.DataFrame(...)` makes a frame of it" if isinstance(frame, dict | list | tuple) else ""


def _check_names(names: Sequence[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"expected each column once, there are several {ticked(twice)}; rename them")


def is_pandas(frame: Any) -> bool:
    """Return whether something is a DataFrame of pandas."""
    return _library(frame) == "pandas" and hasattr(frame, "columns")


def with_readable_types(table: pa.Table) -> pa.Table:
    """Return the table with types that every engine reads, as for columns of Parquet files: nanoseconds are cut to microseconds.

    Raises ConfigurationError if a value does not fit.
    """
    import pyarrow as pa

    from feature_platform_py.files.parquet_types import cast_column, filled_type, nearest_type, without_views

    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        plain = column.cast(without_views(column.type))
        try:
            columns.append(cast_column(plain, filled_type(nearest_type(plain.type))))
        except pa.ArrowInvalid as error:
            raise ConfigurationError(f"column `{printable(name)}` has a value that no engine reads: {error}") from error
    return pa.table(columns, names=table.column_names)


def as_spark_frame(table: pa.Table, session: SparkSession) -> DataFrame:
    """Return the rows of a table as a frame of the session; times without a zone are in the session's zone."""
    import pyarrow as pa
    from pyarrow import compute, types

    zone = session.conf.get("spark.sql.session.timeZone")
    readable = with_readable_types(table)
    columns = [
        compute.assume_timezone(column, zone, ambiguous="earliest", nonexistent="earliest")
        if types.is_timestamp(column.type) and column.type.tz is None
        else column
        for column in readable.columns
    ]
    rows = pa.table(columns, names=readable.column_names)
    if rows.num_rows:
        return session.createDataFrame(rows)
    # Spark Connect finds no types in a table without rows.
    from pyspark.sql.pandas.types import from_arrow_schema

    return session.createDataFrame([], from_arrow_schema(rows.schema))


def numbered(table: pa.Table) -> tuple[pa.Table, str]:
    """Return the table with the number of each row in one more column, and that column's name, which is new."""
    import pyarrow as pa

    name = "_row_number"
    while name in table.column_names:
        name += "_"
    return table.append_column(name, pa.array(range(table.num_rows), pa.int64())), name


def added_columns(rows: pa.Table, number: str, known: Iterable[str]) -> pa.Table:
    """Return the columns that `rows` have beside the known ones, in the order of the numbers in the column `number`."""
    return rows.sort_by(number).drop_columns([number, *known])


def with_columns(frame: Any, table: pa.Table, added: pa.Table) -> Any:
    """Return a frame with columns behind its own, which stay as they are; `table` is the frame as an Arrow table.

    The result is a DataFrame of pandas (with the index of the given one) or of Polars, if the given one is; else an Arrow table.
    """
    if is_pandas(frame):
        import pandas as pd

        return pd.concat([frame, pandas_frame(added).set_axis(frame.index, axis=0)], axis=1)
    joined = table
    for name, column in zip(added.column_names, added.columns, strict=True):
        joined = joined.append_column(name, column)
    if _library(frame) == "polars":
        import polars as pl

        return pl.DataFrame(joined)
    return joined


def pandas_frame(table: pa.Table) -> pd.DataFrame:
    """Return a table as a DataFrame of pandas in which integers and booleans may be missing, so that no digit is lost."""
    import pandas as pd
    import pyarrow as pa

    kinds = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }
    return table.to_pandas(types_mapper=kinds.get)


def _library(frame: Any) -> str:
    return type(frame).__module__.partition(".")[0]
