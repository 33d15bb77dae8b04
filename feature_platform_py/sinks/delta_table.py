"""The sinks `delta_table`, `overwrite_delta` and `append_delta`: a Delta table, by its name or its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, assert_never

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import SinkError
from feature_platform_py.core.fields import STRICT, OptionName, OptionValue
from feature_platform_py.core.locations import is_remote, is_table_name, table_parts
from feature_platform_py.core.project import Project
from feature_platform_py.core.sql_text import literal, quoted
from feature_platform_py.core.stores.address import is_store_address
from feature_platform_py.core.stores.path import StorePath
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.files.delta_log import replayed
from feature_platform_py.sinks.arrow_files import arrow_schema, write_empty
from feature_platform_py.sinks.delta_commits import PlainTable, delta_schema, plain_table
from feature_platform_py.sinks.divided import Written, divided
from feature_platform_py.sinks.division import stamps
from feature_platform_py.sinks.folders import staging_for
from feature_platform_py.sinks.options import ANY, FLAG, INTERVAL, WHOLE, option_name, options_schema, write_options
from feature_platform_py.sinks.partitions import FOLDER_KINDS, PartitionRule
from feature_platform_py.sinks.results import JobResult, ResultCounts, SessionResult, SqlResult, SqlTables
from feature_platform_py.sinks.sink import SinkType
from feature_platform_py.sinks.stored import Store, StoredPart, StoredSink, WriteMode, has_data
from feature_platform_py.warehouse.delta_layout import column_mapping, every_name, table_properties
from feature_platform_py.warehouse.engine_paths import delta_path
from feature_platform_py.warehouse.stored_relations import commits

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OPTIONS: Mapping[str, tuple[str, str]] = {
    "userMetadata": ANY,
    "delta.appendOnly": FLAG,
    "delta.checkpointInterval": WHOLE,
    "delta.columnMapping.mode": ("none|name|id", "one of `none`, `name`, `id`"),
    "delta.dataSkippingNumIndexedCols": WHOLE,
    "delta.deletedFileRetentionDuration": INTERVAL,
    "delta.logRetentionDuration": INTERVAL,
}
DeltaOptions = Annotated[
    dict[Annotated[OptionName, AfterValidator(partial(option_name, known=OPTIONS))], OptionValue],
    AfterValidator(partial(write_options, known=OPTIONS)),
    options_schema(OPTIONS),
    Field(description="options of the writer, and properties of a new table"),
]


@pydantic_dataclass(frozen=True, kw_only=True, config=STRICT)
class FixedDeltaPart(StoredPart):
    """A Delta table, written in the mode that the sink's name says."""

    options: DeltaOptions = Field(default_factory=dict)


@pydantic_dataclass(frozen=True, kw_only=True, config=STRICT)
class DeltaPart(FixedDeltaPart):
    """A Delta table."""

    mode: WriteMode = "error"


