"""The base of all transformers: validated parameters, the columns that they read and add, and `apply`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, overload

from pydantic import BaseModel, ConfigDict, ValidationError

from feature_platform_py.core.data_types import Columns, parse_type
from feature_platform_py.core.document import KeyPath, path_name
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.fields import faults_of
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.features.columns import (
    READABLE,
    InputColumn,
    OutputColumn,
    Reads,
    WantedValue,
    column_named,
    input_fault,
)
from feature_platform_py.warehouse.local_frames import (
    added_columns,
    arrow_table,
    as_spark_frame,
    numbered,
    spark_frame_of,
    with_columns,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FrameT = TypeVar("FrameT")


class HasSparkFrame(Protocol):
    """What stands for a frame of Spark, such as a job's result."""

    def to_spark(self) -> DataFrame:
        """Return the frame."""


class FeatureTransformer(BaseModel, ABC):
    """Adds columns to rows: its fields are its parameters, one output row for each input row.

    Mark a parameter that names a column to read with `Reads`. Implement `output_columns` and `transform`; call `apply`.
    """

    # Building a validator costs milliseconds, so only those of used transformers are built.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    def __init__(self, **params: Any) -> None:
        """Take the parameters. Raises ConfigurationError with every fault of them."""
        try:
            super().__init__(**params)
        except ValidationError as error:
            faults = faults_of(error, type(self), params)
            raise ConfigurationError(
                "\n".join(f"transformer `{type(self).__name__}`: {each}" for each in faults)
            ) from None

    # pydantic calls no constructor of others than its own; files have their own messages, with lines.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def input_columns(self) -> tuple[InputColumn, ...]:
        """Return the columns that the parameters with `Reads` name, in the order of the fields."""
        return tuple(self._read_columns())

    def wanted_values(self) -> tuple[WantedValue, ...]:
        """Return the values that some row should have in a column; plans and runs warn of a value that no row has."""
        return ()

    def faults(self, columns: Columns) -> Iterator[tuple[KeyPath, str]]:  # noqa: ARG002 - most parameters fit any column
        """Yield where and why parameters do not fit the types of the columns, beyond the kinds that columns must have."""
        yield from ()

    def ordered_by(self, columns: Sequence[str]) -> Self:  # noqa: ARG002 - most transformers depend on no order
        """Return the transformer with these columns as the order of rows at one time, where it needs one and has none."""
        return self

    @abstractmethod
    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        """Return the added columns in order; `columns` are the input's names and types, None if unknown."""

    @abstractmethod
    def transform(self, dataframe: DataFrame) -> DataFrame:
        """Return the frame with the new columns behind its own, and the same rows. `apply` has checked the input."""

    @overload
    def apply(self, dataframe: HasSparkFrame) -> DataFrame: ...

    @overload
    def apply(self, dataframe: FrameT) -> FrameT: ...

    def apply(self, dataframe: Any) -> Any:
        """Return the frame with the transformer's columns behind its own.

        A frame of Spark, or a job's result, gives a frame of Spark, lazily. A DataFrame of pandas or Polars gives such a one, and
        other Arrow data an Arrow table: its rows keep their order, are computed by the session of `SparkSessionManager`, and must
        fit into memory.

        Raises ConfigurationError if the frame lacks a column to read, has it with another kind of type, or already has a
        column to add; and if `transform` added other columns than `output_columns` names.
        """
        frame = spark_frame_of(dataframe)
        return self._applied_here(dataframe) if frame is None else self._applied(frame)

    def _applied_here(self, frame: Any) -> Any:
        """Return a frame of this process with the added columns."""
        from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager

        table = arrow_table(frame)
        rows, number = numbered(table)
        with SparkSessionManager() as session:
            # The frame as it was given, for messages.
            self._raise(self._input_faults(columns_of(as_spark_frame(table.slice(0, 0), session))))
            computed = self._applied(as_spark_frame(rows, session)).toArrow()
        if computed.num_rows != table.num_rows:
            raise ConfigurationError(
                f"transformer `{type(self).__name__}`: expected one row for each of {table.num_rows:,} rows, given"
                f" {computed.num_rows:,}; `transform` must keep all rows"
            )
        return with_columns(frame, table, added_columns(computed, number, table.column_names))

    def _applied(self, dataframe: DataFrame) -> DataFrame:
        columns = columns_of(dataframe)
        self._raise(self._input_faults(columns))
        result = self.transform(dataframe)
        self._raise(self._output_faults(columns, columns_of(result)))
        return result

    def spelled_as(self, columns: Columns) -> Self:
        """Return the transformer with its columns spelled as in the input, because Spark takes `ID` for `id`."""
        names: dict[str, Any] = {}
        for needed in self._read_columns():
            column = column_named(needed.name, columns)
            spelled = column[0] if column else needed.name
            param = str(needed.param)
            is_listed = isinstance(getattr(self, param), tuple)
            names[param] = (*names.get(param, ()), spelled) if is_listed else spelled
        return self.model_copy(update=names)

    def _read_columns(self) -> Iterator[InputColumn]:
        for param, field in type(self).model_fields.items():
            value = getattr(self, param)
            for reads in [mark for mark in field.metadata if isinstance(mark, Reads)]:
                for name in value if isinstance(value, tuple | list) else [] if value is None else [value]:
                    yield InputColumn(reads.role, param, name, READABLE[reads.kind])

    def _input_faults(self, columns: Columns) -> Iterator[str]:
        for needed in self.input_columns():
            if fault := input_fault(needed, columns, there="DataFrame"):
                yield f"`{path_name(needed.path)}`: {fault}"
        for path, fault in self.faults(columns):
            yield f"`{path_name(path)}`: {fault}"
        there = {name.lower() for name, _ in columns}
        for added in [column.name for column in self.output_columns(columns)]:
            if added.lower() in there:
                yield f"adds the column `{added}`, but the DataFrame already has it; rename it there"

    def _output_faults(self, columns: Columns, result: Columns) -> Iterator[str]:
        added = self.output_columns(columns)
        wanted = [*(name for name, _ in columns), *(column.name for column in added)]
        names = [name for name, _ in result]
        if names != wanted:
            yield f"expected the columns {ticked(wanted)} of `transform`, given {ticked(names)}"
            return
        for column, (_, given) in zip(added, result[len(columns) :], strict=True):
            if column.type and parse_type(column.type) != parse_type(given):
                yield f"column `{column.name}` is {given}; `output_columns` says {column.type}"

    def _raise(self, faults: Iterator[str]) -> None:
        if found := list(faults):
            raise ConfigurationError("\n".join(f"transformer `{type(self).__name__}`: {fault}" for fault in found))


def columns_of(dataframe: DataFrame) -> Sequence[tuple[str, str]]:
    """Return the names and Spark SQL types of a frame's columns."""
    return [(field.name, field.dataType.simpleString()) for field in dataframe.schema]


def transformer_classes(module: ModuleType) -> Iterator[type[FeatureTransformer]]:
    """Yield the transformers that a module defines itself, in the order of its lines."""
    for value in vars(module).values():
        is_own = isinstance(value, type) and value.__module__ == module.__name__
        if is_own and issubclass(value, FeatureTransformer) and not getattr(value, "__abstractmethods__", None):
            yield value
