"""Rows with their features, as notebooks and programs take them: frames of Spark and pandas, Arrow, and the proof."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from feature_platform_py.warehouse.local_frames import pandas_frame

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from feature_platform_py.runs.proof import Proof


class Result(ABC):
    """Rows with their features. `proof` is what was found out about them, None if nothing was.

    Whatever reads Arrow streams reads a result without a copy: `polars.DataFrame(result)`, `pyarrow.table(result)`, DuckDB.
    """

    def __init__(self, proof: Proof | None) -> None:
        self.proof = proof

    @abstractmethod
    def to_arrow(self) -> pa.Table:
        """Return all rows as an Arrow table."""

    @abstractmethod
    def to_spark(self) -> DataFrame:
        """Return the rows as a DataFrame of the session over the project's warehouse."""

    def to_pandas(self) -> pd.DataFrame:
        """Return all rows; integers and booleans may be missing (`Int64`, `boolean`), and decimals are `decimal.Decimal`."""
        return pandas_frame(self.to_arrow())

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>" + (self.proof._repr_html_() if self.proof else "")

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)


class StoredResult(Result):
    """A result in tables or files, which is read when it is asked for.

    It answers for its Spark frame too: `result.where(...)` is `result.to_spark().where(...)`.
    """

    def __init__(
        self, *, arrow: Callable[[], pa.Table], spark: Callable[[], DataFrame], proof: Proof | None, shown: str
    ) -> None:
        super().__init__(proof)
        self._arrow, self._spark, self._shown = arrow, spark, shown

    def to_arrow(self) -> pa.Table:
        """Return all rows as an Arrow table."""
        return self._arrow()

    def to_spark(self) -> DataFrame:
        """Return the rows as a DataFrame, lazily. Raises ConfigurationError on a target that is reached with SQL."""
        return self._spark()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.to_spark(), name)

    def __getitem__(self, item: Any) -> Any:
        return self.to_spark()[item]

    def __repr__(self) -> str:
        return f"<Result of {self._shown}>"