@dataclass(frozen=True, kw_only=True)
class DeltaTable(StoredSink):
    """A Delta table of the warehouse folder, of a folder of this machine, or of a workspace."""

    kind: ClassVar[str] = "delta_table"
    sink_types: ClassVar[Mapping[str, SinkType]] = {
        "delta_table": SinkType(DeltaPart),
        "overwrite_delta": SinkType(FixedDeltaPart, {"mode": "overwrite"}),
        "append_delta": SinkType(FixedDeltaPart, {"mode": "append"}),
    }
    # Delta defines how a time and a whole decimal are the name of a folder. Sail writes -3.25 as `-3.-25`.
    partitions: ClassVar[PartitionRule] = PartitionRule(
        FOLDER_KINDS | {"timestamp", "decimal"},
        "a text, an integer, a decimal without a fraction, a date, a timestamp or a boolean",
    )

    @property
    def location(self) -> str:
        """The path, or the table's name."""
        return self.path

    def why_whole(self, event_time: tuple[str, str] | None) -> str | None:  # noqa: ARG002
        """Return why the engine writes the table, None if its files are committed without it."""
        given = [name for name in ("partition_by", "options") if getattr(self, name)]
        return f"the sink has {ticked(given)}" if given else None

    def folder(self, project: Project) -> Path:
        """Return the folder of the path, or of the table in the warehouse. Raises SinkError for a name with a catalog."""
        if not is_table_name(self.path):
            return super().folder(project)
        catalog, schema, table = table_parts(self.path if "." in self.path else f"{project.target.schema}.{self.path}")
        if catalog is not None:
            raise SinkError(
                f"output_sink.path: expected `schema.table`, given `{self.path}`; target {project.target.name} has no catalogs"
            )
        return project.target.warehouse / schema / table

    def delta_tables(self, project: Project) -> dict[Path, Mapping[str, str]]:
        """Return the folder of the table."""
        is_seen = is_store_address(self.path) or not is_remote(self.path)
        return {self.folder(project): self.options} if is_seen else {}

    def check(self, project: Project, tables: SqlTables | None) -> None:
        """Raise SinkError if the table cannot take the result."""
        if tables is not None:
            self._check_table(tables, project)
            return
        folder = self.folder(project)
        self.check_folder(folder)
        if self.mode in {"overwrite", "append"}:
            self._check_properties(folder)

    def store(self, result: JobResult) -> Store:
        """Return the table, written by the session or by statements."""
        match result:
            case SessionResult():
                return _SessionTable(self, result)
            case SqlResult():
                return _StatementTable(self, result)
            case _:
                assert_never(result)

    def _check_table(self, tables: SqlTables, project: Project) -> None:
        if not is_table_name(self.path):
            raise SinkError(
                f"output_sink.path: expected a table's name such as `catalog.schema.table`, given `{self.path}`;"
                f" target {project.target.name} keeps Delta in tables"
            )
        if self.options:
            raise SinkError(
                f"output_sink.options: expected none, given {', '.join(self.options)}; they are of Spark's writer, and target"
                f" {project.target.name} writes with SQL"
            )
        if self.mode == "error" and tables.columns(self.path):
            raise SinkError(
                f"output_sink.path: the table `{self.path}` is there already and the mode is `error`; name another, or choose"
                " overwrite, append or ignore"
            )

    def _check_properties(self, folder: Path) -> None:
        """Raise SinkError for properties that an existing table lacks, because writing to it would not set them."""
        options = {key: value for key, value in self.options.items() if key.startswith("delta.")}
        there = _properties(folder) if options else None
        wanted = {} if there is None else options
        given = {name: (there or {}).get(name, "not set") for name in wanted}
        if given != wanted:
            missing = [f"`{name}` is {value}" for name, value in given.items() if value != wanted[name]]
            raise SinkError(
                f"output_sink.options: `{self.path}` is there already, and {', '.join(missing)}; properties are set when a table is"
                " made: change them in the table, take them out of `options`, or name another path"
            )


def _properties(folder: Path) -> dict[str, str] | None:
    """Return the table's properties; None without a table."""
    return replayed(folder).properties if any(commits(folder)) else None


