"""What the sinks that keep their rows share: path, mode and partitions, and what is checked before and while they are written."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol, Self

from pydantic import Field
from pydantic.dataclasses import dataclass as pydantic_dataclass

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import DataCheckError, EngineError, Problem, SinkError
from feature_platform_py.core.fields import STRICT, ColumnName, Location
from feature_platform_py.core.locations import absolute, is_remote, is_table_name
from feature_platform_py.core.project import Project
from feature_platform_py.core.stores.address import is_store_address
from feature_platform_py.core.stores.errors import explained_by_engine
from feature_platform_py.core.stores.path import place_of
from feature_platform_py.features.columns import column_named, missing_column
from feature_platform_py.sinks.divided import Written
from feature_platform_py.sinks.partitions import PartitionRule, check_values, counting, unwritable_values
from feature_platform_py.sinks.results import JobResult
from feature_platform_py.sinks.sink import Sink, SinkResult
from feature_platform_py.warehouse.file_states import FileState, folder_state

WriteMode = Annotated[
    Literal["overwrite", "append", "error", "ignore"], Field(description="what to do with data that is there")
]


@pydantic_dataclass(frozen=True, kw_only=True, config=STRICT)
class StoredPart:
    """A place, and the columns whose values are its folders."""

    path: Annotated[Location, Field(description="a path; for Delta a path or a table name")]
    partition_by: Annotated[tuple[ColumnName, ...], Field(description="columns to make folders of")] = Field(
        default_factory=tuple
    )


class Store(Protocol):
    """The place of a sink, as one engine reads and writes it."""

    def has_data(self) -> bool:
        """Return whether something is there."""

    def write(self) -> Written:
        """Write the result in one step, and count it before that."""

    def count(self) -> int:
        """Return how many rows are there."""


@dataclass(frozen=True, kw_only=True)
class StoredSink(Sink):
    """A sink that keeps its rows at a `path`, in folders of the columns in `partition_by`."""

    partitions: ClassVar[PartitionRule]

    path: str
    mode: str
    partition_by: Sequence[str] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    @abstractmethod
    def store(self, result: JobResult) -> Store:
        """Return the sink's place, as the engine of the result writes it."""

    @property
    def is_replaced(self) -> bool:
        """Whether the mode replaces what is there."""
        return self.mode == "overwrite"

    @property
    def shown(self) -> str:
        """The kind, the place and the mode."""
        return f"{self.kind} {self.path} ({self.mode})"

    def in_environment(self, name: str) -> Self:
        """Return the sink beside production's: a table in the schema `<name>_<schema>`, a folder in a folder of the name.

        A table without a schema is one of the features' schema, which is the environment's.
        """
        location = self.location or ""
        if is_table_name(location):
            *catalog, schema, table = self.path.split(".") if "." in self.path else ("", self.path)
            return replace(self, path=".".join([*catalog, f"{name}_{schema}", table])) if schema else self
        parent, slash, folder = self.path.rstrip("/").rpartition("/")
        return replace(self, path=f"{parent}{slash}{name}/{folder}")

    def folder(self, project: Project) -> Path:
        """Return the folder of this machine, or of an object store, that the path names."""
        if is_store_address(self.path):
            return place_of(self.path, project.root)
        return absolute(self.path, project.root)

    def state(self, project: Project) -> list[FileState] | None:
        """Return the state of the files that a run replaces."""
        if self.mode != "overwrite" or (is_remote(self.path) and not is_store_address(self.path)):
            return None
        return folder_state(self.folder(project))

    def column_problems(self, columns: Columns) -> Iterator[Problem]:
        """Yield each column of `partition_by` that the result does not have, or that cannot be folders."""
        given = self.place.at("config", "partition_by")
        if columns and {name.lower() for name in self.partition_by} >= {name.lower() for name, _ in columns}:
            yield given.problem("expected at least one column that is not in `partition_by`; remove some")
            return
        seen: set[str] = set()
        for position, name in enumerate(self.partition_by):
            place, column = given.at(position), column_named(name, columns)
            if column is None:
                yield place.problem(f"`{place.name}`: {missing_column(name, columns, there='result')}")
            elif name.lower() in seen:
                yield place.problem(f"`{place.name}`: `{name}` is given twice; remove one of them")
            elif fault := self.partitions.fault(column[0], column[1] or None):
                yield place.problem(f"`{place.name}`: {fault}")
            seen.add(name.lower())

    def spelled_as(self, columns: Columns) -> Self:
        """Return the sink with the columns of `partition_by` spelled as the result spells them."""
        names = (found[0] if (found := column_named(name, columns)) else name for name in self.partition_by)
        return replace(self, partition_by=tuple(names))

    def write(self, result: JobResult) -> SinkResult:
        """Write the result where the mode says so, and count what is there."""
        store = self.store(result)
        if self.mode == "ignore" and store.has_data():
            return SinkResult(self.kind, self.path, store.count(), why_left="mode ignore")
        try:
            self._check_partitions(result.columns)
            written = store.write()
        except (SinkError, DataCheckError):
            raise
        except Exception as error:
            why = explained_by_engine(str(error), self.path) or error
            raise SinkError(f"output_sink: `{self.path}` was not written and is as it was before: {why}") from error
        return SinkResult(
            self.kind,
            self.path,
            self._counted(store),
            why_left="nothing new" if written.replaced == 0 else None,
            counts=written.counts,
            held=written.held,
            replaced=written.replaced,
        )

    def check_folder(self, folder: Path) -> None:
        """Raise SinkError if a folder of this machine or of an object store cannot take the result, StoreError if that refuses."""
        if is_remote(self.path) and not is_store_address(self.path):
            raise SinkError(
                f"output_sink.path: expected a local folder or an address of an object store, given `{self.path}`; this target writes"
                " to these"
            )
        if not folder.is_dir() and folder.exists():
            raise SinkError(f"output_sink.path: expected a folder, `{self.path}` is a file; name another path")
        if self.mode == "error" and has_data(folder):
            raise SinkError(
                f"output_sink.path: `{self.path}` holds data already and the mode is `error`; name another path, or choose"
                " overwrite, append or ignore"
            )

    def check_values(self, result: JobResult) -> None:
        """Raise DataCheckError for a value of a partition column that would not read back."""
        conditions = unwritable_values(result.columns, self.partition_by)
        if conditions:
            check_values(dict(zip(conditions, result.numbers(counting(conditions.values())), strict=True)))

    def check_same_columns(
        self, there: Mapping[str, str], given: Mapping[str, str], *, untyped: Collection[str] = ()
    ) -> None:
        """Raise SinkError if rows with the given columns cannot be put beside those that are there.

        Appending other columns would lose them silently, or make the place unreadable. A reader guesses the types of the `untyped`
        columns; only their names are compared.
        """
        names = (there.keys() | given.keys()) - (there.keys() & given.keys() & set(untyped))
        differences = "; ".join(
            f"`{name}` is {there.get(name, 'absent')} there, {given.get(name, 'absent')} here"
            for name in sorted(names)
            if there.get(name) != given.get(name)
        )
        if differences:
            raise SinkError(
                f"output_sink: cannot append to `{self.path}`, its columns differ: {differences};"
                " overwrite it or name another path"
            )

    def _check_partitions(self, columns: Columns) -> None:
        """Raise SinkError for a partition column whose name or type, known at last, no folder can have."""
        types = dict(columns)
        faults = [self.partitions.fault(name, types.get(name)) for name in self.partition_by]
        if found := [fault for fault in faults if fault]:
            raise SinkError("\n".join(f"output_sink.partition_by: {fault}" for fault in found))

    def _counted(self, store: Store) -> int:
        try:
            return store.count()
        except Exception as error:
            raise EngineError(
                f"output_sink: `{self.path}` was written, its rows could not be counted: {error}. Appending again would repeat"
                " them"
            ) from error


def has_data(folder: Path) -> bool:
    """Return whether a folder exists with something in it."""
    return folder.is_dir() and any(folder.iterdir())
