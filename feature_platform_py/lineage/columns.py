"""Find the columns of relations that a query's columns are made of, and how each is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from feature_platform_py.core.errors import EngineError

Use = Literal["value", "condition", "partition", "order", "filter", "join"]
"""How a column is used: its value goes in, it decides which value goes in, it groups or partitions, it orders, it decides which
rows count, it matches rows."""


class LineageError(EngineError):
    """The SQL cannot be parsed, or names a column that no relation has."""


@dataclass(frozen=True, order=True)
class ColumnInput:
    """A column of a relation, and how it is used."""

    relation: str
    column: str
    use: Use


def column_inputs(sql: str, relations: Mapping[str, Sequence[str]]) -> dict[str, tuple[ColumnInput, ...]]:
    """Return the inputs of each column of a Spark SQL query, down to the columns of `relations`.

    `relations` has the column names of each relation by its name in the query, parts joined by dots. On the way down from the query's
    column, the use nearest to the relation counts: a column that partitions a window stays a partition key, whatever the window's
    result is used for, and a value that orders something is an order key. Of the columns that match rows, only values and filters
    count. A left join counts for the columns that it adds, other joins for all columns.
    Raises LineageError if the query cannot be parsed.
    """
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    try:
        parsed = parse_one(sql, dialect="spark")
        qualified = qualify(parsed, schema=_schema(relations), dialect="spark", quote_identifiers=False)
    except SqlglotError as error:
        raise LineageError(f"the SQL cannot be read for its lineage: {error}") from error
    scope = build_scope(qualified)
    if scope is None or not isinstance(qualified, exp.Query):
        raise LineageError("the SQL cannot be read for its lineage: it is not a query")
    reader = _Reader(relations)
    return {name: tuple(dict.fromkeys(reader.inputs(scope, name))) for name in reader.names(scope)}


def _schema(relations: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for name, columns in relations.items():
        *folders, table = name.split(".")
        place = schema
        for folder in folders:
            place = place.setdefault(folder, {})
        # Types do not matter here, but without any sqlglot takes a column for unknown.
        place[table] = dict.fromkeys(columns, "string")
    return schema


class _Reader:
    """Follows columns through the scopes of one query, and visits each column of a scope once."""

    def __init__(self, relations: Mapping[str, Sequence[str]]) -> None:
        self._spelled = {
            name.lower(): (name, {column.lower(): column for column in columns}) for name, columns in relations.items()
        }
        self._known: dict[tuple[int, str], tuple[ColumnInput, ...]] = {}

    def names(self, scope: Any) -> list[str]:
        """Return the names of the query's columns, in order."""
        return [self._written(name) for name in scope.expression.named_selects]

    def inputs(self, scope: Any, name: str) -> tuple[ColumnInput, ...]:
        """Return the inputs of a column of a scope."""
        key = (id(scope), name.lower())
        if key not in self._known:
            self._known[key] = tuple(dict.fromkeys(self._found(scope, name.lower())))
        return self._known[key]

    def _found(self, scope: Any, name: str) -> Iterator[ColumnInput]:
        if scope.set_operation_scopes:
            position = [each.lower() for each in scope.expression.named_selects].index(name)
            for part in scope.set_operation_scopes:
                yield from self.inputs(part, part.expression.named_selects[position])
            return
        tables: set[str] = set()
        for projection in scope.expression.selects:
            if projection.alias_or_name.lower() == name:
                for column, use in _columns_in(projection):
                    tables.add(column.table)
                    yield from self._resolved(scope, column, use)
                yield from self._of_subqueries(scope, projection)
        for part, use in _row_parts(scope.expression, tables):
            for column, inner in _columns_in(part):
                yield from self._resolved(scope, column, use if inner == "value" else inner)

    def _resolved(self, scope: Any, column: Any, use: Use) -> Iterator[ColumnInput]:
        from sqlglot import exp

        source = scope.sources.get(column.table)
        if isinstance(source, exp.Table):
            yield self._input(source, column.name, use)
        elif source is not None:
            for each in self.inputs(source, column.name) if self._has(source, column.name) else ():
                if combined := _combined(use, each.use):
                    yield ColumnInput(each.relation, each.column, combined)

    def _of_subqueries(self, scope: Any, projection: Any) -> Iterator[ColumnInput]:
        for inner in scope.subquery_scopes:
            if inner.expression.find_ancestor(type(projection)) is not None and inner.expression in set(
                projection.walk()
            ):
                for name in inner.expression.named_selects:
                    yield from self.inputs(inner, name)

    def _has(self, scope: Any, name: str) -> bool:
        return name.lower() in [each.lower() for each in scope.expression.named_selects]

    def _input(self, table: Any, column: str, use: Use) -> ColumnInput:
        name = ".".join(part.name for part in table.parts)
        relation, columns = self._spelled.get(name.lower(), (name, {}))
        return ColumnInput(relation, columns.get(column.lower(), column), use)

    def _written(self, name: str) -> str:
        known = {lower: column for _, columns in self._spelled.values() for lower, column in columns.items()}
        return known.get(name.lower(), name)


def _combined(outer: Use, inner: Use) -> Use | None:
    """Return the use of a column that is used as `inner` for something that is used as `outer`; None if it does not count."""
    if inner == "value":
        return outer
    # For a join key, it does not matter how it was computed, but which rows exist does.
    return None if outer == "join" and inner != "filter" else inner


def _row_parts(select: Any, tables: set[str]) -> Iterator[tuple[Any, Use]]:
    """Yield the parts of a select that decide its rows, and so count for its columns from `tables`."""
    arguments = select.args
    for join in arguments.get("joins") or ():
        is_left = join.side == "LEFT" and join.kind in {"", "OUTER"}
        if (on := join.args.get("on")) and (not is_left or join.alias_or_name in tables):
            yield on, "join"
    for name, use in (("where", "filter"), ("having", "filter"), ("qualify", "filter"), ("group", "partition")):
        if part := arguments.get(name):
            yield part, use  # type: ignore[misc]


def _columns_in(expression: Any) -> Iterator[tuple[Any, Use]]:
    """Yield the columns of an expression, without its subqueries, and how the expression uses them."""
    from sqlglot import exp

    for column in expression.find_all(exp.Column):
        if (use := _use_in(column, expression)) is not None:
            yield column, use


def _use_in(column: Any, top: Any) -> Use | None:
    """Return the nearest use of the column other than as a value; None for a column of a subquery."""
    from sqlglot import exp

    found: Use = "value"
    node = column
    while node is not top:
        parent = node.parent
        if isinstance(parent, exp.Query):
            return None
        use = _use_of_argument(parent, node)
        if found == "value" and use:
            found = use
        node = parent
    return found


def _use_of_argument(parent: Any, node: Any) -> Use | None:
    from sqlglot import exp

    if isinstance(parent, exp.Window) and node.arg_key == "partition_by":
        return "partition"
    if isinstance(parent, exp.Order | exp.Ordered):
        return "order"
    if isinstance(parent, exp.Filter) and node.arg_key == "expression":
        return "filter"
    if isinstance(parent, exp.If | exp.Case) and node.arg_key == "this":
        return "condition"
    return None


def uses_by_column(inputs: Iterable[ColumnInput]) -> dict[tuple[str, str], tuple[Use, ...]]:
    """Return the uses of each column among the inputs, in the order in which they appear."""
    uses: dict[tuple[str, str], list[Use]] = {}
    for each in inputs:
        uses.setdefault((each.relation, each.column), []).append(each.use)
    return {column: tuple(dict.fromkeys(found)) for column, found in uses.items()}
