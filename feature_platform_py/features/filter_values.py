"""Check whether a row filter's value can be compared with its column without changing its meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from feature_platform_py.core.data_types import MAX_PRECISION, DataType, parse_type

_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
# Python reads more forms of time than Spark casts; accept only those that both know.
_TIME = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")


def comparison_fault(value: object, column_type: str) -> str | None:
    """Return why a value cannot be compared with a column of the type (`expected a number`), or None.

    A text fits a column of another type if it is written as that type's values are.
    """
    try:
        data_type = parse_type(column_type)
    except ValueError:
        return None
    check = _FAULTS.get(data_type.kind)
    return "expected a column of simple values" if check is None else check(value, data_type)


def _string_fault(value: object, _: DataType) -> str | None:
    return None if isinstance(value, str) else "expected a text; quote the value"


def _boolean_fault(value: object, _: DataType) -> str | None:
    return None if isinstance(value, bool) or value in ("true", "false") else "expected true or false"


def _integer_fault(value: object, data_type: DataType) -> str | None:
    number = _number(value)
    if number is None or (isinstance(value, str) and number != number.to_integral_value()):
        return "expected a whole number"
    limit = 2 ** (_BITS[data_type.text] - 1)
    return None if -limit <= number < limit else f"expected a number that fits {data_type.text}"


def _decimal_fault(value: object, data_type: DataType) -> str | None:
    number = _number(value)
    if number is None:
        return "expected a number"
    # A text is compared as the column's own type, which would round digits beyond its scale.
    places = max(0, -int(number.as_tuple().exponent))
    if isinstance(value, str) and places > data_type.scale:
        return f"expected a number with at most {data_type.scale} decimal places"
    digits = max(1, number.adjusted() + 1)
    if digits + places > MAX_PRECISION:
        return f"expected a number of at most {MAX_PRECISION} digits"
    # Engines compare in a type with the digits of both, and round digits beyond it.
    free = MAX_PRECISION - max(digits, data_type.precision - data_type.scale)
    if max(places, data_type.scale) > free:
        return f"expected a number with at most {free} decimal places, and at most {MAX_PRECISION - data_type.scale} before them"
    return None


def _floating_fault(value: object, _: DataType) -> str | None:
    return "expected a number" if _number(value) is None else None


def _date_fault(value: object, _: DataType) -> str | None:
    is_date = isinstance(value, date) and not isinstance(value, datetime)
    return None if is_date or (_is_time(value) and len(str(value)) == 10) else "expected a date such as 2024-01-31"


def _timestamp_fault(value: object, _: DataType) -> str | None:
    is_time = isinstance(value, date) or _is_time(value)
    return None if is_time else "expected a time such as 2024-01-31 or 2024-01-31 12:30:00"


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


_FAULTS: Mapping[str, Callable[[object, DataType], str | None]] = {
    "string": _string_fault,
    "boolean": _boolean_fault,
    "integer": _integer_fault,
    "decimal": _decimal_fault,
    "floating": _floating_fault,
    "date": _date_fault,
    "timestamp": _timestamp_fault,
}
