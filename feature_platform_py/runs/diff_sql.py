"""The SQL that compares two tables of one grain; it runs on every engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from feature_platform_py.core.bins import bin_of
from feature_platform_py.core.data_types import NUMERIC, kind_of
from feature_platform_py.core.spread import finite, spread_sql
from feature_platform_py.core.sql_text import quoted

TOP_VALUES = 10
_DIGITS = 38
SIDES = ("here", "there")
_COMPARABLE = frozenset({"string", "boolean", "date", "timestamp", "timestamp_ntz", "binary", *NUMERIC})


@dataclass(frozen=True)
class Compared:
    """A feature as both tables have it; a type is None where the table lacks it."""

    name: str
    here: str | None
    there: str | None

    @property
    def types(self) -> tuple[str | None, str | None]:
        """The types here and there."""
        return self.here, self.there

    @property
    def kinds(self) -> tuple[str | None, str | None]:
        """The kinds of the types."""
        return tuple(None if each is None else kind_of(each) for each in self.types)  # type: ignore[return-value]

    @property
    def is_numeric(self) -> bool:
        """Whether it is a number wherever it is."""
        return all(each is None or each in NUMERIC for each in self.kinds)

    @property
    def is_plain(self) -> bool:
        """Whether its values have an order and can be grouped, wherever it is."""
        return all(each is None or each in _COMPARABLE for each in self.kinds)

    @property
    def is_in_both(self) -> bool:
        """Whether both tables have it."""
        return None not in self.types

    def sides(self) -> Iterator[str]:
        """Yield the sides that have it."""
        yield from (side for side, each in zip(SIDES, self.types, strict=True) if each is not None)

    def values(self) -> tuple[str, str]:
        """Return SQL for the values here and there, of types that can be compared."""
        here, there = (f"{side}.{quoted(self.name)}" for side in SIDES)
        if self.is_plain and (self.is_numeric or self.kinds[0] == self.kinds[1]):
            return here, there
        return self.texts()

    def texts(self) -> tuple[str, str]:
        """Return SQL for the values here and there as texts."""
        here, there = (f"{side}.{quoted(self.name)}" for side in SIDES)
        return self.text("here", here), self.text("there", there)

    def text(self, side: str, value: str) -> str:
        """Return SQL for a value of a side as text."""
        if not self.is_plain:
            return f"to_json(struct({value}))"
        return f"hex({value})" if self.kinds[SIDES.index(side)] == "binary" else f"cast({value} as string)"


@dataclass(frozen=True)
class Tables:
    """Two tables, as a query names them, with the columns that identify a row in both, the newest first if `order` says so."""

    here: str
    there: str
    grain: Sequence[str]
    order: Sequence[str]
    features: Sequence[Compared]
    tolerance: float = 0.0

    @property
    def compared(self) -> list[tuple[int, Compared]]:
        """The features that both tables have, with their numbers."""
        return [(number, each) for number, each in enumerate(self.features) if each.is_in_both]


def summary(tables: Tables) -> str:
    """Return a query with a row for each side: its rows, and of each feature NULLs, mean, deviation, least and greatest value."""
    queries = []
    for side, relation in zip(SIDES, (tables.here, tables.there), strict=True):
        parts = [f"'{side}' as side", "count(*) as row_count"]
        for number, feature in enumerate(tables.features):
            parts += _summarized(number, feature, side)
        queries.append(f"select {', '.join(parts)} from {relation}")  # noqa: S608 - names are quoted
    return "\nunion all\n".join(queries)


def _summarized(number: int, feature: Compared, side: str) -> Iterator[str]:
    value, is_there = quoted(feature.name), side in feature.sides()
    yield f"{f'count(*) - count({value})' if is_there else 'cast(null as bigint)'} as nulls_{number}"
    if not feature.is_plain:
        return
    for name in ("min", "max"):
        text = feature.text(side, f"{name}({value})") if is_there else "cast(null as string)"
        yield f"{text} as {name}_{number}"
    if feature.is_numeric:
        _, *aggregates = spread_sql(finite(value) if is_there else "cast(null as double)")
        for name, aggregate in zip(("mean", "deviation", "low", "high"), aggregates, strict=True):
            yield f"{aggregate} as {name}_{number}"


def matches(tables: Tables) -> str:
    """Return a query with one row: rows in both tables, only here, only there, and how many rows of both differ in each feature."""
    parts = [
        f"count(case when {_IN_BOTH} then 1 end) as in_both",
        "count(case when there._is_there is null then 1 end) as only_here",
        "count(case when here._is_here is null then 1 end) as only_there",
    ]
    for number, feature in tables.compared:
        parts.append(f"count(case when {_IN_BOTH} and {_differs(feature, tables)} then 1 end) as changed_{number}")
    return f"select {', '.join(parts)} from {_joined(tables)}"  # noqa: S608 - names are quoted


_IN_BOTH = "here._is_here is not null and there._is_there is not null"


def repeated(tables: Tables) -> str:
    """Return a query with a row for each side: how many rows it has beyond the first of each key."""
    names = ", ".join(quoted(name) for name in tables.grain)
    return "\nunion all\n".join(
        f"select '{side}' as side, coalesce(sum(rows_of_key - 1), 0) as repeated"  # noqa: S608 - names are quoted
        f" from (select count(*) as rows_of_key from {relation} group by {names}) as keys"
        for side, relation in zip(SIDES, (tables.here, tables.there), strict=True)
    )


def _joined(tables: Tables) -> str:
    conditions = " and ".join(f"here.{quoted(key)} <=> there.{quoted(key)}" for key in tables.grain)
    names = ", ".join(quoted(name) for name in tables.grain)
    here, there = (
        f"(select {', '.join([names, *columns, f'1 as {mark}'])} from {relation}) as {side}"  # noqa: S608
        for side, relation, mark, columns in (
            ("here", tables.here, "_is_here", _columns(tables, "here")),
            ("there", tables.there, "_is_there", _columns(tables, "there")),
        )
    )
    return f"{here} full outer join {there} on {conditions}"


def _columns(tables: Tables, side: str) -> list[str]:
    return [quoted(each.name) for each in tables.features if side in each.sides() and each.is_in_both]


def _differs(feature: Compared, tables: Tables) -> str:
    here, there = feature.values()
    differs = f"not ({_is_equal(feature, here, there)})"
    if tables.tolerance and "floating" in feature.kinds and feature.is_numeric:
        # NaN and infinity are as near as anything to Spark.
        one, other = finite(here), finite(there)
        near = f"abs({one} - {other}) <= {tables.tolerance!r} * greatest(abs({one}), abs({other}))"
        return f"({differs} and not coalesce({near}, false))"
    return differs


def _is_equal(feature: Compared, here: str, there: str) -> str:
    """Return SQL for whether the values are equal; of decimals that no decimal holds together, those that fit exactly."""
    scales = [re.fullmatch(r"decimal\((\d+), ?(\d+)\)", each or "") for each in feature.types]
    if not all(scales):
        return f"{here} <=> {there}"
    digits = [(int(each[1]) - int(each[2]), int(each[2])) for each in scales if each]
    whole, scale = (max(each) for each in zip(*digits, strict=True))
    if whole + scale <= _DIGITS:
        return f"{here} <=> {there}"
    one, other = (f"try_cast({each} as decimal({_DIGITS}, {scale}))" for each in (here, there))
    near = f"cast({here} as double) <=> cast({there} as double)"
    return f"case when {one} is null or {other} is null then {near} else {one} = {other} end"


def changed_rows(tables: Tables, features: Sequence[Compared], limit: int) -> str:
    """Return a query of the newest rows of both tables in which one of the features differs: keys and values."""
    keys = [f"here.{quoted(key)} as key_{number}" for number, key in enumerate(tables.grain)]
    numbers = {each.name: number for number, each in enumerate(tables.features)}
    values = []
    for each in features:
        number, (here, there) = numbers[each.name], each.texts()
        values += [f"{here} as here_{number}", f"{there} as there_{number}"]
        values.append(f"{_differs(each, tables)} as differs_{number}")
    condition = " or ".join(_differs(each, tables) for each in features)
    columns = ", ".join([*keys, *values])
    order = _newest(tables, "here")
    return f"select {columns} from {_joined(tables)} where {_IN_BOTH} and ({condition}) order by {order} limit {limit}"  # noqa: S608


def only_rows(tables: Tables, side: str, limit: int) -> str:
    """Return a query of the keys of the newest rows that only one side has."""
    other = {"here": "there._is_there", "there": "here._is_here"}[side]
    keys = ", ".join(f"{side}.{quoted(key)} as key_{number}" for number, key in enumerate(tables.grain))
    return f"select {keys} from {_joined(tables)} where {other} is null order by {_newest(tables, side)} limit {limit}"  # noqa: S608


def _newest(tables: Tables, side: str) -> str:
    return ", ".join(f"{side}.{quoted(name)} desc" for name in tables.order)


def distributions(tables: Tables, ranges: dict[int, tuple[float, float]]) -> str:
    """Return a query of rows by value: the feature's number, a range or a value as text, and the rows here and there.

    Numbers are counted in the equal ranges; other types by their most frequent values.
    """
    queries = []
    for number, feature in enumerate(tables.features):
        if number in ranges:
            label, condition = f"cast({bin_of(feature.name, *ranges[number])} as string)", finite(quoted(feature.name))
            labels = dict.fromkeys(SIDES, label)
            queries.append(_counted(number, feature, labels, f"{condition} is not null", tables))
        elif feature.is_plain and not feature.is_numeric:
            value = quoted(feature.name)
            labels = {side: feature.text(side, value) for side in SIDES}
            counted = _counted(number, feature, labels, f"{value} is not null", tables)
            most = f"{counted} order by here + there desc, label limit {TOP_VALUES}"
            queries.append(f"select * from ({most}) as top_{number}")  # noqa: S608
    return "\nunion all\n".join(queries)


def _counted(number: int, feature: Compared, labels: Mapping[str, str], condition: str, tables: Tables) -> str:
    relations = dict(zip(SIDES, (tables.here, tables.there), strict=True))
    rows = " union all ".join(
        f"select {labels[side]} as label, {int(side == 'here')} as here, {int(side == 'there')} as there"  # noqa: S608
        f" from {relations[side]} where {condition}"
        for side in feature.sides()
    )
    counts = "sum(here) as here, sum(there) as there"
    return f"select {number} as feature, label, {counts} from ({rows}) as rows_{number} group by label"  # noqa: S608 - names are quoted
