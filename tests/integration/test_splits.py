"""Training sets in parts by time, whole: which rows stay, how the others are counted, and that the numbers add up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.runs.proof import prove
from feature_platform_py.warehouse.session import open_session
from tests.conftest import Fpjob
from tests.integration.test_training_sets import job, rows_of, shop

__all__ = ["shop"]
PATH = "configs/jobs/split.yaml"
# The newest sale is of 2024-02-20, 20 days after the last label; label d asks 21 days and more before `test`.
SPLIT = """\
entities: {shop: shop}
event_time: decided_at
immature: drop
split: {test_from: 2024-01-25, gap: 12h}
targets:
  - {source: shop/sales, entity: shop, function: count, windows: [next 1d, next 21d]}
"""
COUNTS = {
    "immature": 1,
    "purged": 5,
    "parts": {
        "train": {"from": None, "rows": 1, "purged": 5},
        "test": {"from": "2024-01-25", "rows": 0, "purged": 0},
    },
}
SHOWN = "1 train, 0 test, 1 without a time; left out: 5 purged, 1 with a target that is not known yet"


def test_rows_are_in_parts_and_those_that_are_left_out_are_counted(shop: Path, fpjob: Fpjob) -> None:
    (shop / PATH).write_text(job("split_v1", "takings.taken_lifetime", asking=SPLIT))
    assert f"  of 8 rows: {SHOWN}" in fpjob("plan", PATH).stdout.splitlines()
    done = fpjob("run", PATH)
    assert done.status == 0, done.stderr
    assert {row["label"]: row["split"] for row in rows_of(shop, "split_v1")} == {"d": "train", "g": None}
    assert list(rows_of(shop, "split_v1")[0])[-2:] == ["count_next_21d", "split"]
    proof = json.loads(fpjob("show", PATH, "--proof", "--format", "json").stdout)
    assert proof["rows"] == proof["rows"] | COUNTS | {"in": 8, "out": 2, "shown": SHOWN}
    assert "split" not in proof["features"]
    # Two rows of four columns: the part is computed again too.
    assert (proof["recomputed"]["values"], proof["recomputed"]["agreed"]) == (8, 8)
    assert SHOWN in fpjob("show", PATH, "--proof").stdout


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "select * from kept where label = 'd'",
            "expected 2 rows in the result, found 1: the job has 8, of which 1 are immature and 5",
        ),
        (
            "select label, shop, rival, decided_at, taken_lifetime, count_next_1d, count_next_21d, 'test' as split from kept",
            "feature `split` is 'test', expected ",
        ),
    ],
)
def test_a_result_with_other_rows_or_parts_is_refused(shop: Path, query: str, message: str) -> None:
    project = open_project(shop)
    plan = prepare_job(shop / PATH, project)
    session = open_session(project.target.engine, project.target.warehouse)
    session.read.parquet(str(shop / "output/split_v1")).createOrReplaceTempView("kept")
    session.sql(f"create or replace view features.{plan.table_name('job_features')} as {query}")
    with pytest.raises(DataCheckError) as raised:
        prove(plan, project)
    assert message in str(raised.value)
