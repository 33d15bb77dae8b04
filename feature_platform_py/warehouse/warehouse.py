"""Use a warehouse folder as a catalog: its tables are `<warehouse>/<schema>/<table>/_delta_log`.

There is no metastore. A session reads the folder and the catalog file, and every change is made on disk
as well as in the session, so that the next process sees it.
"""

from __future__ import annotations

import atexit
import json
import logging
import re
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from feature_platform_py.core.data_types import sql_type
from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.locations import overlap
from feature_platform_py.core.sql_text import literal, quoted
from feature_platform_py.core.stores.address import is_store_address
from feature_platform_py.core.stores.path import StorePath, place_of
from feature_platform_py.files.objects import store_files
from feature_platform_py.warehouse.catalog_file import CatalogFile, RelationDefinition, TableName
from feature_platform_py.warehouse.external_sources import ExternalSource, define_source
from feature_platform_py.warehouse.file_states import latest_version
from feature_platform_py.warehouse.repair import DISCARDED_PREFIX, remove, throw_away
from feature_platform_py.warehouse.stored_relations import PLAIN_NAME, commits, plain_folders, stored_tables
from feature_platform_py.warehouse.view_text import create_as_plan, survives_as_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import DataType, StructType

logger = logging.getLogger(__name__)

# If the least and the greatest value of a file are equal, Sail reads the column as that constant from the Delta log:
# decimals pass through a double there, and NaN and parts of a microsecond are left out.
WITHOUT_STATISTICS = {"delta.dataSkippingNumIndexedCols": "0"}
# Delta refuses these in a column's name, unless column mapping gives the columns other names in the files.
WITH_NAMES_OF_ITS_OWN = {"delta.columnMapping.mode": "name"}
REFUSED_BY_DELTA = re.compile(r"[ ,;{}()\n\t=]")
SAIL_CATALOG = "sail"
COPIES = ".sources"


