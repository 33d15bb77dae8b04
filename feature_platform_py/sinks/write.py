"""Writing a job's result: one entry, and a function for each kind of sink."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.errors import DataCheckError, EngineError, FeaturePlatformError, SinkError
from feature_platform_py.core.locations import absolute, is_remote, is_table_name, table_parts
from feature_platform_py.core.project import Project
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.sinks.folders import replace_folder, staging_beside
from feature_platform_py.sinks.options import table_properties_of
from feature_platform_py.sinks.parquet_files import (
    arrow_batches,
    arrow_schema,
    in_order_of,
    write_dataset,
    write_empty,
)
from feature_platform_py.sinks.partitions import (
    check_partitions,
    check_same_layout,
    check_values,
    counting,
    unwritable_values,
)
from feature_platform_py.sinks.spec import SinkSpec
from feature_platform_py.warehouse.engine_paths import delta_path
from feature_platform_py.warehouse.stored_relations import commits
from feature_platform_py.warehouse.warehouse import SAIL_CATALOG, every_name, table_properties

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class ResultCounts:
    """How many rows a job's result has, and in how many of them each feature has a value."""

    rows: int
    filled: Mapping[str, int]


Check = Callable[[], None]
Count = Callable[["DataFrame"], ResultCounts]


@dataclass(frozen=True)
class SinkResult:
    """What a sink holds now: the place and its rows, or the first rows themselves when the sink only shows them.

    `counts` are of the result of this run, None where it was not written.
    """

    kind: str
    place: str
    rows: int
    is_written: bool = True
    columns: tuple[str, ...] = ()
    preview: tuple[tuple[Any, ...], ...] = ()
    counts: ResultCounts | None = None


def sink_location(sink: SinkSpec, project: Project) -> Path | None:
    """The folder that a sink writes to: a path as given, a table's folder in the warehouse; None for `display`."""
    if sink.kind == "display":
        return None
    path = str(sink.config["path"])
    if sink.kind == "delta_table" and is_table_name(path):
        catalog, schema, table = table_parts(path if "." in path else f"{project.target.schema}.{path}")
        if catalog is not None:
            raise SinkError(
                f"output_sink.path: expected `schema.table`, given `{path}`; target {project.target.name} has no catalogs"
            )
        return project.target.warehouse / schema / table
    return local_folder(path, project)


def local_folder(path: str, project: Project) -> Path:
    """The folder of this machine that a path names."""
    return absolute(path, project.root)


def check_sink(sink: SinkSpec, project: Project) -> None:
    """Raise SinkError if the sink can be seen to fail before anything has run."""
    location = sink_location(sink, project)
    if location is not None:
        check_folder(sink, location)
        if sink.kind == "delta_table" and sink.mode in {"overwrite", "append"}:
            _check_table_properties(sink, location)


def check_folder(sink: SinkSpec, location: Path) -> None:
    """Raise SinkError if a folder of this machine cannot take the result."""
    if is_remote(str(sink.config["path"])):
        raise SinkError(
            f"output_sink.path: expected a local folder, given `{sink.config['path']}`;"
            " this target writes to local folders"
        )
    if location.exists() and not location.is_dir():
        raise SinkError(f"output_sink.path: expected a folder, `{sink.config['path']}` is a file; name another path")
    if sink.mode == "error" and has_data(location):
        raise SinkError(
            f"output_sink.path: `{sink.config['path']}` holds data already and the mode is `error`; name another path, or choose"
            " overwrite, append or ignore"
        )


def _check_table_properties(sink: SinkSpec, location: Path) -> None:
    """Raise SinkError for properties that a table, which is there already, does not have: writing to it would not set them."""
    there = _table_configuration(location)
    wanted = {} if there is None else table_properties_of(sink.config["options"])
    given = {name: (there or {}).get(name, "not set") for name in wanted}
    if given != wanted:
        missing = [f"`{name}` is {value}" for name, value in given.items() if value != wanted[name]]
        raise SinkError(
            f"output_sink.options: `{sink.config['path']}` is there already, and {', '.join(missing)}; properties are set when a"
            " table is made: change them in the table, take them out of `options`, or name another path"
        )


