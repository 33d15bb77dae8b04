"""Writing a job's result where a workspace holds it: tables by one statement each, files of this machine from rows fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import DataCheckError, FeaturePlatformError, SinkError
from feature_platform_py.core.locations import is_table_name
from feature_platform_py.core.project import Project
from feature_platform_py.core.rows import Rows
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.sinks.folders import replace_folder
from feature_platform_py.sinks.parquet_files import write_dataset
from feature_platform_py.sinks.partitions import (
    check_partitions,
    check_same_layout,
    check_values,
    counting,
    unwritable_values,
)
from feature_platform_py.sinks.spec import SinkSpec
from feature_platform_py.sinks.write import (
    ResultCounts,
    SinkResult,
    check_folder,
    check_rows,
    column_differences,
    counted,
    has_data,
    local_folder,
)
from feature_platform_py.warehouse.warehouse import column_mapping

if TYPE_CHECKING:
    import pyarrow as pa

    from feature_platform_py.sources.databricks_sql import DatabricksSQLSource


class SqlTables(Protocol):
    """What a sink needs of a workspace."""

    def columns(self, name: str) -> Columns:
        """The columns of a table, none if it is not there."""

    def sql_name(self, name: str) -> str:
        """The name of a table in a statement."""

    def query(self, statement: str) -> Rows:
        """The rows of a query."""

    def execute(self, statement: str) -> None:
        """Run a statement, once."""

    def rows_of(self, statement: str) -> DatabricksSQLSource:
        """The rows of a query, in chunks."""


def check_sink(sink: SinkSpec, tables: SqlTables, project: Project) -> None:
    """Raise SinkError if the sink can be seen to fail before anything has run."""
    if sink.kind == "display":
        return
    path = str(sink.config["path"])
    if sink.kind == "parquet_files":
        check_folder(sink, local_folder(path, project))
        return
    if not is_table_name(path):
        raise SinkError(
            f"output_sink.path: expected a table's name such as `catalog.schema.table`, given `{path}`;"
            f" target {project.target.name} keeps Delta in tables"
        )
    if sink.config["options"]:
        raise SinkError(
            f"output_sink.options: expected none, given {', '.join(map(str, sink.config['options']))};"
            f" they are of Spark's writer, and target {project.target.name} writes with SQL"
        )
    there = tables.columns(path) if sink.mode == "error" else ()
    if there:
        raise SinkError(
            f"output_sink.path: the table `{path}` is there already and the mode is `error`; name another, or choose"
            " overwrite, append or ignore"
        )


def write_result(
    tables: SqlTables,
    sink: SinkSpec,
    project: Project,
    *,
    source_rows: str,
    result: str,
    features: Sequence[str] = (),
) -> SinkResult:
    """Write the rows of `result` to the sink and return what is there; SinkError leaves what was there before.

    The values of `features` are counted in the pass that counts the rows.

    Raises DataCheckError if they are not as many as those of `source_rows`, EngineError if what was written cannot be counted.
    """
    expected = _count(tables, source_rows)
    if sink.kind == "display":
        return _display(tables, sink, result, expected, features)
    path, is_files = str(sink.config["path"]), sink.kind == "parquet_files"
    try:
        write = _write_files if is_files else _write_table
        counts = write(tables, sink, project, result, expected, features)
    except (SinkError, DataCheckError):
        raise
    except FeaturePlatformError as error:
        raise SinkError(f"output_sink: `{path}` was not written and is as it was before: {error}") from error
    rows = counted(path, lambda: _rows_of_files(local_folder(path, project)) if is_files else _count(tables, path))
    return SinkResult(sink.kind, path, rows, is_written=counts is not None, counts=counts)


def _display(tables: SqlTables, sink: SinkSpec, result: str, rows: int, features: Sequence[str]) -> SinkResult:
    counts = _checked_counts(tables, result, rows, features)
    order = ", ".join(quoted(name) for name, _ in tables.columns(result))
    limit = int(sink.config["num_rows"])
    first = tables.query(f"select * from {tables.sql_name(result)} order by {order} limit {limit}")  # noqa: S608 - quoted
    return SinkResult(sink.kind, "stdout", rows, columns=first.columns, preview=first.values, counts=counts)


def _checked_counts(tables: SqlTables, result: str, expected: int, features: Sequence[str]) -> ResultCounts:
    """Count the result's rows and its features' values in one query; DataCheckError if the rows are not the expected ones."""
    values = "".join(f", count({quoted(name)})" for name in features)
    [[rows, *filled]] = tables.query(f"select count(*){values} from {tables.sql_name(result)}").values  # noqa: S608 - quoted
    check_rows(int(rows), expected)
    return ResultCounts(int(rows), dict(zip(features, map(int, filled), strict=True)))


def _write_table(
    tables: SqlTables,
    sink: SinkSpec,
    project: Project,  # noqa: ARG001
    result: str,
    expected: int,
    features: Sequence[str],
) -> ResultCounts | None:
    """Write the table; None if it is left as it is, because it is there and the mode is `ignore`."""
    path = str(sink.config["path"])
    name, rows, there = tables.sql_name(path), tables.sql_name(result), tables.columns(path)
    if sink.mode == "ignore" and there:
        return None
    check_partitions(sink.kind, tables.columns(result), sink.config["partition_by"])
    _check_partition_values(tables, result, sink)
    counts = _checked_counts(tables, result, expected, features)
    given = tables.columns(result)
    listed = ", ".join(quoted(column) for column, _ in given)
    if sink.mode == "append" and there:
        if differences := column_differences(dict(there), dict(given)):
            raise SinkError(
                f"output_sink: cannot append to `{path}`, its columns differ: {differences}; overwrite it or name another table"
            )
        tables.execute(f"insert into {name} ({listed}) select {listed} from {rows}")  # noqa: S608 - quoted
    else:
        partition_by = ", ".join(map(quoted, sink.config["partition_by"]))
        layout = f" partitioned by ({partition_by})" if partition_by else ""
        properties = ", ".join(f"'{key}' = '{value}'" for key, value in column_mapping(dict(given)).items())
        layout += f" tblproperties ({properties})" if properties else ""
        tables.execute(f"create or replace table {name} using delta{layout} as select {listed} from {rows}")  # noqa: S608 - quoted
    return counts


def _write_files(
    tables: SqlTables, sink: SinkSpec, project: Project, result: str, expected: int, features: Sequence[str]
) -> ResultCounts | None:
    """Write the folder; None if it is left as it is, because it has data and the mode is `ignore`."""
    folder = local_folder(str(sink.config["path"]), project)
    if sink.mode == "ignore" and has_data(folder):
        return None
    names = sink.config["partition_by"]
    check_partitions(sink.kind, tables.columns(result), names)
    _check_partition_values(tables, result, sink)
    order = f" order by {', '.join(map(quoted, names))}" if names else ""
    filled = dict.fromkeys(features, 0)

    def counted_batches(chunks: Iterator[pa.Table]) -> Iterator[pa.RecordBatch]:
        for chunk in chunks:
            for name in features:
                filled[name] += len(chunk) - chunk.column(name).null_count
            yield from chunk.to_batches()

    def write(staged: Path) -> None:
        with tables.rows_of(f"select * from {tables.sql_name(result)}{order}").reading() as reading:  # noqa: S608 - quoted
            if sink.mode == "append" and has_data(folder):
                _check_same_columns(reading.schema, folder, sink)
            write_dataset(reading.schema, counted_batches(reading.chunks()), staged, sink.config)
            check_rows(reading.rows, expected)

    replace_folder(folder, write, keep_existing=sink.mode == "append")
    return ResultCounts(expected, filled)


def _check_same_columns(schema: pa.Schema, folder: Path, sink: SinkSpec) -> None:
    import pyarrow.dataset as ds

    check_same_layout(str(sink.config["path"]), folder, sink.config["partition_by"])
    there = ds.dataset(folder, format="parquet", partitioning="hive").schema
    before = {field.name: str(field.type) for field in there}
    after = {field.name: str(field.type) for field in schema}
    if differences := column_differences(before, after, in_names=sink.config["partition_by"]):
        raise SinkError(
            f"output_sink: cannot append to `{sink.config['path']}`, its columns differ: {differences};"
            " overwrite it or name another path"
        )


def _rows_of_files(folder: Path) -> int:
    import pyarrow.dataset as ds

    return int(ds.dataset(folder, format="parquet", partitioning="hive").count_rows())


def _check_partition_values(tables: SqlTables, result: str, sink: SinkSpec) -> None:
    """Raise DataCheckError for a value of a partition column that would not read back."""
    conditions = unwritable_values(tables.columns(result), sink.config["partition_by"])
    if conditions:
        counts = ", ".join(counting(conditions.values()))
        found = tables.query(f"select {counts} from {tables.sql_name(result)}").values[0]  # noqa: S608 - quoted
        check_values(dict(zip(conditions, map(int, found), strict=True)))


def _count(tables: SqlTables, name: str) -> int:
    found: Any = tables.query(f"select count(*) as row_count from {tables.sql_name(name)}").values[0][0]  # noqa: S608 - quoted
    return int(found)
