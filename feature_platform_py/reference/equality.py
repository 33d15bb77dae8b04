"""Decide when two values are the same one."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime
from typing import Any


def canonical(value: Any) -> Hashable:
    """Return a value that is equal, and hashes alike, where two values are the same: NaN, equal instants, nested values too."""
    if hasattr(value, "tolist"):
        return canonical(value.tolist())
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, (list, tuple)):
        return tuple(map(canonical, value))
    if isinstance(value, Mapping):
        return frozenset((key, canonical(each)) for key, each in value.items())
    if isinstance(value, float) and math.isnan(value):
        return "NaN", float
    # True equals 1 in Python, but a boolean is not a number.
    return (value, bool) if isinstance(value, bool) else value
