"""The plain reference of rows that ask gives what was computed by hand: windows, versions, keys, targets, known at the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow
import pytest

from feature_platform_py.testing import (
    PointInTime,
    assert_features_equal,
    reference_features,
    reference_features_at,
    reference_targets_at,
    reference_values_by_key,
    reference_versions_at,
)

Rows = list[dict[str, Any]]
NOON = datetime(2024, 5, 15, 12, tzinfo=UTC)
DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
AT = PointInTime(keys={"user": "customer"}, event_time=("at", "asked"))
EVENTS: Rows = [
    {"user": 1, "at": NOON - 10 * DAY, "x": 1},
    {"user": 1, "at": NOON, "x": 10},
    {"user": 1, "at": NOON, "x": 20},
    {"user": 2, "at": NOON, "x": 400},
    {"user": None, "at": NOON, "x": 1000},
    {"user": 1, "at": None, "x": 2000},
]


def asking(*times: Any, customer: Any = 1) -> Rows:
    return [{"customer": customer, "asked": each} for each in times]


def values(table: Any, name: str) -> list[Any]:
    return [row[name] for row in table.rows]


def sums(asked: Rows, window: str = "7d", events: Any = EVENTS, at: PointInTime = AT, **more: Any) -> list[Any]:
    feature = {"name": "f", "function": "sum", "column": "x", "windows": [window], **more}
    return values(reference_features_at(asked, events, [feature], at=at), f"f_{window}".replace(" ", "_"))


def test_windows_are_those_of_the_asking_rows_own_time() -> None:
    times = [NOON - 11 * DAY, NOON - 10 * DAY, NOON - MICROSECOND, NOON, NOON + DAY, NOON + 7 * DAY]
    assert sums(asking(*times)) == [None, 1, None, 30, 30, None]
    assert sums(asking(*times), "lifetime") == [None, 1, 1, 31, 31, 31]
    assert sums(asking(*times), "30d", function="count", column=None) == [0, 1, 1, 3, 3, 3]


def test_a_sum_of_a_week_is_empty_a_week_after_the_last_event() -> None:
    assert sums(asking(NOON + 7 * DAY - MICROSECOND, NOON + 7 * DAY)) == [30, None]
    assert sums(asking(NOON + 7 * DAY), fill_value=0) == [0]


def test_every_asking_row_stays_in_its_place_and_duplicates_too() -> None:
    asked = [*asking(NOON, NOON), *asking(None), *asking(NOON, customer=None), *asking(NOON, customer=3)]
    table = reference_features_at(
        asked,
        EVENTS,
        [{"function": "count", "windows": ["7d"]}, {"function": "sum", "column": "x", "windows": ["7d"]}],
        at=AT,
    )
    assert table.columns == ("customer", "asked", "count_7d", "x_sum_7d")
    assert [{name: row[name] for name in ("customer", "asked")} for row in table.rows] == asked
    # Nothing is known of a row without a key or a time; nothing happened to a customer without events.
    assert values(table, "count_7d") == [2, 2, None, None, 0]
    assert values(table, "x_sum_7d") == [30, 30, None, None, None]


def test_the_newest_row_that_counted_is_named() -> None:
    features = [
        {"function": "count", "windows": ["7d offset 8d"]},
        {"function": "min", "column": "x", "windows": ["7d"], "where": [{"column": "x", "op": "gt", "value": 25}]},
        {"name": "n", "function": "count", "windows": ["lifetime"]},
    ]
    table = reference_features_at(asking(NOON), EVENTS, features, at=AT)
    ten_days_ago, noon = 1_714_910_400_000_000, 1_715_774_400_000_000
    assert table.newest == [{"count_7d_offset_8d": ten_days_ago, "x_min_7d": None, "n_lifetime": noon}]


def test_closed_left_leaves_out_rows_at_the_rows_own_time() -> None:
    at = PointInTime(keys=AT.keys, event_time=AT.event_time, closed="left")
    assert sums(asking(NOON, NOON + MICROSECOND), at=at) == [None, 30]
    assert sums(asking(NOON + 7 * DAY), at=at) == [None]
    # Only what is closed at the start stays closed there.
    assert sums(asking(NOON + 7 * DAY), at=at, closed="both") == [30]
    assert sums(asking(NOON, NOON + 7 * DAY), at=at, closed="left") == [None, 30]
    assert sums(asking(NOON), "month", at=at) == [1]


def test_parts_of_a_composite_key_do_not_run_together() -> None:
    events = [
        {"a": "a", "b": "bc", "at": NOON, "x": 1},
        {"a": "ab", "b": "c", "at": NOON, "x": 2},
        {"a": "a", "b": None, "at": NOON, "x": 4},
    ]
    asked = [
        {"p": one, "q": other, "asked": NOON} for one, other in (("a", "bc"), ("ab", "c"), ("abc", ""), ("a", None))
    ]
    at = PointInTime(keys={"a": "p", "b": "q"}, event_time=AT.event_time)
    assert sums(asked, events=events, at=at) == [1, 2, None, None]


def test_filters_leave_out_rows_that_count() -> None:
    at = PointInTime(keys=AT.keys, event_time=AT.event_time, filters=[{"column": "x", "op": "lt", "value": 15}])
    assert sums(asking(NOON), "lifetime", at=at) == [11]


def test_a_day_meets_an_instant_at_its_midnight() -> None:
    days = [{"user": 1, "at": date(2024, 5, 14), "x": 1}, {"user": 1, "at": date(2024, 5, 15), "x": 2}]
    assert sums(asking(date(2024, 5, 15)), "1d", events=days) == [2]
    assert sums(asking(NOON), "1d", events=days) == [2]
    assert sums(asking(date(2024, 5, 15)), events=EVENTS[1:2]) == [None]
    assert sums(asking(date(2024, 5, 16)), events=EVENTS[1:2]) == [10]


@pytest.mark.parametrize(
    ("asked", "expected"),
    # In Prague, the last midnight before May came two hours before that of UTC.
    [(datetime(2024, 4, 30, 21, tzinfo=UTC), 1), (datetime(2024, 4, 30, 22, 30, tzinfo=UTC), 2)],
)
def test_periods_are_those_of_the_time_zone(asked: datetime, expected: int) -> None:
    events = [
        {"user": 1, "at": datetime(2024, 4, 30, 20, tzinfo=UTC), "x": 1},
        {"user": 1, "at": datetime(2024, 4, 30, 22, tzinfo=UTC), "x": 2},
    ]
    feature = {"function": "sum", "column": "x", "windows": ["month"]}
    table = reference_features_at(asking(asked), events, [feature], at=AT, time_zone="Europe/Prague")
    assert values(table, "x_sum_month") == [expected]


def test_types_are_those_of_the_features() -> None:
    schema = pyarrow.schema([("user", pyarrow.int64()), ("at", pyarrow.date32()), ("x", pyarrow.decimal128(12, 2))])
    events = pyarrow.Table.from_pylist([{"user": 1, "at": date(2024, 5, 15), "x": Decimal("1.50")}], schema=schema)
    feature = {"function": "sum", "column": "x", "windows": ["7d"]}
    table = reference_features_at(asking(date(2024, 5, 16)), events, [feature], at=AT, prefix="p_")
    assert table.types == {"p_x_sum_7d": "decimal(38,2)"}
    assert_features_equal(table, [{"customer": 1, "asked": date(2024, 5, 16), "p_x_sum_7d": Decimal("1.50")}])


def test_rows_of_the_source_that_ask_get_what_they_have() -> None:
    features = [{"function": "sum", "column": "x", "windows": ["7d", "lifetime"]}]
    own = reference_features(EVENTS, {"keys": "user", "timestamp_col": "at", "features": features})
    at = PointInTime(keys={"user": "user"}, event_time=("at", "at"))
    assert reference_features_at(EVENTS, EVENTS, features, at=at).rows == own.rows


LATE: Rows = [
    {"user": 1, "at": NOON, "loaded": NOON + 2 * DAY, "x": 1},
    {"user": 1, "at": NOON + DAY, "loaded": NOON + DAY, "x": 2},
    {"user": 1, "at": NOON, "loaded": None, "x": 4},
]


def test_a_row_counts_from_its_load_on_in_windows_of_its_event_time() -> None:
    at = PointInTime(keys=AT.keys, event_time=AT.event_time, loaded_at="loaded")
    times = [NOON + DAY, NOON + 2 * DAY - MICROSECOND, NOON + 2 * DAY, NOON + 7 * DAY, NOON + 8 * DAY]
    assert sums(asking(*times), events=LATE, at=at) == [2, 2, 3, 2, None]


def test_a_row_counts_from_its_delay_on() -> None:
    at = PointInTime(keys=AT.keys, event_time=AT.event_time, available_after=3600)
    times = [NOON, NOON + timedelta(minutes=60) - MICROSECOND, NOON + timedelta(minutes=60)]
    assert sums(asking(*times), events=EVENTS, at=at) == [None, None, 30]


def test_a_row_counts_when_it_is_loaded_and_its_delay_is_over() -> None:
    at = PointInTime(keys=AT.keys, event_time=AT.event_time, loaded_at="loaded", available_after=3 * 86_400)
    assert sums(asking(NOON + 2 * DAY, NOON + 3 * DAY, NOON + 4 * DAY), events=LATE, at=at) == [None, 1, 3]


VERSIONS: Rows = [
    {"user": 1, "at": NOON, "city": "Brno", "rank": 1},
    {"user": 1, "at": NOON + DAY, "city": None, "rank": 1},
    {"user": 1, "at": NOON + 3 * DAY, "city": "Praha", "rank": 1},
    {"user": 1, "at": NOON + 3 * DAY, "city": "Zlín", "rank": 2},
    {"user": 2, "at": NOON, "city": "Plzeň", "rank": None},
]


def cities(asked: Rows, *, at: PointInTime = AT, versions: Rows = VERSIONS, **more: Any) -> list[Any]:
    return values(reference_versions_at(asked, versions, ["city"], at=at, **more), "city")


def test_the_latest_version_counts_and_its_null_too() -> None:
    times = [NOON - MICROSECOND, NOON, NOON + DAY - MICROSECOND, NOON + DAY, NOON + 2 * DAY]
    assert cities(asking(*times)) == [None, "Brno", "Brno", None, None]
    assert cities([*asking(None), *asking(NOON, customer=None), *asking(NOON, customer=9)]) == [None, None, None]


def test_order_by_decides_between_versions_of_one_time() -> None:
    assert cities(asking(NOON + 3 * DAY), order_by="rank") == ["Zlín"]
    # A row before that time does not look at them.
    assert cities(asking(NOON + 2 * DAY)) == [None]
    with pytest.raises(ValueError, match="two versions of the key user=1 at one time; `order_by` is missing"):
        cities(asking(NOON + 3 * DAY))
    equal = [*VERSIONS, {**VERSIONS[3], "city": "Cheb"}]
    with pytest.raises(ValueError, match="`order_by` has one value for both"):
        cities(asking(NOON + 3 * DAY), order_by=["rank"], versions=equal)


def test_a_version_lasts_for_its_greatest_age() -> None:
    times = [NOON + 2 * DAY, NOON + 2 * DAY + MICROSECOND]
    assert cities(asking(*times, customer=2), max_age_days=2) == ["Plzeň", None]


def test_a_version_counts_when_it_was_known() -> None:
    closed = PointInTime(keys=AT.keys, event_time=AT.event_time, closed="left")
    assert cities(asking(NOON, NOON + MICROSECOND), at=closed) == [None, "Brno"]
    delayed = PointInTime(keys=AT.keys, event_time=AT.event_time, available_after=86_400)
    assert cities(asking(NOON + DAY, NOON + 2 * DAY), at=delayed) == ["Brno", None]
    late = [
        {"user": 1, "at": NOON, "city": "corrected", "loaded": NOON + 5 * DAY},
        {"user": 1, "at": NOON - DAY, "city": "old", "loaded": NOON - DAY},
    ]
    loaded = PointInTime(keys=AT.keys, event_time=AT.event_time, loaded_at="loaded")
    assert cities(asking(NOON + 4 * DAY, NOON + 5 * DAY), at=loaded, versions=late) == ["old", "corrected"]


def test_a_row_of_a_key_is_found_whatever_the_time() -> None:
    people = [{"id": 1, "born": 1950}, {"id": 2, "born": None}, {"id": None, "born": 1970}]
    asked = [{"customer": each} for each in (2, 1, 3, None, 1)]
    table = reference_values_by_key(asked, people, ["born"], keys={"id": "customer"})
    assert values(table, "born") == [None, 1950, None, None, 1950]
    twice = [*people, {"id": 3, "born": 1}, {"id": 3, "born": 1}]
    with pytest.raises(ValueError, match="two rows of the key id=3"):
        reference_values_by_key(asked, twice, ["born"], keys={"id": "customer"})


def targets(
    asked: Rows,
    window: str,
    *,
    events: Sequence[Mapping[str, Any]] = EVENTS,
    at: PointInTime = AT,
    newest: int | None = None,
) -> list[Any]:
    """Return the sum of each asking row, `?` where it is not known yet."""
    feature = {"name": "f", "function": "sum", "column": "x", "windows": [window], "fill_value": 0}
    name = f"f_{window}".replace(" ", "_")
    table = reference_targets_at(asked, events, [feature], at=at, newest=newest)
    pairs = zip(values(table, name), table.immature, strict=True)
    return ["?" if immature == {name} and value is None else value for value, immature in pairs]


def test_a_target_looks_ahead_of_the_row_and_not_at_it() -> None:
    times = [NOON - 10 * DAY - MICROSECOND, NOON - 10 * DAY, NOON - 2 * DAY]
    assert targets(asking(*times), "next 2d") == [1, 0, 30]
    assert targets(asking(NOON - 3 * DAY, NOON - 2 * DAY), "next 1d offset 1d") == [0, 30]


def test_a_target_is_known_when_its_window_lies_before_the_newest_row() -> None:
    assert targets(asking(NOON - DAY, NOON - DAY + MICROSECOND, NOON), "next 1d") == [30, "?", "?"]
    assert targets(asking(NOON - DAY), "next 12h offset 12h") == [30]
    assert targets(asking(NOON - DAY), "next 12h offset 13h") == ["?"]
    assert targets(asking(NOON - DAY, customer=9), "next 1d") == [0]
    assert targets([*asking(None), *asking(NOON, customer=None)], "next 1d") == [None, None]
    assert targets(asking(NOON - DAY), "next 1d", events=EVENTS[5:]) == ["?"]
    # The newest row of a source may be another customer's, or known from elsewhere.
    newer = [*EVENTS, {"user": 9, "at": NOON + DAY, "x": 1}]
    assert targets(asking(NOON), "next 1d", events=newer) == [0]
    assert targets(asking(NOON), "next 1d", newest=1_715_774_400_000_000 + 86_400_000_000) == [0]


def test_a_target_counts_rows_whenever_they_were_loaded() -> None:
    at = PointInTime(keys=AT.keys, event_time=AT.event_time, loaded_at="loaded", available_after=86_400)
    asked = asking(NOON - DAY, NOON + DAY, NOON + DAY + MICROSECOND)
    # 1 and 4 have an event time in (t, t + 1 d]; the newest load was at noon two days later.
    assert targets(asked, "next 1d", events=LATE, at=at) == [5, 0, "?"]


@pytest.mark.parametrize("window", ["30d", "lifetime", "next month", "next 0d"])
def test_targets_have_windows_that_look_ahead(window: str) -> None:
    with pytest.raises(ValueError, match="expected `next <N><unit>`"):
        targets(asking(NOON), window)


def test_features_do_not_look_ahead() -> None:
    with pytest.raises(ValueError, match="window 'next 1d'"):
        sums(asking(NOON), "next 1d")
