"""Windows of time over a key's rows: what their texts mean, and for how long a row counts in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from feature_platform_py.core.suggestions import suggestion
from feature_platform_py.features.feature_set import longest_periods

Closed = Literal["right", "left", "both", "none"]

_SECONDS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_WORDS: Mapping[str, str] = {"s": "s", "m": "min", "h": "h", "d": "d", "w": "w"}
_DAY = 86_400
_LONGEST: Mapping[str, int] = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
"""The calendar periods of windows, and the most days that each has."""
PERIODS = tuple(_LONGEST)
MAX_SECONDS = 36_500 * _DAY
_TRAILING = re.compile(
    r"(?P<number>\d{1,10})(?P<unit>[smhdw])(?: offset (?P<offset>\d{1,10})(?P<offset_unit>[smhdw]))?"
)
_NEXT = "next "
_KNOWN = ("lifetime", *PERIODS, *(f"previous {period}" for period in PERIODS))


@dataclass(frozen=True)
class Reach:
    """For how long after its own time a row counts: days, calendar periods with its own included, or for ever."""

    days: int = 0
    periods: Mapping[str, int] = field(default_factory=dict)
    is_forever: bool = False

    @classmethod
    def longest(cls, reaches: Iterable[Reach]) -> Reach:
        """Return the shortest reach that holds all of these."""
        found = list(reaches)
        periods = longest_periods(each.periods for each in found)
        return cls(max(each.days for each in found), periods, any(each.is_forever for each in found))


def seconds_of(text: str) -> int:
    """Return a length of time such as `6h` in seconds. Raises ValueError for a text that is none."""
    found = re.fullmatch(r"([0-9]{1,10})([smhdw])", text)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"expected a length in s, m, h, d or w of at most {MAX_SECONDS // _DAY} days, such as `6h`")
    return seconds


def whole_days(days: int, periods: Mapping[str, int]) -> int:
    """Return a number of days that is no shorter than these days, and these calendar periods."""
    # A day more, because a day of a time zone may have 25 hours.
    return max([days, *(_LONGEST[period] * number + 1 for period, number in periods.items())])


@dataclass(frozen=True)
class Window:
    """A window at an instant t. One of a length has that and its offset in seconds, another one the name of a period.

    `text` is its normal form: `30d`, `30d offset 7d`, `lifetime`, `month`, `previous month`; `next 30d` looks ahead of t.
    """

    text: str
    seconds: int = 0
    offset: int = 0
    period: str | None = None
    is_previous: bool = False
    is_next: bool = False

    @property
    def ahead(self) -> int:
        """How far ahead of t the window ends, in seconds."""
        return self.seconds + self.offset if self.is_next else 0

    @property
    def slug(self) -> str:
        """The part of a feature's name that stands for the window."""
        return self.text.replace(" ", "_")

    @property
    def is_lifetime(self) -> bool:
        """Whether all rows up to t count."""
        return self.text == "lifetime"

    def outlasts(self, seconds: int) -> bool:
        """Return whether rows of this age still count; never in calendar periods, whose length is not that of a distance."""
        return self.is_lifetime or (self.period is None and self.seconds + self.offset > seconds)

    def reach(self, *, is_zoned: bool) -> Reach:
        """Return for how long a row counts. With `is_zoned`, the window's periods are not those of the session's time zone."""
        if self.is_lifetime:
            return Reach(is_forever=True)
        if self.is_next:
            return Reach()
        if self.period is None:
            return Reach(days=-(-(self.seconds + self.offset) // _DAY))
        number = 2 if self.is_previous else 1
        if is_zoned:
            # A day more, because an hour is put forward or back.
            return Reach(days=_LONGEST[self.period] * number + 1)
        return Reach(periods={self.period: number})

    def shown(self, closed: Closed) -> str:
        """Return the window as an interval in words: `(t - 30 d, t]`."""
        begins, ends = ("[" if closed in ("left", "both") else "("), ("]" if closed in ("right", "both") else ")")
        until = "up to t" if ends == "]" else "before t"
        if self.is_lifetime:
            return f"all rows {until}"
        if self.is_previous:
            return f"the {self.period} before that of t"
        if self.period:
            return f"the {self.period} of t {until}"
        number, unit, offset, offset_unit = _TRAILING.fullmatch(self.text.removeprefix(_NEXT)).groups()  # type: ignore[union-attr]
        if self.is_next:
            start = f"t + {offset} {_WORDS[offset_unit]}" if offset else "t"
            return f"({start}, {start} + {number} {_WORDS[unit]}]"
        end = f"t - {offset} {_WORDS[offset_unit]}" if offset else "t"
        start = (
            f"t - {int(offset) + int(number)} {_WORDS[unit]}"
            if offset and unit == offset_unit
            else f"{end} - {number} {_WORDS[unit]}"
        )
        return f"{begins}{start}, {end}{ends}"


def parse_window(text: str, *, is_ahead: bool = False) -> Window:
    """Return the window that a text names; with `is_ahead`, one of the future. Raises ValueError for a text that names none."""
    normal = " ".join(text.split())
    if is_ahead:
        return _next_window(normal)
    if normal.split(" ")[0] == "next":
        raise ValueError(
            f"`{normal}` looks ahead of the row, which is for the targets of a training set; name a window that ends at t"
        )
    if normal in _KNOWN:
        period = normal.removeprefix("previous ")
        return Window(normal, period=None if normal == "lifetime" else period, is_previous=normal != period)
    found = _TRAILING.fullmatch(normal)
    if not found:
        hint = suggestion(normal, _KNOWN)
        raise ValueError(
            f"window `{normal}` is unknown.{f' {hint}' if hint else ''} Expected a length in s, m, h, d or w such as `30d` or"
            " `12h offset 1d`, `lifetime`, one of the periods day, week, month, quarter and year, or `previous` and a period"
        )
    return Window(normal, *_lengths(normal, found))


def _next_window(normal: str) -> Window:
    found = _TRAILING.fullmatch(normal.removeprefix(_NEXT)) if normal.startswith(_NEXT) else None
    if not found:
        raise ValueError(
            f"window `{normal}`: expected one ahead of the row, `next` and a length in s, m, h, d or w such as `next 30d` or"
            " `next 30d offset 7d`"
        )
    return Window(normal, *_lengths(normal, found), is_next=True)


def _lengths(normal: str, found: re.Match[str]) -> tuple[int, int]:
    """Return the length of a window and its offset in seconds."""
    seconds = int(found["number"]) * _SECONDS[found["unit"]]
    offset = int(found["offset"] or 0) * _SECONDS[found["offset_unit"] or "s"]
    if not 0 < seconds <= MAX_SECONDS or offset > MAX_SECONDS:
        raise ValueError(f"window `{normal}`: expected at least 1 second and at most {MAX_SECONDS // _DAY} days")
    if found["offset"] and offset == 0:
        raise ValueError(f"window `{normal}`: an offset of nothing; leave it out")
    return seconds, offset
