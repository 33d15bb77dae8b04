"""Compute features of some of a result's rows a second time: in plain Python, from the source's rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from feature_platform_py.core.data_types import Columns, kind_of
from feature_platform_py.core.sql_text import literal, quoted
from feature_platform_py.features.aggregation import FeaturePart
from feature_platform_py.features.row_filters import RowFilter
from feature_platform_py.jobs.plan import JOINED_MODEL, JobPlan
from feature_platform_py.jobs.point_in_time import Use
from feature_platform_py.jobs.split import SPLIT_COLUMN
from feature_platform_py.reference import (
    Answers,
    PointInTime,
    reference_features_at,
    reference_part,
    reference_targets_at,
    reference_values_by_key,
    reference_versions_at,
)
from feature_platform_py.reference.equality import canonical
from feature_platform_py.reference.tables import Row, Table
from feature_platform_py.reference.windows import EPOCH, micros_of
from feature_platform_py.registry.definition import Definition
from feature_platform_py.registry.feature import Versions
from feature_platform_py.runs.look_ups import typed_literal
from feature_platform_py.targets import Backend

MAX_EVALUATIONS = 2_000_000
"""How many source rows, times the features that each is looked at for, are read by one recomputation."""
_ARRAY_OF_TIMES = ("array<timestamp>", "array<timestamp_ntz>")
# Kinds of keys by which source rows are chosen; those of another kind are read for all keys.
_WRITABLE = frozenset({"integer", "string", "date", "decimal", "boolean"})


@dataclass(frozen=True)
class Disagreement:
    """A value of the result that is not the one that was computed a second time; `row` has the keys and times of its row."""

    row: Row
    feature: str
    found: Any
    expected: Any

    def __str__(self) -> str:
        row = ", ".join(f"`{name}` = {_shown(value)}" for name, value in self.row.items())
        return f"row {row}: feature `{self.feature}` is {_shown(self.found)}, expected {_shown(self.expected)}"


@dataclass
class Recomputation:
    """What was computed a second time: the rows, the features, how many values, those that disagree, and the age of what counted.

    `ages` are the microseconds from the newest row that counted to the row's own time, for each feature; `newest` has the time up
    to which each use's targets are known.
    """

    asked: int
    rows: int = 0
    features: list[str] = field(default_factory=list)
    values: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)
    ages: dict[str, list[int]] = field(default_factory=dict)
    newest: dict[str, int | None] = field(default_factory=dict)


def recompute(plan: JobPlan, schema: str, backend: Backend, *, rows: int, seed: str) -> Recomputation:
    """Return features of a random sample of the result's rows, computed from the sources and compared with the result.

    `seed` decides which rows these are. There are fewer if their keys have very many source rows. Raises ValueError if the source's
    rows do not decide a value, such as two versions at one time.
    """
    sample = _sample(plan, schema, backend, rows=rows, seed=seed)
    found = Recomputation(rows)
    given = _source_rows(sample, plan, schema, backend)
    kept = _affordable(plan, sample, given)
    found.rows = len(kept.rows)
    _compare_split(plan, kept, found)
    for use in plan.uses:
        found.newest[use.name] = newest_time(use, plan, schema, backend)
        _compare(use, plan, kept, _answers(use, plan, kept, given[use.name], found.newest[use.name]), found)
    return found


def _sample(plan: JobPlan, schema: str, backend: Backend, *, rows: int, seed: str) -> Table:
    types = dict(plan.columns)
    asking = [(name, types[name]) for name in asking_columns(plan)]
    features = [(each.column.name, each.column.type or "") for each in plan.joined_columns]
    features += [(SPLIT_COLUMN.name, "string")] if plan.config.asking.split else []
    texts = ", ".join(f"coalesce(cast({quoted(name)} as string), '')" for name, _ in asking)
    relation = backend.sql_name(f"{schema}.{plan.table_name(JOINED_MODEL)}")
    order = f"md5(concat_ws('|', {literal(seed)}, {texts}))"
    return _read(backend, relation, [*asking, *features], f"order by {order} limit {int(rows)}")


def asking_columns(plan: JobPlan) -> list[str]:
    """Return the columns with which the job's rows ask: keys and times, each once."""
    names = [name for use in plan.uses for name in (*use.keys.values(), *(use.time or ())[1:])]
    names += [plan.event_time[0]] if plan.config.asking.split and plan.event_time else []
    return list(dict.fromkeys(names))


def _source_rows(sample: Table, plan: JobPlan, schema: str, backend: Backend) -> dict[str, Table]:
    """Return for each use the rows that may count for the sampled ones: those of their keys, from one reading for uses of the same."""
    columns: dict[tuple[str, str], dict[str, str]] = {}
    readings = {use.name: (_relation(use, plan, schema, backend), _of_keys(use, sample)) for use in plan.uses}
    for use in plan.uses:
        columns.setdefault(readings[use.name], {}).update(_columns(use))
    read = {reading: _read(backend, reading[0], list(of.items()), reading[1]) for reading, of in columns.items()}
    return {use.name: _narrowed(read[readings[use.name]], dict(_columns(use))) for use in plan.uses}


