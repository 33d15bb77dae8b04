"""Check a user's query and derive statements from it, without the values of its parameters."""

from __future__ import annotations

import re
from collections.abc import Collection


def without_rows(query: str) -> str:
    """Return a statement that gives the columns of a valid query, and no row."""
    ends, _ = _semicolons(query)
    # On separate lines, because the query may end in a comment.
    return f"select * from (\n{query[: ends[0]] if ends else query}\n) limit 0"  # noqa: S608 - the user's own query


def query_fault(query: str, names: Collection[str]) -> str | None:
    """Return the fault that a query's text shows, given the names of its parameters, or None."""
    # The connector replaces such a marker even in a literal.
    if names and (found := re.search(r"%\(\w+\)s", query)):
        return (
            f"expected `:name` where a parameter is; the connector replaces texts like `{found[0]}`, even in a literal"
        )
    ends, last = _semicolons(query)
    if ends and last > ends[0]:
        return "expected a single query, without another statement after its `;`"
    return None


def _semicolons(query: str) -> tuple[list[int], int]:
    """Return the positions of the query's semicolons outside of texts and comments, and of its last other token."""
    from sqlglot import tokenize
    from sqlglot.errors import SqlglotError

    try:
        tokens = tokenize(query, read="databricks")
    except SqlglotError:
        # The server explains the fault better.
        return [], 0
    ends = [token.start for token in tokens if token.token_type.name == "SEMICOLON"]
    return ends, max((token.start for token in tokens if token.start not in ends), default=0)
