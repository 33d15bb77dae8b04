"""The definition of aggregated features, as `WindowAggregator` and feature groups read it from YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.dataclasses import dataclass

from feature_platform_py.core.data_types import Columns, kind_of, parse_type
from feature_platform_py.core.document import KeyPath
from feature_platform_py.core.fields import (
    MAX_NAME_LENGTH,
    STRICT,
    ColumnName,
    FieldError,
    Name,
    Text,
    Whole,
    as_tuple,
    one_or_more,
)
from feature_platform_py.core.suggestions import ticked, unknown
from feature_platform_py.core.text import slug
from feature_platform_py.features.columns import READABLE, InputColumn, OutputColumn, column_named
from feature_platform_py.features.filter_values import comparison_fault
from feature_platform_py.features.functions import FUNCTIONS, MAX_K, Function, total_type
from feature_platform_py.features.row_filters import FilterPart, RowFilter, filter_variable, plain_value
from feature_platform_py.features.windows import Closed, Window, parse_window

_OPERATORS: Mapping[str, str] = {
    "equals": "=",
    "not_equals": "!=",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "in": "in",
    "not_in": "not in",
    "is_null": "is null",
    "is_not_null": "is not null",
}
MAX_VARIANCE_SCALE = 14


def _function(value: str) -> str:
    if value not in FUNCTIONS:
        raise ValueError(unknown("function", value, known=FUNCTIONS))
    return value


def _window(value: str) -> str:
    return parse_window(value).text


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("expected a number")  # noqa: TRY004 - pydantic wants a ValueError
    if not Decimal(str(value)).is_finite():
        raise ValueError("expected a finite number")
    return value


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ByPart:
    """A category column: each feature becomes one per value, of the rows with that value."""

    column: Annotated[ColumnName, Field(description="the category column, a text or a whole number")]
    values: Annotated[
        tuple[Text | Whole, ...],
        BeforeValidator(as_tuple),
        one_or_more({"type": ["string", "integer"]}),
        Field(min_length=1, description="a list of categories, spelled as in the data"),
    ]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FeaturePart:
    """A function over the rows of one or more windows that end at the row's event time."""

    function: Annotated[
        Text,
        AfterValidator(_function),
        Field(
            description=f"a function: {ticked(FUNCTIONS)}",
            json_schema_extra={"enum": list(FUNCTIONS)},
        ),
    ]
    windows: Annotated[
        tuple[Annotated[Text, AfterValidator(_window)], ...],
        BeforeValidator(as_tuple),
        one_or_more({"type": "string"}),
        Field(
            min_length=1, description="windows such as `30d`, `12h offset 1d`, `lifetime`, `month`, `previous month`"
        ),
    ]
    column: Annotated[ColumnName | None, Field(description="the column that the function reads")] = None
    name: Annotated[
        Name | None, Field(description="the name before the window's; `<column>_<function>` by default")
    ] = None
    where: Annotated[
        tuple[FilterPart, ...],
        BeforeValidator(as_tuple),
        Field(description="conditions on the rows that count, as a job's filters"),
    ] = ()
    by: Annotated[ByPart | None, Field(description="a category column and values: a feature for each")] = None
    closed: Annotated[
        Closed, Field(description="the ends of the window that count: `right` (t included), `left`, `both` or `none`")
    ] = "right"
    fill_value: Annotated[
        Any,
        BeforeValidator(lambda value: value if value is None else _number(value)),
        Field(description="the value of a `sum` over no rows", json_schema_extra={"type": ["number", "null"]}),
    ] = None
    k: Annotated[
        Annotated[int, Field(strict=True, ge=1, le=MAX_K)] | None,
        Field(description="the number of values of `first_k` and `last_k`"),
    ] = None
    order_by: Annotated[
        tuple[ColumnName, ...],
        BeforeValidator(as_tuple),
        one_or_more({"type": "string"}),
        Field(description="the column that orders rows at one time, for `first`, `last`, `first_k` and `last_k`"),
    ] = ()

    is_ahead: ClassVar[bool] = False
    """Whether the windows lie ahead of the row."""

    def __post_init__(self) -> None:
        how = self.how
        if how.needs_column and self.column is None:
            raise FieldError("column", f"`{self.function}` reads a column; name it")
        if how.reads is None and self.column is not None:
            raise FieldError(
                "column", f"`{self.function}` is of rows and reads no column; remove it, or choose rows with `where`"
            )
        if how.takes_k != (self.k is not None):
            raise FieldError(
                "k",
                f"`{self.function}` {'needs `k`, the number of values' if how.takes_k else 'takes no `k`; remove it'}",
            )
        if self.order_by and not how.is_ordered:
            raise FieldError("order_by", f"`{self.function}` does not depend on the order of rows; remove it")
        if self.fill_value is not None and self.function != "sum":
            raise FieldError("fill_value", f"only `sum` takes one; `{self.function}` gives {how.empty} over no rows")
        repeated = sorted({text for text in self.windows if self.windows.count(text) > 1})
        if repeated:
            raise FieldError("windows", f"{ticked(repeated)} is given more than once; give each window once")
        self._check_slugs()

    def _check_slugs(self) -> None:
        seen: dict[str, object] = {}
        for value in self.by.values if self.by else ():
            short = slug(str(value))
            if not short:
                raise FieldError(
                    "by", f"`{value}` leaves no name for its feature; expected a value with a letter a-z or a digit"
                )
            if short in seen:
                raise FieldError(
                    "by", f"`{seen[short]}` and `{value}` would both be `{short}` in the names; keep one of them"
                )
            seen[short] = value

    @property
    def how(self) -> Function:
        """What the function reads and gives."""
        return FUNCTIONS[self.function]

    @property
    def base(self) -> str:
        """The name before the window's."""
        if self.name:
            return self.name.replace(" ", "_")
        function = {"first_k": f"first_{self.k}", "last_k": f"last_{self.k}"}.get(self.function, self.function)
        return f"{self.column}_{function}".replace(" ", "_") if self.column else function

    def each(self) -> Iterator[tuple[str, FeaturePart]]:
        """Yield the feature, or with `by` one per category, with its name before the window's."""
        if self.by is None:
            yield self.base, self
            return
        for value in self.by.values:
            part = FilterPart(column=self.by.column, op="equals", value=value if isinstance(value, int) else str(value))
            yield f"{self.base}_{slug(str(value))}", replace(self, by=None, where=(*self.where, part))

    def filters(self) -> tuple[RowFilter, ...]:
        """Return the conditions on rows."""
        return tuple(_condition_of(part) for part in self.where)

    def inputs(self) -> Iterator[tuple[KeyPath, str, str, frozenset[str]]]:
        """Yield the columns that the feature reads: where each is named, its role, its name, and the allowed kinds of type."""
        if self.column:
            yield ("column",), f"column of `{self.function}`", self.column, READABLE[self.how.reads or "any"]
        for position, part in enumerate(self.where):
            yield ("where", position, "column"), "condition", part.column, READABLE["key"]
        if self.by:
            yield ("by", "column"), "category", self.by.column, READABLE["category"]
        for name in self.order_by:
            yield ("order_by",), "order", name, READABLE["key"]

    def spelled(self, columns: Columns) -> FeaturePart:
        """Return the feature with its columns spelled as in the input."""

        def spelled(name: str) -> str:
            found = column_named(name, columns)
            return found[0] if found else name

        return replace(
            self,
            # The name is that of the column as the definition spells it.
            name=self.base,
            column=spelled(self.column) if self.column else None,
            where=tuple(replace(part, column=spelled(part.column)) for part in self.where),
            by=replace(self.by, column=spelled(self.by.column)) if self.by else None,
            order_by=tuple(map(spelled, self.order_by)),
        )

    def faults(self, columns: Columns) -> Iterator[tuple[KeyPath, str]]:
        """Yield where and why the feature does not fit the types of its columns."""
        types = {name.lower(): data_type for name, data_type in columns}
        for position, part in enumerate(self.where):
            values = part.value if isinstance(part.value, list) else [part.value]
            known = types.get(part.column.lower())
            for value in [each for each in values if each is not None and known]:
                if fault := comparison_fault(plain_value(value), str(known)):
                    yield ("where", position, "value"), f"column `{part.column}` is {known}; {fault}, given `{value}`"
        for value in self.by.values if self.by else ():
            known = types.get(self.by.column.lower()) if self.by else None
            if (
                known
                and kind_of(known) in READABLE["category"]
                and (fault := comparison_fault(plain_value(value), known))
            ):
                yield (
                    ("by", "values"),
                    f"column `{self.by.column if self.by else ''}` is {known}; {fault}, given `{value}`",
                )
        known = types.get(self.column.lower()) if self.column else None
        if known and kind_of(known) in READABLE["number"]:
            yield from self._number_faults(known)
        if self.how.is_ordered and not self.order_by:
            message = f"`{self.function}` needs an order of rows at one time; name a column in `order_by`"
            message += ", or declare the source's primary key"
            yield ("order_by",), message

    def _number_faults(self, column_type: str) -> Iterator[tuple[KeyPath, str]]:
        parsed = parse_type(column_type)
        scale = 6 if parsed.kind == "floating" else parsed.scale
        if self.function in ("stddev", "variance") and scale > MAX_VARIANCE_SCALE:
            message = f"`{self.column}` is {column_type}; expected at most {MAX_VARIANCE_SCALE} decimal places for `{self.function}`"
            yield ("column",), f"{message}; give the column fewer in the source"
        if self.fill_value is not None and parsed.kind != "floating":
            value = Decimal(str(self.fill_value))
            places = max(0, -int(value.normalize().as_tuple().exponent))
            if places > parsed.scale or (value and value.adjusted() >= 38 - parsed.scale):
                yield (
                    ("fill_value",),
                    f"expected a number that fits the sum's type {total_type(column_type)}, given `{self.fill_value}`",
                )

    def outputs(self, prefix: str, columns: Columns | None) -> Iterator[tuple[FeaturePart, Window, OutputColumn]]:
        """Yield the columns that the feature becomes, with the definition and window of each."""
        found = column_named(self.column, columns or ()) if self.column else None
        is_readable = found and kind_of(found[1]) in READABLE[self.how.reads or "any"]
        result = self.how.result_type(found[1] if found and is_readable else None)
        for base, part in self.each():
            for text in self.windows:
                window = parse_window(text, is_ahead=self.is_ahead)
                name = f"{prefix}{base}_{window.slug}"
                if len(name) > MAX_NAME_LENGTH:
                    raise FieldError("features", f"a feature's name would be longer than {MAX_NAME_LENGTH} characters")
                yield part, window, OutputColumn(name, result, window.is_next, part.described(window))

    def described(self, window: Window) -> str:
        """Return what the feature is: "Sum of `amount` over (t - 30 d, t] where category = 'rent'; NULL over no rows."."""
        what = self.how.in_words
        if self.how.takes_k:
            what += f" {self.k} values of `{self.column}`, oldest first,"
        elif self.column:
            what += (
                f" value of `{self.column}`"
                if self.how.is_ordered or self.function in ("min", "max")
                else f" `{self.column}`"
            )
        elif self.function == "count":
            what = "number of rows"
        if self.function == "count" and self.column:
            what = f"number of values of `{self.column}`"
        conditions = " and ".join(map(_in_words, self.filters()))
        where = f" where {conditions}" if conditions else ""
        empty = self.fill_value if self.fill_value is not None else self.how.empty
        return f"{what[0].upper()}{what[1:]} over {window.shown(self.closed)}{where}; {empty} over no rows."

    def macro_argument(self, windows: Mapping[str, str], columns: Columns) -> dict[str, Any]:
        """Return the feature as the macro `aggregate` reads it; `windows` are the names of its columns by window."""
        told: dict[str, Any] = {"function": self.function, "column": self.column, "windows": dict(windows)}
        told |= {"closed": self.closed} if self.closed != "right" else {}
        told |= {"where": [filter_variable(each, columns) for each in self.filters()]} if self.where else {}
        told |= {"fill_value": f"{Decimal(str(self.fill_value)):f}"} if self.fill_value is not None else {}
        told |= {"order_by": list(self.order_by)} if self.order_by else {}
        told |= {"k": self.k} if self.k else {}
        return {name: value for name, value in told.items() if value is not None}

    def columns_read(self) -> list[str]:
        """Return the columns that the feature depends on."""
        return [name for _, _, name, _ in self.inputs()]


def _condition_of(part: FilterPart) -> RowFilter:
    value = tuple(map(plain_value, part.value)) if isinstance(part.value, list) else plain_value(part.value)
    return RowFilter(part.column, part.op, value)


def _in_words(condition: RowFilter) -> str:
    def shown(value: object) -> str:
        return f"'{value}'" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)

    said = f"{condition.column} {_OPERATORS[condition.op]}"
    if condition.value is None:
        return said
    return (
        f"{said} ({', '.join(map(shown, condition.value))})"
        if isinstance(condition.value, tuple)
        else f"{said} {shown(condition.value)}"
    )


def input_columns(parts: tuple[FeaturePart, ...]) -> Iterator[InputColumn]:
    """Yield the columns that features read."""
    for position, part in enumerate(parts):
        for path, role, name, kinds in part.inputs():
            yield InputColumn(role, ("features", position, *path), name, kinds)
