"""The sinks `parquet_files`, `overwrite_parquet` and `append_parquet`: a folder of Parquet files on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, assert_never

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass

from feature_platform_py.core.fields import STRICT, OptionName, OptionValue
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.locations import is_table_name
from feature_platform_py.core.project import Project
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.sinks.arrow_files import arrow_batches, arrow_schema, in_order_of, write_dataset, write_empty
from feature_platform_py.sinks.divided import Written, divided
from feature_platform_py.sinks.division import FileStamp, stamps
from feature_platform_py.sinks.folders import link_files, replace_folder
from feature_platform_py.sinks.options import option_name, options_schema, write_options
from feature_platform_py.sinks.partitions import FOLDER_KINDS, PartitionRule, check_same_layout
from feature_platform_py.sinks.results import JobResult, ResultCounts, SessionResult, SqlResult, SqlTables
from feature_platform_py.sinks.sink import SinkType
from feature_platform_py.sinks.stored import Store, StoredPart, StoredSink, WriteMode, has_data
from feature_platform_py.warehouse.file_states import FileState, file_state

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

DEFAULT_COMPRESSION = "zstd"
PROOF_ENDING = ".proof.json"
"""The end of the name of the file with a result's proof, beside the folder with its files."""
OPTIONS: Mapping[str, tuple[str, str]] = {
    "compression": ("none|uncompressed|snappy|gzip|zstd", "one of `none`, `snappy`, `gzip`, `zstd`"),
}
ParquetOptions = Annotated[
    dict[Annotated[OptionName, AfterValidator(partial(option_name, known=OPTIONS))], OptionValue],
    AfterValidator(partial(write_options, known=OPTIONS)),
    options_schema(OPTIONS),
    Field(description="options of the writer"),
]


@pydantic_dataclass(frozen=True, kw_only=True, config=STRICT)
class FixedParquetPart(StoredPart):
    """Parquet files, written in the mode that the sink's name says."""

    options: ParquetOptions = Field(default_factory=dict)


@pydantic_dataclass(frozen=True, kw_only=True, config=STRICT)
class ParquetPart(FixedParquetPart):
    """Parquet files."""

    mode: WriteMode = "error"


@dataclass(frozen=True, kw_only=True)
class ParquetFiles(StoredSink):
    """A folder of Parquet files on this machine, with folders of the partition columns in it."""

    kind: ClassVar[str] = "parquet_files"
    sink_types: ClassVar[Mapping[str, SinkType]] = {
        "parquet_files": SinkType(ParquetPart),
        "overwrite_parquet": SinkType(FixedParquetPart, {"mode": "overwrite"}),
        "append_parquet": SinkType(FixedParquetPart, {"mode": "append"}),
    }
    # A folder's name has no zone, and pyarrow makes no decimal of it.
    partitions: ClassVar[PartitionRule] = PartitionRule(
        FOLDER_KINDS, "a text, an integer, a date or a boolean", skipped_prefixes=("_", ".")
    )

    @property
    def location(self) -> str:
        """The path, also where it looks like a table's name."""
        return f"./{self.path}" if is_table_name(self.path) else self.path

    def why_whole(self, event_time: tuple[str, str] | None) -> str | None:
        """Return why files of one period would be many, None if they are not."""
        if event_time is None or not self.partition_by or event_time[0] in self.partition_by:
            return None
        return f"the sink's folders are not of `{event_time[0]}`"

    @property
    def compression(self) -> str:
        """The compression that the options name."""
        options = {name.lower(): value.lower() for name, value in self.options.items()}
        return options.get("compression", DEFAULT_COMPRESSION).replace("uncompressed", "none")

    def check(self, project: Project, tables: SqlTables | None) -> None:  # noqa: ARG002
        """Raise SinkError if the folder cannot take the result: on every target, files are written on this machine."""
        self.check_folder(self.folder(project))

    def state(self, project: Project) -> list[FileState] | None:
        """Return the state of the files that a run replaces, and of the proof beside them."""
        found, folder = super().state(project), self.folder(project)
        return None if found is None else [*found, file_state(proof_beside(folder))]

    def store(self, result: JobResult) -> Store:
        """Return the folder, written by the session or from rows that are fetched."""
        match result:
            case SessionResult():
                return _SessionFiles(self, result)
            case SqlResult():
                return _FetchedFiles(self, result)
            case _:
                assert_never(result)


