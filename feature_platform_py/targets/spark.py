"""The backend of a warehouse folder, through this process's Spark session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.locations import is_table_name, table_parts
from feature_platform_py.core.messages import Message
from feature_platform_py.core.project import Project
from feature_platform_py.core.rows import Rows
from feature_platform_py.core.stores.errors import explained_by_engine
from feature_platform_py.core.stores.path import StorePath
from feature_platform_py.core.text import without_stack_trace
from feature_platform_py.sessions.jvm_session import check_jvm_spark
from feature_platform_py.sources.resolve import ResolvedSource, near_location, own_input
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.external_sources import placed_source
from feature_platform_py.warehouse.file_states import (
    FileState,
    files_state,
    folder_state,
    source_state,
    stored_state,
    table_state,
)
from feature_platform_py.warehouse.session import open_warehouse, reading_only
from feature_platform_py.warehouse.stored_relations import stored_relations

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from feature_platform_py.jobs.plan import JobPlan
    from feature_platform_py.sinks.division import Division
    from feature_platform_py.sinks.sink import SinkResult
    from feature_platform_py.warehouse.warehouse import Warehouse


class SparkBackend:
    """A warehouse folder; its session is opened when it is needed."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def _warehouse(self) -> Warehouse:
        return open_warehouse(self._project.target.engine, self._project.target.warehouse)

    def relations(self) -> list[tuple[str, str]]:
        """Return what the folder holds, without starting an engine."""
        found = stored_relations(self._project.target.warehouse)
        return [(f"{name.schema}.{name.name}", kind) for name, kind in found]

    def columns(self, name: str) -> Columns:
        """Return the columns as the session has them."""
        return self._warehouse.columns(_table(name))

    def source_columns(self, source: ResolvedSource) -> Columns:
        """Return the columns of a table, or of files with types that are inferred."""
        from feature_platform_py.warehouse.external_sources import describe_source, external_source

        if source.format is None:
            # Another process may have written it since the session was opened.
            self._warehouse.refresh()
            if columns := self.columns(source.location):
                return columns
            meant = near_location(source.location, (name for name, _ in self.relations()), root=self._project.root)
            raise ConfigurationError(
                f"no table `{source.location}` is in the warehouse; write it first, or name another{meant}"
            )
        root = self._project.root
        external = external_source(
            source.location, source.format, options=source.options, readings=source.readings, folder=root
        )
        return describe_source(self._warehouse.spark, external, copies=self._warehouse.copies)

    def sql_name(self, name: str) -> str:
        """Return the name, quoted."""
        return str(_table(name))

    def source_relation(self, source: ResolvedSource, columns: Columns, *, job_name: str) -> str:
        """Return the name of the table, or of the relation that the session has for the files."""
        from feature_platform_py.warehouse.external_sources import external_source

        if source.format is None:
            return self.sql_name(source.location)
        named = source.registered.dbt_source[1] if source.registered else own_input(job_name)
        name, root = TableName(self._project.target.sources_schema, named), self._project.root
        external = external_source(
            source.location,
            source.format,
            options=source.options,
            # As a run has it, which leaves types that are not registered to the reader.
            columns=columns if source.registered else (),
            readings=source.readings,
            folder=root,
        )
        self._warehouse.register_source(name, external)
        return str(name)

    def query(self, statement: str) -> Rows:
        """Return the rows, collected."""
        with _as_engine_error():
            return collected(self._warehouse.spark.sql(statement))

    def arrow(self, statement: str) -> pa.Table:
        """Return the rows as an Arrow table."""
        with _as_engine_error():
            return self._warehouse.spark.sql(statement).toArrow()

    def rename(self, old: str, new: str) -> None:
        """Rename the table's folder."""
        self._warehouse.refresh()
        self._warehouse.rename(_table(old), _table(new))

    def drop(self, name: str) -> None:
        """Drop it from the catalog."""
        self._warehouse.drop(_table(name))

    def shows(self, moves: Sequence[tuple[str, str]]) -> bool:
        """Register the tables under the new names in the session that reads only."""
        for old, new in moves:
            self._warehouse.stand_in(_table(new), _table(old))
        return True

    def unchanged(self) -> AbstractContextManager[None]:
        """Open the folder anew, for reading only."""
        return reading_only(self._project.target.engine, self._project.target.warehouse)

    def check(self, plan: JobPlan) -> None:
        """Check that the sink is a place of this machine that can take the result, and that a server answers."""
        plan.sink.check(self._project, None)
        if self._project.target.engine == "spark":
            check_jvm_spark()
        if self._project.target.engine == "connect":
            # Said before dbt has been loaded, and as what it is: dbt would call it a failure of the first statement.
            open_warehouse("connect", self._project.target.warehouse)

    def fault(self, message: str) -> Message | None:  # noqa: ARG002
        """Return None: the adapter logs faults itself."""
        return None

    def explained(self, message: str) -> str | None:
        """Return what a store's refusal means; the adapter explains the other failures that it knows itself."""
        return explained_by_engine(message, "an object store that the job reads")

    def input_state(self, plan: JobPlan) -> list[FileState]:
        """Return the state of the files that the job's sources and those of their rules have; no engine is started."""
        found = []
        for location, source_format, options in self._read(plan):
            found += _location_state(location, source_format, options, self._project)
        return found

    def whole_input_state(self, plan: JobPlan) -> list[FileState] | None:
        """Return the state of all files of the job's sources, and of those of their rules."""
        found = []
        for location, source_format, options in self._read(plan):
            if source_format is None or is_table_name(location):
                found += table_state(_table(location), self._project.target.warehouse)
            elif (source := placed_source(location, source_format, options, self._project.root)).is_seen:
                found += files_state(source)
            else:
                return None
        return found

    def tables_state(self, plan: JobPlan) -> list[FileState] | None:
        """Return the state of the tables' files, and the texts of the views."""
        target, found = self._project.target, list[FileState]()
        if isinstance(target.warehouse, StorePath):
            return stored_state(target.warehouse, target.schema, plan.nodes)
        for node in plan.nodes:
            found += table_state(TableName(target.schema, node), target.warehouse)
            found += folder_state(target.warehouse / target.schema / node)
        return found

    def _read(self, plan: JobPlan) -> Iterator[tuple[str, str | None, Mapping[str, str]]]:
        """Yield location, format and options of the job's sources, and of those that their rules look into."""
        for source in plan.sources:
            yield source.location, source.format, source.options
            for holder in (holder for reference in source.references for holder in reference.sources):
                here = holder.locations.get(self._project.target.name) or holder.locations["local"]
                yield here.location, here.format, here.options

    def write(
        self,
        plan: JobPlan,
        *,
        check: Callable[[], None] = lambda: None,
        proof: str | None = None,
        division: Division | None = None,
    ) -> SinkResult:
        """Write the result to the sink as a DataFrame, and return the sink's content."""
        from feature_platform_py.sinks.results import SessionResult

        session, schema = self._warehouse.spark, self._project.target.schema
        source_rows = session.table(f"{schema}.{plan.table_name(plan.result_rows)}").count()
        result = session.table(f"{schema}.{plan.table_name(plan.output_model)}")
        features = [column.name for column in plan.features]
        return plan.sink.write(
            SessionResult(
                frame=result,
                project=self._project,
                expected_rows=source_rows,
                features=features,
                numeric_features=plan.numeric_features,
                check=check,
                proof=proof,
                division=division,
            )
        )


def _location_state(
    location: str, source_format: str | None, options: Mapping[str, str], project: Project
) -> list[FileState]:
    if source_format is None or is_table_name(location):
        return table_state(_table(location), project.target.warehouse)
    source = placed_source(location, source_format, options, project.root)
    return source_state(source) if source.is_seen else []


def collected(frame: DataFrame) -> Rows:
    """Return all rows of a frame."""
    return Rows(tuple(frame.columns), tuple(tuple(row) for row in frame.collect()))


def _table(name: str) -> TableName:
    _, schema, table = table_parts(name)
    return TableName(schema, table)


@contextmanager
def _as_engine_error() -> Iterator[None]:
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        raise EngineError(without_stack_trace(str(error))) from error
