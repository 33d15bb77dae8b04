"""On random small tables with nasty values, the compiled SQL gives what the brute force over the definition gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.compiled import CompiledJob, compile_job
from tests.oracle.brute_force import expected_rows
from tests.oracle.compare import differences

CATEGORIES = ["food", "Food", "fo'od\\", "$food", "Bücher & Musik", ""]
ANCHORS = [
    datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2024, 3, 1, tzinfo=UTC),
    datetime(2023, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2024, 3, 31, 1, 30, tzinfo=UTC),
    datetime(1969, 12, 31, 12, tzinfo=UTC),
]
OFFSETS = [timedelta(days=days, microseconds=micros) for days in (-30, -7, -1, 0, 1, 7, 30) for micros in (-1, 0, 1)]
USERS = {"bigint": [1, 2, -3], "string": ["a", "A", "ä'"]}
AMOUNTS: dict[str, tuple[pyarrow.DataType, st.SearchStrategy[Any]]] = {
    "decimal": (
        pyarrow.decimal128(12, 2),
        st.integers(-(10**12) + 1, 10**12 - 1).map(lambda units: Decimal(units) / 100),
    ),
    "wide_decimal": (
        pyarrow.decimal128(30, 10),
        st.integers(-(10**29), 10**29).map(lambda units: Decimal(units).scaleb(-10)),
    ),
    "bigint": (pyarrow.int64(), st.integers(-(10**15), 10**15)),
    "int": (pyarrow.int32(), st.integers(-(2**31) + 1, 2**31 - 1)),
    "double": (
        pyarrow.float64(),
        st.one_of(st.floats(-1e9, 1e9), st.sampled_from([0.1, 0.2, 1e-7, 5e-7, -5e-7, float("nan"), float("inf")])),
    ),
}


@dataclass(frozen=True)
class Shape:
    """A job over one kind of table."""

    amount: str
    user: str
    has_dates: bool
    as_of: str | None

    @property
    def name(self) -> str:
        return "_".join([self.amount, self.user, "dates" if self.has_dates else "times", self.as_of or "whole"])

    def transformers(self) -> list[dict[str, Any]]:
        keys = {"user_id_col": "who", "timestamp_col": "at"}
        as_of = {"as_of": self.as_of} if self.as_of else {}
        targets = ["food", "fo'od\\", "Bücher & Musik"]
        category = {"amount_col": "amount", "category_col": "kind", "target_category_value": targets}
        return [
            {"name": "UserSpendAggregator", "params": {**keys, "amount_col": "amount", "window_days": [1, 7, 30]}},
            {"name": "UserMonthlyTransactionCounter", "params": {**keys, **as_of}},
            {"name": "UserCategoricalSpendAggregator", "params": {**keys, **category, **as_of}},
        ]

    def schema(self) -> pyarrow.Schema:
        return pyarrow.schema(
            {
                "number": pyarrow.int64(),
                "who": pyarrow.int64() if self.user == "bigint" else pyarrow.string(),
                "at": pyarrow.date32() if self.has_dates else pyarrow.timestamp("us", "UTC"),
                "amount": AMOUNTS[self.amount][0],
                "kind": pyarrow.string(),
            }
        )

    def tables(self) -> st.SearchStrategy[list[dict[str, Any]]]:
        # One anchor a table: pairs exactly one window apart are then frequent, not a rare chance.
        return st.sampled_from(ANCHORS).flatmap(self._tables_around)

    def _tables_around(self, anchor: datetime) -> st.SearchStrategy[list[dict[str, Any]]]:
        times = st.sampled_from(OFFSETS).map(lambda offset: anchor + offset)
        row = st.fixed_dictionaries(
            {
                "who": st.one_of(st.none(), st.sampled_from(USERS[self.user])),
                "at": st.one_of(st.none(), times.map(datetime.date) if self.has_dates else times),
                "amount": st.one_of(st.none(), AMOUNTS[self.amount][1]),
                "kind": st.one_of(st.none(), st.sampled_from(CATEGORIES)),
            }
        )
        return st.lists(row, max_size=25).map(self._numbered)

    def _numbered(self, rows: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [{name: row.get(name, number) for name in self.schema().names} for number, row in enumerate(rows)]


SHAPES = [
    Shape("decimal", "bigint", has_dates=False, as_of=None),
    Shape("wide_decimal", "string", has_dates=False, as_of="event_time"),
    Shape("bigint", "string", has_dates=True, as_of="event_time"),
    Shape("int", "bigint", has_dates=False, as_of=None),
    Shape("double", "bigint", has_dates=False, as_of="event_time"),
    Shape("double", "string", has_dates=True, as_of=None),
]


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: shape.name)
def compiled(request: pytest.FixtureRequest, module_project: Path) -> tuple[Shape, CompiledJob]:
    shape = request.param
    source = pyarrow.Table.from_pylist([], schema=shape.schema())
    job = {"job_name": shape.name, "feature_transformers": shape.transformers()}
    return shape, compile_job(module_project, job, source)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_features_equal_brute_force(compiled: tuple[Shape, CompiledJob], data: st.DataObject) -> None:
    shape, job = compiled
    rows = data.draw(shape.tables())
    actual = job.rows(pyarrow.Table.from_pylist(rows, schema=shape.schema()))
    expected = expected_rows(rows, shape.transformers())
    assert differences(actual, expected, identified_by=["number"]) == []
