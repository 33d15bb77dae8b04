"""External sources: files and folders that others write, registered as tables without copying them."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, TYPE_CHECKING

from feature_platform_py.core.catalog_file import Definition, literal, quoted
from feature_platform_py.core.data_types import Columns, parse_type
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.locations import absolute, is_remote

if TYPE_CHECKING:
    from pyspark.sql import DataFrameReader, SparkSession

FORMATS = ("csv", "delta", "json", "parquet")

_TEXT_FORMATS = ("csv", "json")
_ALL_ROWS = str(2**62)
_WIDTHS = {name: width for width, name in enumerate(("tinyint", "smallint", "int", "bigint", "float", "double"))}
# A column without a value, and a time without a zone in a session in UTC.
_INFERRED_AS = {"void": "string", "timestamp_ntz": "timestamp"}
# JSON has numbers and texts only; the reader makes the declared type of them.
_FROM_JSON = {
    "string": {"date", "timestamp", "decimal", "binary"},
    "integer": {"integer", "decimal", "floating"},
    "floating": {"decimal", "floating"},
}


@dataclass(frozen=True)
class ExternalSource:
    """Where data lies, in which format, how to read it, and the (name, type) columns that it promises."""

    location: str
    format: str
    options: Mapping[str, str] = field(default_factory=dict)
    columns: Columns = ()

    def option(self, *names: str, default: str) -> str:
        """Return a reader option by any of its names, which have no case."""
        given = {key.lower().replace("_", ""): value for key, value in self.options.items()}
        return next((given[name] for name in names if name in given), default)

    @property
    def has_header(self) -> bool:
        """Whether the first record of each CSV file names the columns."""
        return self.option("header", default="false").lower() == "true"

    @property
    def is_local(self) -> bool:
        """Whether this machine's file system has the data."""
        return not is_remote(self.location)

    def files(self) -> list[Path]:
        """Return the local data files in order: the file itself, or those of the folder."""
        path = Path(self.location)
        if path.is_file():
            return [path]
        wanted = self.option("pathglobfilter", default="*")
        return sorted(
            file
            for file in path.rglob("*")
            if file.is_file()
            and fnmatch(file.name, wanted)
            and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
        )


def external_source(
    location: str,
    format: str,  # noqa: A002
    *,
    options: Mapping[str, object] | None = None,
    columns: Columns = (),
    folder: Path | None = None,
) -> ExternalSource:
    """Return a checked source; a relative local location starts from `folder`.

    Raises ConfigurationError for an unknown format or type and for a location that does not exist.
    """
    if format.lower() not in FORMATS:
        known = ", ".join(f"`{name}`" for name in FORMATS)
        raise ConfigurationError(f"{shown(location)}: format `{format}` is unknown. Known: {known}")
    if not is_remote(location):
        location = str(absolute(location, folder or Path.cwd()))
        if not Path(location).exists():
            raise ConfigurationError(f"{shown(location)}: no such file or folder. Expected {format} data to be there")
    texts = {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in (options or {}).items()
    }
    types = tuple((name, _safe_type(dtype, where=f"{shown(location)}: column `{name}`")) for name, dtype in columns)
    return ExternalSource(location, format.lower(), texts, types)


def define_source(spark: SparkSession, source: ExternalSource, *, known: Definition | None = None) -> Definition:
    """Return what registers the source: `known` itself if neither declaration nor files have changed.

    Raises ConfigurationError if the data lack declared columns or have other types for them.
    """
    fingerprint = _fingerprint(source)
    if known and fingerprint and known.fingerprint == fingerprint:
        return known
    columns = ", ".join(f"{quoted(name)} {dtype}" for name, dtype in table_columns(spark, source))
    options = ", ".join(f"{literal(key)} {literal(value)}" for key, value in _strict(source).items())
    clauses = [
        f"({columns})" if columns else "",
        f"using {source.format}",
        f"options ({options})" if options else "",
        f"location {literal(source.location)}",
    ]
    return Definition("source", " ".join(filter(None, clauses)), fingerprint)


def describe_source(spark: SparkSession, source: ExternalSource) -> list[tuple[str, str]]:
    """Return the (name, type) columns that the data have, types as Spark writes them.

    CSV types are inferred from every row of every file, not from the first thousand.
    """
    if source.format != "csv":
        schema = _reader(spark, source, schemaInferMaxRecords=_ALL_ROWS).load(source.location).schema
        return [(column.name, column.dataType.simpleString()) for column in schema]
    names = _csv_header(source) if source.is_local and source.has_header else []
    reader = _reader(spark, source, inferSchema="true", schemaInferMaxRecords=_ALL_ROWS)
    # One file at a time: Sail refuses files in which a column has different types.
    files = [str(file) for file in _csv_files(source)] if source.is_local else [source.location]
    schemas = [reader.load(file).schema for file in files]
    types = [_common_type(column.dataType.simpleString() for column in same) for same in zip(*schemas, strict=False)]
    return list(zip(names or schemas[0].names, types, strict=False))


def table_columns(spark: SparkSession, source: ExternalSource) -> Columns:
    """Return the columns of the source's table; none where the files carry their own schema.

    Raises ConfigurationError if the data lack declared columns or have other types for them.
    """
    if source.format == "csv":
        return _csv_columns(spark, source) if source.columns else describe_source(spark, source)
    actual = [(name, _INFERRED_AS.get(dtype, dtype)) for name, dtype in describe_source(spark, source)]
    check_declared(source, actual)
    if source.format != "json":
        return []
    declared = {name.lower(): dtype for name, dtype in source.columns}
    columns = [(name, declared.get(name.lower(), dtype)) for name, dtype in actual]
    return [(name, _safe_type(dtype, where=f"{shown(source.location)}: column `{name}`")) for name, dtype in columns]


