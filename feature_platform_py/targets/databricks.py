"""The backend of a workspace, by SQL through its connector; this process has no Spark session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.locations import is_table_name, table_parts
from feature_platform_py.core.messages import Message, read_mark
from feature_platform_py.core.project import Project
from feature_platform_py.core.rows import Rows, without_time_zone
from feature_platform_py.core.sql_text import literal, quoted
from feature_platform_py.sessions.databricks import HTTP_PATH, DatabricksConnectionConfig
from feature_platform_py.sources.connector import Patience, check_address, check_reachable, import_connector
from feature_platform_py.sources.connector_errors import (
    QueryRefusedError,
    is_denied,
    is_missing,
    raised_text,
    said_by_server,
)
from feature_platform_py.sources.resolve import ResolvedSource
from feature_platform_py.warehouse.file_states import FileState

if TYPE_CHECKING:
    import pyarrow as pa

    from feature_platform_py.jobs.plan import JobPlan
    from feature_platform_py.sinks.division import Division
    from feature_platform_py.sinks.sink import SinkResult
    from feature_platform_py.sources.databricks_sql import DatabricksSQLSource

# A warehouse that is stopped takes minutes to start; anything else fails soon.
_PATIENCE = Patience(query=24 * 3600.0, attempts=2, start=600.0)
_ONCE = Patience(query=24 * 3600.0, attempts=1, start=600.0)


class DatabricksBackend:
    """The catalog and schema of the target, with the connection that the environment names."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @cached_property
    def _connection(self) -> DatabricksConnectionConfig:
        config = DatabricksConnectionConfig.from_env(needs=(HTTP_PATH,))
        check_address(config)
        import_connector()
        check_reachable(config)
        return config

    def relations(self) -> list[tuple[str, str]]:
        """Return the tables and views of the target's schema."""
        schema = self._project.target.schema
        found = self.query(
            "select table_name, table_type from system.information_schema.tables"  # noqa: S608 - literals
            f" where table_catalog = {literal(self._catalog.lower())} and table_schema = {literal(schema.lower())}"
            " order by table_name"
        )
        return [
            (f"{schema}.{row['table_name']}", "view" if row["table_type"].lower() == "view" else "table")
            for row in found.dicts()
        ]

    def columns(self, name: str) -> Columns:
        """Return the columns, without computing a row."""
        try:
            return self.rows_of(f"select * from {self.sql_name(name)}").columns()  # noqa: S608 - quoted
        except QueryRefusedError as error:
            if is_missing(said_by_server(error.said)):
                return ()
            raise

    def source_columns(self, source: ResolvedSource) -> Columns:
        """Return the columns of a table."""
        self._check_is_table(source.location)
        if columns := self.columns(_source_name(source.location)):
            return columns
        raise ConfigurationError(f"no table `{source.location}` is in the workspace; write it first, or name another")

    def sql_name(self, name: str) -> str:
        """Return the quoted name in three parts; missing parts are the target's."""
        catalog, schema, table = table_parts(name if "." in name else f"{self._project.target.schema}.{name}")
        return ".".join(quoted(part) for part in (catalog or self._catalog, schema, table))

    def source_relation(self, source: ResolvedSource, columns: Columns, *, job_name: str) -> str:  # noqa: ARG002
        """Return the name of the source's table."""
        return self.sql_name(_source_name(source.location))

    def query(self, statement: str) -> Rows:
        """Return the rows of a query."""
        return self._run(statement, _PATIENCE)

    def arrow(self, statement: str) -> pa.Table:
        """Return the rows as an Arrow table."""
        return self.rows_of(statement).to_arrow()

    def execute(self, statement: str) -> None:
        """Run a statement that changes something: not again when it is not known whether it has run."""
        self._run(statement, _ONCE)

    def rows_of(self, statement: str, *, patience: Patience = _PATIENCE) -> DatabricksSQLSource:
        """Return the statement's rows, to be fetched in chunks."""
        from feature_platform_py.sources.databricks_sql import DatabricksSQLSource

        return DatabricksSQLSource(statement, connection=self._connection, patience=patience)

    def unchanged(self) -> AbstractContextManager[None]:
        """Looking at a workspace changes nothing."""
        return nullcontext()

    def check(self, plan: JobPlan) -> None:
        """Check that the workspace answers, the sources are readable, and the sink can take the result."""
        if refused := [name for name, _ in plan.columns if "`" in name]:
            raise ConfigurationError(
                f"target `{self._project.target.name}`: expected columns without backticks in their names, which dbt-databricks does"
                f" not double, given {', '.join(map(repr, refused))}; rename them in a view, and name that"
            )
        for location, shown in _sources(plan, self._project.target.name):
            self._check_is_table(location)
            self._check_readable(location, shown)
        plan.sink.check(self._project, self)

    def fault(self, message: str) -> Message | None:
        """Return the fault that SQL raised; dbt-databricks passes it on as the workspace's message."""
        return read_mark(raised_text(said_by_server(message)))

    def explained(self, message: str) -> str | None:
        """Return the meaning of a refusal by the workspace."""
        if is_denied(said := said_by_server(message)):
            said = " ".join("".join(said.partition(" SQLSTATE: 42501")[:2]).split())
            return f"target `{self._project.target.name}`: the token's user may not do what the job needs: {said}. {_ADVICE}"
        return None

    def input_state(self, plan: JobPlan) -> list[FileState]:  # noqa: ARG002
        """Nothing: each statement of a workspace reads one version of a Delta table, and says so in the table that it writes."""
        return []

    def whole_input_state(self, plan: JobPlan) -> list[FileState] | None:  # noqa: ARG002
        """Return None: the tables are the workspace's."""
        return None

    def tables_state(self, plan: JobPlan) -> list[FileState] | None:  # noqa: ARG002
        """Return None: the tables are the workspace's."""
        return None

    def write(
        self,
        plan: JobPlan,
        *,
        check: Callable[[], None] = lambda: None,
        proof: str | None = None,
        division: Division | None = None,  # noqa: ARG002
    ) -> SinkResult:
        """Write the result to the sink by statements of the warehouse, and return the sink's content."""
        from feature_platform_py.sinks.results import SqlResult

        schema = self._project.target.schema
        source_rows = self.sql_name(f"{schema}.{plan.table_name(plan.result_rows)}")
        [[expected]] = self.query(f"select count(*) as row_count from {source_rows}").values  # noqa: S608 - quoted
        result = SqlResult(
            tables=self,
            name=f"{schema}.{plan.table_name(plan.output_model)}",
            project=self._project,
            expected_rows=int(expected),
            features=[column.name for column in plan.features],
            check=check,
            proof=proof,
        )
        return plan.sink.write(result)

    @property
    def _catalog(self) -> str:
        return self._project.target.catalog or "hive_metastore"

    def _run(self, statement: str, patience: Patience) -> Rows:
        try:
            found = self.rows_of(statement, patience=patience).to_arrow()
        except QueryRefusedError as error:
            known = self.explained(error.said)
            if known is None:
                raise
        else:
            columns = [column.to_pylist() for column in found.columns]
            values = tuple(tuple(map(without_time_zone, row)) for row in zip(*columns, strict=True))
            return Rows(tuple(found.column_names), values)
        raise EngineError(known)

    def _check_is_table(self, location: str) -> None:
        if not is_table_name(location):
            raise ConfigurationError(
                f"target `{self._project.target.name}` reads tables and views, given the path `{location}`; create a view of it"
                " with `read_files`, and name that"
            )

    def _check_readable(self, location: str, shown: str) -> None:
        name = self.sql_name(_source_name(location))
        try:
            self.rows_of(f"select * from {name} limit 0").to_arrow()  # noqa: S608 - quoted
        except QueryRefusedError as error:
            message = self._source_fault(said_by_server(error.said), name, shown)
            if message is None:
                raise
        else:
            return
        raise EngineError(message)

    def _source_fault(self, said: str, name: str, shown: str) -> str | None:
        if is_missing(said):
            return (
                f"{shown}: expected the table {name} on target `{self._project.target.name}`, the workspace does not know it;"
                " create it, or correct the location"
            )
        if is_denied(said):
            return f"{shown}: the token's user may not read {name}; ask its owner to `grant select on table {name}`. {_ADVICE}"
        return None


_ADVICE = (
    "A job needs `use catalog`, and `use schema` and `select` on the schemas of its sources; on the schema of its tables also"
    " `create table` and `modify`"
)


def _sources(plan: JobPlan, target: str) -> Iterator[tuple[str, str]]:
    """Yield the locations that the job reads, each with its name for messages."""
    file = plan.config.path.name
    for each in plan.sources:
        yield (
            each.location,
            f"{file}: " + (f"source `{each.registered.name}`" if each.registered else "the job's source"),
        )
    for reference in (reference for each in plan.sources for reference in each.references):
        for holder in reference.sources:
            locations: Mapping[str, Any] = holder.locations
            if target in locations:
                yield locations[target].location, f"{file}: source `{holder.name}`, which the rows refer to"


def _source_name(location: str) -> str:
    """Return where dbt reads a source: in the schema `default` if the location names none."""
    return location if "." in location else f"default.{location}"
