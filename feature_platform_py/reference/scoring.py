"""List the rows of a scoring set: the keys in some sources, at some times."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from feature_platform_py.reference.asking import as_rows, key_of
from feature_platform_py.reference.equality import canonical
from feature_platform_py.reference.tables import Row
from feature_platform_py.reference.windows import micros_of

_MICROS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class KeySource:
    """Rows with keys in some columns, and when each happened and was there, where that matters."""

    rows: Any
    keys: Sequence[str]
    event_time: str | None = None
    loaded_at: str | None = None
    available_after: int | None = None


def reference_scoring_rows(
    sources: Iterable[KeySource],
    times: Sequence[date],
    *,
    active_within: int | None = None,
    closed: Literal["right", "left"] = "right",
) -> set[tuple[Hashable, int]]:
    """Return each key with each time, in microseconds since 1970, at which it is there.

    With `active_within`, in seconds, that is where a row of the key in that time before was there already. With `closed: left` a row
    at the very time does not count.
    """
    found: set[tuple[Hashable, int]] = set()
    for source in sources:
        for row in as_rows(source.rows, "rows").rows:
            key = key_of(row, list(source.keys))
            if key is not None:
                at = [micros_of(each) for each in times]
                found |= {(canonical(key), each) for each in at if _is_there(row, source, each, active_within, closed)}
    return found


def _is_there(row: Row, source: KeySource, at: int, active_within: int | None, closed: str) -> bool:
    if active_within is None:
        return True
    happened = row[source.event_time] if source.event_time else None
    if happened is None:
        return False
    start, micros = at - active_within * _MICROS, micros_of(happened)
    is_recent = start <= micros < at if closed == "left" else start < micros <= at
    return is_recent and _is_known(row, source, micros, at)


def _is_known(row: Row, source: KeySource, happened: int, at: int) -> bool:
    if source.loaded_at:
        loaded = row[source.loaded_at]
        if loaded is None or micros_of(loaded) > at:
            return False
    return happened + (source.available_after or 0) * _MICROS <= at