def _table_configuration(location: Path) -> dict[str, str] | None:
    """Return the table's properties, as the newest commit with any has them; None without a table."""
    for commit in sorted(commits(location), reverse=True):
        for line in commit.read_text(encoding="utf-8").splitlines():
            if "metaData" in (action := json.loads(line)):
                return dict(action["metaData"]["configuration"])
    return None


def write_result(
    session: SparkSession,
    result: DataFrame,
    sink: SinkSpec,
    project: Project,
    *,
    expected_rows: int,
    features: Sequence[str] = (),
    check: Check = lambda: None,
) -> SinkResult:
    """Write the result to the sink and return what is there; SinkError leaves what was there before.

    The result is computed once, beside the sink, and the values of `features` are counted in the pass that counts the rows. Then
    `check` is called, which raises if the rows are not to be shown.

    Raises DataCheckError if the result has not exactly the expected rows, EngineError if what was written cannot be counted.
    """
    location = sink_location(sink, project)
    if location is None:
        shown = _display(result, sink.config, expected_rows, features)
        check()
        return shown
    place = str(sink.config["path"])
    if sink.mode == "ignore" and has_data(location):
        return SinkResult(sink.kind, place, _count(session, sink.kind, location), is_written=False)
    try:
        columns = [(field.name, field.dataType.simpleString()) for field in result.schema]
        check_partitions(sink.kind, columns, sink.config["partition_by"])
        if sink.mode == "append" and has_data(location):
            _check_same_columns(session, result, sink, location)
        write = _write_delta if sink.kind == "delta_table" else _write_parquet
        counts = write(result, sink, location, lambda rows: _checked_counts(rows, expected_rows, features), check)
    except FeaturePlatformError:
        raise
    except Exception as error:
        raise SinkError(f"output_sink: `{place}` was not written and is as it was before: {error}") from error
    rows = counted(place, lambda: _count(session, sink.kind, location))
    return SinkResult(sink.kind, place, rows, counts=counts)


def counted(place: str, count: Callable[[], int]) -> int:
    """How many rows a sink has that was just written; EngineError, which says that it was, if nobody can tell."""
    try:
        return count()
    except Exception as error:
        raise EngineError(
            f"output_sink: `{place}` was written, its rows could not be counted: {error}. Appending again would repeat them"
        ) from error


def check_rows(given: int, expected: int) -> None:
    """Raise DataCheckError if the result lacks or repeats rows of the source."""
    if given != expected:
        raise DataCheckError(
            f"the result has {given:,} rows for {expected:,} source rows; expected one each."
            " Either the keys of a feature table are not unique, which its test `unique_grain` tells, or a transformer in Python"
            " drops or repeats rows. The sink is as it was"
        )


def _display(result: DataFrame, config: Mapping[str, Any], expected_rows: int, features: Sequence[str]) -> SinkResult:
    """The first rows by the source's columns, in an order that does not change from run to run."""
    counts = _checked_counts(result, expected_rows, features)
    rows = result.orderBy(*map(quoted, result.columns)).limit(int(config["num_rows"])).collect()
    return SinkResult(
        kind="display",
        place="stdout",
        rows=expected_rows,
        columns=tuple(result.columns),
        preview=tuple(tuple(row) for row in rows),
        counts=counts,
    )


def _checked_counts(result: DataFrame, expected_rows: int, features: Sequence[str]) -> ResultCounts:
    """Count the result's rows and its features' values in one pass; DataCheckError if the rows are not the expected ones."""
    from pyspark.sql import functions as F  # noqa: N812 - what the documentation of PySpark calls it

    values = [F.count(result[quoted(name)]) for name in features]
    [[rows, *filled]] = result.agg(F.count(F.lit(1)), *values).collect()
    check_rows(rows, expected_rows)
    return ResultCounts(rows, dict(zip(features, filled, strict=True)))


def _write_delta(result: DataFrame, sink: SinkSpec, location: Path, count: Count, check: Check) -> ResultCounts:
    # A commit cannot be looked at before it is made.
    with staging_beside(location) as staging:
        rows = _staged(result, staging / "rows")
        _check_partition_values(rows, sink)
        counts = count(rows)
        names = result.columns if _is_sail(result) else every_name(result.schema)
        writer = rows.write.format("delta").options(**table_properties(names) | dict(sink.config["options"]))
        is_append = sink.mode == "append"
        writer = writer.mode("append") if is_append else writer.mode("overwrite").option("overwriteSchema", "true")
        if sink.config["partition_by"]:
            writer = writer.partitionBy(*sink.config["partition_by"])
        check()
        writer.save(str(delta_path(location)))
        return counts


