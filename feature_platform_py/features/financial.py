"""The financial transformers as a job names them: parameters, the columns they read, the columns they add.

The features themselves are SQL, in the macros of the same names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass as validated_dataclass

from feature_platform_py.core.data_types import NUMERIC, Columns, kind_of, parse_type
from feature_platform_py.core.fields import STRICT, ColumnName, Text, Whole, as_tuple, one_or_more

MAX_WINDOW_DAYS = 36_500
MAX_NAME_LENGTH = 255
_KEY_KINDS = frozenset({"boolean", "integer", "decimal", "floating", "string", "date", "timestamp"})


@dataclass(frozen=True)
class InputColumn:
    """A column that a transformer reads: its role, the parameter naming it, the kinds of its type."""

    role: str
    param: str
    name: str
    kinds: frozenset[str]


@dataclass(frozen=True)
class OutputColumn:
    """A column that a transformer adds; its type is None if it depends on a source column not known.

    `looks_ahead` marks a value that rows after the row's own event time count in.
    """

    name: str
    type: str | None
    looks_ahead: bool
    description: str


def slug(value: str) -> str:
    """The value as part of a column name: lower case, each run outside [a-z0-9] one `_`, trimmed."""
    return re.sub("[^a-z0-9]+", "_", value.lower()).strip("_")


UserId = Annotated[ColumnName, Field(description="the column that identifies the user")]
EventTime = Annotated[ColumnName, Field(description="the column of the event time, a date or a timestamp")]
Amount = Annotated[ColumnName, Field(description="the column of the amount, a number")]
Days = Annotated[Whole, Field(ge=1, le=MAX_WINDOW_DAYS)]
AsOf = Annotated[
    Literal["event_time"] | None,
    Field(description="`event_time`: the value as known at the row's event time, which does not look ahead"),
]


@validated_dataclass(frozen=True, kw_only=True, config=STRICT)
class UserSpendParams:
    """Parameters of `UserSpendAggregator`: per source row, a user's spend over the last days, per window."""

    user_id_col: UserId
    timestamp_col: EventTime
    amount_col: Amount
    window_days: Annotated[
        tuple[Days, ...],
        BeforeValidator(as_tuple),
        one_or_more({"type": "integer", "minimum": 1, "maximum": MAX_WINDOW_DAYS}),
        Field(
            min_length=1,
            description="the windows' length in days, one or a list: rows in (t - N days, t] count",
        ),
    ] = (30,)

    def __post_init__(self) -> None:
        if repeated := sorted({days for days in self.window_days if self.window_days.count(days) > 1}):
            raise ValueError(
                f"window_days: {', '.join(map(str, repeated))} is given more than once; give each window once"
            )

    def input_columns(self) -> tuple[InputColumn, ...]:
        """The columns that are read."""
        return (_user_id(self.user_id_col), _event_time(self.timestamp_col), _amount(self.amount_col))

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        """Total and average per window, in the order of the windows."""
        total_type = _total_type(self.amount_col, columns)
        return tuple(
            column for days in self.window_days for column in _spend_columns(days, self.amount_col, total_type)
        )


@validated_dataclass(frozen=True, kw_only=True, config=STRICT)
class MonthlyCountParams:
    """Parameters of `UserMonthlyTransactionCounter`: how many source rows a user has in the row's month."""

    user_id_col: UserId
    timestamp_col: EventTime
    as_of: AsOf = None

    def input_columns(self) -> tuple[InputColumn, ...]:
        """The columns that are read."""
        return (_user_id(self.user_id_col), _event_time(self.timestamp_col))

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:  # noqa: ARG002 - the types are fixed
        """The month, and the count in it."""
        until = "up to the row's event time" if self.as_of else "the later ones of the month included"
        month = "The month of the event time, as yyyy-MM."
        count = f"The user's source rows in the month, {until}."
        return (
            OutputColumn("year_month", "string", looks_ahead=False, description=month),
            OutputColumn("user_monthly_txn_count", "bigint", looks_ahead=not self.as_of, description=count),
        )


