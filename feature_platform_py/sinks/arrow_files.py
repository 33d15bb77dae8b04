"""Writing rows that arrive as Arrow batches into Parquet files, in folders of their partition columns."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.sql_text import quoted
from feature_platform_py.sinks.partitions import NULL_FOLDER

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

_ROWS_PER_GROUP = 2**17
_OPEN_FILES = 16
_ANY_NUMBER = 2**30


def write_dataset(
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    folder: Path,
    partition_by: Sequence[str],
    *,
    compression: str,
) -> None:
    """Write the batches below an empty folder, in folders of the columns in `partition_by`.

    Rows of one partition should follow each other: few files are open at a time, so that memory is bounded. Without rows there is
    one file, which keeps the columns.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    folder.mkdir(parents=True, exist_ok=True)
    ds.write_dataset(
        batches,
        folder,
        schema=schema,
        format="parquet",
        # Files of a later run are put beside these.
        basename_template=f"part-{uuid.uuid4().hex}-{{i}}.parquet",
        partitioning=ds.partitioning(pa.schema([schema.field(name) for name in partition_by]), flavor="hive")
        if partition_by
        else None,
        file_options=ds.ParquetFileFormat().make_write_options(compression=compression),
        existing_data_behavior="overwrite_or_ignore",
        max_partitions=_ANY_NUMBER,
        max_open_files=_OPEN_FILES,
        min_rows_per_group=_ROWS_PER_GROUP,
    )
    if not any(folder.rglob("*.parquet")):
        write_empty(schema, folder, partition_by, compression=compression)


def write_empty(
    schema: pa.Schema, folder: Path, partition_by: Sequence[str] = (), *, compression: str = "snappy"
) -> None:
    """Write one file without rows, in the folder of the rows, so that later files can be added to it."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    place = folder.joinpath(*(f"{name}={NULL_FOLDER}" for name in partition_by))
    place.mkdir(parents=True, exist_ok=True)
    kept = pa.schema([field for field in schema if field.name not in partition_by])
    write_table(kept.empty_table(), place / f"part-{uuid.uuid4().hex}-0.parquet", compression=compression)


def arrow_schema(frame: DataFrame) -> pa.Schema:
    """Return the Arrow types of a frame's columns, without computing a row."""
    return frame.limit(0).toArrow().schema


def arrow_batches(frame: DataFrame, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Spark Connect frame as they arrive; `toArrow` would hold all of them."""
    connected: Any = frame
    client = connected.sparkSession.client
    plan = connected._plan
    for part in client.to_table_as_iterator(plan.to_proto(client), plan.observations):
        # The engine may send its schema too.
        if hasattr(part, "to_batches"):
            yield from part.cast(schema).to_batches()


def in_order_of(frame: DataFrame, names: list[str]) -> DataFrame:
    """Return the frame with the rows of each partition together."""
    from pyspark.sql import functions

    return frame.orderBy(*(functions.col(quoted(name)) for name in names))