@dataclass(frozen=True)
class _Files:
    """The folder of the sink."""

    sink: ParquetFiles
    result: Any

    @cached_property
    def folder(self) -> Path:
        return self.sink.folder(self.result.project)

    def has_data(self) -> bool:
        return has_data(self.folder)

    @property
    def is_added_to(self) -> bool:
        return self.sink.mode == "append" and self.has_data()

    def replace(self, write: Callable[[Path], None]) -> None:
        """Replace the folder, or add to it, and put the result's proof beside it."""
        beside = proof_beside(self.folder).name

        def write_with_proof(staged: Path) -> None:
            write(staged)
            if self.result.proof is not None:
                text = _proof_of_files(self.result.proof, staged)
                replace_file(staged.parent / beside, text)

        replace_folder(self.folder, write_with_proof, keep_existing=self.sink.mode == "append", file_beside=beside)

    def check_same_columns(self, there: Mapping[str, str], given: Mapping[str, str]) -> None:
        names = self.sink.partition_by
        check_same_layout(self.sink.path, self.folder, names)
        self.sink.check_same_columns(there, given, untyped=names)


@dataclass(frozen=True)
class _SessionFiles(_Files):
    """The folder as a Spark session writes it."""

    result: SessionResult

    def count(self) -> int:
        return int(self._read(self.folder).count())

    def write(self) -> Written:
        if self.is_added_to:
            there = {field.name: field.dataType.simpleString() for field in self._read(self.folder).schema}
            self.check_same_columns(there, dict(self.result.columns))
        parts = divided(self.result, {} if self.sink.mode == "append" else self._files(), self.sink.partition_by)
        if parts.changed == frozenset():
            return parts.written(self.folder)

        def write(staged: Path) -> None:
            parts.stage(self._write_files, staged)
            link_files(self.folder, staged, [name for period in parts.kept.values() for name in period.files])
            if not any(staged.rglob("*.parquet")):
                schema = arrow_schema(self.result.frame)
                write_empty(schema, staged, self.sink.partition_by, compression=self.sink.compression)
            self.result.check()

        self.sink.check_values(self.result)
        self.replace(write)
        return parts.written(self.folder)

    def _files(self) -> dict[str, FileStamp]:
        """Return the stamps of all files that are there."""
        names = [file.relative_to(self.folder).as_posix() for file in self.folder.rglob("*") if not file.is_dir()]
        return stamps(self.folder, names)

    def _write_files(self, frame: DataFrame, folder: Path, names: Sequence[str]) -> None:
        if self.sink.partition_by and self.result.is_of_sail:
            # Sail's writer turns a NULL into 0, false, 1970-01-01 or nothing, and leaves a `=` as it is.
            schema = arrow_schema(frame)
            rows = arrow_batches(in_order_of(frame, list(names)), schema)
            write_dataset(schema, rows, folder, names, compression=self.sink.compression)
            return
        frame.write.options(**self.sink.options).partitionBy(*names).parquet(str(folder))
        # JVM Spark's checksums and its mark of success: Polars takes a folder of Parquet files alone.
        for file in [each for each in folder.rglob("*") if each.is_file() and each.suffix != ".parquet"]:
            file.unlink()

    def _read(self, folder: Path) -> DataFrame:
        return self.result.frame.sparkSession.read.parquet(str(folder))


@dataclass(frozen=True)
class _FetchedFiles(_Files):
    """The folder as this process writes it, from the rows that a SQL endpoint sends."""

    result: SqlResult

    def count(self) -> int:
        return int(_dataset(self.folder).count_rows())

    def write(self) -> Written:
        self.sink.check_values(self.result)
        names, filled = list(self.sink.partition_by), dict.fromkeys(self.result.features, 0)
        order = f" order by {', '.join(map(quoted, names))}" if names else ""
        statement = f"select * from {self.result.sql_name}{order}"  # noqa: S608 - quoted

        def write(staged: Path) -> None:
            with self.result.tables.rows_of(statement).reading() as reading:
                if self.is_added_to:
                    self.check_same_columns(_types(_dataset(self.folder).schema), _types(reading.schema))
                batches = _counted_batches(reading.chunks(), filled)
                write_dataset(reading.schema, batches, staged, names, compression=self.sink.compression)
                self.result.check_rows(reading.rows)
            self.result.check()

        self.replace(write)
        return Written(ResultCounts(self.result.expected_rows, filled))


def proof_beside(folder: Path) -> Path:
    """Return the file with the proof of a folder's files."""
    return folder.with_name(f"{folder.name}{PROOF_ENDING}")


def _proof_of_files(proof: str, folder: Path) -> str:
    """Return the proof with the names and sizes of the files that it is about; no two writes give files the same names."""
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(folder.rglob("*.parquet"))}
    return json.dumps(json.loads(proof) | {"files": sizes}, indent=2, ensure_ascii=False) + "\n"


def _counted_batches(chunks: Iterator[pa.Table], filled: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """Yield the batches of the chunks; `filled` grows by the values of each of its columns."""
    for chunk in chunks:
        for name in filled:
            filled[name] += len(chunk) - chunk.column(name).null_count
        yield from chunk.to_batches()


def _types(schema: pa.Schema) -> dict[str, str]:
    return {field.name: str(field.type) for field in schema}


def _dataset(folder: Path) -> Any:
    import pyarrow.dataset as ds

    return ds.dataset(folder, format="parquet", partitioning="hive")