def _columns(use: Use) -> Columns:
    """Return the columns that a recomputation reads, with the source's own types where the source declares them."""
    definition = use.definition
    if not isinstance(definition, Definition):
        return use.columns
    own = dict(definition.source.columns)
    loaded = [definition.source.loaded_at] if definition.source.loaded_at else []
    return [(name, own[name]) for name in dict.fromkeys([*dict(use.columns), *loaded])]


def _of_keys(use: Use, sample: Table) -> str:
    conditions = [
        condition
        for key, column in use.keys.items()
        if (condition := _one_of(key, dict(use.columns)[key], sample, column))
    ]
    return f"where {' and '.join(conditions)}" if conditions else ""


def _narrowed(table: Table, types: dict[str, str]) -> Table:
    return Table(tuple(types), types, [{name: row[name] for name in types} for row in table.rows])


def _relation(use: Use, plan: JobPlan, schema: str, backend: Backend) -> str:
    """Return the name of the source or the model whose rows count."""
    if use.source is None:
        return backend.sql_name(f"{schema}.{use.relation[0]}")
    return backend.source_relation(use.source, use.source.columns or (), job_name=plan.job_name)


def newest_time(use: Use, plan: JobPlan, schema: str, backend: Backend) -> int | None:
    """Return the time of the newest row of a target's source, in microseconds since 1970: up to then, targets are known."""
    if use.time is None or use.ahead_seconds is None:
        return None
    time = f"max(unix_micros(cast({quoted(use.newest_of or use.time[0])} as timestamp)))"
    [[found]] = backend.query(f"select {time} from {_relation(use, plan, schema, backend)}").values  # noqa: S608 - quoted
    return None if found is None else int(found)


def _one_of(key: str, data_type: str, sample: Table, column: str) -> str | None:
    """Return the condition that a key is one of the sample's; None if values of its type are not written in SQL."""
    if kind_of(data_type) not in _WRITABLE:
        return None
    texts = sorted({_text(row[column]) for row in sample.rows if row[column] is not None})
    values = ", ".join(typed_literal({"text": each, "type": data_type}) for each in texts)
    return f"cast({quoted(key)} as {data_type}) in ({values})" if texts else "false"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _read(backend: Backend, relation: str, columns: Columns, clauses: str) -> Table:
    """Return rows of a relation, with times as instants: engines hand them over in different zones."""
    chosen = ", ".join(f"{_fetched(quoted(name), data_type)} as {quoted(name)}" for name, data_type in columns)
    found = backend.query(f"select {chosen} from {relation} {clauses}")  # noqa: S608 - quoted
    readers = [_reader(data_type) for _, data_type in columns]
    rows: list[Row] = [
        {
            name: None if value is None else read(value)
            for (name, _), read, value in zip(columns, readers, row, strict=True)
        }
        for row in found.values
    ]
    return Table(tuple(name for name, _ in columns), dict(columns), rows)


def _fetched(column: str, data_type: str) -> str:
    if kind_of(data_type) == "timestamp":
        return f"unix_micros(cast({column} as timestamp))"
    if data_type in _ARRAY_OF_TIMES:
        return f"transform({column}, each -> unix_micros(cast(each as timestamp)))"
    return column


def _reader(data_type: str) -> Callable[[Any], Any]:
    if kind_of(data_type) == "timestamp":
        return _instant
    if data_type in _ARRAY_OF_TIMES:
        return lambda values: [None if each is None else _instant(each) for each in values]
    return lambda value: value


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def _affordable(plan: JobPlan, sample: Table, given: Mapping[str, Table]) -> Table:
    """Return as many of the sampled rows as can be computed in seconds, the first one in any case."""
    counts: list[tuple[Use, dict[Any, int]]] = []
    for use in plan.uses:
        of_key: dict[Any, int] = {}
        for row in given[use.name].rows:
            key = canonical([row[name] for name in use.keys])
            of_key[key] = of_key.get(key, 0) + len(use.feature_set.features)
        counts.append((use, of_key))
    left, kept = MAX_EVALUATIONS, list[Row]()
    for row in sample.rows:
        left -= sum(of_key.get(canonical([row[name] for name in use.keys.values()]), 0) for use, of_key in counts)
        if left < 0 and kept:
            break
        kept.append(row)
    return Table(sample.columns, sample.types, kept)


