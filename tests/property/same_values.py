"""Compare a value with that of a reference."""

from __future__ import annotations

import math
from typing import Any


def is_same(one: Any, other: Any, *, tolerance: float) -> bool:
    """Return whether two values are the same; floats within a relative tolerance, those in lists exactly."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=tolerance) or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(is_same(*pair, tolerance=0) for pair in zip(one, other, strict=True))
    return bool(one == other)
