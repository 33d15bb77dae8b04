"""Read conditions on rows (a job's `filters`), check them against the columns, and return them as the models read them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass as validated_dataclass

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.document import NOWHERE, Place
from feature_platform_py.core.errors import Problem
from feature_platform_py.core.fields import STRICT, ColumnName, FieldError, as_text, one_or_more, read_part
from feature_platform_py.features.columns import column_named, missing_column
from feature_platform_py.features.filter_values import comparison_fault

LIST_OPERATORS = frozenset({"in", "not_in"})
ORDER_OPERATORS = frozenset({"gt", "gte", "lt", "lte"})
NULL_OPERATORS = frozenset({"is_null", "is_not_null"})
_FLOATING = frozenset({"float", "double"})

FilterValue = str | int | float | bool | date


@dataclass(frozen=True)
class RowFilter:
    """A condition on source rows; `value` is a tuple for `in` and `not_in`, None for a test of NULL."""

    column: str
    op: str
    value: FilterValue | tuple[FilterValue, ...] | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)


def filter_value(value: Any) -> Any:
    """Return the value, or list of values, if a filter can compare with it. Raises ValueError for another one."""
    for scalar in value if isinstance(value, list) else [value]:
        if scalar is None and isinstance(value, list):
            raise ValueError("expected values without NULL; the op `is_null` finds that")
        if scalar is not None and not isinstance(scalar, str | int | float | date):
            raise ValueError("expected a text, a number, true, false, a date, or for `in` a list of these")
        if isinstance(scalar, float) and not math.isfinite(scalar):
            raise ValueError("expected a finite number")
        if isinstance(scalar, str):
            as_text(scalar)
    return value


FilterValues = Annotated[
    Any, AfterValidator(filter_value), one_or_more({"type": ["string", "number", "boolean", "null"]})
]


@validated_dataclass(frozen=True, kw_only=True, config=STRICT)
class FilterPart:
    """A condition on a source column; NULL never matches a comparison."""

    column: Annotated[ColumnName, Field(description="a column of the source")]
    op: Annotated[
        Literal["equals", "not_equals", "in", "not_in", "gt", "gte", "lt", "lte", "is_null", "is_not_null"],
        Field(description="a comparison such as `equals`"),
    ]
    value: Annotated[FilterValues, Field(description="what to compare with; a list for `in` and `not_in`")] = None

    def __post_init__(self) -> None:
        if self.op in NULL_OPERATORS and self.value is not None:
            raise FieldError("value", f"the op `{self.op}` takes no value; remove it")
        if self.op in LIST_OPERATORS and not (isinstance(self.value, list) and self.value):
            raise FieldError("value", f"expected a list with at least one value for the op `{self.op}`")
        if self.op not in NULL_OPERATORS | LIST_OPERATORS:
            self._check_single()

    def _check_single(self) -> None:
        is_list = isinstance(self.value, list)
        if is_list:
            raise FieldError(
                "value", f"expected a single value for the op `{self.op}`; for several use `in` or `not_in`"
            )
        if self.value is None:
            raise FieldError(
                "value", f"expected a value for the op `{self.op}`; for NULL use `is_null` or `is_not_null`"
            )
        if self.op in ORDER_OPERATORS and isinstance(self.value, bool):
            raise FieldError(
                "value", f"expected a value with an order for `{self.op}`; for true and false use `equals`"
            )


def read_filters(place: Place, problems: list[Problem]) -> tuple[RowFilter, ...]:
    """Return the valid filters of a list in order; add the faults of the others to `problems`."""
    return tuple(found for each in place.items if (found := _filter(each, problems)))


def _filter(place: Place, problems: list[Problem]) -> RowFilter | None:
    part = read_part(FilterPart, place, problems)
    if part is None:
        return None
    value = tuple(map(plain_value, part.value)) if isinstance(part.value, list) else plain_value(part.value)
    return RowFilter(part.column, part.op, value, place)


def plain_value(value: Any) -> Any:
    """Return a text with a value of the environment in it as an ordinary text; other values unchanged."""
    return str(value) if isinstance(value, str) else value


def filter_problems(row_filter: RowFilter, columns: Columns) -> Iterator[Problem]:
    """Yield why a filter does not fit the columns: its column is missing, or a value cannot be compared with it."""
    column = column_named(row_filter.column, columns)
    if column is None:
        place = row_filter.place.at("column")
        yield place.problem(f"`{place.name}`: {missing_column(row_filter.column, columns, there='source')}")
        return
    values = row_filter.value if isinstance(row_filter.value, tuple) else (row_filter.value,)
    for position, value in enumerate(values):
        fault = None if value is None else comparison_fault(value, column[1])
        if fault:
            place = row_filter.place.at("value", *([position] if isinstance(row_filter.value, tuple) else []))
            yield place.problem(f"`{place.name}`: column `{column[0]}` is {column[1]}; {fault}, given {place.given}")


def filter_variable(row_filter: RowFilter, columns: Columns) -> dict[str, Any]:
    """Return a row filter as the models read it: its column, its op, and its values as text with their types."""
    column_type = dict(columns)[row_filter.column]
    values = row_filter.value if isinstance(row_filter.value, tuple) else (row_filter.value,)
    literals = [_literal(value, column_type) for value in values if value is not None]
    return {"column": row_filter.column, "op": row_filter.op, "literals": literals}


def _literal(value: object, column_type: str) -> dict[str, str]:
    """Return a filter's value as text, and the type for the comparison: not rounded to the column's scale, and no wider than needed.

    Spark compares two decimals in a type with the digits of both, and rounds them beyond 38 digits: 0.30 > 0 is false if the
    0 is a decimal(38, 0).
    """
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if column_type in _FLOATING:
        # Not every engine finds 0.0 for `in` with -0.0.
        return {"text": str(float(text) + 0.0), "type": column_type}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and (column_type.startswith("decimal") or isinstance(value, float)):
        exact = Decimal(text)
        scale = max(0, -int(exact.as_tuple().exponent))
        return {"text": f"{exact:f}", "type": f"decimal({max(1, exact.adjusted() + 1) + scale}, {scale})"}
    return {"text": text, "type": column_type}
