"""The sink `display`: the first rows on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic.dataclasses import dataclass as pydantic_dataclass

from feature_platform_py.core.fields import STRICT, Whole, as_flag, as_whole
from feature_platform_py.core.project import Project
from feature_platform_py.sinks.results import JobResult, SqlTables
from feature_platform_py.sinks.sink import Sink, SinkResult, SinkType


def _truncate(value: Any) -> bool | int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("expected true, false, or the number of characters to keep")
    return value


Truncate = Annotated[
    Any,
    BeforeValidator(as_whole),
    BeforeValidator(as_flag),
    AfterValidator(_truncate),
    WithJsonSchema({"type": ["boolean", "integer"], "minimum": 0}),
]


@pydantic_dataclass(frozen=True, kw_only=True, config=STRICT)
class DisplayPart:
    """A table on the screen."""

    num_rows: Annotated[Whole, Field(ge=0, description="how many rows to show")] = 20
    truncate: Annotated[Truncate, Field(description="whether, or at which length, to cut long values")] = False


@dataclass(frozen=True, kw_only=True)
class Display(Sink):
    """A table on the screen."""

    kind: ClassVar[str] = "display"
    sink_types: ClassVar[Mapping[str, SinkType]] = {"display": SinkType(DisplayPart)}
    is_stored: ClassVar[bool] = False

    num_rows: int = 20
    truncate: bool | int = False

    @property
    def location(self) -> None:
        """Nothing is kept."""

    @property
    def shown(self) -> str:
        """The sink and its rows."""
        return f"display, {self.num_rows} rows"

    def check(self, project: Project, tables: SqlTables | None) -> None:
        """Do nothing: every target can show rows."""

    def write(self, result: JobResult) -> SinkResult:
        """Return the first rows, to be shown."""
        counts, rows = result.counts(), result.first(self.num_rows)
        result.check()
        return SinkResult(
            self.kind,
            "stdout",
            counts.rows,
            columns=rows.columns,
            preview=rows.values,
            counts=counts,
            truncate=self.truncate,
        )
