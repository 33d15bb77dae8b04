"""How a column of a text file is declared, and errors that name a place in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.core.suggestions import printable

MOST_REPORTED = 5


@dataclass(frozen=True)
class Reading:
    """How a column is read: its type, the spelling of its values, and its name in the table.

    `type` is None if the rows decide it. `format` is a pattern of dates or times; `group` separates thousands.
    """

    type: str | None = None
    format: str | None = None
    decimal: str = "."
    group: str = ""
    rename: str | None = None


Readings = Mapping[str, Reading]


@dataclass(frozen=True)
class BadValue:
    """A value that its type cannot hold: its position in these rows, and what was expected."""

    row: int
    value: str
    expected: str


def shown(path: str | Path) -> str:
    """Return a path for a message: from the working directory if it lies below it."""
    absolute_path = Path(path)
    is_below = absolute_path.is_relative_to(Path.cwd())
    return str(absolute_path.relative_to(Path.cwd()) if is_below else path)


def with_article(expected: str) -> str:
    """Return what is expected with `a` or `an` before it."""
    return f"{'an' if expected.startswith(tuple('aeiou')) else 'a'} {expected}"


def bad_value(file: Path, line: int, column: str, found: BadValue) -> str:
    """Return the message for a value that its column's type cannot hold."""
    value = printable(found.value)
    return f"{shown(file)}:{line}: column `{column}`: `{value}` is not {with_article(found.expected)}"


def unreadable(messages: Iterable[str]) -> DataCheckError:
    """Return one error with the first messages, at most five."""
    return DataCheckError("\n".join(list(messages)[:MOST_REPORTED]))
