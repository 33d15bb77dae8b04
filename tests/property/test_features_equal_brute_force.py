"""On random small tables with nasty values, the compiled SQL gives what the brute force over the definition gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.compiled import CompiledJob, compile_job
from tests.oracle.brute_force import expected_rows
from tests.oracle.compare import differences
from tests.oracle.generators import TARGETS, Kind, arrow_table, tables


@dataclass(frozen=True)
class Shape:
    """A job over one kind of table."""

    kind: Kind
    as_of: str | None

    @property
    def name(self) -> str:
        return f"{self.kind.name}_{self.as_of or 'whole'}"

    def transformers(self) -> list[dict[str, Any]]:
        keys = {"user_id_col": "who", "timestamp_col": "at"}
        as_of = {"as_of": self.as_of} if self.as_of else {}
        category = {"amount_col": "amount", "category_col": "kind", "target_category_value": list(TARGETS)}
        return [
            {"name": "UserSpendAggregator", "params": {**keys, "amount_col": "amount", "window_days": [1, 7, 30]}},
            {"name": "UserMonthlyTransactionCounter", "params": {**keys, **as_of}},
            {"name": "UserCategoricalSpendAggregator", "params": {**keys, **category, **as_of}},
        ]


SHAPES = [
    Shape(Kind("decimal", "bigint"), as_of=None),
    Shape(Kind("wide_decimal", "string"), as_of="event_time"),
    Shape(Kind("bigint", "string", has_dates=True), as_of="event_time"),
    Shape(Kind("int", "double"), as_of=None),
    Shape(Kind("double", "double"), as_of="event_time"),
    Shape(Kind("double", "string", has_dates=True), as_of=None),
]


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: shape.name)
def compiled(request: pytest.FixtureRequest, module_project: Path) -> tuple[Shape, CompiledJob]:
    shape = request.param
    job = {"job_name": shape.name, "feature_transformers": shape.transformers()}
    return shape, compile_job(module_project, job, arrow_table([], shape.kind.schema()))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_features_equal_brute_force(compiled: tuple[Shape, CompiledJob], data: st.DataObject) -> None:
    shape, job = compiled
    rows = data.draw(tables(shape.kind))
    source = arrow_table(rows, shape.kind.schema())
    expected = expected_rows(rows, shape.transformers())
    assert differences(job.rows(source), expected, identified_by=source.column_names) == []
