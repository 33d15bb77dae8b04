"""The backend of a SQL endpoint: its own catalog, reached by statements; what all kinds of endpoints share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.locations import table_parts
from feature_platform_py.core.messages import Message, read_mark
from feature_platform_py.core.project import Project
from feature_platform_py.core.rows import Rows, without_time_zone
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.sources.connector_errors import (
    QueryRefusedError,
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
    from feature_platform_py.sources.base import StatementRows


class SqlEndpointBackend(ABC):
    """The catalog of an endpoint. A kind of endpoint says how its statements run, and what its messages mean."""

    endpoint: ClassVar[str]
    """What messages call it: `the workspace`."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @abstractmethod
    def relations(self) -> list[tuple[str, str]]:
        """Return the tables and views of the target's schema."""

    @abstractmethod
    def rows_of(self, statement: str) -> StatementRows:
        """Return the rows of a query, to be fetched in chunks."""

    @abstractmethod
    def execute(self, statement: str) -> None:
        """Run a statement that changes something: not again when it is not known whether it has run."""

    @abstractmethod
    def explained(self, message: str) -> str | None:
        """Return what a refusal by the endpoint means, None where its own words are the best."""

    @abstractmethod
    def check_source(self, source: ResolvedSource) -> None:
        """Raise ConfigurationError for a location that the endpoint does not read."""

    @abstractmethod
    def source_fault(self, said: str, name: str, shown: str) -> str | None:
        """Return why a source cannot be read, from the endpoint's refusal; None where its own words are the best."""

    @property
    def catalog(self) -> str | None:
        """The catalog of names that have none; None for an endpoint whose names have two parts."""
        return None

    def columns(self, name: str) -> Columns:
        """Return the columns, without computing a row."""
        return self._columns_of(self.sql_name(name))

    def source_columns(self, source: ResolvedSource) -> Columns:
        """Return the columns of a source that the endpoint reads."""
        self.check_source(source)
        if columns := self._columns_of(self.source_name(source)):
            return columns
        raise ConfigurationError(f"no table `{source.location}` is in {self.endpoint}; write it first, or name another")

    def sql_name(self, name: str) -> str:
        """Return the quoted name in the parts that the endpoint's names have; missing parts are the target's."""
        catalog, schema, table = table_parts(name if "." in name else f"{self._project.target.schema}.{name}")
        return ".".join(quoted(part) for part in (catalog or self.catalog, schema, table) if part)

    def sql_schema(self, schema: str, catalog: str | None = None) -> str:
        """Return the quoted name of a schema, with its catalog, or the endpoint's if it has one."""
        return ".".join(quoted(part) for part in (catalog or self.catalog, schema) if part)

    def source_name(self, source: ResolvedSource) -> str:
        """Return what a query reads for a source: the name of its table."""
        # Where dbt reads it: in the schema `default` if the location names none.
        location = source.location
        return self.sql_name(location if "." in location else f"default.{location}")

    def source_relation(self, source: ResolvedSource, columns: Columns, *, job_name: str) -> str:  # noqa: ARG002
        """Return what a query reads for the source."""
        return self.source_name(source)

    def query(self, statement: str) -> Rows:
        """Return the rows of a query."""
        return rows_in(self.understood(lambda: self.rows_of(statement).to_arrow()))

    def arrow(self, statement: str) -> pa.Table:
        """Return the rows as an Arrow table."""
        return self.rows_of(statement).to_arrow()

    def rename(self, old: str, new: str) -> None:
        """Rename the table in the endpoint's catalog."""
        self.execute(f"alter table {self.sql_name(old)} rename to {self.sql_name(new)}")

    def drop(self, name: str) -> None:
        """Drop the view."""
        self.execute(f"drop view if exists {self.sql_name(name)}")

    def shows(self, moves: Sequence[tuple[str, str]]) -> bool:
        """Return whether there is nothing to show: an endpoint has no second names."""
        return not moves

    def unchanged(self) -> AbstractContextManager[None]:
        """Looking at an endpoint changes nothing."""
        return nullcontext()

    def check(self, plan: JobPlan) -> None:
        """Check that the endpoint answers, the sources are readable, and the sink can take the result."""
        if refused := [name for name, _ in plan.columns if "`" in name]:
            raise ConfigurationError(
                f"target `{self._project.target.name}`: expected columns without backticks in their names, which"
                f" {self.adapter} does not double, given {', '.join(map(repr, refused))}; rename them in a view, and name that"
            )
        for source, shown in sources_of(plan, self._project.target.name):
            self.check_source(source)
            self._check_readable(source, shown)
        plan.sink.check(self._project, self)

    @property
    @abstractmethod
    def adapter(self) -> str:
        """The dbt adapter that builds the models."""

    def fault(self, message: str) -> Message | None:
        """Return the fault that SQL raised; the adapter passes it on as the endpoint's message."""
        return read_mark(raised_text(said_by_server(message)))

    def input_state(self, plan: JobPlan) -> list[FileState]:  # noqa: ARG002
        """Nothing: each statement reads one version of a Delta table, and says so in the table that it writes."""
        return []

    def whole_input_state(self, plan: JobPlan) -> list[FileState] | None:  # noqa: ARG002
        """Return None: the tables are the endpoint's."""
        return None

    def tables_state(self, plan: JobPlan) -> list[FileState] | None:  # noqa: ARG002
        """Return None: the tables are the endpoint's."""
        return None

    def write(
        self,
        plan: JobPlan,
        *,
        check: Callable[[], None] = lambda: None,
        proof: str | None = None,
        division: Division | None = None,  # noqa: ARG002
    ) -> SinkResult:
        """Write the result to the sink by statements of the endpoint, and return the sink's content."""
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
            numeric_features=plan.numeric_features,
            check=check,
            proof=proof,
        )
        return plan.sink.write(result)

    def understood(self, run: Callable[[], pa.Table]) -> pa.Table:
        """Return what the call gives; a refusal whose meaning is known is raised as an EngineError that tells it."""
        try:
            return run()
        except QueryRefusedError as error:
            known = self.explained(error.said)
            if known is None:
                raise
        raise EngineError(known)

    def _columns_of(self, relation: str) -> Columns:
        try:
            return self.rows_of(f"select * from {relation}").columns()  # noqa: S608 - quoted
        except QueryRefusedError as error:
            if is_missing(said_by_server(error.said)):
                return ()
            raise

    def _check_readable(self, source: ResolvedSource, shown: str) -> None:
        name = self.source_name(source)
        try:
            self.rows_of(f"select * from {name} limit 0").to_arrow()  # noqa: S608 - quoted
        except QueryRefusedError as error:
            message = self.source_fault(said_by_server(error.said), name, shown)
            if message is None:
                raise
        else:
            return
        raise EngineError(message)


def rows_in(table: pa.Table) -> Rows:
    """Return the rows of an Arrow table."""
    columns = [column.to_pylist() for column in table.columns]
    values = tuple(tuple(map(without_time_zone, row)) for row in zip(*columns, strict=True))
    return Rows(tuple(table.column_names), values)


def sources_of(plan: JobPlan, target: str) -> Iterator[tuple[ResolvedSource, str]]:
    """Yield the sources that the job reads, and those that its rules look into, each with its name for messages."""
    file = plan.config.path.name
    for each in plan.sources:
        yield each, f"{file}: " + (f"source `{each.registered.name}`" if each.registered else "the job's source")
    for reference in (reference for each in plan.sources for reference in each.references):
        for holder in reference.sources:
            locations: Mapping[str, Any] = holder.locations
            if target in locations:
                here = locations[target]
                source = ResolvedSource(here.location, here.format, here.options, registered=holder)
                yield source, f"{file}: source `{holder.name}`, which the rows refer to"
