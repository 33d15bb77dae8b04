"""The adapter: dbt-spark's, with a warehouse folder for a catalog."""

from __future__ import annotations

import builtins
import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbt.adapters.base import available
from dbt.adapters.base.impl import ConstraintSupport
from dbt.adapters.base.relation import BaseRelation, Policy
from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.contracts.relation import RelationType
from dbt.adapters.fpspark.connections import FpSparkConnectionManager, response
from dbt.adapters.fpspark.failures import engine_message, explained, told
from dbt.adapters.fpspark.python_models import SessionPythonJobHelper
from dbt.adapters.fpspark.seeds import seed_frame
from dbt.adapters.spark.column import SparkColumn
from dbt.adapters.spark.impl import SparkAdapter
from dbt.adapters.spark.relation import SparkRelation
from dbt.flags import get_flags
from dbt_common.contracts.constraints import ConstraintType
from dbt_common.contracts.metadata import CatalogTable, ColumnMetadata, TableMetadata
from dbt_common.exceptions import DbtDatabaseError, DbtRuntimeError

from feature_platform_py.core.data_types import sql_type
from feature_platform_py.core.errors import EngineError, FeaturePlatformError
from feature_platform_py.core.files import DISK_REFUSALS
from feature_platform_py.core.locations import is_table_name
from feature_platform_py.core.messages import Code, fault
from feature_platform_py.core.project import warehouse_place
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.files.columns import Reading
from feature_platform_py.files.copy import FilesChangedError
from feature_platform_py.sessions.engine_errors import is_server_lost
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.external_sources import external_source
from feature_platform_py.warehouse.passed_tests import Look, remembered
from feature_platform_py.warehouse.server_catalog import ServerCatalog

if TYPE_CHECKING:
    import agate  # type: ignore[import-untyped]

    from feature_platform_py.warehouse.warehouse import Warehouse


@dataclass
class QuotedPolicy(Policy):  # type: ignore[misc]
    """Every part of a name is quoted."""

    database: bool = False
    schema: bool = True
    identifier: bool = True


@dataclass(frozen=True, eq=False, repr=False)
class FpSparkRelation(SparkRelation):  # type: ignore[misc]
    """A relation whose rendered name is quoted."""

    quote_policy: Policy = field(default_factory=QuotedPolicy)


@dataclass
class FpSparkColumn(SparkColumn):  # type: ignore[misc]
    """A column whose name may have any character."""

    @property
    def quoted(self) -> str:
        """The name for SQL."""
        return quoted(self.column)


