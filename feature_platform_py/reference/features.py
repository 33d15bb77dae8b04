"""Compute WindowAggregator's features a second time: in plain Python, row by row, straight from their definitions.

It is slow, because each row looks at all rows of its key, and shares nothing with the SQL that it checks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from string import ascii_lowercase, digits
from typing import Any
from zoneinfo import ZoneInfo

from feature_platform_py.reference.equality import canonical
from feature_platform_py.reference.tables import Row, Table, as_table
from feature_platform_py.reference.values import FUNCTIONS, Amounts, Asked, Counted, passes, rank
from feature_platform_py.reference.windows import micros_of, window_interval

_PARAMETERS = {"keys", "timestamp_col", "features", "prefix", "time_zone"}
_DEFINING = {"name", "function", "column", "windows", "closed", "where", "by", "fill_value", "k", "order_by"}
_DESCRIBING = {"description", "tags", "owner"}
_OF_ROWS = {"count", "seconds_since_first", "seconds_since_last"}
_ORDERED = {"first", "last", "first_k", "last_k"}
_ARRAYS = {"first_k", "last_k"}
_OF_NUMBERS = {"sum", "avg", "stddev", "variance"}
_BIGINTS = {"count", "count_distinct"}
_DOUBLES = {"avg", "stddev", "variance", "seconds_since_first", "seconds_since_last"}
_FLOATING = {"float", "double"}


@dataclass(frozen=True)
class _Feature:
    """A column that is added: its name, and the definition of its value."""

    name: str
    function: str
    window: str
    column: str | None
    closed: str
    where: tuple[Mapping[str, Any], ...]
    order: tuple[str, ...]
    amounts: Amounts
    k: int


@dataclass(frozen=True)
class _Source:
    """The rows, the types of their columns as far as they are known, and what the parameters say of all features."""

    columns: tuple[str, ...]
    types: Mapping[str, str]
    rows: Sequence[Row]
    keys: tuple[str, ...]
    event_time: str
    zone: tzinfo
    primary_key: tuple[str, ...]

    def spelled(self, name: str) -> str:
        """Return a column's name as the rows spell it. Raises ValueError if they do not have it."""
        for each in self.columns:
            if each.lower() == name.lower():
                return each
        raise ValueError(f"column `{name}` is missing; the rows have {', '.join(self.columns)}")

    def amounts(self, column: str, fill_value: Any) -> Amounts:
        """Return how the numbers of a column are added."""
        data_type = self.types.get(column)
        has_floats = any(isinstance(row[column], float) for row in self.rows)
        is_floating = has_floats if data_type is None else data_type in _FLOATING
        return Amounts(column, is_floating, _scale(data_type), fill_value)


def reference_features(
    rows: Any,
    params: Mapping[str, Any],
    *,
    types: Mapping[str, str] | None = None,
    primary_key: str | Sequence[str] = (),
) -> Table:
    """Return the rows with the features that WindowAggregator defines, in a form that `assert_features_equal` takes.

    `rows` is a Spark or pandas DataFrame, an Arrow table or a list of dicts, and `params` are WindowAggregator's, as a job
    gives them. `types` are the Spark SQL types of columns of a list of dicts, as far as they matter. `primary_key` orders
    ties of `first` and `last` without `order_by`. The result has the columns and the order of the rows, then the
    features, and their types if those of the rows are known; its `rows` are dicts.

    Raises ValueError for parameters without a meaning, and OverflowError for a sum that has no room in its type.
    """
    table = as_table(rows, "rows")
    if table.columns is None and not types:
        return table
    source = _source(table, params, types=types or {}, primary_key=_as_list(primary_key))
    features = [
        feature for each in params["features"] for feature in _features(each, source, params.get("prefix") or "")
    ]
    by_key: defaultdict[Hashable, list[tuple[int, Row]]] = defaultdict(list)
    for row in source.rows:
        if (place := _place(row, source)) is not None:
            by_key[place[0]].append((place[1], row))
    found: list[Row] = []
    for row in source.rows:
        place = _place(row, source)
        events = by_key[place[0]] if place else []
        values = {each.name: _value(each, events, place[1], source) if place else None for each in features}
        found.append({**row, **values})
    added = {each.name: data_type for each in features if (data_type := _type(each, source))}
    return Table((*source.columns, *(each.name for each in features)), {**source.types, **added}, found)


def _source(
    table: Table, params: Mapping[str, Any], *, types: Mapping[str, str], primary_key: Sequence[str]
) -> _Source:
    if unknown := params.keys() - _PARAMETERS:
        raise ValueError(
            f"unknown parameters: {', '.join(sorted(unknown))}; known are {', '.join(sorted(_PARAMETERS))}"
        )
    rows = [
        {name: None if name in table.blurred and _is_nan(value) else value for name, value in row.items()}
        for row in table.rows
    ]
    columns, known = table.columns or tuple(types), {**table.types, **types}
    source = _Source(columns, known, rows, (), "", UTC, ())
    event_time = source.spelled(params["timestamp_col"])
    has_dates = known.get(event_time) == "date" or any(_is_date(row[event_time]) for row in rows)
    # A date's periods are its own, whatever the zone.
    zone = UTC if has_dates or not params.get("time_zone") else ZoneInfo(params["time_zone"])
    keys = tuple(source.spelled(name) for name in _as_list(params["keys"]))
    return _Source(columns, known, rows, keys, event_time, zone, tuple(map(source.spelled, primary_key)))