class Warehouse:
    """The tables, sources and views of one folder, and the session in which they are registered.

    If `is_read_only`, relations are registered only in the session, and the folder does not change. If `is_catalog_shared`, the
    session's catalog may hold relations of other sessions; the folder's relations replace them.
    """

    def __init__(
        self, spark: SparkSession, folder: Path, *, is_read_only: bool = False, is_catalog_shared: bool = False
    ) -> None:
        self.spark = spark
        self.folder = folder
        self.is_read_only = is_read_only
        self.is_catalog_shared = is_catalog_shared
        self._keeps_view_text = spark.catalog.currentCatalog() != SAIL_CATALOG
        if not is_read_only:
            folder.mkdir(parents=True, exist_ok=True)
        self._file = CatalogFile(folder)
        self._lock = threading.RLock()
        self._schemas: set[str] = set()
        self._registered: dict[TableName, RelationDefinition] = {}
        self._broken: dict[TableName, RelationDefinition] = {}
        self._versions: dict[TableName, int] = {}
        self._stand_ins: dict[TableName, RelationDefinition] = {}
        for leftover in [] if is_read_only or isinstance(folder, StorePath) else folder.glob(f"*/{DISCARDED_PREFIX}*"):
            remove(leftover)

    # What exists

    def refresh(self) -> None:
        """Update the session from the folder, which other processes may have changed."""
        with self._lock:
            remembered = self._file.load()
            schemas = {name.schema for name in remembered} | {path.name for path in plain_folders(self.folder)}
            for schema in sorted(schemas - self._schemas):
                self.create_schema(schema)
            found = (
                self._stand_ins
                | remembered
                | {name: self._table_definition(name) for name in stored_tables(self.folder)}
            )
            for name in [name for name in self._registered if name not in found]:
                self._unregister(name)
            self._register_all({name: found[name] for name in found if self._registered.get(name) != found[name]})

    def relations(self, schema: str) -> dict[str, RelationDefinition]:
        """Return the relations of a schema by name, as the folder has them now."""
        with self._lock:
            self.refresh()
            there = sorted(self._registered.items())
        return {name.name: found for name, found in there if name.schema == schema}

    def schemas(self) -> list[str]:
        """Return the schemas of the warehouse in order."""
        with self._lock:
            self.refresh()
            return sorted(self._schemas)

    def definition(self, name: TableName) -> RelationDefinition | None:
        """Return the session's definition of a relation, or None."""
        return self._registered.get(name)

    def named_in(self, text: str) -> set[TableName]:
        """Return the session's relations whose quoted names a text contains."""
        return {name for name in self._registered.copy() if str(name) in text}

    def pinned_version(self, name: TableName) -> int | None:
        """Return the version at which the session reads a source that is a Delta table; None for the newest."""
        return self._versions.get(name)

    def columns(self, name: TableName) -> list[tuple[str, str]]:
        """Return the (name, type) pairs of a relation; none if it does not exist."""
        if name not in self._registered:
            return []
        schema = self.spark.table(str(name)).schema
        return [(field.name, sql_type(field.dataType)) for field in schema]

    @cached_property
    def copies(self) -> Path:
        """The folder of Parquet copies of files; a temporary one if the warehouse is read only."""
        if not self.is_read_only:
            return copies_folder(self.folder)
        # A server sees the warehouse, but not this machine's folder for temporary files.
        is_here = not isinstance(self.folder, StorePath) and self.folder.exists()
        place = self.folder if self.is_catalog_shared and is_here else None
        folder = Path(tempfile.mkdtemp(prefix=".copies-", dir=place))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def location(self, name: TableName) -> Path:
        """Return the folder of a table."""
        return self.folder / name.schema / name.name

    # Changes

    def create_schema(self, schema: str) -> None:
        """Create the schema and its folder unless they exist."""
        with self._lock:
            if schema not in self._schemas:
                _check_is_plain(schema)
                location = self.folder / schema
                if not self.is_read_only:
                    location.mkdir(exist_ok=True)
                self._run(f"create schema if not exists {quoted(schema)} location {literal(str(location))}")
                if self.is_catalog_shared:
                    self._check_schema_is_here(schema, location)
                self._schemas.add(schema)

    def drop_schema(self, schema: str) -> None:
        """Drop the schema with everything in it, its folder included."""
        _check_is_plain(schema)
        with self._lock:
            for name in [name for name in self._registered if name.schema == schema]:
                self._unregister(name)
            with self._file.changing() as entries:
                for name in [name for name in entries if name.schema == schema]:
                    del entries[name]
            self._run(f"drop schema if exists {quoted(schema)} cascade")
            self._schemas.discard(schema)
            throw_away(self.folder / schema)

    def write_table(
        self, name: TableName, frame: DataFrame, *, partition_by: Sequence[str] = (), file_bytes: int | None = None
    ) -> int:
        """Replace the table by the frame's rows in one atomic commit, and return their number.

        The frame may read the table itself and have other columns. If its query fails, the table keeps its
        old content. Files of about `file_bytes` need about 20 times that in memory.
        """
        _check_is_plain(name.name)
        if self.is_read_only:
            raise EngineError(f"table {name}: the warehouse was opened for reading only")
        self.create_schema(name.schema)
        with self._lock:
            before = self.columns(name)
            if name in self._broken:
                throw_away(self.location(name))
        writer = _nullable(frame).write.format("delta").mode("overwrite").option("overwriteSchema", "true")
        if file_bytes:
            writer = writer.option("target_file_size", str(file_bytes))
        writer.options(**table_properties(frame.columns)).partitionBy(*partition_by).save(str(self.location(name)))
        with self._lock:
            self._adopt(name)
            self._follow_change(has_other_columns=bool(before) and before != self.columns(name))
        return self.committed_rows(name)

    def follow_change_of_rows(self) -> None:
        """Make every view show what SQL has just written."""
        with self._lock:
            self._follow_change(has_other_columns=False)

    def committed_rows(self, name: TableName) -> int:
        """Return how many rows the table's last commit wrote, changed or deleted."""
        commit = max(commits(self.location(name)), key=lambda path: path.name)
        actions = (json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines())
        info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
        return _rows_changed(info.get("operation", ""), info.get("operationMetrics", {}))

    def adopt(self, name: TableName) -> None:
        """Register a table that SQL has just created in the session."""
        with self._lock:
            if any(commits(self.location(name))):
                self._adopt(name)

    def stand_in(self, name: TableName, other: TableName) -> None:
        """Have another table stand in for one that the folder does not have, in this session."""
        with self._lock:
            self.create_schema(name.schema)
            self._stand_ins[name] = self._table_definition(other)
            self.refresh()

    def create_view(self, name: TableName, select: str) -> None:
        """Create or replace the view, in this session and for later ones."""
        self.create_schema(name.schema)
        view = RelationDefinition("view", f"as {select}")
        with self._lock:
            previous = self._registered.get(name)
            if previous and previous.kind != "view":
                self._unregister(name)
            try:
                self._register(name, view)
            except Exception:
                if previous and previous.kind != "view":
                    self._register(name, previous)
                raise
            self._remember(name, view)
            self._discard_table(name)

    def register_source(self, name: TableName, source: ExternalSource) -> None:
        """Register external data under a name, in this session and for later ones.

        Until it is registered again, the session sees a Delta table at its present version. Costs next to nothing if data and
        declaration have not changed. Raises ConfigurationError if the data lack declared columns, DataCheckError if a value
        does not parse.
        """
        with self._lock:
            known, folder = self._registered.get(name), self.location(name)
            definition = define_source(self.spark, source, copies=self.copies, known=known)
            version = latest_version(source)
            if known == definition and self._versions.get(name) == version:
                return
            self.create_schema(name.schema)
            if known:
                self._unregister(name)
            self._register(name, definition)
            if version is not None:
                self._pin(name, source, version)
            self._remember(name, definition)
            # Otherwise the next process would find a table that an earlier run wrote here.
            if known and known.kind == "table" and not overlap(source.location, str(folder), root=self.folder):
                throw_away(folder)
            if known:
                self._follow_change(has_other_columns=True)

    def drop(self, name: TableName) -> None:
        """Drop a table with its files, a view, or a source without its files."""
        with self._lock:
            if name in self._registered:
                self._unregister(name)
            self._remember(name, None)
            self._discard_table(name)

    def rename(self, name: TableName, new_name: TableName) -> None:
        """Give a relation a new name, which must be free."""
        with self._lock:
            _check_is_plain(new_name.name)
            definition = self._registered[name]
            if definition.kind == "table" and isinstance(self.folder, StorePath):
                raise EngineError(
                    f"table {name}: a table at an object store cannot be renamed; build it under the new name"
                )
            self._unregister(name)
            if definition.kind == "table":
                self.create_schema(new_name.schema)
                self.location(name).rename(self.location(new_name))
                definition = self._table_definition(new_name)
            else:
                with self._file.changing() as entries:
                    entries[new_name] = entries.pop(name)
            self._register(new_name, definition)

    def add_columns(self, name: TableName, columns: StructType) -> None:
        """Add columns to a table; this changes only its metadata."""
        from pyspark.sql import functions

        added = [functions.lit(None).cast(field.dataType).alias(field.name) for field in columns]
        frame = self.spark.table(str(name)).select("*", *added).limit(0)
        writer = frame.write.format("delta").mode("append").option("mergeSchema", "true")
        writer.save(str(self.location(name)))
        # Sail commits nothing, without an error, if the table has a NOT NULL column.
        if missing := set(columns.names) - {column for column, _ in self.columns(name)}:
            raise EngineError(f"table {name}: the engine did not add {sorted(missing)}. Build the table anew")
        with self._lock:
            self._follow_change(has_other_columns=True)

    # Registration in the session

    def _table_definition(self, name: TableName) -> RelationDefinition:
        return RelationDefinition("table", f"using delta location {literal(str(self.location(name)))}")

    def _register_all(self, pending: dict[TableName, RelationDefinition]) -> None:
        """Register sources and tables, then each view as soon as what it reads is registered."""
        rounds = [
            [name for name in pending if pending[name].kind != "view"],
            sorted(name for name in pending if pending[name].kind == "view"),
        ]
        for names in rounds:
            waiting, errors = names, dict[TableName, Exception]()
            while waiting:
                errors = {name: error for name in waiting if (error := self._try_register(name, pending[name]))}
                if len(errors) == len(waiting):
                    break
                waiting = list(errors)
            for name, error in errors.items():
                self._note_broken(name, pending[name], error)

    def _try_register(self, name: TableName, definition: RelationDefinition) -> Exception | None:
        try:
            if name in self._registered:
                self._unregister(name)
            self._register(name, definition)
        except Exception as error:
            return error
        return None

    def _note_broken(self, name: TableName, definition: RelationDefinition, error: Exception) -> None:
        """Log a relation that cannot be restored. It never stops a session; queries of it fail."""
        if self._broken.get(name) != definition:
            reason = str(error).splitlines()[0] if str(error) else repr(error)
            logger.warning(
                "%s: %s `%s.%s` is left out: %s", self.folder, definition.kind, name.schema, name.name, reason
            )
            self._broken[name] = definition

    def _register(self, name: TableName, definition: RelationDefinition) -> None:
        # An engine reads a missing file as a table without rows.
        if is_store_address(definition.location):
            store_files(definition.location)
        elif definition.location and not Path(definition.location).exists():
            raise EngineError(f"expected its data at `{definition.location}`, but it does not exist")
        if self.is_catalog_shared and name not in self._registered:
            self._clear(name)
        if definition.kind == "view":
            self._create_view(name, definition)
        else:
            self._run(definition.statement(name))
        self._registered[name] = definition
        self._broken.pop(name, None)

    def _pin(self, name: TableName, source: ExternalSource, version: int) -> None:
        """Register a view of one version in place of the table, in this session only."""
        self._run(f"drop table if exists {name}")
        if self._keeps_view_text:
            place = f"delta.{quoted(source.location)} version as of {version}"
            self._run(f"create or replace view {name} as select * from {place}")  # noqa: S608 - quoted
        else:
            frame = self.spark.read.format("delta").option("versionAsOf", str(version)).load(source.location)
            create_as_plan(self.spark, str(name), frame=frame, plan=_plan_name(name))
        self._versions[name] = version

    def _unregister(self, name: TableName) -> None:
        is_view = self._registered[name].kind == "view" or self._versions.pop(name, None) is not None
        self._run(f"drop {'view' if is_view else 'table'} if exists {name}")
        del self._registered[name]

    def _clear(self, name: TableName) -> None:
        """Drop the name from the shared catalog. Its tables are external, so no file is touched."""
        if self.spark.catalog.tableExists(str(name)):
            kind = "view" if self.spark.catalog.getTable(str(name)).tableType == "VIEW" else "table"
            self._run(f"drop {kind} if exists {name}")

    def _check_schema_is_here(self, schema: str, location: Path) -> None:
        """Raise ConfigurationError if a shared catalog has a schema of this name from another warehouse."""
        given = self.spark.catalog.getDatabase(schema).locationUri
        if not isinstance(location, StorePath):
            given = unquote(urlsplit(given).path)
        if given and place_of(given, self.folder).resolve() != location.resolve():
            raise EngineError(
                f"schema `{schema}`: expected the engine's catalog to have it at `{location}`, but it is at `{given}`, in another"
                " warehouse. Name another schema in the profile, or give each warehouse a server of its own"
            )

    def _adopt(self, name: TableName) -> None:
        definition = self._table_definition(name)
        if self._registered.get(name) == definition:
            return
        if name in self._registered:
            self._unregister(name)
        elif self.is_catalog_shared:
            self._clear(name)
        self._run(f"create table if not exists {name} {definition.sql}")
        self._registered[name] = definition
        self._broken.pop(name, None)
        self._remember(name, None)

    def _create_view(self, name: TableName, view: RelationDefinition) -> None:
        select = view.sql.removeprefix("as ")
        if self._keeps_view_text or survives_as_text(select):
            self._run(view.statement(name))
        else:
            create_as_plan(self.spark, str(name), frame=self.spark.sql(select), plan=_plan_name(name))

    def _follow_change(self, *, has_other_columns: bool) -> None:
        """Create views again that would not show a change.

        Sail fixes a view's columns when it is created: `select *` fails after its table gets others. A view
        that is kept as a plan shows no later write.
        """
        for name, view in [each for each in self._registered.items() if each[1].kind == "view"]:
            if has_other_columns or not (self._keeps_view_text or survives_as_text(view.sql)):
                try:
                    self._create_view(name, view)
                except Exception as error:
                    logger.debug("view %s waits for its next build: %s", name, error)

    def _remember(self, name: TableName, definition: RelationDefinition | None) -> None:
        if self.is_read_only:
            return
        with self._file.changing() as entries:
            if definition is None:
                entries.pop(name, None)
            else:
                entries[name] = definition

    def _discard_table(self, name: TableName) -> None:
        """Remove the table's folder, but not for an invalid name, such as a view's `../other`, that leads elsewhere."""
        if PLAIN_NAME.fullmatch(name.schema) and PLAIN_NAME.fullmatch(name.name):
            throw_away(self.location(name))

    def _run(self, statement: str) -> None:
        self.spark.sql(statement)