def shown(path: str | Path) -> str:
    """Return a path for a message: from the working directory if it lies below it."""
    absolute_path = Path(path)
    is_below = absolute_path.is_relative_to(Path.cwd())
    return str(absolute_path.relative_to(Path.cwd()) if is_below else path)


def csv_records(file: Path, source: ExternalSource) -> Iterator[tuple[int, list[str]]]:
    """Yield each record of a local CSV file, its header included, with the physical line on which it starts.

    Blank lines and comments are left out, as the engine does.
    """
    comment, line = source.option("comment", default=""), 1
    csv.field_size_limit(2**31 - 1)
    with _open_text(file, source) as lines:
        records = csv.reader(
            lines,
            delimiter=source.option("sep", "delimiter", default=","),
            quotechar=source.option("quote", default='"'),
            # Without this option Sail takes a backslash for itself, where JVM Spark takes it for an escape.
            escapechar=source.option("escape", default="") or None,
        )
        for record in records:
            if record and not (comment and record[0].startswith(comment)):
                yield line, record
            line = records.line_num + 1


def _open_text(file: Path, source: ExternalSource) -> IO[str]:
    encoding = source.option("encoding", default="utf-8-sig")
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding=encoding, newline="", errors="replace")
    return file.open(encoding=encoding, newline="", errors="replace")


def _reader(spark: SparkSession, source: ExternalSource, **more: str) -> DataFrameReader:
    return spark.read.format(source.format).options(**{**source.options, **more})


def _safe_type(dtype: str, *, where: str) -> str:
    """Return the type's text, which may then stand in a statement."""
    try:
        return parse_type(dtype).text
    except ValueError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def _csv_columns(spark: SparkSession, source: ExternalSource) -> Columns:
    """Return the columns in the file's order, because a typed CSV table is read by position."""
    if not source.has_header:
        return source.columns
    header = _csv_header(source) if source.is_local else _reader(spark, source).load(source.location).columns
    there = {name.lower() for name in header}
    listed, file = ", ".join(f"`{name}`" for name in header), shown(source.location)
    problems = [
        f"{file}: column `{name}` is declared, but the header lacks it. Columns there: {listed}"
        for name, _ in source.columns
        if name.lower() not in there
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))
    declared = {name.lower(): (name, dtype) for name, dtype in source.columns}
    return [declared.get(name.lower(), (name, "string")) for name in header]


def _csv_header(source: ExternalSource) -> list[str]:
    """Return the column names of the file, or of all the files of the folder, which must agree."""
    headers = {file: next(csv_records(file, source), (1, []))[1] for file in _csv_files(source)}
    first_file, first = next(iter(headers.items()))
    for file, header in headers.items():
        if not header or len({name.lower() for name in header}) < len(header):
            raise ConfigurationError(f"{shown(file)}: expected a header with distinct names, given {header}")
        if header != first:
            raise ConfigurationError(
                f"{shown(file)}: expected the header of `{shown(first_file)}`, {first}, given {header}"
            )
    return first


def _csv_files(source: ExternalSource) -> list[Path]:
    if not (files := source.files()):
        raise ConfigurationError(f"{shown(source.location)}: expected CSV files in the folder, found none")
    return files


def check_declared(source: ExternalSource, actual: Columns) -> None:
    """Raise one ConfigurationError for all declared columns that are missing, or whose values the type does not hold."""
    there = {name.lower(): dtype for name, dtype in actual}
    problems = [
        f"{shown(source.location)}: column `{name}`: expected {dtype}, "
        f"given {there.get(name.lower(), 'no such column')}"
        for name, dtype in source.columns
        if not _fits(there.get(name.lower()), dtype, is_json=source.format == "json")
    ]
    if problems:
        listed = ", ".join(f"`{name}` {dtype}" for name, dtype in actual)
        raise ConfigurationError("\n".join([*problems, f"{shown(source.location)}: columns there: {listed}"]))


def _fits(actual: str | None, declared: str, *, is_json: bool) -> bool:
    """Whether values of the actual type are, without loss, values of the declared one."""
    if actual is None or actual == declared:
        return actual is not None
    given, wanted = parse_type(actual), parse_type(declared)
    if is_json and wanted.kind in _FROM_JSON.get(given.kind, ()):
        return True
    if given.kind == wanted.kind == "decimal":
        return given.scale == wanted.scale and given.precision <= wanted.precision
    if given.kind == wanted.kind and given.text in _WIDTHS:
        return _WIDTHS[given.text] <= _WIDTHS[wanted.text]
    return given.kind == wanted.kind and given.kind in {"string", "timestamp"}


def _common_type(types: Iterable[str]) -> str:
    """Return the type that holds what several files were inferred to hold."""
    found = {_INFERRED_AS.get(dtype, dtype) for dtype in types if dtype != "void"}
    if len(found) == 1:
        return found.pop()
    # The wider of the two comes last in the alphabet.
    wider = [max(pair) for pair in ({"bigint", "double"}, {"date", "timestamp"}) if found == pair]
    return wider[0] if wider else "string"


def _strict(source: ExternalSource) -> dict[str, str]:
    """The reader's options, those of text also for JVM Spark, which otherwise reads a value that does not parse as NULL."""
    return {**({"mode": "FAILFAST"} if source.format in _TEXT_FORMATS else {}), **source.options}


def _fingerprint(source: ExternalSource) -> str:
    """Return what changes with the declaration or the files; empty where the files cannot be seen."""
    if not source.is_local:
        return ""
    files = [(str(file), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in source.files()]
    declared = [source.location, source.format, sorted(_strict(source).items()), list(source.columns), files]
    return hashlib.sha256(json.dumps(declared).encode()).hexdigest()
