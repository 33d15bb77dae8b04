"""Read times and lengths of time in a job's file."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

from feature_platform_py.core.fields import Text
from feature_platform_py.features.windows import seconds_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXPECTED = "expected a day such as `2024-01-31`, or a time with its zone such as `2024-01-31T12:00:00Z`"


def time_of(value: Any) -> date:
    """Return a day, or a time with a zone as one of UTC. Raises ValueError for anything else."""
    found = _parsed(value) if isinstance(value, str) else value
    if not isinstance(found, date):
        raise ValueError(_EXPECTED)  # noqa: TRY004 - pydantic wants a ValueError
    if not isinstance(found, datetime):
        return found
    if found.tzinfo is None:
        raise ValueError(f"{_EXPECTED}; add the zone, because it decides which rows are before that time")
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise ValueError("expected a time in the years 1 to 9999 of UTC") from None


def _parsed(text: str) -> date:
    try:
        return date.fromisoformat(text) if len(text) == len("2024-01-31") else datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_EXPECTED) from None


def micros_of(value: date) -> int:
    """Return a time in microseconds since 1970; a day is its midnight in UTC."""
    at = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    return (at - _EPOCH) // timedelta(microseconds=1)


def is_day(value: date) -> bool:
    """Return whether a value is a day, and not a time of a day."""
    return not isinstance(value, datetime)


def _length(value: str) -> str:
    seconds_of(value)
    return value


TimeValue = Annotated[Any, AfterValidator(time_of), WithJsonSchema({"type": "string"})]
Length = Annotated[Text, AfterValidator(_length)]
