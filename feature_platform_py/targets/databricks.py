"""The backend of a workspace, by SQL through its connector; this process has no Spark session."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.locations import is_table_name
from feature_platform_py.core.sql_text import literal
from feature_platform_py.sessions.databricks import HTTP_PATH, DatabricksConnectionConfig
from feature_platform_py.sources.connector import Patience, check_address, check_reachable, import_connector
from feature_platform_py.sources.connector_errors import is_denied, is_missing, said_by_server
from feature_platform_py.sources.resolve import ResolvedSource
from feature_platform_py.targets.sql_endpoint import SqlEndpointBackend

if TYPE_CHECKING:
    from feature_platform_py.sources.databricks_sql import DatabricksSQLSource

# A warehouse that is stopped takes minutes to start; anything else fails soon.
_PATIENCE = Patience(query=24 * 3600.0, attempts=2, start=600.0)
_ONCE = Patience(query=24 * 3600.0, attempts=1, start=600.0)


class DatabricksBackend(SqlEndpointBackend):
    """The catalog and schema of the target, with the connection that the environment names."""

    endpoint: ClassVar[str] = "the workspace"

    @cached_property
    def _connection(self) -> DatabricksConnectionConfig:
        config = DatabricksConnectionConfig.from_env(needs=(HTTP_PATH,))
        check_address(config)
        import_connector()
        check_reachable(config)
        return config

    @property
    def adapter(self) -> str:
        """The dbt adapter."""
        return "dbt-databricks"

    @property
    def catalog(self) -> str:
        """The target's catalog."""
        return self._project.target.catalog or "hive_metastore"

    def relations(self) -> list[tuple[str, str]]:
        """Return the tables and views of the target's schema."""
        schema = self._project.target.schema
        found = self.query(
            "select table_name, table_type from system.information_schema.tables"  # noqa: S608 - literals
            f" where table_catalog = {literal(self.catalog.lower())} and table_schema = {literal(schema.lower())}"
            " order by table_name"
        )
        return [
            (f"{schema}.{row['table_name']}", "view" if row["table_type"].lower() == "view" else "table")
            for row in found.dicts()
        ]

    def rows_of(self, statement: str) -> DatabricksSQLSource:
        """Return the statement's rows, to be fetched in chunks."""
        return self._rows_of(statement, _PATIENCE)

    def execute(self, statement: str) -> None:
        """Run a statement that changes something: not again when it is not known whether it has run."""
        self.understood(lambda: self._rows_of(statement, _ONCE).to_arrow())

    def explained(self, message: str) -> str | None:
        """Return the meaning of a refusal by the workspace."""
        if is_denied(said := said_by_server(message)):
            said = " ".join("".join(said.partition(" SQLSTATE: 42501")[:2]).split())
            return f"target `{self._project.target.name}`: the token's user may not do what the job needs: {said}. {_ADVICE}"
        return None

    def check_source(self, source: ResolvedSource) -> None:
        """Raise ConfigurationError for a path."""
        if not is_table_name(source.location):
            raise ConfigurationError(
                f"target `{self._project.target.name}` reads tables and views, given the path `{source.location}`; create a view of"
                " it with `read_files`, and name that"
            )

    def source_fault(self, said: str, name: str, shown: str) -> str | None:
        """Return why a table cannot be read."""
        if is_missing(said):
            return (
                f"{shown}: expected the table {name} on target `{self._project.target.name}`, the workspace does not know it;"
                " create it, or correct the location"
            )
        if is_denied(said):
            return f"{shown}: the token's user may not read {name}; ask its owner to `grant select on table {name}`. {_ADVICE}"
        return None

    def _rows_of(self, statement: str, patience: Patience) -> DatabricksSQLSource:
        from feature_platform_py.sources.databricks_sql import DatabricksSQLSource

        return DatabricksSQLSource(statement, connection=self._connection, patience=patience)


_ADVICE = (
    "A job needs `use catalog`, and `use schema` and `select` on the schemas of its sources; on the schema of its tables also"
    " `create table` and `modify`"
)
