"""The interface of all sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Source(ABC):
    """Rows that a session can read."""

    @abstractmethod
    def read(self, session: SparkSession) -> DataFrame:
        """Return the rows as a DataFrame of the session."""
