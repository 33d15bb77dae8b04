"""Fit lines and tables into the window of a terminal."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from decimal import Decimal
from itertools import zip_longest
from typing import Any, TextIO

from feature_platform_py.core.suggestions import escaped

_CELLS = re.compile(r"(?<=\S) {2,}(?=\S)")
_GAP = "  "
# A header of more lines is hard to read.
_HEADER_LINES = 4
_USUAL_WIDTH = 80
_DIGITS, _MIN_DECIMALS, _MAX_DECIMALS = 7, 2, 6


def width_of(stream: TextIO) -> int | None:
    """Return how many characters a line of a terminal holds; None for a pipe or a file, whose lines hold any number."""
    if not stream.isatty():
        return None
    try:
        # A terminal without a size says 0.
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except (OSError, ValueError):
        return _USUAL_WIDTH


def table_width(stream: TextIO) -> int | None:
    """Return how wide a table may be: as `COLUMNS` says, or as the terminal is."""
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() and int(given) else width_of(stream)


def fitted(text: str, width: int | None) -> str:
    """Return the text with long lines broken between words, never inside; further lines begin below the last cell."""
    if width is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in _broken(line, width))


def _broken(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    lead = len(line) - len(line.lstrip())
    indents = [gap.end() for gap in reversed(list(_CELLS.finditer(line)))] or [lead]
    fits = [indent for indent in indents if indent + max(map(len, line[indent:].split())) <= width]
    indent = fits[0] if fits else lead + 4
    return textwrap.wrap(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


@dataclass(frozen=True)
class _Column:
    """A column as it is shown: the lines of its header, and the text of each row."""

    name: str
    header: tuple[str, ...]
    cells: tuple[str, ...]
    is_number: bool

    @property
    def width(self) -> int:
        return max(map(_length, (*self.header, *self.cells)))


def table_lines(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    width: int | None = None,
    first: Sequence[str] = (),
    truncate: bool | int = False,
) -> list[str]:
    """Return rows as the lines of a table that fits the width; doubles are rounded, and other values are exact.

    If not all columns fit, headers are broken at underscores, and `first` names the columns that matter most. A last line names the
    columns that are not shown. `truncate` is the longest value shown, True for 20 and False for any length.
    """
    limit = 20 if truncate is True else int(truncate)
    whole = [_column(name, [row[at] for row in rows], limit) for at, name in enumerate(columns)]
    if width is None or _width(whole) <= width:
        return _lines(whole)
    narrow = [_without_midnights(each, [row[at] for row in rows]) for at, each in enumerate(whole)]
    shown = _fitting(narrow, width, first)
    # The line may have no place for all names either.
    hidden = sorted(
        {*columns} - {each.name for each in shown}, key=lambda name: (name not in first, columns.index(name))
    )
    return [*_lines(shown), *([_not_shown(hidden, width)] if hidden else [])]


def _fitting(columns: Sequence[_Column], width: int, first: Sequence[str]) -> list[_Column]:
    """Return the columns that fit, with headers that are broken no more than the columns of `first` need to fit."""
    wanted = {each.name for each in columns if each.name in first} or {each.name for each in columns}
    chosen: list[_Column] = []
    for height in range(1, _HEADER_LINES + 1):
        chosen = _chosen([_with_header(each, height) for each in columns], width, first)
        if wanted <= {each.name for each in chosen}:
            break
    return chosen


def _chosen(columns: Sequence[_Column], width: int, first: Sequence[str]) -> list[_Column]:
    """Return the columns that fit, in their order; at least one. Those that are named first are tried first."""
    rank = {name: at for at, name in enumerate(first)}
    left, chosen = width + len(_GAP), list[str]()
    for each in sorted(columns, key=lambda each: rank.get(each.name, len(rank))):
        if each.width + len(_GAP) <= left or not chosen:
            chosen.append(each.name)
            left -= each.width + len(_GAP)
    return [each for each in columns if each.name in chosen]


def _column(name: str, values: Sequence[Any], limit: int) -> _Column:
    is_number = any(isinstance(each, int | float | Decimal) and not isinstance(each, bool) for each in values)
    decimals = _decimals([each for each in values if isinstance(each, float)])
    return _Column(escaped(name), (escaped(name),), tuple(_cell(each, limit, decimals) for each in values), is_number)


def _without_midnights(column: _Column, values: Sequence[Any]) -> _Column:
    """Return the column with the times of day left out if all are midnight."""
    times = [each for each in values if each is not None]
    is_dates = bool(times) and all(isinstance(each, datetime) and each.time() == time() for each in times)
    return replace(column, cells=tuple(each.removesuffix(" 00:00:00") for each in column.cells)) if is_dates else column


def _with_header(column: _Column, height: int) -> _Column:
    """Return the column with its name broken behind underscores, in at most so many lines, as narrow as the cells or nearly."""
    name, room = column.header[0], max(map(len, column.cells), default=0)
    parts = re.findall(r"[^_]*_+|[^_]+$", name) or [name]
    for wanted in range(max(room, *map(len, parts)), len(name) + 1):
        lines = [""]
        for part in parts:
            if lines[-1] and len(lines[-1]) + len(part) > wanted:
                lines.append("")
            lines[-1] += part
        if len(lines) <= height:
            return replace(column, header=tuple(lines))
    return column


def _decimals(values: Sequence[float]) -> int:
    """Return how many decimals show seven digits of the largest value; fewer if none of the values has as many."""
    usual = [abs(each) for each in values if each == each and abs(each) < 10.0**_DIGITS]
    whole = len(str(int(max(usual, default=0.0))))
    decimals = min(max(_DIGITS - whole, _MIN_DECIMALS), _MAX_DECIMALS)
    used = [len(f"{each:.{decimals}f}".rstrip("0").partition(".")[2]) for each in usual]
    return max(1, max(used, default=1))


def _cell(value: object, limit: int, decimals: int) -> str:
    if isinstance(value, float):
        text = f"{value:.{decimals}f}" if _is_usual(value, decimals) else f"{value:.{_DIGITS}g}"
    else:
        text = "NULL" if value is None else escaped(str(value))
    return text if not limit or len(text) <= limit else text[: max(limit - 3, 0)] + "..."


def _is_usual(value: float, decimals: int) -> bool:
    """Return whether decimals show a value well: neither a very large one, nor a small one of which they show nothing."""
    return value == 0 or 10.0**-decimals <= abs(value) < 10.0 ** (2 * _DIGITS)


def _width(columns: Sequence[_Column]) -> int:
    return sum(each.width for each in columns) + len(_GAP) * (len(columns) - 1)


def _lines(columns: Sequence[_Column]) -> list[str]:
    height = max((len(each.header) for each in columns), default=0)
    headers = [("",) * (height - len(each.header)) + each.header for each in columns]
    rows = [*zip(*headers, strict=True), *zip_longest(*(each.cells for each in columns))]
    shown = [_GAP.join(_padded(cell, each) for cell, each in zip(row, columns, strict=True)).rstrip() for row in rows]
    return [*shown[:height], "─" * _width(columns), *shown[height:]] if columns else []


def _padded(text: str, column: _Column) -> str:
    room = " " * (column.width - _length(text))
    return room + text if column.is_number else text + room


def _length(text: str) -> int:
    """Return how many cells of a terminal a text takes; Chinese characters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _not_shown(names: Sequence[str], width: int) -> str:
    """Return one line with the names of the columns that are not shown, as far as it holds them."""
    start = f"{len(names)} column{'s' if len(names) > 1 else ''} not shown: "
    for count in range(len(names), 0, -1):
        more = f" and {len(names) - count} more" if count < len(names) else ""
        if len(line := start + ", ".join(names[:count]) + more) <= width:
            return line
    return start.removesuffix(": ")
