"""Register external sources (files and folders of other writers) as tables.

Engines read Delta and Parquet in place if all of them read the same values there. `feature_platform_py.files` writes a Parquet
copy of CSV, JSON and other Parquet files, and a log of its own for other Delta tables. Every engine sees the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from feature_platform_py.core.data_types import Columns, parse_type, sql_type
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.locations import absolute, is_remote
from feature_platform_py.core.sql_text import literal
from feature_platform_py.core.stores.address import is_store_address, store_address
from feature_platform_py.core.stores.client import store_client
from feature_platform_py.files.columns import Reading, Readings, shown
from feature_platform_py.files.copy import copied, digest, files_state
from feature_platform_py.files.declared import TEXT_FORMATS
from feature_platform_py.files.delta_log import has_inexact_statistics, log_files, version_at, write_snapshot
from feature_platform_py.files.delta_objects import (
    has_inexact_stored_statistics,
    log_twin,
    stored_log,
    write_stored_snapshot,
)
from feature_platform_py.files.folder import DataFile, data_files
from feature_platform_py.files.objects import StoreFiles, store_files, twin_of
from feature_platform_py.files.options import VERSIONS, TextOptions, option_fault, option_key, text_options
from feature_platform_py.files.patterns import EPOCHS, DatePattern
from feature_platform_py.warehouse.catalog_file import RelationDefinition

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from feature_platform_py.files.parquet_rows import Footer
    from feature_platform_py.files.write import RowsOfFiles

FORMATS = ("csv", "delta", "json", "parquet")

_OF_PATTERNS = frozenset("*?[]{}")
_WIDTHS = {name: width for width, name in enumerate(("tinyint", "smallint", "int", "bigint", "float", "double"))}


@dataclass(frozen=True)
class ExternalSource:
    """The location, format, options and declared (name, type) columns of external data.

    `readings` describe how columns of text files are read, by their names in the files.
    """

    location: str
    format: str
    options: Mapping[str, str] = field(default_factory=dict)
    columns: Columns = ()
    readings: Readings = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether this machine's file system has the data."""
        return not is_remote(self.location)

    @property
    def is_stored(self) -> bool:
        """Whether an object store has the data."""
        return is_store_address(self.location)

    @property
    def is_seen(self) -> bool:
        """Whether this process can look at the data's files."""
        return self.is_local or self.is_stored

    @property
    def is_text(self) -> bool:
        """Whether engines read a copy."""
        return self.format in TEXT_FORMATS

    @cached_property
    def footers(self) -> list[Footer]:
        """The footers of Parquet files; ConfigurationError or DataCheckError for what no engine should read."""
        return self._read_footers[1]

    @cached_property
    def _read_footers(self) -> tuple[Path, list[Footer]]:
        """The folder of the Parquet files, which may have been for this only, and the footers of the files."""
        from feature_platform_py.files.parquet_rows import footers

        if not self.is_stored:
            return Path(self.location), footers(Path(self.location), self.files())
        found = self._listed
        with twin_of(found) as twin:
            files = replace(self, location=str(twin)).files()
            found.fetch_footers(twin, [file.path for file in files])
            return twin, footers(twin, files)

    @cached_property
    def is_copied(self) -> bool:
        """Whether engines read a copy: of text, and of Parquet files that engines read differently."""
        from feature_platform_py.files.parquet_rows import is_read_in_place

        if self.format != "parquet" or not self.is_seen:
            return self.is_text
        is_all = self.text_options.pattern == "*" and not self.text_options.is_recursive
        is_one_folder = self._is_named_plainly and self.read_at is not None
        return not (is_one_folder and is_read_in_place(*self._read_footers) and is_all)

    @cached_property
    def read_at(self) -> str | None:
        """Where engines find the files in place; None if the manifest of a folder names files of several."""
        return self._listed.folder if self.is_stored and self.format == "parquet" else self.location

    @cached_property
    def _listed(self) -> StoreFiles:
        """The objects as the source was first looked at; the state is always asked for anew."""
        return store_files(self.location)

    @cached_property
    def text_options(self) -> TextOptions:
        """The options of a text format, and the options of Parquet that choose files."""
        return text_options(self.options, self.format)

    @cached_property
    def is_snapshot(self) -> bool:
        """Whether engines read a log of the platform's own: of an earlier version, by another path, or without wrong statistics."""
        if self.format != "delta" or not self.is_seen:
            return False
        if self.is_earlier_version or not self._is_named_plainly:
            return True
        if self.is_stored:
            return has_inexact_stored_statistics(stored_log(self.location))
        return has_inexact_statistics(Path(self.location))

    @property
    def _is_named_plainly(self) -> bool:
        """Whether Sail finds the data where they are.

        Of an address, and of a Delta table's path, it encodes characters twice. Other paths it takes for patterns.
        """
        if self.is_local and self.format != "delta":
            return not _OF_PATTERNS & set(self.location)
        name = store_address(self.location).key if self.is_stored else self.location
        return quote(name, safe="/~=") == name

    @property
    def is_earlier_version(self) -> bool:
        """Whether the options name a version of a Delta table, which engines' catalogs cannot register."""
        return self.format == "delta" and any(option_key(name) in VERSIONS for name in self.options)

    def files(self) -> list[DataFile]:
        """Return the local data files in order: the file itself, or those of the folder."""
        if self.format == "delta":
            return data_files(Path(self.location))
        options = self.text_options
        return data_files(Path(self.location), pattern=options.pattern, is_recursive=options.is_recursive)

    def declaration(self) -> str:
        """Return a digest of the source's declaration."""
        readings = {name: asdict(reading) for name, reading in self.readings.items()}
        return digest(self.location, self.format, dict(self.options), list(self.columns), readings)

    def state(self) -> str:
        """Return a digest of the files' names, sizes and times (or tags, which every write changes); for a Delta table, of its log."""
        if self.is_stored:
            found = stored_log(self.location) if self.format == "delta" else store_files(self.location)
            return digest(found.state())
        if self.format == "delta":
            return files_state(Path(self.location), log_files(Path(self.location)))
        return files_state(Path(self.location), [file.path for file in self.files()])

    @contextmanager
    def on_this_machine(self) -> Iterator[ExternalSource]:
        """Yield the source with its files on this machine; those of an object store are there for the block."""
        if not self.is_stored:
            yield self
            return
        found = store_files(self.location)
        with twin_of(found) as twin:
            here = replace(self, location=str(twin))
            found.fetch(twin, [file.path for file in here.files()])
            yield here


