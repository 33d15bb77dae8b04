"""The texts that are made of a user's query; the values of its parameters are never part of them."""

from __future__ import annotations

import re
from collections.abc import Collection


def without_rows(query: str) -> str:
    """A statement that returns the columns of a query without faults, and no row."""
    ends, _ = _semicolons(query)
    # Lines of its own, because the query may end in a comment.
    return f"select * from (\n{query[: ends[0]] if ends else query}\n) limit 0"  # noqa: S608 - the user's own query


def query_fault(query: str, names: Collection[str]) -> str | None:
    """What is wrong with a query whose parameters have these names, as far as its text tells; None if nothing is."""
    # The connector replaces such a marker, be it in a literal.
    if names and (found := re.search(r"%\(\w+\)s", query)):
        return f"expected `:name` where a parameter is; what is written like `{found[0]}` would be replaced, in a literal too"
    ends, last = _semicolons(query)
    if ends and last > ends[0]:
        return "expected a single query, without another statement after its `;`"
    return None


def _semicolons(query: str) -> tuple[list[int], int]:
    """Where the query's semicolons are, outside of texts and comments, and where its last other token starts."""
    from sqlglot import tokenize
    from sqlglot.errors import SqlglotError

    try:
        tokens = tokenize(query, read="databricks")
    except SqlglotError:
        # The server says better what is wrong.
        return [], 0
    ends = [token.start for token in tokens if token.token_type.name == "SEMICOLON"]
    return ends, max((token.start for token in tokens if token.start not in ends), default=0)
