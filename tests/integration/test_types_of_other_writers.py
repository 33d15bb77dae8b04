"""Users, amounts and categories of types that other programs write: unsigned and small integers, binary, codes of merchants."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml

from tests.conftest import Fpjob

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
LARGE = 2**64 - 1
ROWS = {
    "number": range(4),
    "at": pa.array([NOON] * 4, pa.timestamp("us", "UTC")),
    "unsigned": pa.array([LARGE, LARGE, 2**63, None], pa.uint64()),
    "bytes": pa.array([b"\xff\x00", b"\xff\x00", b"", None], pa.binary()),
    "amount": pa.array([2**32 - 1, 1, 2**31, 5], pa.uint32()),
    "merchant": pa.array([5411, 5812, 5411, None], pa.uint16()),
}


def job(name: str, user: str, source: str) -> dict[str, Any]:
    spend = {"user_id_col": user, "timestamp_col": "at", "amount_col": "amount", "window_days": 1}
    codes = {
        "user_id_col": user,
        "amount_col": "amount",
        "category_col": "merchant",
        "target_category_value": [5411, "5812"],
    }
    return {
        "job_name": name,
        "description": "a test",
        "input_source": {"source_type": "spark", "config": {"location": source, "format": "parquet"}},
        "feature_transformers": [
            {"name": "UserSpendAggregator", "params": spend},
            {"name": "UserCategoricalSpendAggregator", "params": codes},
        ],
        "output_sink": {"sink_type": "overwrite_parquet", "config": {"path": f"output/{name}"}},
    }


@pytest.mark.parametrize("user", ["unsigned", "bytes"])
def test_the_features_of_such_columns_are_exact(user: str, project: Path, fpjob: Fpjob) -> None:
    pyarrow.parquet.write_table(pa.table(ROWS), "rows.parquet")
    Path("job.yaml").write_text(yaml.safe_dump(job(user, user, "rows.parquet")))
    for _ in range(2):
        outcome = fpjob("run", "job.yaml")
        assert outcome.status == 0, outcome.stderr
    found = sorted(pyarrow.parquet.read_table(f"output/{user}").to_pylist(), key=lambda row: row["number"])
    names = ("user_1d_total_spend", "user_total_spend_5411", "user_total_spend_5812")
    one, two = (Decimal(2**32), Decimal(2**32 - 1), Decimal(1)), (Decimal(2**31), Decimal(2**31), Decimal(0))
    assert [tuple(row[name] for name in names) for row in found] == [one, one, two, (None, None, None)]
    assert [row[user] for row in found] == ROWS[user].to_pylist()
    assert "0 of 2 feature tables computed" in outcome.stderr
