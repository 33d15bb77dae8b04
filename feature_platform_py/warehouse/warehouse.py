"""Use a warehouse folder as a catalog: its tables are `<warehouse>/<schema>/<table>/_delta_log`.

There is no metastore. A session reads the folder and the catalog file, and every change is made on disk
as well as in the session, so that the next process sees it.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.data_types import sql_type
from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.locations import overlap
from feature_platform_py.core.sql_text import literal, quoted
from feature_platform_py.core.stores.path import StorePath
from feature_platform_py.warehouse.catalog_file import CatalogFile, RelationDefinition, TableName
from feature_platform_py.warehouse.delta_layout import nullable, rows_changed, table_properties
from feature_platform_py.warehouse.external_sources import ExternalSource, define_source
from feature_platform_py.warehouse.file_states import latest_version
from feature_platform_py.warehouse.registrations import Registrations
from feature_platform_py.warehouse.repair import DISCARDED_PREFIX, remove, remove_uncommitted, throw_away
from feature_platform_py.warehouse.stored_relations import PLAIN_NAME, commits, plain_folders, stored_tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

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
        if not is_read_only:
            folder.mkdir(parents=True, exist_ok=True)
        self._file = CatalogFile(folder)
        self._lock = threading.RLock()
        self._schemas: set[str] = set()
        self._session = Registrations(spark, folder, is_catalog_shared=is_catalog_shared)
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
            for name in [name for name in self._session.registered if name not in found]:
                self._session.unregister(name)
            self._session.register_all(
                {name: found[name] for name in found if self._session.registered.get(name) != found[name]}
            )

    def relations(self, schema: str) -> dict[str, RelationDefinition]:
        """Return the relations of a schema by name, as the folder has them now."""
        with self._lock:
            self.refresh()
            there = sorted(self._session.registered.items())
        return {name.name: found for name, found in there if name.schema == schema}

    def schemas(self) -> list[str]:
        """Return the schemas of the warehouse in order."""
        with self._lock:
            self.refresh()
            return sorted(self._schemas)

    def definition(self, name: TableName) -> RelationDefinition | None:
        """Return the session's definition of a relation, or None."""
        return self._session.registered.get(name)

    def named_in(self, text: str) -> set[TableName]:
        """Return the session's relations whose quoted names a text contains."""
        return {name for name in self._session.registered.copy() if str(name) in text}

    def pinned_version(self, name: TableName) -> int | None:
        """Return the version at which the session reads a source that is a Delta table; None for the newest."""
        return self._session.versions.get(name)

    def columns(self, name: TableName) -> list[tuple[str, str]]:
        """Return the (name, type) pairs of a relation; none if it does not exist."""
        if name not in self._session.registered:
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
                self._session.run(f"create schema if not exists {quoted(schema)} location {literal(str(location))}")
                if self.is_catalog_shared:
                    self._session.check_schema_is_here(schema, location)
                self._schemas.add(schema)

    def drop_schema(self, schema: str) -> None:
        """Drop the schema with everything in it, its folder included."""
        _check_is_plain(schema)
        with self._lock:
            for name in [name for name in self._session.registered if name.schema == schema]:
                self._session.unregister(name)
            with self._file.changing() as entries:
                for name in [name for name in entries if name.schema == schema]:
                    del entries[name]
            self._session.run(f"drop schema if exists {quoted(schema)} cascade")
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
            if name in self._session.broken:
                throw_away(self.location(name))
        writer = nullable(frame).write.format("delta").mode("overwrite").option("overwriteSchema", "true")
        if file_bytes:
            writer = writer.option("target_file_size", str(file_bytes))
        writer.options(**table_properties(frame.columns)).partitionBy(*partition_by).save(str(self.location(name)))
        with self._lock:
            self._adopt(name)
            self._session.follow_change(has_other_columns=bool(before) and before != self.columns(name))
        return self.committed_rows(name)

    def follow_change_of_rows(self) -> None:
        """Make every view show what SQL has just written."""
        with self._lock:
            self._session.follow_change(has_other_columns=False)

    def committed_rows(self, name: TableName) -> int:
        """Return how many rows the table's last commit wrote, changed or deleted."""
        commit = max(commits(self.location(name)), key=lambda path: path.name)
        actions = (json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines())
        info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
        return rows_changed(info.get("operation", ""), info.get("operationMetrics", {}))

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
            previous = self._session.registered.get(name)
            if previous and previous.kind != "view":
                self._session.unregister(name)
            try:
                self._session.register(name, view)
            except Exception:
                if previous and previous.kind != "view":
                    self._session.register(name, previous)
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
            known, folder = self._session.registered.get(name), self.location(name)
            definition = define_source(self.spark, source, copies=self.copies, known=known)
            version = latest_version(source)
            if known == definition and self._session.versions.get(name) == version:
                return
            self.create_schema(name.schema)
            if known:
                self._session.unregister(name)
            self._session.register(name, definition)
            if version is not None:
                self._session.pin(name, source, version)
            self._remember(name, definition)
            # Otherwise the next process would find a table that an earlier run wrote here.
            if known and known.kind == "table" and not overlap(source.location, str(folder), root=self.folder):
                throw_away(folder)
            if known:
                self._session.follow_change(has_other_columns=True)

    def drop(self, name: TableName) -> None:
        """Drop a table with its files, a view, or a source without its files."""
        with self._lock:
            if name in self._session.registered:
                self._session.unregister(name)
            self._remember(name, None)
            self._discard_table(name)

    def rename(self, name: TableName, new_name: TableName) -> None:
        """Give a relation a new name, in place of what a killed first write left. Raises EngineError if other files have it."""
        with self._lock:
            _check_is_plain(new_name.name)
            definition = self._session.registered[name]
            if definition.kind == "table" and isinstance(self.folder, StorePath):
                raise EngineError(
                    f"table {name}: a table at an object store cannot be renamed; build it under the new name"
                )
            if definition.kind == "table":
                _make_room(self.location(new_name), name)
            self._session.unregister(name)
            if definition.kind == "table":
                self.create_schema(new_name.schema)
                self.location(name).rename(self.location(new_name))
                definition = self._table_definition(new_name)
            else:
                with self._file.changing() as entries:
                    entries[new_name] = entries.pop(name)
            self._session.register(new_name, definition)

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
            self._session.follow_change(has_other_columns=True)

    # The folder

    def _table_definition(self, name: TableName) -> RelationDefinition:
        return RelationDefinition("table", f"using delta location {literal(str(self.location(name)))}")

    def _adopt(self, name: TableName) -> None:
        if self._session.adopt(name, self._table_definition(name)):
            self._remember(name, None)

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


def copies_folder(warehouse: Path) -> Path:
    """Return the folder of Parquet copies of files; that of a warehouse at an object store is on this machine."""
    return (warehouse.local_folder() if isinstance(warehouse, StorePath) else warehouse) / COPIES


def _make_room(place: Path, name: TableName) -> None:
    remove_uncommitted(place)
    if os.path.lexists(place):
        raise EngineError(
            f"{place}: expected no files, which the table {name} would replace, found some; remove them first"
        )


def _check_is_plain(name: str) -> None:
    # Sail percent-encodes other characters of a table's path, and writes its files elsewhere.
    if not PLAIN_NAME.fullmatch(name):
        raise ConfigurationError(
            f"`{name}` is not a valid name for a folder of tables; expected letters, digits and any of `_.-`"
        )