def copies_folder(warehouse: Path) -> Path:
    """Return the folder of Parquet copies of files; that of a warehouse at an object store is on this machine."""
    return (warehouse.local_folder() if isinstance(warehouse, StorePath) else warehouse) / COPIES


def _plan_name(name: TableName) -> str:
    return f"{name.schema}__{name.name}__plan"


def _check_is_plain(name: str) -> None:
    # Sail percent-encodes other characters of a table's path, and writes its files elsewhere.
    if not PLAIN_NAME.fullmatch(name):
        raise ConfigurationError(
            f"`{name}` is not a valid name for a folder of tables; expected letters, digits and any of `_.-`"
        )


def table_properties(columns: Iterable[str]) -> dict[str, str]:
    """Return the Delta properties (as writer options) of a warehouse table with such columns."""
    return WITHOUT_STATISTICS | column_mapping(columns)


def column_mapping(columns: Iterable[str]) -> dict[str, str]:
    """Return the Delta properties that a table with such columns needs; empty for usual names."""
    return WITH_NAMES_OF_ITS_OWN if any(REFUSED_BY_DELTA.search(name) for name in columns) else {}


def every_name(data_type: DataType) -> Iterator[str]:
    """Yield the names of all columns and of their nested fields; JVM Spark refuses the same characters in both."""
    for field in getattr(data_type, "fields", ()):
        yield field.name
        yield from every_name(field.dataType)
    for part in ("elementType", "keyType", "valueType"):
        if inner := getattr(data_type, part, None):
            yield from every_name(inner)


def _nullable(frame: DataFrame) -> DataFrame:
    """Return the frame with nullable columns, as Spark's writer makes them.

    Sail would write `count(*)` or a literal as NOT NULL, and refuse a later NULL in that column.
    """
    from pyspark.sql import functions

    # Do this whatever the analysis says: Sail calls `current_timestamp()` nullable and writes it as NOT NULL.
    nulls = [functions.lit(None).cast(field.dataType).alias(field.name) for field in frame.schema]
    return frame.union(frame.sparkSession.range(0).select(*nulls))


def _rows_changed(operation: str, metrics: dict[str, Any]) -> int:
    counted = {
        "MERGE": ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted"),
        "DELETE": ("numDeletedRows",),
        "UPDATE": ("numUpdatedRows",),
    }.get(operation, ("numOutputRows",))
    return sum(int(metrics.get(name, 0)) for name in counted)
