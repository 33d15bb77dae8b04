"""The sinks `parquet_files`, `overwrite_parquet` and `append_parquet`: a folder of Parquet files, here or at an object store."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, assert_never

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass

from feature_platform_py.core.fields import STRICT, OptionName, OptionValue
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.locations import is_table_name
from feature_platform_py.core.project import Project
from feature_platform_py.core.spread import Spread
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.core.stores.path import StorePath
from feature_platform_py.files.manifest import Manifest
from feature_platform_py.sinks.arrow_files import arrow_batches, arrow_schema, in_order_of, write_dataset, write_empty
from feature_platform_py.sinks.divided import DividedResult, Written, divided
from feature_platform_py.sinks.division import FileStamp, stamps
from feature_platform_py.sinks.folders import link_files, replace_folder, staging_for
from feature_platform_py.sinks.options import option_name, options_schema, write_options
from feature_platform_py.sinks.partitions import FOLDER_KINDS, PartitionRule, check_same_layout
from feature_platform_py.sinks.results import JobResult, ResultCounts, SessionResult, SqlResult, SqlTables
from feature_platform_py.sinks.sink import SinkType
from feature_platform_py.sinks.stored import Store, StoredPart, StoredSink, WriteMode, has_data
from feature_platform_py.sinks.stored_files import StoredFiles, files_of_write, same_layout, with_proof
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
    """A folder of Parquet files on this machine or at an object store, with folders of the partition columns in it."""

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
        """Raise SinkError if the folder cannot take the result: on every target, this process writes the files."""
        folder = self.folder(project)
        self.check_folder(folder)
        if isinstance(folder, StorePath):
            StoredFiles(folder, self.path).check()

    def state(self, project: Project) -> list[FileState] | None:
        """Return the state of the files that a run replaces, and of the proof beside them; at a store the manifest has it."""
        found, folder = super().state(project), self.folder(project)
        if found is None or isinstance(folder, StorePath):
            return found
        return [*found, file_state(proof_beside(folder))]

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

    @cached_property
    def stored(self) -> StoredFiles | None:
        """The folder if it is at a store."""
        return StoredFiles(self.folder, self.sink.path) if isinstance(self.folder, StorePath) else None

    @cached_property
    def seen(self) -> tuple[Manifest | None, str | None]:
        """What the folder at a store consisted of when the write began, and the manifest's tag."""
        return self.stored.read() if self.stored else (None, None)

    def has_data(self) -> bool:
        return self.seen[0] is not None if self.stored else has_data(self.folder)

    @property
    def is_added_to(self) -> bool:
        return self.sink.mode == "append" and self.has_data()

    def replace(self, write: Callable[[Path], None]) -> None:
        """Replace the folder, or add to it, and put the result's proof beside it; at a store `kept` are the files that stay."""
        if self.stored:
            self._switch(self.stored, write)
            return
        beside = proof_beside(self.folder).name

        def write_with_proof(staged: Path) -> None:
            write(staged)
            if self.result.proof is not None:
                text = _proof_of_files(self.result.proof, staged)
                replace_file(staged.parent / beside, text)

        replace_folder(self.folder, write_with_proof, keep_existing=self.sink.mode == "append", file_beside=beside)

    def _switch(self, stored: StoredFiles, write: Callable[[Path], None]) -> None:
        is_append = self.sink.mode == "append"

        def changed(before: Manifest | None, added: Manifest) -> Manifest:
            there = before if before and is_append else Manifest({}, {})
            if before and is_append:
                self._check_same_manifest(before)
            kept = {name: before.files[name] for name in self.kept_files()} if before else {}
            proof = with_proof(self.result.proof, added.files)
            return replace(
                added,
                files={**there.files, **kept, **added.files},
                partition_by=tuple(self.sink.partition_by),
                proof=there.proof if proof is None else proof,
            )

        with staging_for(self.folder, self.result.project.target) as staging:
            write(staging / "rows")
            files = files_of_write(staging / "rows")
            stored.switch(
                files,
                changed,
                columns=dict(self.result.columns),
                is_repeated=is_append,
                check=self.result.check,
                seen=self.seen[1],
            )
            self.renamed(files.names)

    def kept_files(self) -> Collection[str]:
        """Return the names of the files that stay at a store although the folder is replaced."""
        return ()

    def renamed(self, names: Mapping[str, str]) -> None:
        """Note the names that staged files have at a store."""

    def _check_same_manifest(self, there: Manifest) -> None:
        same_layout(there, self.sink.path, self.sink.partition_by)
        self.sink.check_same_columns(there.columns, dict(self.result.columns))

    def check_same_columns(self, there: Mapping[str, str], given: Mapping[str, str]) -> None:
        names = self.sink.partition_by
        check_same_layout(self.sink.path, self.folder, names)
        self.sink.check_same_columns(there, given, untyped=names)


