"""A statement as Spark's lexer sees its texts, written from the rules of its documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"'((?:[^'\\]|\\.)*)'|`(?:[^`]|``)*`|--[^\n]*|/\*.*?\*/", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-3][0-7]{2})|(.))", re.DOTALL)
_NAMED = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}


def literals(statement: str) -> Iterator[str]:
    """Yield the values of the texts in the statement."""
    for match in _TOKEN.finditer(statement):
        if match[1] is not None:
            yield unescaped(match[1])


def without_literals(statement: str) -> str:
    """Return what is left of the statement outside its texts, quoted names and comments."""
    return _TOKEN.sub("''", statement)


def unescaped(text: str) -> str:
    """Return the value of what stands between the quotes of a text."""
    return _ESCAPE.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    short, long, octal, other = match.groups()
    if short or long:
        return chr(int(short or long, 16))
    return chr(int(octal, 8)) if octal else _NAMED.get(other, other)
