"""Quote names and text for SQL."""

from __future__ import annotations


def quoted(identifier: str) -> str:
    """Return the identifier in backticks, its own backticks doubled."""
    return "`" + identifier.replace("`", "``") + "`"


def literal(value: str) -> str:
    """Return the text as a SQL string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
