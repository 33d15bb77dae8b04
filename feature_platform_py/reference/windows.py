"""Decide which times lie in a window: each window as an interval of microseconds since 1970, by its definition.

Nothing here is shared with the code that it checks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

PERIODS = ("day", "week", "month", "quarter", "year")
SIDES = ("right", "left", "both", "none")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_TRAILING = re.compile(r"0*([1-9][0-9]*)([smhdw])(?: offset 0*([1-9][0-9]*)([smhdw]))?")
# The calendar repeats after 400 years, days of the week included.
_CYCLE = timedelta(days=146_097)


@dataclass(frozen=True)
class Interval:
    """An interval of times in microseconds; without a start it holds everything up to its end."""

    start: int | None
    end: int
    has_start: bool
    has_end: bool

    def holds(self, micros: int) -> bool:
        """Return whether a time lies in the interval."""
        is_after_start = self.start is None or micros > self.start or (self.has_start and micros == self.start)
        is_before_end = micros < self.end or (self.has_end and micros == self.end)
        return is_after_start and is_before_end


def micros_of(value: date | datetime) -> int:
    """Return a time in microseconds since 1970: a date is its midnight, a time without a zone is in UTC."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    return (moment - EPOCH) // MICROSECOND


def window_interval(window: str, *, at: int, closed: str = "right", zone: tzinfo = UTC) -> Interval:
    """Return the interval of a window at a time; `zone` decides where its calendar periods start.

    Raises ValueError for an unknown window or side, and for a window that looks ahead.
    """
    if closed not in SIDES:
        raise ValueError(f"`closed`: expected one of {', '.join(SIDES)}, got {closed!r}")
    has_start, has_end = closed in ("left", "both"), closed in ("right", "both")
    if trailing := trailing_lengths(window):
        length, offset = trailing
        return Interval(at - offset - length, at - offset, has_start, has_end)
    if window == "lifetime":
        return Interval(None, at, has_start=False, has_end=has_end)
    if window in PERIODS:
        return Interval(_period_start(window, at, zone), at, has_start=True, has_end=has_end)
    if (period := window.removeprefix("previous ")) in PERIODS:
        start = _period_start(period, at, zone)
        return Interval(_period_start(period, start - 1, zone), start, has_start=True, has_end=False)
    raise ValueError(
        f"window {window!r}: expected `<N><unit>` or `<N><unit> offset <M><unit>` with a unit of s, m, h, d, w,"
        f" `lifetime`, {', '.join(PERIODS)}, or `previous <period>`"
    )


def next_interval(window: str, *, at: int) -> Interval:
    """Return the interval of a window such as `next 30d` or `next 30d offset 7d`: (t + offset, t + offset + length].

    Raises ValueError for another window.
    """
    lengths = trailing_lengths(window.removeprefix("next ")) if window.startswith("next ") else None
    if lengths is None:
        raise ValueError(f"window {window!r}: expected `next <N><unit>` or `next <N><unit> offset <M><unit>`")
    start = at + lengths[1]
    return Interval(start, start + lengths[0], has_start=False, has_end=True)


def trailing_lengths(window: Any) -> tuple[int, int] | None:
    """Return the length and the offset of a window such as `30d offset 7d` in microseconds; None for other windows."""
    match = _TRAILING.fullmatch(window) if isinstance(window, str) else None
    if match is None:
        return None
    length, offset = _micros(match[1], match[2]), _micros(match[3], match[4]) if match[3] else 0
    return length, offset


def _micros(number: str, unit: str) -> int:
    return int(number) * _SECONDS[unit] * 1_000_000


def _period_start(period: str, micros: int, zone: tzinfo) -> int:
    """Return the midnight in the zone at which the time's calendar period starts."""
    moved = _move_to_inner_years(micros)
    day = (EPOCH + (micros + moved) * MICROSECOND).astimezone(zone).date()
    return micros_of(datetime.combine(_first_day(period, day), time(), zone)) - moved


def _move_to_inner_years(micros: int) -> int:
    """Return 0, or 400 years in microseconds by which a time in Python's first or last years has to be moved."""
    if micros < micros_of(date(3, 1, 1)):
        return _CYCLE // MICROSECOND
    return -(_CYCLE // MICROSECOND) if micros >= micros_of(date(9998, 1, 1)) else 0


def _first_day(period: str, day: date) -> date:
    match period:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case _:
            return day.replace(month=1, day=1)
