"""Source columns may have any name: also those that the SQL uses inside, and that its tables and steps have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from feature_platform_py.core.errors import ConfigurationError
from tests.compiled import compile_job
from tests.oracle.brute_force import expected_rows
from tests.oracle.compare import differences

START = datetime(2024, 1, 1, tzinfo=UTC)
COLUMNS: list[list[Any]] = [
    [1, 1, 2, 1],
    [START + timedelta(days=days) for days in (0, 1, 1, 40)],
    [Decimal("1.10"), None, Decimal("2.20"), Decimal("3.30")],
    ["x", "x", "y", "x"],
]
TYPES = [pa.int64(), pa.timestamp("us", "UTC"), pa.decimal128(12, 2), pa.string()]
AS_OF = {"as_of": "event_time"}


def source(names: list[str]) -> pa.Table:
    return pa.table({name: pa.array(values, kind) for name, values, kind in zip(names, COLUMNS, TYPES, strict=True)})


def transformers(user: str, time: str, amount: str, category: str, *, as_of: bool) -> list[dict[str, Any]]:
    keys = {"user_id_col": user, "timestamp_col": time}
    spend = {**keys, "amount_col": amount, "window_days": [7, 30]}
    total = {"user_id_col": user, "amount_col": amount, "category_col": category, "target_category_value": ["x"]}
    found: list[dict[str, Any]] = [
        {"name": "UserSpendAggregator", "params": spend},
        {
            "name": "UserCategoricalSpendAggregator",
            "params": {**total, "timestamp_col": time, **AS_OF} if as_of else total,
        },
    ]
    if "year_month" not in {user, time, amount, category}:
        found.append({"name": "UserMonthlyTransactionCounter", "params": {**keys, **(AS_OF if as_of else {})}})
    return found


def check(project: Path, name: str, table: pa.Table, features: list[dict[str, Any]]) -> None:
    job = compile_job(project, {"job_name": name, "feature_transformers": features}, table)
    expected = expected_rows(table.to_pylist(), features)
    assert differences(job.rows(table), expected, identified_by=table.column_names) == []


@pytest.mark.parametrize(
    ("name", "names", "as_of"),
    [
        ("inside", ["_event_time", "_amount", "_user", "_category"], True),
        ("parts", ["_entries", "_event_micros", "_next_time", "_amounts"], False),
        ("ledger", ["_day", "_hash", "_rows", "_month"], False),
        ("steps", ["features", "final", "input_rows", "user_spend"], True),
        ("month", ["year_month", "amounts", "_total_0", "source_rows"], False),
    ],
)
def test_names_of_the_platform_are_names_like_others(
    module_project: Path, name: str, names: list[str], as_of: bool
) -> None:
    check(module_project, name, source(names), transformers(*names, as_of=as_of))


def test_categories_of_all_time_and_as_of_go_into_one_job(module_project: Path) -> None:
    total = {"user_id_col": "u", "amount_col": "a", "category_col": "c"}
    features = [
        {"name": "UserCategoricalSpendAggregator", "params": {**total, "target_category_value": "x"}},
        {
            "name": "UserCategoricalSpendAggregator",
            "params": {**total, "target_category_value": "y", "timestamp_col": "t", **AS_OF},
        },
    ]
    check(module_project, "both", source(["u", "t", "a", "c"]), features)


def test_sets_of_unlike_keys_and_amounts_go_into_one_job(module_project: Path) -> None:
    table = source(["u", "t", "a", "c"]).append_column("b", pa.array([1.5, 2.5, None, 1.5]))
    features = [
        {
            "name": "UserSpendAggregator",
            "params": {"user_id_col": "u", "timestamp_col": "t", "amount_col": "a", "window_days": 7},
        },
        {
            "name": "UserSpendAggregator",
            "params": {"user_id_col": "c", "timestamp_col": "t", "amount_col": "b", "window_days": 8},
        },
    ]
    check(module_project, "unlike", table, features)


def test_one_column_in_two_roles(module_project: Path) -> None:
    check(module_project, "roles", source(["u", "t", "a", "c"]), transformers("c", "t", "a", "c", as_of=True))
    with pytest.raises(ConfigurationError) as error:
        check(module_project, "twice", source(["u", "t", "a", "c"]), transformers("t", "T", "a", "c", as_of=False))
    assert "`t` is also the event time; expected the column that identifies the user" in str(error.value)
