"""Small questions about a job's source: is there a row like this, and which values does a column have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from feature_platform_py.core.sql_text import literal, quoted
from feature_platform_py.targets import Backend

MAX_VALUES = 300
"""How many values of a column are looked at for the one that was meant."""

_OPERATORS = {"equals": "=", "not_equals": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_OPERATORS |= {"in": "in", "not_in": "not in", "is_null": "is null", "is_not_null": "is not null"}


def conditions_met(backend: Backend, relation: str, conditions: Sequence[str]) -> list[bool]:
    """Return for each condition whether a row meets it.

    The engine stops reading at the first such row: only where there is none it reads all of them.
    """
    if not conditions:
        return []
    statement = " union all ".join(
        f"select {number} as number from (select 1 as found from {relation} where {condition} limit 1) as look_up_{number}"  # noqa: S608
        for number, condition in enumerate(conditions)
    )
    met = {int(number) for [number] in backend.query(statement).values}
    return [number in met for number in range(len(conditions))]


def some_values(backend: Backend, relation: str, column: str, condition: str) -> list[str]:
    """Return distinct values of a column as text, in the rows that meet a condition: all, or some where there are very many."""
    name = quoted(column)
    statement = (
        f"select distinct cast({name} as string) as value from {relation}"  # noqa: S608 - quoted
        f" where {name} is not null and ({condition}) limit {MAX_VALUES}"
    )
    return sorted(str(value) for [value] in backend.query(statement).values)


def filter_condition(row_filter: Mapping[str, Any]) -> str:
    """Return a row filter, as the models have it, as SQL; the macro `_row_filter` is what the models use."""
    operator, literals = _OPERATORS[row_filter["op"]], [typed_literal(each) for each in row_filter["literals"]]
    if row_filter["op"] in {"in", "not_in"}:
        return f"{quoted(row_filter['column'])} {operator} ({', '.join(literals)})"
    return " ".join([quoted(row_filter["column"]), operator, *literals])


def typed_literal(value: Mapping[str, str]) -> str:
    """Return a filter's value in SQL, of the type that it is compared as."""
    # Spark on the JVM would take `${` for the start of a variable even inside quotes.
    text = literal(value["text"]).replace("$", "\\u0024")
    return text if value["type"] == "string" else f"cast({text} as {value['type']})"
