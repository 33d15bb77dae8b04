"""Say in which part of a training set a row is, by its time."""

from __future__ import annotations

from datetime import date

from feature_platform_py.reference.windows import micros_of

PURGED = "purged"


def reference_part(
    time: date | None, *, valid_from: date | None, test_from: date | None, reach_seconds: int = 0
) -> str | None:
    """Return `train`, `valid` or `test`, `purged` for a row from which a later part can be seen, and None without a time.

    `reach_seconds` is how far ahead of the row its targets look, or the gap before each later part.
    """
    if time is None:
        return None
    own, seen = (_named(micros_of(time) + ahead * 1_000_000, valid_from, test_from) for ahead in (0, reach_seconds))
    return own if own == seen else PURGED


def _named(micros: int, valid_from: date | None, test_from: date | None) -> str:
    if test_from is not None and micros >= micros_of(test_from):
        return "test"
    return "valid" if valid_from is not None and micros >= micros_of(valid_from) else "train"
