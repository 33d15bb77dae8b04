"""The interfaces of all sources, and of the rows that a SQL endpoint sends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from feature_platform_py.core.data_types import Columns

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


class Source(ABC):
    """Rows that a session can read."""

    @abstractmethod
    def read(self, session: SparkSession) -> DataFrame:
        """Return the rows as a DataFrame of the session."""


class ArrivingRows(Protocol):
    """A result of a SQL endpoint while it is read; `rows` counts those that have arrived."""

    schema: pa.Schema
    rows: int

    def chunks(self) -> Iterator[pa.Table]:
        """Yield the rows in order, each chunk with the schema. Call it only once."""


class StatementRows(Protocol):
    """The rows of a query of a SQL endpoint, which are asked for when they are needed; times are in UTC."""

    def columns(self) -> Columns:
        """Return the names and Spark SQL types of the result, without computing a row."""

    def to_arrow(self) -> pa.Table:
        """Return all rows at once."""

    def reading(self) -> AbstractContextManager[ArrivingRows]:
        """The result while it is read."""
