"""The functions of `WindowAggregator`: what each reads and gives; the macros of `macros/aggregation/` compute them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from feature_platform_py.core.data_types import parse_type

MAX_K = 1000


@dataclass(frozen=True)
class Function:
    """A function over the rows of a window.

    `reads` is the kind of its column, as of `Reads`; None if it reads rows. `result` is its type, or how that follows from the
    column's type. `empty` says what it gives over no rows. `in_words` begins its description. `is_ordered` functions depend on
    the order of rows at one instant.
    """

    reads: Literal["number", "any", "ordered", "key"] | None
    result: str | Callable[[str], str]
    empty: str
    in_words: str
    needs_column: bool = True
    is_ordered: bool = False
    takes_k: bool = False

    def result_type(self, column_type: str | None) -> str | None:
        """Return the type of the result; None if it follows from an unknown one."""
        if isinstance(self.result, str):
            return self.result
        return self.result(column_type) if column_type else None


def total_type(amount_type: str) -> str:
    """Return the type of a sum: exact at the column's scale, double for floating-point numbers."""
    parsed = parse_type(amount_type)
    return "double" if parsed.kind == "floating" else f"decimal(38,{parsed.scale})"


def _same(column_type: str) -> str:
    return column_type


def _list(column_type: str) -> str:
    return f"array<{column_type}>"


FUNCTIONS: Mapping[str, Function] = {
    "count": Function("any", "bigint", "0", "count of", needs_column=False),
    "sum": Function("number", total_type, "NULL", "sum of"),
    "avg": Function("number", "double", "NULL", "average of"),
    "min": Function("ordered", _same, "NULL", "least"),
    "max": Function("ordered", _same, "NULL", "greatest"),
    "stddev": Function("number", "double", "NULL below two values", "sample standard deviation of"),
    "variance": Function("number", "double", "NULL below two values", "sample variance of"),
    "count_distinct": Function("key", "bigint", "0", "number of different values of"),
    "first": Function("key", _same, "NULL", "first", is_ordered=True),
    "last": Function("key", _same, "NULL", "last", is_ordered=True),
    "first_k": Function("key", _list, "an empty array", "first", is_ordered=True, takes_k=True),
    "last_k": Function("key", _list, "an empty array", "last", is_ordered=True, takes_k=True),
    "seconds_since_first": Function(None, "double", "NULL", "seconds since the first row", needs_column=False),
    "seconds_since_last": Function(None, "double", "NULL", "seconds since the last row", needs_column=False),
}
