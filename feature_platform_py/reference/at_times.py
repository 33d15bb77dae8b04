"""Compute features of rows that ask, each at its own time, straight from the definitions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

from feature_platform_py.reference.asking import Answers, PointInTime, answers, as_rows, key_of
from feature_platform_py.reference.definitions import (
    Feature,
    Found,
    Source,
    all_features,
    as_list,
    has_dates,
    type_of,
    value_of,
)
from feature_platform_py.reference.tables import Row, Table
from feature_platform_py.reference.values import rank
from feature_platform_py.reference.windows import next_interval

_DAY = 86_400_000_000
# Where rows at the asking row's own time do not count, windows lose their end.
_OPEN_AT_THE_END = {"right": "none", "both": "left"}


def reference_features_at(
    asking_rows: Any,
    source_rows: Any,
    features: Sequence[Mapping[str, Any]],
    *,
    at: PointInTime,
    prefix: str = "",
    time_zone: str | None = None,
    types: Mapping[str, str] | None = None,
    primary_key: str | Sequence[str] = (),
    only: Collection[str] | None = None,
) -> Answers:
    """Return the asking rows with the features that WindowAggregator would give them as rows that count for nobody.

    `features`, `prefix` and `time_zone` are as in its parameters, `types` are those of columns of `source_rows` as far as they
    matter, and `primary_key` orders ties without `order_by`. `only` leaves out features with other names. A row without a key or a
    time has no features. Raises ValueError for definitions without a meaning, and OverflowError for a sum that has no room in its
    type.
    """
    asking, source = _tables(asking_rows, source_rows, at, types=types, primary_key=primary_key, time_zone=time_zone)
    columns = [each for each in all_features(features, source, prefix=prefix) if only is None or each.name in only]
    if at.closed == "left":
        columns = [each.closed_by(_OPEN_AT_THE_END.get(each.closed, each.closed)) for each in columns]
    counting = at.counting_rows(source.table)

    def found(row: Row) -> Mapping[str, Found]:
        place = at.asked_at(row)
        if place is None:
            return {each.name: Found() for each in columns}
        key, micros = place
        known = [(time, each) for time, each in counting.get(key, []) if at.is_known(time, each, micros)]
        return {each.name: value_of(each, known, micros, source) for each in columns}

    return answers(asking, [each.name for each in columns], _types(columns, source), map(found, asking.rows))


def reference_targets_at(
    asking_rows: Any,
    source_rows: Any,
    targets: Sequence[Mapping[str, Any]],
    *,
    at: PointInTime,
    newest: int | None = None,
    types: Mapping[str, str] | None = None,
    primary_key: str | Sequence[str] = (),
) -> Answers:
    """Return the asking rows with targets: features of windows such as `next 30d`, of all rows whenever they were loaded.

    A target is not known yet, and NULL, if its window ends after the newest row of the source, or with `loaded_at` after its newest
    load. `newest` is that time in microseconds since 1970 for a source of which `source_rows` are only a part.
    """
    asking, source = _tables(asking_rows, source_rows, at, types=types, primary_key=primary_key, time_zone=None)
    columns = all_features(targets, source)
    counting = at.counting_rows(source.table)
    until = at.newest(source.table) if newest is None else newest

    def targets_of(row: Row) -> Mapping[str, Found | None]:
        place = at.asked_at(row)
        if place is None:
            return {each.name: Found() for each in columns}
        key, micros = place
        found: dict[str, Found | None] = {}
        for each in columns:
            interval = next_interval(each.window, at=micros)
            is_known = until is not None and interval.end <= until
            events = counting.get(key, [])
            found[each.name] = value_of(each, events, micros, source, interval=interval) if is_known else None
        return found

    return answers(asking, [each.name for each in columns], _types(columns, source), map(targets_of, asking.rows))


def reference_versions_at(
    asking_rows: Any,
    source_rows: Any,
    columns: Sequence[str],
    *,
    at: PointInTime,
    max_age_days: int | None = None,
    order_by: str | Sequence[str] = (),
    types: Mapping[str, str] | None = None,
) -> Answers:
    """Return the asking rows with columns of the latest version of their key: the row with the latest time up to theirs.

    A version older than `max_age_days` does not count. `order_by` decides between versions of one time; without it, and among equal
    ones, they are an error. Raises ValueError for these.
    """
    asking, source = as_rows(asking_rows, "asking_rows"), as_rows(source_rows, "source_rows", types)
    counting = at.counting_rows(source)
    order = as_list(order_by)

    def found(row: Row) -> Mapping[str, Found]:
        place = at.asked_at(row)
        if place is None:
            return {name: Found() for name in columns}
        key, micros = place
        known = [
            (time, each)
            for time, each in counting.get(key, [])
            if at.is_known(time, each, micros)
            and (time < micros or (time == micros and at.closed == "right"))
            and (max_age_days is None or micros - time <= max_age_days * _DAY)
        ]
        version = _latest(known, order, names=list(at.keys))
        return {name: Found(version[1][name], version[0]) if version else Found() for name in columns}

    kept = {name: source.types[name] for name in columns if name in source.types}
    return answers(asking, columns, kept, map(found, asking.rows))


def reference_values_by_key(
    asking_rows: Any, source_rows: Any, columns: Sequence[str], *, keys: Mapping[str, str]
) -> Answers:
    """Return the asking rows with columns of the only row of their key. Raises ValueError for two rows of an asked key."""
    asking, source = as_rows(asking_rows, "asking_rows"), as_rows(source_rows, "source_rows")

    def found(row: Row) -> Mapping[str, Found]:
        key = key_of(row, list(keys.values()))
        same = [each for each in source.rows if key is not None and key_of(each, list(keys)) == key]
        if len(same) > 1:
            raise ValueError(f"two rows of the key {_shown(same[0], list(keys))}; expected one row per key")
        return {name: Found(same[0][name]) if same else Found() for name in columns}

    kept = {name: source.types[name] for name in columns if name in source.types}
    return answers(asking, columns, kept, map(found, asking.rows))


def _tables(
    asking_rows: Any,
    source_rows: Any,
    at: PointInTime,
    *,
    types: Mapping[str, str] | None,
    primary_key: str | Sequence[str],
    time_zone: str | None,
) -> tuple[Table, Source]:
    asking, table = as_rows(asking_rows, "asking_rows"), as_rows(source_rows, "source_rows", types)
    # Days have no zone; a day and an instant are compared as instants.
    are_days = has_dates(table, at.event_time[0]) and has_dates(asking, at.event_time[1])
    zone = ZoneInfo(time_zone) if time_zone and not are_days else UTC
    source = Source(
        table.columns or (),
        table.types,
        table.rows,
        tuple(at.keys),
        at.event_time[0],
        zone,
        tuple(as_list(primary_key)),
    )
    return asking, source


def _types(columns: Sequence[Feature], source: Source) -> dict[str, str]:
    return {each.name: data_type for each in columns if (data_type := type_of(each, source))}


def _latest(known: Sequence[tuple[int, Row]], order: Sequence[str], *, names: Sequence[str]) -> tuple[int, Row] | None:
    if not known:
        return None

    def place(version: tuple[int, Row]) -> tuple[Any, ...]:
        return version[0], *(rank(version[1][name]) for name in order)

    latest = max(map(place, known))
    versions = [each for each in known if place(each) == latest]
    if len(versions) > 1:
        hint = "`order_by` has one value for both" if order else "`order_by` is missing, which decides between them"
        raise ValueError(f"two versions of the key {_shown(versions[0][1], names)} at one time; {hint}")
    return versions[0]


def _shown(row: Row, names: Sequence[str]) -> str:
    return ", ".join(f"{name}={row[name]!r}" for name in names)