def _staged(result: DataFrame, folder: Path) -> DataFrame:
    """Compute the result into Parquet files, and return the frame of these."""
    result.write.parquet(str(folder))
    if not any(folder.rglob("*.parquet")):
        write_empty(arrow_schema(result), folder, {"partition_by": [], "options": {}})
    return result.sparkSession.read.parquet(str(folder))


def _write_parquet(result: DataFrame, sink: SinkSpec, location: Path, count: Count, check: Check) -> ResultCounts:
    counts: list[ResultCounts] = []

    def write(folder: Path) -> None:
        _write_files(result, sink, folder)
        if not any(folder.rglob("*.parquet")):
            write_empty(arrow_schema(result), folder, sink.config)
        written = _read(result.sparkSession, sink.kind, folder)
        counts.append(count(written))
        check()

    _check_partition_values(result, sink)
    replace_folder(location, write, keep_existing=sink.mode == "append")
    return counts[0]


def _write_files(result: DataFrame, sink: SinkSpec, folder: Path) -> None:
    names = list(sink.config["partition_by"])
    if names and _is_sail(result):
        # Sail's writer turns a NULL into 0, false, 1970-01-01 or nothing, and leaves a `=` as it is.
        schema = arrow_schema(result)
        write_dataset(schema, arrow_batches(in_order_of(result, names), schema), folder, sink.config)
        return
    result.write.options(**sink.config["options"]).partitionBy(*names).parquet(str(folder))
    # JVM Spark's checksums and its mark of success: Polars takes a folder of Parquet files alone.
    for file in [each for each in folder.rglob("*") if each.is_file() and each.suffix != ".parquet"]:
        file.unlink()


def _is_sail(frame: DataFrame) -> bool:
    return bool(frame.sparkSession.catalog.currentCatalog() == SAIL_CATALOG)


def _check_partition_values(result: DataFrame, sink: SinkSpec) -> None:
    """Raise DataCheckError for a value of a partition column that would not read back."""
    columns = [(field.name, field.dataType.simpleString()) for field in result.schema]
    conditions = unwritable_values(columns, sink.config["partition_by"])
    if conditions:
        [found] = result.selectExpr(*counting(conditions.values())).collect()
        check_values(dict(zip(conditions, found, strict=True)))


def _check_same_columns(session: SparkSession, result: DataFrame, sink: SinkSpec, location: Path) -> None:
    """Appending other columns would lose them silently, or make the folder unreadable."""
    there = _read(session, sink.kind, location).schema
    given = result.schema
    before = {field.name: field.dataType.simpleString() for field in there}
    after = {field.name: field.dataType.simpleString() for field in given}
    names, is_files = sink.config["partition_by"], sink.kind == "parquet_files"
    if is_files:
        check_same_layout(str(sink.config["path"]), location, names)
    if differences := column_differences(before, after, in_names=names if is_files else ()):
        raise SinkError(
            f"output_sink: cannot append to `{sink.config['path']}`, its columns differ: {differences};"
            " overwrite it or name another path"
        )


def column_differences(before: Mapping[str, str], after: Mapping[str, str], *, in_names: Collection[str] = ()) -> str:
    """How the types of columns by their names differ, in words; nothing if they do not.

    Columns whose values are `in_names` of folders have the type that a reader guesses, which is not compared.
    """
    untyped = before.keys() & after.keys() & set(in_names)
    names = (before.keys() | after.keys()) - untyped
    differing = sorted(name for name in names if before.get(name) != after.get(name))
    return "; ".join(
        f"`{name}` is {before.get(name, 'absent')} there, {after.get(name, 'absent')} here" for name in differing
    )


def _read(session: SparkSession, kind: str, location: Path) -> DataFrame:
    if kind == "delta_table":
        return session.read.format("delta").load(str(delta_path(location)))
    return session.read.parquet(str(location))


def _count(session: SparkSession, kind: str, location: Path) -> int:
    return int(_read(session, kind, location).count())


def has_data(location: Path) -> bool:
    """Whether a folder is there with something in it."""
    return location.is_dir() and any(location.iterdir())