@dataclass(frozen=True)
class _SessionFiles(_Files):
    """The folder as a Spark session writes it."""

    result: SessionResult

    def count(self) -> int:
        return self.stored.count() if self.stored else int(self._read(self.folder).count())

    def write(self) -> Written:
        if self.is_added_to and self.seen[0]:
            self._check_same_manifest(self.seen[0])
        elif self.is_added_to:
            there = {field.name: field.dataType.simpleString() for field in self._read(self.folder).schema}
            self.check_same_columns(there, dict(self.result.columns))
        parts = self.parts
        if parts.changed == frozenset():
            return parts.written(self.folder)

        def write(staged: Path) -> None:
            parts.stage(self._write_files, staged)
            if not self.stored:
                link_files(self.folder, staged, self.kept_files())
            if not any(staged.rglob("*.parquet")) and not (self.stored and self.kept_files()):
                schema = arrow_schema(self.result.frame)
                write_empty(schema, staged, self.sink.partition_by, compression=self.sink.compression)
            self.result.check()

        self.sink.check_values(self.result)
        self.replace(write)
        return parts.written(self.folder)

    @cached_property
    def parts(self) -> DividedResult:
        there = {} if self.sink.mode == "append" else self._files()
        return divided(self.result, there, self.sink.partition_by)

    def kept_files(self) -> list[str]:
        return [name for period in self.parts.kept.values() for name in period.files]

    def renamed(self, names: Mapping[str, str]) -> None:
        self.parts.renamed(names)

    def _files(self) -> dict[str, FileStamp]:
        """Return the stamps of all files that are there."""
        if self.stored:
            return stamps(self.folder, self.seen[0].files if self.seen[0] else ())
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
        return self.stored.count() if self.stored else int(_dataset(self.folder).count_rows())

    def write(self) -> Written:
        self.sink.check_values(self.result)
        names, filled = list(self.sink.partition_by), dict.fromkeys(self.result.features, 0)
        spreads = dict.fromkeys(self.result.numeric_features, Spread(0))
        order = f" order by {', '.join(map(quoted, names))}" if names else ""
        statement = f"select * from {self.result.sql_name}{order}"  # noqa: S608 - quoted

        def write(staged: Path) -> None:
            with self.result.tables.rows_of(statement).reading() as reading:
                if self.is_added_to and self.seen[0]:
                    self._check_same_manifest(self.seen[0])
                elif self.is_added_to:
                    self.check_same_columns(_types(_dataset(self.folder).schema), _types(reading.schema))
                batches = _counted_batches(reading.chunks(), filled, spreads)
                write_dataset(reading.schema, batches, staged, names, compression=self.sink.compression)
                self.result.check_rows(reading.rows)
            self.result.check()

        self.replace(write)
        return Written(ResultCounts(self.result.expected_rows, filled, spreads))


def proof_beside(folder: Path) -> Path:
    """Return the file with the proof of a folder's files."""
    return folder.with_name(f"{folder.name}{PROOF_ENDING}")


def _proof_of_files(proof: str, folder: Path) -> str:
    """Return the proof with the names and sizes of the files that it is about; no two writes give files the same names."""
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(folder.rglob("*.parquet"))}
    return json.dumps(json.loads(proof) | {"files": sizes}, indent=2, ensure_ascii=False) + "\n"


def _counted_batches(
    chunks: Iterator[pa.Table], filled: dict[str, int], spreads: dict[str, Spread]
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of the chunks; `filled` and `spreads` grow by the values of each of their columns."""
    for chunk in chunks:
        for name in filled:
            filled[name] += len(chunk) - chunk.column(name).null_count
        for name, spread in spreads.items():
            spreads[name] = spread.with_(_spread(chunk.column(name)))
        yield from chunk.to_batches()


def _spread(column: pa.ChunkedArray) -> Spread:
    import pyarrow as pa
    import pyarrow.compute as pc

    doubles = pc.cast(column, pa.float64(), safe=False)
    finite = doubles.filter(pc.is_finite(doubles))
    ends = pc.min_max(finite)
    found = pc.mean(finite), pc.stddev(finite), ends["min"], ends["max"]
    return Spread.read([len(finite), *(each.as_py() for each in found)])


def _types(schema: pa.Schema) -> dict[str, str]:
    return {field.name: str(field.type) for field in schema}


def _dataset(folder: Path) -> Any:
    import pyarrow.dataset as ds

    return ds.dataset(folder, format="parquet", partitioning="hive")
