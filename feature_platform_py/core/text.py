"""Align text in columns, and write values as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

MASK = "**********"
"""What stands in the place of a secret."""
PARAMETER = re.compile("<([a-z][a-z0-9_]*)>")
"""A parameter in the name of a feature: `user_<days>d_largest`."""


def aligned(rows: Iterable[Sequence[str]], indent: str = "  ") -> list[str]:
    """Return the rows as lines with columns of equal width."""
    lines = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)] if lines else []
    return [
        (indent + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))).rstrip()
        for line in lines
    ]


def html_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the rows as an HTML table for a notebook; every cell is text."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f'<{tag} style="text-align:left">{escape(cell)}</{tag}>' for cell in cells) + "</tr>"

    return "<table>" + (line(header, "th") if header else "") + "".join(line(row, "td") for row in rows) + "</table>"


def yaml_argument(values: Mapping[str, Any]) -> str:
    """Return the values as YAML on one line, in ASCII, for dbt's `--vars`.

    JSON is YAML, except for characters beyond U+FFFF: JSON escapes them as two halves, YAML as one character.
    """
    text = json.dumps(values, ensure_ascii=False)
    return re.sub(r"[^\x20-\x7e]", lambda match: f"\\U{ord(match[0]):08X}", text)


def slug(value: str) -> str:
    """Return the value as part of a column name: lower case, each run outside [a-z0-9] one `_`, trimmed."""
    return re.sub("[^a-z0-9]+", "_", value.lower()).strip("_")


def without_stack_trace(message: str) -> str:
    """Return a message of a JVM without the lines that say where in its code it failed."""
    return re.split(r"\n\s*at [\w.$]+\S*\(", message, maxsplit=1)[0].rstrip()