def _features(definition: Mapping[str, Any], source: _Source, prefix: str) -> Iterator[_Feature]:
    """Yield a column for each window, and for each value of `by`."""
    function = definition["function"]
    if unknown := definition.keys() - _DEFINING - _DESCRIBING:
        raise ValueError(f"feature: unknown keys {', '.join(sorted(unknown))}")
    if function not in FUNCTIONS:
        raise ValueError(f"`function`: expected one of {', '.join(FUNCTIONS)}, got {function!r}")
    column = source.spelled(definition["column"]) if definition.get("column") else None
    if column is None and function not in _OF_ROWS:
        raise ValueError(f"`{function}`: `column` is missing")
    if column is not None and function in _OF_ROWS - {"count"}:
        raise ValueError(f"`{function}` is of rows; expected no `column`, got `{column}`")
    if (definition.get("k") or 0) < (function in _ARRAYS):
        raise ValueError(f"`{function}`: expected `k` of at least 1, got {definition.get('k')}")
    name = definition.get("name") or _default_name(function, definition.get("column"), definition.get("k"))
    where = tuple(
        {**each, "column": source.spelled(each["column"])} for each in _as_list(definition.get("where") or ())
    )
    amounts = source.amounts(column or "", definition.get("fill_value")) if function in _OF_NUMBERS else Amounts()
    for slug, condition in _groups(definition.get("by"), source):
        for window in (" ".join(each.split()) for each in _as_list(definition["windows"])):
            yield _Feature(
                name=prefix + "_".join([name, *slug, window]).replace(" ", "_"),
                function=function,
                window=window,
                column=column,
                closed=definition.get("closed") or "right",
                where=(*where, *condition),
                order=_order(definition, source) if function in _ORDERED else (),
                amounts=amounts,
                k=definition.get("k") or 0,
            )


def _default_name(function: str, column: str | None, k: int | None) -> str:
    called = function.replace("_k", f"_{k}") if function in _ARRAYS else function
    return f"{column}_{called}" if column else called


def _groups(by: Mapping[str, Any] | None, source: _Source) -> Iterator[tuple[list[str], list[Mapping[str, Any]]]]:
    """Yield a part of the name and a condition for each value of `by`; both empty without `by`."""
    if by is None:
        yield [], []
        return
    for value in _as_list(by["values"]):
        kept = "".join(each if each in ascii_lowercase + digits else " " for each in str(value).lower())
        yield ["_".join(kept.split())], [{"column": source.spelled(by["column"]), "op": "equals", "value": value}]


def _order(definition: Mapping[str, Any], source: _Source) -> tuple[str, ...]:
    order = _as_list(definition.get("order_by") or source.primary_key)
    if not order:
        raise ValueError(
            f"`{definition['function']}`: `order_by` is missing, which orders rows of one time; or give `primary_key`"
        )
    return tuple(map(source.spelled, order))


def _place(row: Row, source: _Source) -> tuple[Hashable, int] | None:
    """Return a row's key and its time; None if one of them is NULL."""
    key, event_time = [row[name] for name in source.keys], row[source.event_time]
    return None if event_time is None or None in key else (canonical(key), micros_of(event_time))


def _value(feature: _Feature, events: Sequence[tuple[int, Row]], at: int, source: _Source) -> Any:
    interval = window_interval(feature.window, at=at, closed=feature.closed, zone=source.zone)
    counted = [
        Counted(
            micros,
            row[feature.column] if feature.column else None,
            tuple(rank(row[name]) for name in feature.order),
        )
        for micros, row in events
        if interval.holds(micros)
        and (feature.column is None or row[feature.column] is not None)
        and all(_meets(row, condition, source) for condition in feature.where)
    ]
    return FUNCTIONS[feature.function](counted, Asked(at, feature.amounts, feature.k))


def _meets(row: Row, condition: Mapping[str, Any], source: _Source) -> bool:
    column, op = condition["column"], condition["op"]
    return passes(row[column], op=op, wanted=condition.get("value"), data_type=source.types.get(column))


def _scale(data_type: str | None) -> int | None:
    """Return the decimal places of a number's type: 6 of a float's, none of an integer's."""
    if data_type is None:
        return None
    if data_type in _FLOATING:
        return 6
    return int(data_type.removesuffix(")").partition(",")[2] or 0)


def _type(feature: _Feature, source: _Source) -> str | None:
    """Return the Spark SQL type of a feature; None if that of its column is not known."""
    if feature.function in _BIGINTS | _DOUBLES:
        return "bigint" if feature.function in _BIGINTS else "double"
    data_type = source.types.get(feature.column or "")
    if data_type is None or feature.function not in _ARRAYS | {"sum"}:
        return data_type
    if feature.function in _ARRAYS:
        return f"array<{data_type}>"
    return "double" if data_type in _FLOATING else f"decimal(38,{_scale(data_type)})"


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def _is_date(value: Any) -> bool:
    return value is not None and not isinstance(value, datetime)
