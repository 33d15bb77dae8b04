"""How two sets of rows differ, whatever their order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Row = Mapping[str, Any]


def differences(
    actual: Iterable[Row], expected: Iterable[Row], *, identified_by: Sequence[str], at_most: int = 5
) -> list[str]:
    """Sentences on how the rows differ, none if they are equal; the order of the columns counts, that of rows does not.

    `identified_by` names columns that tell rows apart, at least all rows that have unequal features: the source
    columns always do. Floats are equal if they differ by rounding only, everything else exactly.
    """
    found, wanted = (sorted(rows, key=_order(identified_by)) for rows in (actual, expected))
    if len(found) != len(wanted):
        return [f"{len(found)} rows instead of {len(wanted)}"]
    messages = []
    for mine, theirs in zip(found, wanted, strict=True):
        if list(mine) != list(theirs):
            return [f"columns {list(mine)} instead of {list(theirs)}"]
        key = {name: theirs[name] for name in identified_by}
        messages += [
            f"{key}: {name} is {mine[name]!r} instead of {theirs[name]!r}"
            for name in theirs
            if not is_same(mine[name], theirs[name])
        ]
        if len(messages) >= at_most:
            break
    return messages[:at_most]


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal: decimals and integers exactly, times as instants, floats up to rounding, also in arrays."""
    if one is None or other is None:
        return one is other
    if isinstance(one, float) and isinstance(other, float):
        both_nan = math.isnan(one) and math.isnan(other)
        return both_nan or math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(_comparable(one) == _comparable(other))


def _order(names: Sequence[str]) -> Callable[[Row], list[tuple[int, Any]]]:
    return lambda row: [_sort_key(row[name]) for name in names]


def _sort_key(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    if isinstance(value, float) and math.isnan(value):
        return (1, 0)
    return (2, list(map(_sort_key, value)) if isinstance(value, list) else _comparable(value))


def _comparable(value: Any) -> Any:
    """A time without a zone is in UTC."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