class FpSparkAdapter(SparkAdapter):  # type: ignore[misc]
    """dbt on the process's shared session."""

    Column = FpSparkColumn
    ConnectionManager = FpSparkConnectionManager
    Relation = FpSparkRelation
    CONSTRAINT_SUPPORT = dict.fromkeys(ConstraintType, ConstraintSupport.NOT_SUPPORTED)

    def __init__(self, config: Any, mp_context: Any) -> None:
        # `dbt debug` gives the profile alone.
        self._project_root = Path(getattr(config, "project_root", get_flags().PROJECT_DIR)).resolve()
        given = config.credentials
        given.warehouse = str(warehouse_place(given.warehouse, self._project_root, engine=given.engine))
        self._computed: set[str] = set()
        self._computing = threading.Lock()
        super().__init__(config, mp_context)

    @classmethod
    def type(cls) -> str:
        """The adapter's name in profiles and macros."""
        return "fpspark"

    @property
    def warehouse(self) -> Warehouse | ServerCatalog:
        """The catalog behind this thread's connection."""
        found: Warehouse | ServerCatalog = self.connections.get_thread_connection().handle.warehouse
        return found

    # The catalog

    def list_relations_without_caching(self, schema_relation: BaseRelation) -> list[BaseRelation]:
        """Return the tables, sources and views of a schema, as the warehouse folder has them now."""
        found = self.warehouse.relations(schema_relation.schema)
        return [
            self.Relation.create(
                schema=schema_relation.schema,
                identifier=name,
                type=RelationType.View if definition.kind == "view" else RelationType.Table,
                is_delta=definition.kind == "table",
            )
            for name, definition in found.items()
        ]

    def list_schemas(self, database: str | None) -> list[str]:  # noqa: ARG002
        """Return the schemas of the warehouse."""
        return self.warehouse.schemas()

    def check_schema_exists(self, database: str | None, schema: str) -> bool:  # noqa: ARG002
        """Return whether the warehouse has the schema."""
        return schema in self.warehouse.schemas()

    def get_columns_in_relation(self, relation: BaseRelation) -> list[SparkColumn]:
        """Return the relation's columns, none if it does not exist."""
        # DESCRIBE of a table that was registered without columns shows none on Sail.
        if relation.include_policy.schema:
            columns = self.warehouse.columns(TableName(relation.schema, relation.identifier))
        else:
            fields = self.warehouse.spark.table(relation.render()).schema
            columns = [(field.name, sql_type(field.dataType)) for field in fields]
        return [self.Column(column=name, dtype=dtype) for name, dtype in columns]

    @available.parse_list  # type: ignore[untyped-decorator]
    def get_missing_columns(self, from_relation: BaseRelation, to_relation: BaseRelation) -> list[SparkColumn]:
        """Return the columns of one relation whose names, whatever their case, the other does not have."""
        there = {column.name.lower() for column in self.get_columns_in_relation(to_relation)}
        return [column for column in self.get_columns_in_relation(from_relation) if column.name.lower() not in there]

    def quote(self, identifier: str) -> str:
        """Return the identifier in backticks, its own backticks doubled."""
        # A relation of Spark has no database, and dbt quotes that too.
        return quoted(str(identifier))

    def _get_columns_for_catalog(self, relation: BaseRelation) -> Iterable[dict[str, Any]]:
        for index, column in enumerate(self.get_columns_in_relation(relation), start=1):
            yield {
                "table_database": None,
                "table_schema": relation.schema,
                "table_name": relation.identifier,
                "table_type": relation.type,
                "table_owner": None,
                "column_name": column.column,
                "column_index": index,
                "column_type": column.dtype,
            }

    @available  # type: ignore[untyped-decorator]
    def register_source(
        self,
        relation: BaseRelation,
        location: str,
        format: str,  # noqa: A002
        options: Mapping[str, Any] | None = None,
        columns: Sequence[Mapping[str, str]] = (),
        readings: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Register external data as a table; see `external_sources` for what is checked.

        `columns` are mappings of `name` and `type`; without them the types are found out. `readings` say how columns of text
        files are read, as their `name` in the files and the fields of `files.columns.Reading`. A relative local location starts from
        the project's folder. A table's name is no external data: the table is there, or missing.
        The runner is told of what is the data's fault by a code; an engine's fault raises an error alone.
        """
        if is_table_name(location):
            return
        name = TableName(relation.schema, relation.identifier)
        listed = [(column["name"], column["type"]) for column in columns]
        try:
            given = {each["name"]: Reading(**{key: each[key] for key in each if key != "name"}) for each in readings}
            source = external_source(
                location, format, options=options, columns=listed, readings=given, folder=self._project_root
            )
            self.warehouse.register_source(name, source)
        except EngineError as error:
            raise DbtRuntimeError(str(error)) from error
        except FeaturePlatformError as error:
            code = Code.SOURCE_CHANGED if isinstance(error, FilesChangedError) else Code.SOURCE_FAULT
            raise DbtRuntimeError(told(fault(code, f"source `{name.schema}.{name.name}`: {error}"))) from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK_REFUSALS:
                raise DbtRuntimeError(f"the warehouse cannot be written to: {error}") from error
            if is_server_lost(error):
                raise DbtDatabaseError(explained(error)) from error
            text = f"source `{name.schema}.{name.name}`: {engine_message(error)}"
            raise DbtDatabaseError(told(fault(Code.SOURCE_FAULT, text))) from error

    @available  # type: ignore[untyped-decorator]
    def computed_once(self, query: str) -> str:
        """Return the name of a view of the query's rows: the first to ask in a run computes them, they stay in memory."""
        name = f"computed_once_{hashlib.sha256(query.encode()).hexdigest()[:16]}"
        with self._computing, self.connections.exception_handler(query):
            if name not in self._computed:
                rows = self.warehouse.spark.sql(query)
                # Without a schema no rows are no table.
                kept = self.warehouse.spark.createDataFrame(rows.toArrow(), rows.schema)
                kept.createOrReplaceTempView(name)
                self._computed.add(name)
        return name

    @available  # type: ignore[untyped-decorator]
    def look_of_test(self, relation: BaseRelation, test: Mapping[str, Any], sql: str) -> dict[str, Any]:
        """Return what a test has to look `at`, given its node and SQL: `all`, `nothing`, or rows of `periods`; see `passed_tests`."""
        tests, warehouse = remembered(), self.warehouse
        if tests is None or isinstance(warehouse, ServerCatalog):
            return asdict(Look("all"))
        look = tests.look(
            test["unique_id"],
            test["test_metadata"]["name"],
            of=TableName(relation.schema, relation.identifier),
            sql=sql,
            warehouse=warehouse,
        )
        return asdict(look)

    def get_catalog_for_single_relation(self, relation: BaseRelation) -> CatalogTable:
        """Return what the docs show of one relation."""
        columns = self.get_columns_in_relation(relation)
        return CatalogTable(
            metadata=TableMetadata(type=relation.type, schema=relation.schema, name=relation.identifier),
            columns={
                column.column: ColumnMetadata(type=column.dtype, index=index, name=column.column)
                for index, column in enumerate(columns, start=1)
            },
            stats={},
        )

    # What models and seeds write

    def valid_incremental_strategies(self) -> list[str]:
        """The built-in strategies; a project's own `get_incremental_<name>_sql` works besides."""
        return ["append", "merge", "delete+insert", "microbatch"]

    @available  # type: ignore[untyped-decorator]
    def load_seed(self, relation: BaseRelation, seed: agate.Table, types: dict[str, str]) -> int:
        """Replace the relation by a seed's rows, in one atomic commit, and return their number."""
        name = TableName(relation.schema, relation.identifier)
        return self.warehouse.write_table(name, seed_frame(self.warehouse.spark, relation.identifier, seed, types))

    @property
    def default_python_submission_method(self) -> str:
        """Python models run in this process."""
        return "session"

    @property
    def python_submission_helpers(self) -> dict[str, builtins.type[SessionPythonJobHelper]]:
        """The ways to run a Python model."""
        return {"session": SessionPythonJobHelper}

    def generate_python_submission_response(self, submission_result: Any) -> AdapterResponse:
        """Return what the run results say of a Python model: the rows that it wrote."""
        return response(submission_result)
