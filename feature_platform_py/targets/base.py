"""What every kind of target can do with its tables."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.messages import Message
from feature_platform_py.core.rows import Rows
from feature_platform_py.sources.resolve import ResolvedSource
from feature_platform_py.warehouse.file_states import FileState

if TYPE_CHECKING:
    from feature_platform_py.jobs.plan import JobPlan
    from feature_platform_py.sinks.sink import SinkResult


class TargetTables(Protocol):
    """The tables of a target. A table's name is `schema.table`, as `relations` lists it; `sql_name` is how a query names it."""

    def relations(self) -> list[tuple[str, str]]:
        """The names and kinds of what is there, in order."""

    def columns(self, name: str) -> Columns:
        """The names and types of a table's columns; none if there is no such table."""

    def source_columns(self, source: ResolvedSource) -> Columns:
        """The columns of a source that the registry does not know; ConfigurationError if it cannot be read."""

    def sql_name(self, name: str) -> str:
        """The name of a table in a query."""

    def source_relation(self, plan: JobPlan) -> str:
        """The name of a job's source in a query; what the job's filters leave out is in it too."""

    def query(self, statement: str) -> Rows:
        """The rows of a query; EngineError if it fails."""

    def unchanged(self) -> AbstractContextManager[None]:
        """Inside, nothing is written to the target by being looked at."""

    def check(self, plan: JobPlan) -> None:
        """Raise what can be seen to fail before anything has run: SinkError, EngineError or ConfigurationError."""

    def fault(self, message: str) -> Message | None:
        """The fault of the data that a failed node's message is about, where the target's adapter does not log it."""

    def explained(self, message: str) -> str | None:
        """What a failure of the engine means, where the target knows better than the engine's own words."""

    def input_state(self, plan: JobPlan) -> list[FileState]:
        """What the inputs of the job are like now, as far as this machine can tell; another state means other rows."""

    def write(self, plan: JobPlan, *, check: Callable[[], None] = lambda: None) -> SinkResult:
        """Write the job's result to its sink; SinkError leaves what was there, DataCheckError is for lost or repeated rows.

        `check` is called when the result is there and the sink is as it was; what it raises leaves it so.
        """
