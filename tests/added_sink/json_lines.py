"""The sink `json_lines`: one JSON object a row. Tests add it to the platform by its module alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass as pydantic_dataclass

from feature_platform_py.core.errors import SinkError
from feature_platform_py.core.fields import STRICT, Location
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.locations import absolute
from feature_platform_py.core.project import Project
from feature_platform_py.sinks.results import JobResult, SqlTables
from feature_platform_py.sinks.sink import Sink, SinkResult, SinkType


@pydantic_dataclass(frozen=True, kw_only=True, config=STRICT)
class JsonLinesPart:
    """A file with one JSON object a row."""

    path: Annotated[Location, Field(description="the path of a file")]


@dataclass(frozen=True, kw_only=True)
class JsonLines(Sink):
    """A file with one JSON object a row."""

    kind: ClassVar[str] = "json_lines"
    sink_types: ClassVar[Mapping[str, SinkType]] = {"json_lines": SinkType(JsonLinesPart)}

    path: str

    @property
    def location(self) -> str:
        return f"./{self.path}"

    @property
    def shown(self) -> str:
        return f"json_lines {self.path}"

    def check(self, project: Project, tables: SqlTables | None) -> None:
        if self._file(project).is_dir():
            raise SinkError(f"output_sink.path: expected a file, `{self.path}` is a folder; name another path")

    def write(self, result: JobResult) -> SinkResult:
        counts, rows = result.counts(), result.first(result.expected_rows)
        result.check()
        replace_file(self._file(result.project), "".join(f"{json.dumps(row, default=str)}\n" for row in rows.dicts()))
        return SinkResult(self.kind, self.path, counts.rows, counts=counts)

    def _file(self, project: Project) -> Path:
        return absolute(self.path, project.root)
