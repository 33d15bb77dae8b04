"""A job's result as sinks read it: a frame of a Spark session, or a table behind a SQL endpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.core.project import Project
from feature_platform_py.core.rows import Rows
from feature_platform_py.core.spread import Spread, finite, spread_sql
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.sinks.division import Division
from feature_platform_py.warehouse.registrations import SAIL_CATALOG

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from feature_platform_py.sources.base import StatementRows


@dataclass(frozen=True)
class ResultCounts:
    """How many rows a job's result has, in how many of them each feature has a value, and where the features that are numbers lie."""

    rows: int
    filled: Mapping[str, int]
    spreads: Mapping[str, Spread] = field(default_factory=dict, compare=False)


class SqlTables(Protocol):
    """The tables behind a SQL endpoint, as far as sinks need them."""

    def columns(self, name: str) -> Columns:
        """Return the names and types of a table's columns; none if it does not exist."""

    def sql_name(self, name: str) -> str:
        """Return the name of a table as a statement has it."""

    def query(self, statement: str) -> Rows:
        """Return the rows of a query."""

    def execute(self, statement: str) -> None:
        """Run a statement, once."""

    def rows_of(self, statement: str) -> StatementRows:
        """Return the rows of a query, to be fetched in chunks."""


@dataclass(frozen=True, kw_only=True)
class _Result(ABC):
    """The rows to write, how many the job's source has, and the features whose values are counted.

    A sink calls `check` when all of the result is computed and the sink is as it was; what it raises leaves it so. `proof` is a text
    that is kept with the result where its format has a place for it. With a `division`, a sink may replace single periods.
    """

    project: Project
    expected_rows: int
    features: Sequence[str] = ()
    numeric_features: Sequence[str] = ()
    check: Callable[[], None] = lambda: None
    proof: str | None = None
    division: Division | None = None

    @property
    @abstractmethod
    def columns(self) -> Columns:
        """The names and Spark SQL types of the columns."""

    @abstractmethod
    def numbers(self, expressions: Sequence[str]) -> list[Any]:
        """Return the values of SQL aggregates over all rows, from one pass."""

    @abstractmethod
    def first(self, limit: int) -> Rows:
        """Return the first rows in the order of all columns, which does not change from run to run."""

    def counts(self) -> ResultCounts:
        """Count the rows, and the values of the features. Raises DataCheckError if the rows are not the expected ones."""
        counted = ["count(*)", *(f"count({quoted(name)})" for name in self.features)]
        spreads = [each for name in self.numeric_features for each in spread_sql(finite(quoted(name)))]
        values = self.numbers([*counted, *spreads])
        rows, *filled = map(int, values[: len(counted)])
        self.check_rows(rows)
        return ResultCounts(
            rows,
            dict(zip(self.features, filled, strict=True)),
            spreads_of(self.numeric_features, values[len(counted) :]),
        )

    def check_rows(self, given: int) -> None:
        """Raise DataCheckError if the result lacks or repeats rows of the source."""
        if given != self.expected_rows:
            raise DataCheckError(
                f"the result has {given:,} rows for {self.expected_rows:,} source rows; expected one each."
                " Either the keys of a feature table are not unique, which its test `unique_grain` tells, or a transformer in"
                " Python drops or repeats rows. The sink is as it was"
            )


@dataclass(frozen=True, kw_only=True)
class SessionResult(_Result):
    """A result in a Spark session of this process."""

    frame: DataFrame

    @property
    def columns(self) -> Columns:
        """The names and types of the frame's columns; no row is computed."""
        return [(field.name, field.dataType.simpleString()) for field in self.frame.schema]

    @property
    def is_of_sail(self) -> bool:
        """Whether the session's engine is Sail."""
        return bool(self.frame.sparkSession.catalog.currentCatalog() == SAIL_CATALOG)

    def numbers(self, expressions: Sequence[str]) -> list[Any]:
        """Return what the aggregates are over the frame, which is computed once."""
        [row] = self.frame.selectExpr(*expressions).collect()
        return list(row)

    def first(self, limit: int) -> Rows:
        """Return the rows, collected."""
        rows = self.frame.orderBy(*map(quoted, self.frame.columns)).limit(limit).collect()
        return Rows(tuple(self.frame.columns), tuple(tuple(row) for row in rows))


@dataclass(frozen=True, kw_only=True)
class SqlResult(_Result):
    """A result in a table behind a SQL endpoint; `name` is its `schema.table`."""

    tables: SqlTables
    name: str

    @property
    def columns(self) -> Columns:
        """The names and types of the table's columns."""
        return self.tables.columns(self.name)

    @property
    def sql_name(self) -> str:
        """The table's name as a statement has it."""
        return self.tables.sql_name(self.name)

    def numbers(self, expressions: Sequence[str]) -> list[Any]:
        """Return what the aggregates are, by one query."""
        found: Sequence[Any] = self.tables.query(f"select {', '.join(expressions)} from {self.sql_name}").values[0]  # noqa: S608 - quoted
        return list(found)

    def first(self, limit: int) -> Rows:
        """Return the rows, by one query."""
        order = ", ".join(quoted(name) for name, _ in self.columns)
        return self.tables.query(f"select * from {self.sql_name} order by {order} limit {limit}")  # noqa: S608 - quoted


def spreads_of(names: Sequence[str], values: Sequence[Any]) -> dict[str, Spread]:
    """Return the spreads of columns from the values of their aggregates, one after the other."""
    each = len(spread_sql(""))
    return {name: Spread.read(values[number * each : (number + 1) * each]) for number, name in enumerate(names)}


JobResult = SessionResult | SqlResult
