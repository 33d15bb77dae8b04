"""The base of all sinks: the part of a job's YAML, the checks before a run, and the writing of a result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.document import NOWHERE, Place
from feature_platform_py.core.errors import Problem
from feature_platform_py.core.fields import read_part
from feature_platform_py.core.project import Project
from feature_platform_py.sinks.division import HeldPeriod
from feature_platform_py.sinks.results import JobResult, ResultCounts, SqlTables
from feature_platform_py.warehouse.file_states import FileState


@dataclass(frozen=True)
class SinkResult:
    """The content of a sink after a run: the place and its rows, or the first rows if the sink only shows them.

    `why_left` says why the run did not write, None if it did. `counts` are those of the result, None if it was not counted.
    `truncate` is how shown values are cut. `held` are the periods that are there now, None if they are not known; `replaced` says
    how many of them the run wrote, None if all.
    """

    kind: str
    place: str
    rows: int
    why_left: str | None = None
    columns: tuple[str, ...] = ()
    preview: tuple[tuple[Any, ...], ...] = ()
    counts: ResultCounts | None = None
    truncate: bool | int = False
    held: Mapping[str, HeldPeriod] | None = None
    replaced: int | None = None

    @property
    def is_written(self) -> bool:
        """Whether this run wrote it."""
        return self.why_left is None

    @property
    def outcome(self) -> str:
        """What the sink did, in a few words."""
        if self.columns:
            return f"{len(self.preview):,} of {self.rows:,} rows shown"
        if self.is_written:
            part = (
                f" ({self.replaced} of {len(self.held)} periods replaced)"
                if self.held and self.replaced is not None
                else ""
            )
            return f"{self.place} holds {self.rows:,} rows{part}"
        return f"{self.place} was left as it is ({self.rows:,} rows, {self.why_left})"


@dataclass(frozen=True)
class SinkType:
    """A `sink_type`: the keys of its `config` (a pydantic dataclass), and the settings that the name fixes."""

    part: type[Any]
    fixed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sink(ABC):
    """Where a job writes its result. Its fields are its settings; `sink_types` are the names that it answers to.

    The class is found when its module is in this folder.
    """

    kind: ClassVar[str]
    sink_types: ClassVar[Mapping[str, SinkType]]
    is_stored: ClassVar[bool] = True

    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @classmethod
    def read(cls, sink_type: str, place: Place, problems: list[Problem]) -> Self | None:
        """Return the sink that a job's `output_sink` describes; None if it cannot be read, and `problems` grows."""
        known, config = cls.sink_types[sink_type], place.at("config")
        for name, value in known.fixed.items():
            if config.at(name).is_there:
                message = f"`{name}` is always `{value}` for the sink `{sink_type}`; remove it, or use `{cls.kind}`"
                problems.append(config.at(name).problem(message))
                config = config.without(name)
        part = read_part(known.part, config, problems)
        return None if part is None else cls(**asdict(part), **known.fixed, place=place)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by their names."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "place"}

    @property
    @abstractmethod
    def location(self) -> str | None:
        """The table's name, or the path, that the key `path` has the sink write to; None if nothing is kept.

        A path is not a table's name: `./sales`, not `sales`. Jobs refuse the places of their own input and of the platform's tables.
        """

    @property
    @abstractmethod
    def shown(self) -> str:
        """The sink as a plan shows it."""

    def column_problems(self, columns: Columns) -> Iterator[Problem]:  # noqa: ARG002
        """Yield what does not fit the columns of the result; the type of a column that is not known yet is empty."""
        yield from ()

    def spelled_as(self, columns: Columns) -> Self:  # noqa: ARG002
        """Return the sink with each column that it names spelled as the result spells it."""
        return self

    def in_environment(self, name: str) -> Self:  # noqa: ARG002
        """Return the sink that a job has in an environment of this name, whose runs never write production's."""
        return self

    @abstractmethod
    def check(self, project: Project, tables: SqlTables | None) -> None:
        """Raise SinkError if the sink can be seen to fail before anything has run.

        `tables` are those of the target's SQL endpoint, None where a Spark session of this process writes.
        """

    @property
    def is_replaced(self) -> bool:
        """Whether a run replaces what the last one wrote."""
        return False

    def why_whole(self, event_time: tuple[str, str] | None) -> str | None:  # noqa: ARG002
        """Return why it is replaced whole, None if a result that is divided by its `event_time` is replaced by periods.

        A sink that replaces periods tells in `SinkResult.held` what it holds.
        """
        return "the sink does not know what it holds"

    def state(self, project: Project) -> list[FileState] | None:  # noqa: ARG002
        """Return the state of the files that a run replaces; None if it adds to them, or if they are not on this machine."""
        return None

    def delta_tables(self, project: Project) -> dict[Path, Mapping[str, str]]:  # noqa: ARG002
        """Return the folders of this machine in which the sink keeps Delta tables, with properties that the job sets."""
        return {}

    @abstractmethod
    def write(self, result: JobResult) -> SinkResult:
        """Write the result, and return what is there. SinkError and DataCheckError leave what was there before.

        Count the rows with `result.counts()`, which raises DataCheckError if they are not as many as the source's, and call
        `result.check()` before anything can be seen in the sink. Raises EngineError if what was written cannot be counted.
        """
