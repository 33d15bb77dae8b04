"""A sum or an amount without room is an error that names the column, and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Fpjob

JOB = """
job_name: room
input_source: {source_type: spark, config: {location: rows.parquet}}
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: u, timestamp_col: t, amount_col: "a 'b`", window_days: 7}}
  - {name: UserCategoricalSpendAggregator, params: {user_id_col: v, amount_col: "a 'b`", category_col: c, target_category_value: x}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/room}}
"""
DAY = datetime(2024, 1, 1, tzinfo=UTC)
NINES = Decimal("9" * 36 + ".99")
WIDE, DOUBLE = pa.decimal128(38, 2), pa.float64()
SUM = "expected sums of at most 38 digits, as decimal(38, 2) holds, found a larger one"
AMOUNT = "expected floating-point amounts below 10^22, found a larger one"


def put(
    project: Path, amounts: Sequence[Any], kind: pa.DataType, *, days: int = 0, users: Sequence[int] = (1, 2)
) -> None:
    """Rows some days apart; the users of the second transformer are given."""
    rows = {
        "u": pa.array([1] * len(amounts), pa.int64()),
        "v": pa.array(users[: len(amounts)], pa.int64()),
        "t": pa.array(
            [DAY + timedelta(days=days * number) for number in range(len(amounts))], pa.timestamp("us", "UTC")
        ),
        "c": pa.array(["x"] * len(amounts)),
        "a 'b`": pa.array(amounts, kind),
    }
    pq.write_table(pa.table(rows), project / "rows.parquet")


def written(project: Path) -> dict[str, bytes]:
    """The files of the sink, and of the table that cannot be computed."""
    folders = [project / "warehouse" / "features" / "room__user_spend", project / "output"]
    return {str(file): file.read_bytes() for folder in folders for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("amounts", "kind", "users", "told"),
    [
        ([NINES, Decimal("0.01")], WIDE, (1, 2), SUM),
        ([NINES.copy_negate(), Decimal("-0.01")], WIDE, (1, 1), SUM),
        ([1.0, -1e22], DOUBLE, (1, 2), AMOUNT),
    ],
)
def test_what_has_no_room_names_the_column_and_writes_nothing(
    project: Path, fpjob: Fpjob, amounts: list[Any], kind: pa.DataType, users: tuple[int, int], told: str
) -> None:
    (project / "job.yaml").write_text(JOB)
    put(project, amounts[:1], kind)
    assert fpjob("run", "job.yaml").status == 0
    before = written(project)
    put(project, amounts, kind, users=users)
    outcome = fpjob("run", "job.yaml")
    assert outcome.status == 1, outcome.stderr
    assert f"amounts of column `a 'b``: {told}; leave" in outcome.stderr
    assert written(project) == before


def test_windows_that_fit_are_right_where_the_sum_to_date_does_not(project: Path, fpjob: Fpjob) -> None:
    (project / "job.yaml").write_text(JOB)
    put(project, [NINES, NINES, NINES.copy_negate(), NINES], WIDE, days=7, users=(1, 2, 3, 4))
    assert fpjob("run", "job.yaml").status == 0
    rows = pq.read_table(project / "output" / "room").sort_by("t").to_pylist()
    assert [row["user_7d_total_spend"] for row in rows] == [NINES, NINES, NINES.copy_negate(), NINES]
    assert [row["user_7d_avg_spend"] for row in rows] == [float(NINES), float(NINES), -float(NINES), float(NINES)]