def external_source(
    location: str,
    format: str,  # noqa: A002
    *,
    options: Mapping[str, object] | None = None,
    columns: Columns = (),
    readings: Readings | None = None,
    folder: Path | None = None,
) -> ExternalSource:
    """Return a checked source; relative local locations start at `folder`.

    Raises one ConfigurationError for an unknown format, for a location that does not exist, and for all options and
    columns that are not supported.
    """
    if format.lower() not in FORMATS:
        known = ", ".join(f"`{name}`" for name in FORMATS)
        raise ConfigurationError(f"{shown(location)}: format `{format}` is unknown. Known: {known}")
    location = _placed(location, folder or Path.cwd())
    if not is_remote(location):
        if not Path(location).exists():
            raise ConfigurationError(f"{shown(location)}: no such file or folder; expected {format} data")
    elif not is_store_address(location) and format.lower() in TEXT_FORMATS:
        raise ConfigurationError(
            f"{location}: {format} files are read by this machine, but the location is of a storage that it cannot read; copy them"
            " here or to an object store, or write them as Parquet or Delta"
        )
    texts = {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in (options or {}).items()
    }
    faults = [fault for name, value in texts.items() if (fault := option_fault(name, value, format=format.lower()))]
    checked = {name: _checked(reading, name, faults) for name, reading in (readings or {}).items()}
    if faults:
        raise ConfigurationError("\n".join(f"{shown(location)}: {fault}" for fault in faults))
    types = tuple((name, _safe_type(dtype, where=f"{shown(location)}: column `{name}`")) for name, dtype in columns)
    return ExternalSource(location, format.lower(), texts, types, checked)


def placed_source(location: str, format: str, options: Mapping[str, str], root: Path) -> ExternalSource:  # noqa: A002
    """Return a source whose settings were checked; relative local locations start at `root`."""
    return ExternalSource(_placed(location, root), format, options)


def _placed(location: str, root: Path) -> str:
    """Return the one spelling of a location."""
    if is_store_address(location):
        # Sessions that open later then know that they need to reach the store.
        store_client(location)
        return str(store_address(location))
    return location if is_remote(location) else str(absolute(location, root))


def define_source(
    spark: SparkSession, source: ExternalSource, *, copies: Path, known: RelationDefinition | None = None
) -> RelationDefinition:
    """Return the definition that registers the source: `known` if neither declaration nor files have changed.

    `copies` is the folder of Parquet copies. Raises ConfigurationError if the data lack declared columns or have them with
    other types, DataCheckError for a value that does not parse.
    """
    fingerprint = digest(source.declaration(), source.state()) if source.is_seen else ""
    is_there = known is not None and (is_store_address(known.location) or Path(known.location).exists())
    if known and is_there and fingerprint and known.fingerprint == fingerprint:
        return known
    if source.is_copied:
        if not source.is_text:
            check_declared(source, describe_source(spark, source, copies=copies))
        copy = str(source_copy(source, copies))
        return RelationDefinition("source", f"using parquet location {literal(copy)}", fingerprint, copy)
    check_declared(source, describe_source(spark, source, copies=copies))
    if source.is_snapshot:
        snapshot = str(source_snapshot(source, copies))
        return RelationDefinition("source", f"using delta location {literal(snapshot)}", fingerprint, snapshot)
    # Options of Parquet choose files; this copy has all of them.
    kept = source.options if source.format == "delta" or not source.is_seen else {}
    options = ", ".join(f"{literal(key)} {literal(value)}" for key, value in kept.items())
    clauses = [
        f"using {source.format}",
        f"options ({options})" if options else "",
        f"location {literal(source.read_at or source.location)}",
    ]
    location = (source.read_at or source.location) if source.is_seen else ""
    return RelationDefinition("source", " ".join(filter(None, clauses)), fingerprint, location)