@validated_dataclass(frozen=True, kw_only=True, config=STRICT)
class CategoricalSpendParams:
    """Parameters of `UserCategoricalSpendAggregator`: a user's total spend in one category or in several."""

    user_id_col: UserId
    amount_col: Amount
    category_col: Annotated[ColumnName, Field(description="the column of the category, a text")]
    target_category_value: Annotated[
        tuple[Text, ...],
        BeforeValidator(as_tuple),
        one_or_more({"type": "string"}),
        Field(min_length=1, description="the category, or a list of them, spelled exactly as in the data"),
    ]
    timestamp_col: Annotated[EventTime | None, Field(description="the column of the event time, for `as_of`")] = None
    as_of: AsOf = None

    def __post_init__(self) -> None:
        if self.as_of and self.timestamp_col is None:
            raise ValueError("as_of: `event_time` needs the column of the event time; add `timestamp_col`")
        _check_slugs(self.target_category_value)

    def input_columns(self) -> tuple[InputColumn, ...]:
        """The columns that are read."""
        category = InputColumn("category", "category_col", self.category_col, frozenset({"string"}))
        time = () if self.timestamp_col is None else (_event_time(self.timestamp_col),)
        return (_user_id(self.user_id_col), _amount(self.amount_col), category, *time)

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        """A total per category, in the order of the categories."""
        total_type = _total_type(self.amount_col, columns)
        until = "up to the row's event time" if self.as_of else "over all the user's source rows"
        return tuple(
            OutputColumn(
                f"user_total_spend_{slug(value)}",
                total_type,
                looks_ahead=not self.as_of,
                description=f"Sum of `{self.amount_col}` in the category '{value}', {until}; 0 for none.",
            )
            for value in self.target_category_value
        )


FinancialParams = UserSpendParams | MonthlyCountParams | CategoricalSpendParams

FINANCIAL_TRANSFORMERS: Mapping[str, type[FinancialParams]] = {
    "UserSpendAggregator": UserSpendParams,
    "UserMonthlyTransactionCounter": MonthlyCountParams,
    "UserCategoricalSpendAggregator": CategoricalSpendParams,
}


def _user_id(name: str) -> InputColumn:
    return InputColumn("user", "user_id_col", name, _KEY_KINDS)


def _event_time(name: str) -> InputColumn:
    return InputColumn("event time", "timestamp_col", name, frozenset({"date", "timestamp"}))


def _amount(name: str) -> InputColumn:
    return InputColumn("amount", "amount_col", name, NUMERIC)


def _total_type(amount_col: str, columns: Columns | None) -> str | None:
    """The type of a sum of amounts: exact at the source's scale, double for floating-point amounts."""
    types = {name.lower(): data_type for name, data_type in columns or ()}
    amount_type = types.get(amount_col.lower())
    if amount_type is None or kind_of(amount_type) not in NUMERIC:
        return None
    parsed = parse_type(amount_type)
    return "double" if parsed.kind == "floating" else f"decimal(38,{parsed.scale})"


def _spend_columns(days: int, amount_col: str, total_type: str | None) -> tuple[OutputColumn, OutputColumn]:
    rows = f"of `{amount_col}` over the user's rows of the last {days} x 24 hours; NULL for none."
    total, average = f"user_{days}d_total_spend", f"user_{days}d_avg_spend"
    return (
        OutputColumn(total, total_type, looks_ahead=False, description=f"Sum {rows}"),
        OutputColumn(average, "double", looks_ahead=False, description=f"Average {rows}"),
    )


def _check_slugs(values: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for value in values:
        name = slug(value)
        if not name:
            raise ValueError(
                f"target_category_value: `{value}` leaves no name for its column; "
                "expected a value with a letter a-z or a digit"
            )
        if name in seen:
            raise ValueError(
                f"target_category_value: `{seen[name]}` and `{value}` would both be the column "
                f"`user_total_spend_{name}`; keep one of them, or put the other into a job of its own"
            )
        if len(f"user_total_spend_{name}") > MAX_NAME_LENGTH:
            raise ValueError(f"target_category_value: a column name would be longer than {MAX_NAME_LENGTH} characters")
        seen[name] = value