@dataclass(frozen=True)
class _SessionTable:
    """The table as a Spark session writes it."""

    sink: DeltaTable
    result: SessionResult

    @cached_property
    def folder(self) -> Path:
        return self.sink.folder(self.result.project)

    def has_data(self) -> bool:
        return has_data(self.folder)

    def count(self) -> int:
        return int(self._read().count())

    def write(self) -> Written:
        # JVM Spark's own commits to S3 are not conditional.
        is_committed = self.sink.is_replaced or isinstance(self.folder, StorePath)
        if is_committed and not self.sink.why_whole(None) and (table := plain_table(self.folder, self.result.columns)):
            return self._committed(table)
        return Written(self._written_by_engine())

    def _committed(self, table: PlainTable) -> Written:
        """Write Parquet files, and commit them: the engine would write them a second time."""
        schema, is_append = delta_schema(self.result.frame.schema), self.sink.mode == "append"
        if is_append and table.columns:
            self.sink.check_same_columns(dict(table.columns), dict(self.result.columns))
        is_known = table.schema == schema and not is_append
        there = stamps(self.folder, table.files()) if is_known else {}
        parts = divided(self.result, there)
        with staging_for(self.folder, self.result.project.target) as staging:
            if parts.changed != frozenset():
                parts.stage(self._write_files, staging / "rows")
                self.result.check()
                names = [name for files in parts.files.values() for name in files]
                metadata = {} if self.result.proof is None else {"userMetadata": self.result.proof}
                removed = [] if is_append else parts.removed
                table.put(staging / "rows", names, removed, schema, metadata=metadata)
        return parts.written(self.folder)

    def _write_files(self, frame: DataFrame, folder: Path, names: Sequence[str]) -> None:
        frame.write.partitionBy(*names).parquet(str(folder))

    def _written_by_engine(self) -> ResultCounts:
        is_append = self.sink.mode == "append"
        if is_append and self.has_data():
            there = {field.name: field.dataType.simpleString() for field in self._read().schema}
            self.sink.check_same_columns(there, dict(self.result.columns))
        # A commit cannot be looked at before it is made.
        with staging_for(self.folder, self.result.project.target) as staging:
            rows = replace(self.result, frame=self._staged(staging / "rows"))
            self.sink.check_values(rows)
            counts = rows.counts()
            names = self.result.frame.columns if rows.is_of_sail else every_name(self.result.frame.schema)
            kept = {} if self.result.proof is None else {"userMetadata": self.result.proof}
            writer = rows.frame.write.format("delta").options(
                **table_properties(names) | kept | dict(self.sink.options)
            )
            writer = writer.mode("append") if is_append else writer.mode("overwrite").option("overwriteSchema", "true")
            if self.sink.partition_by:
                writer = writer.partitionBy(*self.sink.partition_by)
            rows.check()
            writer.save(str(delta_path(self.folder)))
        return counts

    def _staged(self, folder: Path) -> DataFrame:
        """Compute the result into Parquet files, and return the frame of these."""
        frame = self.result.frame
        frame.write.parquet(str(folder))
        if not any(folder.rglob("*.parquet")):
            write_empty(arrow_schema(frame), folder)
        return frame.sparkSession.read.parquet(str(folder))

    def _read(self) -> DataFrame:
        return self.result.frame.sparkSession.read.format("delta").load(str(delta_path(self.folder)))


@dataclass(frozen=True)
class _StatementTable:
    """The table as one statement of a SQL endpoint writes it."""

    sink: DeltaTable
    result: SqlResult

    @cached_property
    def there(self) -> Columns:
        return self.result.tables.columns(self.sink.path)

    def has_data(self) -> bool:
        return bool(self.there)

    def count(self) -> int:
        return int(replace(self.result, name=self.sink.path).numbers(["count(*)"])[0])

    def write(self) -> Written:
        self.sink.check_values(self.result)
        counts, given = self.result.counts(), dict(self.result.columns)
        is_append = self.sink.mode == "append" and self.has_data()
        if is_append:
            self.sink.check_same_columns(dict(self.there), given)
        name, listed = self.result.tables.sql_name(self.sink.path), ", ".join(map(quoted, given))
        rows = f"select {listed} from {self.result.sql_name}"  # noqa: S608 - quoted
        statement = f"insert into {name} ({listed})" if is_append else f"{self._replacing(name, given)} as"
        self.result.check()
        self.result.tables.execute(f"{statement} {rows}")
        return Written(counts)

    def _replacing(self, name: str, given: Mapping[str, str]) -> str:
        partition_by = ", ".join(map(quoted, self.sink.partition_by))
        layout = f" partitioned by ({partition_by})" if partition_by else ""
        properties = ", ".join(f"{literal(key)} = {literal(value)}" for key, value in column_mapping(given).items())
        layout += f" tblproperties ({properties})" if properties else ""
        return f"create or replace table {name} using delta{layout}"
