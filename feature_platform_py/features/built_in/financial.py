"""Define the financial transformers: parameters, the columns that they read and add, and their macros."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from feature_platform_py.core.data_types import NUMERIC, Columns, kind_of, parse_type
from feature_platform_py.core.fields import MAX_NAME_LENGTH, ColumnName, FieldError, Text, Whole, as_tuple, one_or_more
from feature_platform_py.core.text import slug
from feature_platform_py.features.columns import OutputColumn, Reads, WantedValue
from feature_platform_py.features.sql import SqlTransformer

TAG = "financial"
MAX_WINDOW_DAYS = 36_500


def _as_texts(value: Any) -> Any:
    """Return one category, or a list of them, as a tuple of texts; a whole number (a merchant code) becomes its text."""
    return tuple(
        str(each) if isinstance(each, int) and not isinstance(each, bool) else each for each in as_tuple(value)
    )


UserId = Annotated[ColumnName, Reads("user", "key"), Field(description="the column that identifies the user")]
EventTime = Annotated[
    ColumnName, Reads("event time", "time"), Field(description="the column of the event time, a date or a timestamp")
]
Amount = Annotated[ColumnName, Reads("amount", "number"), Field(description="the column of the amount, a number")]
Days = Annotated[Whole, Field(ge=1, le=MAX_WINDOW_DAYS)]
AsOf = Annotated[
    Literal["event_time"] | None,
    Field(description="`event_time`: the value as known at the row's event time, which does not look ahead"),
]


class UserSpendAggregator(SqlTransformer):
    """A user's total and average spend over the last days, for each source row and window."""

    model: ClassVar[str] = "user_spend"
    macro: ClassVar[str] = "user_spend_aggregator"
    tag: ClassVar[str] = TAG

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

    @model_validator(mode="after")
    def _columns_and_windows_differ(self) -> Self:
        _check_user_and_time(self.user_id_col, self.timestamp_col)
        if repeated := sorted({days for days in self.window_days if self.window_days.count(days) > 1}):
            raise FieldError(
                "window_days", f"{', '.join(map(str, repeated))} is given more than once; give each window once"
            )
        return self

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        """Return the total and average of each window, in the order of the windows."""
        total_type = _total_type(self.amount_col, columns)
        return tuple(
            column for days in self.window_days for column in _spend_columns(days, self.amount_col, total_type)
        )

    def grain(self) -> tuple[str, ...]:
        """Return (user, event time)."""
        return self.user_id_col, self.timestamp_col

    def event_time(self) -> str:
        """Return the event time."""
        return self.timestamp_col

    def reach_days(self) -> int:
        """Return the longest window."""
        return max(self.window_days)

    def arguments(self, types: Mapping[str, str]) -> dict[str, Any]:
        """Return the macro's arguments."""
        return {
            "user_id_col": self.user_id_col,
            "timestamp_col": self.timestamp_col,
            "window_days": list(self.window_days),
            "amount_col": self.amount_col,
            "amount_type": types[self.amount_col],
            "timestamp_type": types[self.timestamp_col],
        }


class UserMonthlyTransactionCounter(SqlTransformer):
    """The number of a user's source rows in the row's month."""

    model: ClassVar[str] = "user_monthly_transactions"
    macro: ClassVar[str] = "user_monthly_transaction_counter"
    tag: ClassVar[str] = TAG
    is_by_month: ClassVar[bool] = True

    user_id_col: UserId
    timestamp_col: EventTime
    as_of: AsOf = None

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        _check_user_and_time(self.user_id_col, self.timestamp_col)
        return self

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:  # noqa: ARG002 - the types are fixed
        """Return the month, and the count in it."""
        until = "up to the row's event time" if self.as_of else "the later ones of the month included"
        month = "The month of the event time, as yyyy-MM."
        count = f"The user's source rows in the month, {until}."
        return (
            OutputColumn("year_month", "string", looks_ahead=False, description=month),
            OutputColumn("user_monthly_txn_count", "bigint", looks_ahead=not self.as_of, description=count),
        )

    def grain(self) -> tuple[str, ...]:
        """Return (user, month), or with `as_of` (user, event time)."""
        return self.user_id_col, self.timestamp_col if self.as_of else "year_month"

    def event_time(self) -> str:
        """Return the event time."""
        return self.timestamp_col

    def month_key(self) -> str | None:
        """Return the month, which is a key without `as_of`."""
        return None if self.as_of else "year_month"

    def arguments(self, types: Mapping[str, str]) -> dict[str, Any]:
        """Return the macro's arguments."""
        return {
            "user_id_col": self.user_id_col,
            "timestamp_col": self.timestamp_col,
            "as_of": self.as_of,
            "timestamp_type": types[self.timestamp_col] if self.as_of else None,
        }