def _answers(use: Use, plan: JobPlan, sample: Table, source: Table, newest: int | None) -> Answers:
    """Return the features of a use, computed from the definitions in the registry and in the job."""
    names = [each.name for each in use.feature_set.features]
    asking = Table(
        tuple(asking_columns(plan)),
        sample.types,
        [{name: row[name] for name in asking_columns(plan)} for row in sample.rows],
    )
    definition = use.definition
    if use.time is None:
        return reference_values_by_key(asking, source, names, keys=use.keys)
    if isinstance(definition, Versions):
        order_by = definition.order_by
        at = PointInTime(keys=use.keys, event_time=use.time, closed=plan.config.asking.closed or "right")
        return reference_versions_at(asking, source, names, at=at, order_by=order_by, max_age_days=use.reach_days)
    aggregator = definition.aggregator
    # The rows have the columns that the named features read.
    features = [
        _definition(part)
        for part in aggregator.features
        if any(column.name in names for _, _, column in part.outputs(aggregator.prefix, None))
    ]
    if use.ahead_seconds is not None:
        at = PointInTime(keys=use.keys, event_time=use.time, loaded_at=definition.source.loaded_at)
        key = definition.source.primary_key
        return reference_targets_at(asking, source, features, at=at, newest=newest, primary_key=key)
    is_late = plan.config.asking.known_by != "event_time"
    at = PointInTime(
        keys=use.keys,
        event_time=use.time,
        closed=plan.config.asking.closed or "right",
        loaded_at=definition.source.loaded_at if is_late else None,
        available_after=definition.source.available_after if is_late else None,
        filters=[_condition(each) for each in definition.filters],
    )
    return reference_features_at(
        asking,
        source,
        features,
        at=at,
        prefix=definition.aggregator.prefix,
        time_zone=definition.aggregator.time_zone,
        primary_key=definition.source.primary_key,
        only=names,
    )


def _condition(row_filter: RowFilter) -> dict[str, Any]:
    value = list(row_filter.value) if isinstance(row_filter.value, tuple) else row_filter.value
    return {"column": row_filter.column, "op": row_filter.op, "value": value}


def _definition(part: FeaturePart) -> dict[str, Any]:
    """Return a feature as the registry's file has it."""
    given = {
        "name": part.base,
        "function": part.function,
        "column": part.column,
        "windows": list(part.windows),
        "closed": part.closed,
        "where": [_condition(each) for each in part.filters()],
        "by": {"column": part.by.column, "values": list(part.by.values)} if part.by else None,
        "fill_value": part.fill_value,
        "k": part.k,
        "order_by": list(part.order_by),
    }
    return {name: value for name, value in given.items() if value not in (None, [])}


def _compare(use: Use, plan: JobPlan, sample: Table, answers: Answers, found: Recomputation) -> None:
    """Add a use's features to what was found."""
    for each in (each for each in plan.joined_columns if each.table is use):
        name = each.column.name
        found.features.append(name)
        found.values += len(sample.rows)
        for row, answer in zip(sample.rows, answers.rows, strict=True):
            if not is_same(row[name], answer[each.name]):
                asked = {column: row[column] for column in asking_columns(plan)}
                found.disagreements.append(Disagreement(asked, name, row[name], answer[each.name]))
        found.ages[name] = list(_ages(use, sample, answers, each.name))


def _compare_split(plan: JobPlan, sample: Table, found: Recomputation) -> None:
    """Add the part that each row is in to what was found."""
    split, time = plan.config.asking.split, plan.event_time
    if split is None or time is None:
        return
    name, reach = SPLIT_COLUMN.name, split.reach_seconds(plan.ahead_seconds)
    found.features.append(name)
    found.values += len(sample.rows)
    for row in sample.rows:
        own = reference_part(row[time[0]], valid_from=split.valid_from, test_from=split.test_from, reach_seconds=reach)
        if row[name] != own:
            asked = {column: row[column] for column in asking_columns(plan)}
            found.disagreements.append(Disagreement(asked, name, row[name], own))


def _ages(use: Use, sample: Table, answers: Answers, feature: str) -> Iterator[int]:
    if use.time is None or use.ahead_seconds is not None:
        return
    for row, newest in zip(sample.rows, answers.newest, strict=True):
        if (counted := newest[feature]) is not None:
            yield micros_of(row[use.time[1]]) - counted


def is_same(found: Any, expected: Any) -> bool:
    """Return whether two values are one: floats a few roundings apart are, and a day is its midnight."""
    if isinstance(found, float) and isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-12) or canonical(found) == canonical(expected)
    if isinstance(found, Sequence) and isinstance(expected, Sequence) and not isinstance(found, str | bytes):
        return len(found) == len(expected) and all(map(is_same, found, expected))
    if isinstance(found, date) and isinstance(expected, date):
        return micros_of(found) == micros_of(expected)
    return canonical(found) == canonical(expected)


def _shown(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value) if isinstance(value, str) else f"{value:f}" if isinstance(value, Decimal) else str(value)
