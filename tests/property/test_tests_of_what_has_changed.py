"""A test that looks only at what has changed ends as it does when it looks at everything.

`FP_EXAMPLES` sets how many random histories are tried.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.property.watched_job import USERS, Row, Version, WatchedJob, good_customers, good_row, prepare, shown

USUAL_EXAMPLES = 3
EXAMPLES = int(os.environ.get("FP_EXAMPLES", USUAL_EXAMPLES))
KEYS = {"user_id_col": "user_id", "timestamp_col": "timestamp"}
ROWS = [good_row(number) for number in range(60)]


def spend(amount: str, days: int) -> Mapping[str, Any]:
    return {"name": "UserSpendAggregator", "params": {**KEYS, "amount_col": amount, "window_days": days}}


def monthly(**params: str) -> Mapping[str, Any]:
    return {"name": "UserMonthlyTransactionCounter", "params": KEYS | params}


def totals(**params: str) -> Mapping[str, Any]:
    given = {"user_id_col": "user_id", "amount_col": "amount", "category_col": "category"}
    return {"name": "UserCategoricalSpendAggregator", "params": {**given, "target_category_value": "kind 1", **params}}


WHOLE = {"feature_transformers": [spend("amount", 7), monthly(), totals()]}
# Two sets of features share a table here.
TO_DATE = {
    "feature_transformers": [
        spend("amount", 7),
        spend("balance", 1),
        monthly(as_of="event_time"),
        totals(timestamp_col="timestamp", as_of="event_time"),
    ]
}
STRICT = {"  - name: category\n    type: string\n": "  - name: category\n    type: string\n    required: true\n"}
TABLES = ("user_spend", "user_monthly_transactions", "user_categorical_spend")


@pytest.fixture(scope="module")
def job(module_project: Path) -> WatchedJob:
    return prepare(module_project, [(WHOLE, {}), (TO_DATE, STRICT)])


def verdicts(job: WatchedJob, version: Version) -> dict[str, str]:
    """How the tests of a run ended, none of them otherwise than if they had looked at everything."""
    ended = {test: status for test, status in job.build(version).items() if status != "skipped"}
    assert ended == job.test_whole(version, ended)
    return {shown(test): status for test, status in ended.items()}


def fails(job: WatchedJob, version: Version) -> list[str]:
    return [test for test, status in verdicts(job, version).items() if status != "pass"]


def remember(job: WatchedJob) -> None:
    """Leave good rows, whose tests have passed."""
    job.write(ROWS, good_customers())
    assert set(job.build(job.versions[0]).values()) == {"pass"}


# Each breaks one rule: the rows, and the customers.
INPUTS: dict[str, tuple[list[Row], list[Row]]] = {
    "a primary key is not unique": ([*ROWS, good_row(60) | {"transaction_id": 0}], good_customers()),
    "a required value is NULL": ([*ROWS[:-1], ROWS[-1] | {"amount": None}], good_customers()),
    "a row refers to an unknown customer": ([*ROWS[:-1], ROWS[-1] | {"user_id": USERS}], good_customers()),
    "a customer that rows refer to is gone": (ROWS, good_customers()[1:]),
}


@pytest.mark.parametrize("fault", INPUTS)
def test_a_fault_of_the_input_is_found_after_a_good_one(job: WatchedJob, fault: str) -> None:
    remember(job)
    job.write(*INPUTS[fault])
    assert fails(job, job.versions[0]) == ["registry_rules stg_job_input"]


def test_a_test_that_failed_is_run_again(job: WatchedJob) -> None:
    remember(job)
    job.write([*ROWS, ROWS[0]], good_customers())
    assert fails(job, job.versions[0]) == ["registry_rules stg_job_input"]
    assert fails(job, job.versions[0]) == ["registry_rules stg_job_input"]


def test_a_time_outside_of_the_calendar_is_found_after_good_ones(job: WatchedJob) -> None:
    remember(job)
    job.write(ROWS, good_customers(), latest_micros=400_000_000_000_000_000)
    assert fails(job, job.versions[0]) == ["values_parse stg_job_input"]


def test_a_stricter_rule_is_tested_on_rows_that_have_passed(job: WatchedJob) -> None:
    job.write([row | {"category": None} for row in ROWS], good_customers())
    assert fails(job, job.versions[0]) == []
    assert fails(job, job.versions[1]) == ["registry_rules stg_job_input"]


def test_after_a_new_row_tests_look_at_its_period(job: WatchedJob) -> None:
    remember(job)
    before = job.looks.copy()
    job.write([*ROWS, good_row(60)], good_customers())
    assert fails(job, job.versions[0]) == []
    looked = {"input_types: all": 1, "values_parse: all": 1, "registry_rules: all": 1}
    assert job.looks - before == Counter(looked | {"unique_grain: periods": 2, "unique_grain: all": 1})


def first_and_last(rows: Sequence[Row]) -> tuple[Row, Row]:
    rows = sorted(rows, key=lambda row: (row.get("period_start"), row["user_id"]))
    return rows[0], rows[-1]


def in_the_last_month(row: Row, last: Row) -> Row:
    """The row, in the partition of the last one; with the fingerprint that is there, or a run would compute the period anew."""
    return row | {"period_start": last["period_start"], "_input_fingerprint": last["_input_fingerprint"]}


WRITES: dict[str, tuple[str, Callable[[Row, Row], Row]]] = {
    "a row twice": ("user_spend", lambda first, _: first),
    "a row once more, in the partition of another period": ("user_spend", in_the_last_month),
    "a month once more, in the partition of another period": ("user_monthly_transactions", in_the_last_month),
    "a row without its key": ("user_monthly_transactions", lambda first, _: first | {"user_id": None}),
    "a row twice, in a table without periods": ("user_categorical_spend", lambda first, _: first),
}


@pytest.mark.parametrize("written", WRITES)
def test_what_another_program_writes_to_a_table_is_found(job: WatchedJob, written: str) -> None:
    remember(job)
    table, row = WRITES[written]
    with job.restored(table):
        job.append(table, row(*first_and_last(job.rows(table))))
        assert fails(job, job.versions[0]) == [f"unique_grain {table}"]
    before = job.looks.copy()
    assert fails(job, job.versions[0]) == []
    assert job.looks - before == Counter(
        {"input_types: all": 1, "values_parse: nothing": 1, "registry_rules: nothing": 1, "unique_grain: nothing": 3}
    )


def test_a_row_in_the_partition_of_another_period_is_found_when_its_twin_comes(job: WatchedJob) -> None:
    remember(job)
    with job.restored("user_spend"):
        keys = {"user_id": 0, "timestamp": datetime(2024, 1, 30, 1, 2, 3, tzinfo=UTC)}
        job.append("user_spend", in_the_last_month(*first_and_last(job.rows("user_spend"))) | keys)
        assert fails(job, job.versions[0]) == []
        job.write([*ROWS, good_row(60) | keys], good_customers())
        assert fails(job, job.versions[0]) == ["unique_grain user_spend"]
    job.forget()


@dataclass
class State:
    """What is there before a run, except the tables."""

    version: int = 0
    rows: list[Row] = field(default_factory=lambda: list(ROWS))
    customers: list[Row] = field(default_factory=good_customers)


Change = Callable[[WatchedJob, State], None]
NUMBERS = st.integers(0, 119)
OTHER_VALUES: list[Mapping[str, Any]] = [
    {"amount": None},
    {"balance": Decimal("-1.00")},
    {"category": None},
    {"transaction_id": 7},
    {"transaction_id": None},
    {"user_id": 1},
    {"user_id": USERS},
    {"timestamp": datetime(2024, 2, 29, 23, 59, 59, 999_999, UTC)},
    {"timestamp": None},
]
OTHER_KEYS: list[Mapping[str, Any]] = [
    {},
    {"user_id": 9},
    {"user_id": None},
    {"timestamp": datetime(2024, 3, 5, 4, 3, 2, tzinfo=UTC), "year_month": "2024-03"},
    {"timestamp": datetime(2024, 3, 5, 4, 3, 2, tzinfo=UTC), "period_start": date(2024, 3, 1)},
    {"period_start": date(2024, 5, 1)},
]


def insert(number: int, values: Mapping[str, Any]) -> Change:
    return lambda _, state: state.rows.append(good_row(number) | values)


def correct(number: int, values: Mapping[str, Any]) -> Change:
    def change(_: WatchedJob, state: State) -> None:
        state.rows = [row | values if row["transaction_id"] == number else row for row in state.rows]

    return change


def delete(number: int) -> Change:
    def change(_: WatchedJob, state: State) -> None:
        state.rows = [row for row in state.rows if row["transaction_id"] != number]

    return change


def lose_customer(user: int) -> Change:
    def change(_: WatchedJob, state: State) -> None:
        state.customers = [row for row in state.customers if row["user_id"] != user]

    return change


def make_good(_: WatchedJob, state: State) -> None:
    state.rows, state.customers = [row for row in state.rows if row in GOOD], good_customers()


def drop_tables(job: WatchedJob, _: State) -> None:
    job.drop_tables()


def write(table: str, position: int, values: Mapping[str, Any]) -> Change:
    """Write a row of the table once more, with some other values."""

    def change(job: WatchedJob, _: State) -> None:
        if rows := job.rows(table):
            row = rows[position % len(rows)]
            job.append(table, row | {name: value for name, value in values.items() if name in row})

    return change


def remove(table: str, user: int) -> Change:
    return lambda job, _: job.remove(table, f"user_id = {user}")


GOOD = [good_row(number) for number in range(120)]
CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(insert, NUMBERS, st.just({}) | st.sampled_from(OTHER_VALUES)),
    st.builds(correct, NUMBERS, st.sampled_from(OTHER_VALUES)),
    st.builds(delete, NUMBERS),
    st.builds(lose_customer, st.integers(0, USERS - 1)),
    st.just(make_good),
    st.just(make_good),
    st.just(drop_tables),
    st.builds(write, st.sampled_from(TABLES), NUMBERS, st.sampled_from(OTHER_KEYS)),
    st.builds(write, st.sampled_from(TABLES), NUMBERS, st.sampled_from(OTHER_KEYS)),
    st.builds(remove, st.sampled_from(TABLES), st.integers(0, USERS)),
)


# Shrinking a history would take minutes.
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    first=st.sampled_from([0, 1]), steps=st.lists(st.lists(CHANGES, max_size=3), min_size=2, max_size=3), data=st.data()
)
def test_tests_end_as_if_they_had_looked_at_everything(
    job: WatchedJob, first: int, steps: list[list[Change]], data: st.DataObject
) -> None:
    job.forget()
    state = State(first)
    for changes in [[], *steps]:
        for change in changes:
            change(job, state)
        state.version = data.draw(st.sampled_from([state.version, state.version, 1 - state.version]))
        job.write(state.rows, state.customers)
        verdicts(job, job.versions[state.version])
