"""Register the relations of a warehouse in a session, whose catalog forgets them or may hold those of others."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from feature_platform_py.core.errors import EngineError
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.core.stores.address import is_store_address
from feature_platform_py.core.stores.path import StorePath, place_of
from feature_platform_py.files.objects import store_files
from feature_platform_py.warehouse.catalog_file import RelationDefinition, TableName
from feature_platform_py.warehouse.external_sources import ExternalSource
from feature_platform_py.warehouse.view_text import create_as_plan, survives_as_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

SAIL_CATALOG = "sail"


class Registrations:
    """The relations of one warehouse folder that a session knows, by name; the folder is not changed.

    `broken` are those that could not be restored, `versions` those of Delta sources that the session reads at one version. Callers
    hold the warehouse's lock.
    """

    def __init__(self, spark: SparkSession, folder: Path, *, is_catalog_shared: bool) -> None:
        self.spark = spark
        self.folder = folder
        self.is_catalog_shared = is_catalog_shared
        self.keeps_view_text = spark.catalog.currentCatalog() != SAIL_CATALOG
        self.registered: dict[TableName, RelationDefinition] = {}
        self.broken: dict[TableName, RelationDefinition] = {}
        self.versions: dict[TableName, int] = {}

    def register_all(self, pending: dict[TableName, RelationDefinition]) -> None:
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
            if name in self.registered:
                self.unregister(name)
            self.register(name, definition)
        except Exception as error:
            return error
        return None

    def _note_broken(self, name: TableName, definition: RelationDefinition, error: Exception) -> None:
        """Log a relation that cannot be restored. It never stops a session; queries of it fail."""
        if self.broken.get(name) != definition:
            reason = str(error).splitlines()[0] if str(error) else repr(error)
            logger.warning(
                "%s: %s `%s.%s` is left out: %s", self.folder, definition.kind, name.schema, name.name, reason
            )
            self.broken[name] = definition

    def adopt(self, name: TableName, definition: RelationDefinition) -> bool:
        """Register a table that SQL has just created; return whether the session did not have it so."""
        if self.registered.get(name) == definition:
            return False
        if name in self.registered:
            self.unregister(name)
        elif self.is_catalog_shared:
            self.clear(name)
        self.run(f"create table if not exists {name} {definition.sql}")
        self.registered[name] = definition
        self.broken.pop(name, None)
        return True

    def register(self, name: TableName, definition: RelationDefinition) -> None:
        """Register a relation. Raises EngineError if the data of a source are gone."""
        # An engine reads a missing file as a table without rows.
        if is_store_address(definition.location):
            store_files(definition.location)
        elif definition.location and not Path(definition.location).exists():
            raise EngineError(f"expected its data at `{definition.location}`, but it does not exist")
        if self.is_catalog_shared and name not in self.registered:
            self.clear(name)
        if definition.kind == "view":
            self.create_view(name, definition)
        else:
            self.run(definition.statement(name))
        self.registered[name] = definition
        self.broken.pop(name, None)

    def pin(self, name: TableName, source: ExternalSource, version: int) -> None:
        """Register a view of one version in place of the table, in this session only."""
        self.run(f"drop table if exists {name}")
        if self.keeps_view_text:
            place = f"delta.{quoted(source.location)} version as of {version}"
            self.run(f"create or replace view {name} as select * from {place}")  # noqa: S608 - quoted
        else:
            frame = self.spark.read.format("delta").option("versionAsOf", str(version)).load(source.location)
            create_as_plan(self.spark, str(name), frame=frame, plan=_plan_name(name))
        self.versions[name] = version

    def unregister(self, name: TableName) -> None:
        """Drop a relation from the session; no file is touched."""
        is_view = self.registered[name].kind == "view" or self.versions.pop(name, None) is not None
        self.run(f"drop {'view' if is_view else 'table'} if exists {name}")
        del self.registered[name]

    def clear(self, name: TableName) -> None:
        """Drop the name from the shared catalog. Its tables are external, so no file is touched."""
        if self.spark.catalog.tableExists(str(name)):
            kind = "view" if self.spark.catalog.getTable(str(name)).tableType == "VIEW" else "table"
            self.run(f"drop {kind} if exists {name}")

    def check_schema_is_here(self, schema: str, location: Path) -> None:
        """Raise ConfigurationError if a shared catalog has a schema of this name from another warehouse."""
        given = self.spark.catalog.getDatabase(schema).locationUri
        if not isinstance(location, StorePath):
            given = unquote(urlsplit(given).path)
        if given and place_of(given, self.folder).resolve() != location.resolve():
            raise EngineError(
                f"schema `{schema}`: expected the engine's catalog to have it at `{location}`, but it is at `{given}`, in another"
                " warehouse. Name another schema in the profile, or give each warehouse a server of its own"
            )

    def create_view(self, name: TableName, view: RelationDefinition) -> None:
        """Create a view in the session, as text where the engine keeps that."""
        select = view.sql.removeprefix("as ")
        if self.keeps_view_text or survives_as_text(select):
            self.run(view.statement(name))
        else:
            create_as_plan(self.spark, str(name), frame=self.spark.sql(select), plan=_plan_name(name))

    def follow_change(self, *, has_other_columns: bool) -> None:
        """Create views again that would not show a change.

        Sail fixes a view's columns when it is created: `select *` fails after its table gets others. A view
        that is kept as a plan shows no later write.
        """
        for name, view in [each for each in self.registered.items() if each[1].kind == "view"]:
            if has_other_columns or not (self.keeps_view_text or survives_as_text(view.sql)):
                try:
                    self.create_view(name, view)
                except Exception as error:
                    logger.debug("view %s waits for its next build: %s", name, error)

    def run(self, statement: str) -> None:
        """Run a statement in the session."""
        self.spark.sql(statement)


def _plan_name(name: TableName) -> str:
    return f"{name.schema}__{name.name}__plan"
