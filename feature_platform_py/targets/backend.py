"""The interface of a target's backend: what commands need besides dbt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.messages import Message
from feature_platform_py.core.rows import Rows
from feature_platform_py.sources.resolve import ResolvedSource
from feature_platform_py.warehouse.file_states import FileState

if TYPE_CHECKING:
    import pyarrow as pa

    from feature_platform_py.jobs.plan import JobPlan
    from feature_platform_py.sinks.division import Division
    from feature_platform_py.sinks.sink import SinkResult


class Backend(Protocol):
    """What a target has, how its engine reads and writes it, and what its failures mean.

    A table's name is `schema.table`, as `relations` lists it; `sql_name` is how a query names it.
    """

    def relations(self) -> list[tuple[str, str]]:
        """Return the names and kinds of the target's relations, in order."""

    def columns(self, name: str) -> Columns:
        """Return the names and types of a table's columns; none if it does not exist."""

    def source_columns(self, source: ResolvedSource) -> Columns:
        """Return the columns of a source that the registry does not know. Raises ConfigurationError if it cannot be read."""

    def sql_name(self, name: str) -> str:
        """Return the name of a table as a query has it."""

    def source_relation(self, source: ResolvedSource, columns: Columns, *, job_name: str) -> str:
        """Return the name of a source that a job reads as a query has it, with the source's columns; no filters are applied."""

    def query(self, statement: str) -> Rows:
        """Return the rows of a query. Raises EngineError if it fails."""

    def arrow(self, statement: str) -> pa.Table:
        """Return the rows of a query as an Arrow table. Raises EngineError if it fails."""

    def rename(self, old: str, new: str) -> None:
        """Give a table a new name, which must be free, in one step."""

    def drop(self, name: str) -> None:
        """Drop a view, or what a run has registered for a job's source."""

    def shows(self, moves: Sequence[tuple[str, str]]) -> bool:
        """Show tables under new names (old, new) as long as reading changes nothing; return whether that is possible."""

    def unchanged(self) -> AbstractContextManager[None]:
        """Return a context in which reading writes nothing to the target."""

    def check(self, plan: JobPlan) -> None:
        """Raise SinkError, EngineError or ConfigurationError for what is known to fail before a run."""

    def fault(self, message: str) -> Message | None:
        """Return the fault of the data that a failed node's message reports, where the target's adapter does not log it."""

    def explained(self, message: str) -> str | None:
        """Return what a failure of the engine means, None where its own words are the best."""

    def input_state(self, plan: JobPlan) -> list[FileState]:
        """Return the present state of the job's inputs as far as this machine knows it; another state means other rows."""

    def whole_input_state(self, plan: JobPlan) -> list[FileState] | None:
        """Return the state of all files that the job's rows come from, None if not all are on this machine."""

    def tables_state(self, plan: JobPlan) -> list[FileState] | None:
        """Return the state of the files of the tables and views that a run builds, None if they are not on this machine."""

    def write(
        self,
        plan: JobPlan,
        *,
        check: Callable[[], None] = lambda: None,
        proof: str | None = None,
        division: Division | None = None,
    ) -> SinkResult:
        """Write the job's result to its sink, with its proof where the sink keeps one, and return what is there.

        With a `division`, a sink may replace single periods.
        `check` is called when the result is computed and the sink is as it was. Raises what `check` raises, SinkError, and
        DataCheckError for lost or repeated rows; each leaves the sink as it was. Raises EngineError if the written
        rows cannot be counted.
        """
