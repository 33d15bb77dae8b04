"""Read the definitions of WindowAggregator's features, and compute the value of one from the rows of a key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from string import ascii_lowercase, digits
from typing import Any
from zoneinfo import ZoneInfo

from feature_platform_py.reference.equality import canonical
from feature_platform_py.reference.tables import Row, Table
from feature_platform_py.reference.values import FUNCTIONS, Amounts, Asked, Counted, passes, rank
from feature_platform_py.reference.windows import Interval, micros_of, window_interval

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
class Feature:
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

    def closed_by(self, closed: str) -> Feature:
        """Return the feature with another closed side."""
        return replace(self, closed=closed)


@dataclass(frozen=True)
class Source:
    """The rows, the types of their columns as far as they are known, and what the parameters say of all features."""

    columns: tuple[str, ...]
    types: Mapping[str, str]
    rows: Sequence[Row]
    keys: tuple[str, ...]
    event_time: str
    zone: tzinfo
    primary_key: tuple[str, ...]

    @property
    def table(self) -> Table:
        """The rows with their types."""
        return Table(self.columns, self.types, list(self.rows))

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


def source_of(
    table: Table, params: Mapping[str, Any], *, types: Mapping[str, str], primary_key: Sequence[str]
) -> Source:
    """Return the rows of a table, and what the parameters say of all features. Raises ValueError for an unknown one."""
    if unknown := params.keys() - _PARAMETERS:
        raise ValueError(
            f"unknown parameters: {', '.join(sorted(unknown))}; known are {', '.join(sorted(_PARAMETERS))}"
        )
    rows: list[Row] = [
        {name: None if name in table.blurred and _is_nan(value) else value for name, value in row.items()}
        for row in table.rows
    ]
    columns, known = table.columns or tuple(types), {**table.types, **types}
    source = Source(columns, known, rows, (), "", UTC, ())
    event_time = source.spelled(params["timestamp_col"])
    # A date's periods are its own, whatever the zone.
    is_plain = has_dates(Table(columns, known, rows), event_time)
    zone = UTC if is_plain or not params.get("time_zone") else ZoneInfo(params["time_zone"])
    keys = tuple(source.spelled(name) for name in as_list(params["keys"]))
    return Source(columns, known, rows, keys, event_time, zone, tuple(map(source.spelled, primary_key)))


def all_features(definitions: Sequence[Mapping[str, Any]], source: Source, *, prefix: str = "") -> list[Feature]:
    """Return the columns that definitions add, in order. Raises ValueError for one without a meaning."""
    return [feature for each in definitions for feature in _features(each, source, prefix)]


def _features(definition: Mapping[str, Any], source: Source, prefix: str) -> Iterator[Feature]:
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
    where = tuple({**each, "column": source.spelled(each["column"])} for each in as_list(definition.get("where") or ()))
    amounts = source.amounts(column or "", definition.get("fill_value")) if function in _OF_NUMBERS else Amounts()
    for slug, condition in _groups(definition.get("by"), source):
        for window in (" ".join(each.split()) for each in as_list(definition["windows"])):
            yield Feature(
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


def _groups(by: Mapping[str, Any] | None, source: Source) -> Iterator[tuple[list[str], list[Mapping[str, Any]]]]:
    """Yield a part of the name and a condition for each value of `by`; both empty without `by`."""
    if by is None:
        yield [], []
        return
    for value in as_list(by["values"]):
        kept = "".join(each if each in ascii_lowercase + digits else " " for each in str(value).lower())
        yield ["_".join(kept.split())], [{"column": source.spelled(by["column"]), "op": "equals", "value": value}]


def _order(definition: Mapping[str, Any], source: Source) -> tuple[str, ...]:
    order = as_list(definition.get("order_by") or source.primary_key)
    if not order:
        raise ValueError(
            f"`{definition['function']}`: `order_by` is missing, which orders rows of one time; or give `primary_key`"
        )
    return tuple(map(source.spelled, order))


def place_of(row: Row, source: Source) -> tuple[Hashable, int] | None:
    """Return a row's key and its time; None if one of them is NULL."""
    key, event_time = [row[name] for name in source.keys], row[source.event_time]
    return None if event_time is None or None in key else (canonical(key), micros_of(event_time))


@dataclass(frozen=True)
class Found:
    """The value of a feature at a time, and the time in microseconds of the newest row that counted; None if no row did."""

    value: Any = None
    newest: int | None = None


def has_dates(table: Table, column: str) -> bool:
    """Return whether a column has dates: by its type, or by its values."""
    data_type = table.types.get(column)
    return data_type == "date" if data_type else any(_is_date(row[column]) for row in table.rows)


def by_key(source: Source) -> defaultdict[Hashable, list[tuple[int, Row]]]:
    """Return the rows with a key and a time, with their times, by key."""
    found: defaultdict[Hashable, list[tuple[int, Row]]] = defaultdict(list)
    for row in source.rows:
        if (place := place_of(row, source)) is not None:
            found[place[0]].append((place[1], row))
    return found


def value_of(
    feature: Feature, events: Sequence[tuple[int, Row]], at: int, source: Source, *, interval: Interval | None = None
) -> Found:
    """Return a feature at a time, of the rows of one key with their times; over an interval, if another than its window's."""
    if interval is None:
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
        and all(meets(row, condition, source.types) for condition in feature.where)
    ]
    value = FUNCTIONS[feature.function](counted, Asked(at, feature.amounts, feature.k))
    return Found(value, max((each.micros for each in counted), default=None))


def meets(row: Row, condition: Mapping[str, Any], types: Mapping[str, str]) -> bool:
    """Return whether a row meets a condition, as `where` and a job's `filters` have them."""
    column, op = condition["column"], condition["op"]
    return passes(row[column], op=op, wanted=condition.get("value"), data_type=types.get(column))


def _scale(data_type: str | None) -> int | None:
    """Return the decimal places of a number's type: 6 of a float's, none of an integer's."""
    if data_type is None:
        return None
    if data_type in _FLOATING:
        return 6
    return int(data_type.removesuffix(")").partition(",")[2] or 0)


def type_of(feature: Feature, source: Source) -> str | None:
    """Return the Spark SQL type of a feature; None if that of its column is not known."""
    if feature.function in _BIGINTS | _DOUBLES:
        return "bigint" if feature.function in _BIGINTS else "double"
    data_type = source.types.get(feature.column or "")
    if data_type is None or feature.function not in _ARRAYS | {"sum"}:
        return data_type
    if feature.function in _ARRAYS:
        return f"array<{data_type}>"
    return "double" if data_type in _FLOATING else f"decimal(38,{_scale(data_type)})"


def as_list(value: Any) -> list[Any]:
    """Return a list or tuple as a list, and another value as the only one of a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def _is_date(value: Any) -> bool:
    return value is not None and not isinstance(value, datetime)