def describe_source(spark: SparkSession, source: ExternalSource, *, copies: Path) -> list[tuple[str, str]]:
    """Return the (name, type) columns that the data have, types as Spark writes them.

    Types of text files are inferred from every row of every file.
    """
    if source.is_copied:
        import pyarrow.parquet as pq
        from pyspark.sql.pandas.types import from_arrow_type

        schema = pq.read_schema(source_copy(source, copies))
        return [(column.name, sql_type(from_arrow_type(column.type, prefer_timestamp_ntz=True))) for column in schema]
    place = str(source_snapshot(source, copies)) if source.is_snapshot else source.read_at or source.location
    options = {} if source.is_snapshot else source.options
    found = spark.read.format(source.format).options(**options).load(place).schema
    return [(column.name, sql_type(column.dataType)) for column in found]


def source_copy(source: ExternalSource, copies: Path) -> Path:
    """Return the Parquet file with the rows of a copied source's present state; write it if it does not exist.

    Raises ConfigurationError for declared columns that the files lack, DataCheckError for what does not parse.
    """
    from feature_platform_py.files.write import write_rows

    def write(file: Path) -> None:
        with source.on_this_machine() as here:
            write_rows(text_rows(here), file)

    return copied(
        copies,
        declaration=source.declaration(),
        state=source.state,
        write=write,
        location=source.location,
    )


def source_snapshot(source: ExternalSource, copies: Path) -> Path:
    """Return the folder of a log for a Delta table at one version: the present one, or the one that the options name.

    Raises DataCheckError for a version that the table does not have.
    """
    log = stored_log(source.location) if source.is_stored else None
    named = {option_key(name): value for name, value in source.options.items()}
    version = int(named["versionasof"]) if "versionasof" in named else None
    if "timestampasof" in named:
        with log_twin(log, is_whole=True) if log else nullcontext(Path(source.location)) as table:
            version = version_at(table, named["timestampasof"])

    def write(folder: Path) -> None:
        if log:
            write_stored_snapshot(source.location, log, folder, version=version)
        else:
            write_snapshot(Path(source.location), folder, version=version)

    return copied(
        copies,
        declaration=source.declaration(),
        state=source.state if version is None else lambda: f"version-{version}",
        write=write,
        location=source.location,
    )


def text_rows(source: ExternalSource) -> RowsOfFiles:
    """Return the rows of a text source. Raises ConfigurationError for declared columns that its headers lack."""
    from feature_platform_py.files.csv_rows import CsvRows
    from feature_platform_py.files.json_rows import JsonRows
    from feature_platform_py.files.parquet_rows import ParquetRows

    if source.format == "parquet":
        return ParquetRows(source.footers, declared=source.columns)
    files = source.files()
    if not files:
        raise ConfigurationError(
            f"{shown(source.location)}: expected {source.format.upper()} files in the folder, found none"
        )
    kind = CsvRows if source.format == "csv" else JsonRows
    return kind(Path(source.location), files, source.text_options, declared=source.columns, readings=source.readings)


def check_declared(source: ExternalSource, actual: Columns) -> None:
    """Raise one ConfigurationError for all declared columns that are missing or whose type cannot hold the values."""
    there = {name.lower(): dtype for name, dtype in actual}
    problems = [
        f"{shown(source.location)}: column `{name}`: expected {dtype}, "
        f"given {there.get(name.lower(), 'no such column')}"
        for name, dtype in source.columns
        if not _fits(there.get(name.lower()), dtype)
    ]
    if problems:
        listed = ", ".join(f"`{name}` {dtype}" for name, dtype in actual)
        raise ConfigurationError("\n".join([*problems, f"{shown(source.location)}: existing columns: {listed}"]))


def _fits(actual: str | None, declared: str) -> bool:
    """Return whether the declared type holds all values of the actual type without loss."""
    if actual is None or actual == declared:
        return actual is not None
    given, wanted = parse_type(actual), parse_type(declared)
    if given.kind == wanted.kind == "decimal":
        return given.scale == wanted.scale and given.precision <= wanted.precision
    if given.kind == wanted.kind and given.text in _WIDTHS:
        return _WIDTHS[given.text] <= _WIDTHS[wanted.text]
    return given.kind == wanted.kind and given.kind in {"string", "timestamp"}


def _checked(reading: Reading, name: str, faults: list[str]) -> Reading:
    """Return the reading with its type in full; add its faults to `faults`."""
    data_type = reading.type
    try:
        data_type = parse_type(reading.type).text if reading.type else None
        if reading.format and reading.format not in EPOCHS:
            DatePattern(reading.format)
    except ValueError as error:
        faults.append(f"column `{name}`: {error}")
    return Reading(data_type, reading.format, reading.decimal, reading.group, reading.rename)


def _safe_type(dtype: str, *, where: str) -> str:
    """Return the type's text, checked for use in a statement."""
    try:
        return parse_type(dtype).text
    except ValueError as error:
        raise ConfigurationError(f"{where}: {error}") from error
