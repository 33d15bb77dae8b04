"""Compare two tables of features, and report where they differ: columns, types, and the first rows."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest
from typing import Any

from feature_platform_py.reference.equality import canonical
from feature_platform_py.reference.tables import Row, Table, as_table

SHOWN_ROWS = 10
_ANY_NUMBER = object()
Pair = tuple[Row | None, Row | None]


@dataclass(frozen=True)
class _Values:
    """When two values are equal: how far apart floats may be, and in which columns NaN is NULL."""

    columns: tuple[str, ...]
    blurred: frozenset[str]
    tolerance: float = 0.0
    relative_tolerance: float = 0.0

    @property
    def is_tolerant(self) -> bool:
        return bool(self.tolerance or self.relative_tolerance)

    def value(self, row: Row, column: str) -> Any:
        found = row[column]
        return None if column in self.blurred and _is_nan(found) else found

    def differing(self, one: Row, other: Row) -> list[str]:
        return [name for name in self.columns if not self.is_same(self.value(one, name), self.value(other, name))]

    def is_same(self, one: Any, other: Any) -> bool:
        if _is_number(one) and _is_number(other) and float in (type(one), type(other)):
            is_close = math.isclose(one, other, rel_tol=self.relative_tolerance, abs_tol=self.tolerance)
            return is_close or canonical(one) == canonical(other)
        if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
            return len(one) == len(other) and all(map(self.is_same, one, other))
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            return one.keys() == other.keys() and all(self.is_same(one[key], other[key]) for key in one)
        return canonical(one) == canonical(other)

    def identity(self, row: Row, columns: Iterable[str]) -> tuple[Hashable, ...]:
        """Return the values so that equal ones are equal, and hash alike."""
        return tuple(canonical(self.value(row, name)) for name in columns)

    def exact_part(self, row: Row) -> tuple[Hashable, ...]:
        """Return the values that equal rows must share exactly: with a tolerance, all except floats."""
        if not self.is_tolerant:
            return self.identity(row, self.columns)
        found = (self.value(row, name) for name in self.columns)
        return tuple(canonical(value) if _is_exact(value) else _ANY_NUMBER for value in found)


def assert_features_equal(
    actual: Any,
    expected: Any,
    *,
    keys: str | Sequence[str] | None = None,
    ignore_order: bool = True,
    tolerance: float = 0.0,
    relative_tolerance: float = 0.0,
) -> None:
    """Raise AssertionError, with the differences, unless the tables have the same columns, types and rows.

    Each is a DataFrame of Spark, pandas or Polars, an Arrow table, a list of dicts, a job's result, or what
    `reference_features` returns. Types are compared if both sides have them; a list of dicts and an `object` column of
    pandas have none. NULL equals NULL and NaN equals NaN (in pandas, except in its Arrow types, they cannot be told
    apart). Times are compared as instants, without a zone as UTC. Floats may be `tolerance` apart, or
    `relative_tolerance` times the larger of the two; everything else,
    decimals too, is compared exactly.

    `keys` name the columns that identify a row. Without them, each row must occur as often as expected. With
    `ignore_order=False`, rows and columns must be in the same order too.
    """
    __tracebackhide__ = True
    found, wanted = as_table(actual, "actual"), as_table(expected, "expected")
    key_columns = (keys,) if isinstance(keys, str) else tuple(keys or ())
    problems = [*_column_problems(found, wanted, has_order=not ignore_order), *_type_problems(found, wanted)]
    if len(found.rows) != len(wanted.rows):
        problems.append(f"rows: {len(found.rows)}, expected {len(wanted.rows)}")
    values = _Values(_shared_columns(found, wanted), found.blurred | wanted.blurred, tolerance, relative_tolerance)
    if unknown := [name for name in key_columns if name not in values.columns]:
        names = ", ".join(f"`{name}`" for name in unknown)
        problems.append(f"keys: expected columns of both tables, {names} is none")
    else:
        problems += _row_problems(found.rows, wanted.rows, values, keys=key_columns, ignore_order=ignore_order)
    if problems:
        raise AssertionError("features differ:\n" + "\n".join(problems))


def _column_problems(found: Table, wanted: Table, *, has_order: bool) -> Iterator[str]:
    if found.columns is None or wanted.columns is None:
        return
    yield from (f"column `{name}` is missing" for name in wanted.columns if name not in found.columns)
    yield from (f"column `{name}` was not expected" for name in found.columns if name not in wanted.columns)
    if has_order and set(found.columns) == set(wanted.columns) and found.columns != wanted.columns:
        yield f"columns are in the order {', '.join(found.columns)}; expected {', '.join(wanted.columns)}"


def _type_problems(found: Table, wanted: Table) -> Iterator[str]:
    for name, expected in wanted.types.items():
        if (actual := found.types.get(name, expected)) != expected:
            yield f"column `{name}` is {actual}, expected {expected}"


def _shared_columns(found: Table, wanted: Table) -> tuple[str, ...]:
    if found.columns is None or wanted.columns is None:
        return found.columns or wanted.columns or ()
    return tuple(name for name in wanted.columns if name in found.columns)


def _row_problems(
    found: list[Row], wanted: list[Row], values: _Values, *, keys: tuple[str, ...], ignore_order: bool
) -> list[str]:
    if not ignore_order:
        pairs: list[Pair] = list(zip_longest(found, wanted))
        labels: Iterable[str] = (f"row {number}" for number in range(1, len(pairs) + 1))
        shown = [_described(pair, values, label=label) for label, pair in zip(labels, pairs, strict=False)]
    elif keys:
        pairs = _paired_by_key(found, wanted, values, keys)
        shown = [_described(pair, values, label=_key_label(pair, keys)) for pair in pairs]
    else:
        shown = [_described(pair, values, label="") for pair in _unmatched(found, wanted, values)]
    differing = [text for text in shown if text]
    if not differing:
        return []
    more = len(differing) - SHOWN_ROWS
    return [
        f"rows that differ: {len(differing)}",
        *differing[:SHOWN_ROWS],
        *([f"  and {more} more"] if more > 0 else []),
    ]


def _described(pair: Pair, values: _Values, *, label: str) -> str:
    """Return how a pair of rows differs: empty if they are equal, the whole row if the other is missing."""
    actual, expected = pair
    if actual is not None and expected is not None:
        lines = [
            f"    {name}: {_shown(values.value(actual, name))}, expected {_shown(values.value(expected, name))}"
            for name in values.differing(actual, expected)
        ]
        return "\n".join([f"  {label}", *lines]) if lines else ""
    row, side = (expected, "missing") if actual is None else (actual, "not expected")
    shown = ", ".join(f"{name}={_shown(values.value(row or {}, name))}" for name in values.columns)
    return f"  {label + ' ' if label else ''}{side}: {shown}"


def _key_label(pair: Pair, keys: Iterable[str]) -> str:
    row = pair[0] or pair[1] or {}
    return ", ".join(f"{name}={_shown(row[name])}" for name in keys)


def _shown(value: Any) -> str:
    if value is None:
        return "NULL"
    return value.isoformat(sep=" ") if isinstance(value, datetime) else repr(value)


def _paired_by_key(found: list[Row], wanted: list[Row], values: _Values, keys: tuple[str, ...]) -> list[Pair]:
    """Return the rows of each key together, in the expected order; of several rows, equal ones are paired first."""
    groups = _grouped(found, wanted, lambda row: values.identity(row, keys))
    return [pair for actual, expected in groups for pair in zip_longest(*_leftovers(actual, expected, values))]


def _unmatched(found: list[Row], wanted: list[Row], values: _Values) -> Iterator[Pair]:
    """Yield the rows of only one side, each alone: first the missing, then the unexpected ones."""
    leftovers = [_leftovers(*group, values) for group in _grouped(found, wanted, values.exact_part)]
    yield from ((None, row) for _, expected in leftovers for row in expected)
    yield from ((row, None) for actual, _ in leftovers for row in actual)


def _grouped(
    found: list[Row], wanted: list[Row], identity: Callable[[Row], Hashable]
) -> list[tuple[list[Row], list[Row]]]:
    groups: defaultdict[Hashable, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for side, rows in ((1, wanted), (0, found)):
        for row in rows:
            groups[identity(row)][side].append(row)
    return list(groups.values())


def _leftovers(actual: list[Row], expected: list[Row], values: _Values) -> tuple[list[Row], list[Row]]:
    """Return the rows without an equal partner on the other side, with as many pairs as possible."""
    if not values.is_tolerant:
        return _without_equals(actual, expected, values), _without_equals(expected, actual, values)
    partners: dict[int, int] = {}
    is_equal = {
        mine: [theirs for theirs, other in enumerate(expected) if not values.differing(row, other)]
        for mine, row in enumerate(actual)
    }
    for mine in is_equal:
        _find_partner(mine, is_equal, partners, set())
    matched = set(partners.values())
    return (
        [row for mine, row in enumerate(actual) if mine not in matched],
        [row for theirs, row in enumerate(expected) if theirs not in partners],
    )


def _without_equals(rows: list[Row], others: list[Row], values: _Values) -> list[Row]:
    """Return the rows without one for each equal row of the others."""
    there = Counter(values.identity(row, values.columns) for row in others)
    left = []
    for row in rows:
        identity = values.identity(row, values.columns)
        if there[identity]:
            there[identity] -= 1
        else:
            left.append(row)
    return left


def _find_partner(mine: int, is_equal: Mapping[int, list[int]], partners: dict[int, int], tried: set[int]) -> bool:
    """Match a row; if necessary, give its partner's partner another one (Kuhn's algorithm)."""
    # Try free rows first; otherwise the search would go through a long run of duplicates.
    for theirs in sorted(is_equal[mine], key=partners.__contains__):
        if theirs not in tried:
            tried.add(theirs)
            if theirs not in partners or _find_partner(partners[theirs], is_equal, partners, tried):
                partners[theirs] = mine
                return True
    return False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_exact(value: Any) -> bool:
    return value is None or isinstance(value, (bool, str, bytes, date))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