class UserCategoricalSpendAggregator(SqlTransformer):
    """A user's total spend in one category or in several."""

    model: ClassVar[str] = "user_categorical_spend"
    macro: ClassVar[str] = "user_categorical_spend_aggregator"
    tag: ClassVar[str] = TAG

    user_id_col: UserId
    amount_col: Amount
    category_col: Annotated[
        ColumnName,
        Reads("category", "category"),
        Field(description="the column of the category, a text or a whole number"),
    ]
    target_category_value: Annotated[
        tuple[Text, ...],
        BeforeValidator(_as_texts),
        one_or_more({"type": ["string", "integer"]}),
        Field(min_length=1, description="the category, or a list of them, spelled exactly as in the data"),
    ]
    timestamp_col: Annotated[
        ColumnName | None, Reads("event time", "time"), Field(description="the column of the event time, for `as_of`")
    ] = None
    as_of: AsOf = None

    @model_validator(mode="after")
    def _columns_can_be_named(self) -> Self:
        if self.as_of and self.timestamp_col is None:
            raise FieldError("as_of", "`event_time` needs the column of the event time; add `timestamp_col`")
        _check_user_and_time(self.user_id_col, self.event_time())
        _check_slugs(self.target_category_value)
        return self

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        """Return a total per category, in the order of the categories."""
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

    def wanted_values(self) -> tuple[WantedValue, ...]:
        """Return the categories."""
        return tuple(
            WantedValue(
                "target_category_value", position, self.category_col, value, f"user_total_spend_{slug(value)}", "is 0"
            )
            for position, value in enumerate(self.target_category_value)
        )

    def grain(self) -> tuple[str, ...]:
        """Return (user), or with `as_of` (user, event time)."""
        time = self.event_time()
        return (self.user_id_col,) if time is None else (self.user_id_col, time)

    def reads(self) -> tuple[str, ...]:
        """Return the keys, the amount and the category."""
        return tuple(dict.fromkeys([*self.grain(), self.amount_col, self.category_col]))

    def event_time(self) -> str | None:
        """Return the event time with `as_of`, else None."""
        return self.timestamp_col if self.as_of else None

    def reach_days(self) -> None:
        """Return None: a row counts for ever."""
        return

    def arguments(self, types: Mapping[str, str]) -> dict[str, Any]:
        """Return the macro's arguments."""
        return {
            "user_id_col": self.user_id_col,
            "category_col": self.category_col,
            "target_category_value": list(self.target_category_value),
            "timestamp_col": self.event_time(),
            "as_of": self.as_of,
            "amount_col": self.amount_col,
            "amount_type": types[self.amount_col],
            "timestamp_type": types[str(self.timestamp_col)] if self.as_of else None,
        }


def _total_type(amount_col: str, columns: Columns | None) -> str | None:
    """Return the type of a sum of amounts: exact at the source's scale, double for floating-point amounts."""
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


def _check_user_and_time(user_id_col: str, timestamp_col: str | None) -> None:
    if timestamp_col is not None and user_id_col.lower() == timestamp_col.lower():
        raise FieldError(
            "user_id_col", f"`{user_id_col}` is also the event time; expected the column that identifies the user"
        )


def _check_slugs(values: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for value in values:
        name = slug(value)
        if not name:
            raise FieldError(
                "target_category_value",
                f"`{value}` leaves no name for its column; expected a value with a letter a-z or a digit",
            )
        if name in seen:
            raise FieldError(
                "target_category_value",
                f"`{seen[name]}` and `{value}` would both be the column "
                f"`user_total_spend_{name}`; keep one of them, or move the other to another job",
            )
        if len(f"user_total_spend_{name}") > MAX_NAME_LENGTH:
            raise FieldError(
                "target_category_value", f"a column name would be longer than {MAX_NAME_LENGTH} characters"
            )
        seen[name] = value
