"""The backend of a Spark Thrift server: its catalog, by SQL; this process has no Spark session."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import connection_of
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.sessions.thrift import ThriftConnectionConfig
from feature_platform_py.sources.connector_errors import QueryRefusedError, is_missing, said_by_server
from feature_platform_py.sources.thrift_rows import ThriftRows
from feature_platform_py.sources.thrift_session import LOST, thrift_session
from feature_platform_py.targets.cluster import ClusterBackend
from feature_platform_py.warehouse.server_catalog import DELTA_PROBE, without_delta

if TYPE_CHECKING:
    from feature_platform_py.jobs.plan import JobPlan

_IN_UTC = re.compile(r"(Etc/)?(UTC|UCT|GMT|Zulu|Universal|Greenwich)(0|[+-]0?0(:00)?)?|Z|[+-]00:00")
# How dbt-spark and the client below it report a connection that broke, or that could not be opened again: they have no codes.
_LOST_BY_DBT = re.compile(
    r"TSocket read 0 bytes|Broken pipe|Connection reset by peer|Transport not open|Connection lost while polling query status"
    r"|\bfailed to connect\s*\Z",
    re.IGNORECASE,
)


class ThriftBackend(ClusterBackend):
    """The schema of the target on the server that the profile names."""

    @cached_property
    def connection(self) -> ThriftConnectionConfig:
        """The connection that the profile describes."""
        return ThriftConnectionConfig.from_profile(self._project.target.name, connection_of(self._project))

    @property
    def adapter(self) -> str:
        """The dbt adapter."""
        return "dbt-spark"

    def relations(self) -> list[tuple[str, str]]:
        """Return the tables and views of the target's schema; none if the schema does not exist."""
        schema = self._project.target.schema
        try:
            with thrift_session(self.connection) as session:
                names = [row[1] for row in session.texts(f"show tables in {quoted(schema)}")]
                views = {row[1] for row in session.texts(f"show views in {quoted(schema)}")}
        except QueryRefusedError as error:
            if is_missing(said_by_server(error.said)):
                return []
            raise
        return [(f"{schema}.{name}", "view" if name in views else "table") for name in sorted(names)]

    def rows_of(self, statement: str) -> ThriftRows:
        """Return the statement's rows, to be fetched in chunks."""
        return ThriftRows(statement, self.connection)

    def execute(self, statement: str) -> None:
        """Run a statement that changes something, once."""
        with thrift_session(self.connection) as session, session.run(statement):
            pass

    def check(self, plan: JobPlan) -> None:
        """Check that the server has Delta and times in UTC, and what every endpoint checks."""
        if plan.config.python_transformers:
            names = ", ".join(f"`{each.name}`" for each in plan.config.python_transformers)
            raise ConfigurationError(
                f"target `{self._project.target.name}` runs SQL, given transformers in Python: {names}; run the job on a target with a"
                " session: `connect`, `databricks` or one of this machine"
            )
        self._check_server()
        super().check(plan)

    def explained(self, message: str) -> str | None:
        """Return what a lost connection means."""
        if not said_by_server(message) and _LOST_BY_DBT.search(message):
            return f"{self.connection.address}: {LOST}; run again when the server answers"
        return None

    def _check_server(self) -> None:
        with thrift_session(self.connection) as session:
            [[zone, *_]] = session.texts("select current_timezone()")
            try:
                plan = " ".join(line for line, *_ in session.texts(DELTA_PROBE))
            except QueryRefusedError as error:
                plan = error.said
        if not _IN_UTC.fullmatch(zone):
            raise ConfigurationError(
                f"{self.connection.address}: expected sessions with times in UTC, they have `{zone}`; set"
                " `spark.sql.session.timeZone` to `UTC` on the server, or in `server_side_parameters` of the profile"
            )
        if failure := without_delta(self.connection.address, plan):
            raise failure
