from __future__ import annotations

import json

import pytest

from benchmarks.marked import write_between
from benchmarks.peers.jvm_session import moved_by_group
from benchmarks.scaling import PAGE, Cluster, Costs, full_refresh, increment, report
from benchmarks.spark_costs import COSTS

CLUSTER = Cluster(cores=4, efficiency=0.5, hours=1, partition_bytes=1000)
STATEMENT = {"cpu_seconds": 3.6, "shuffle_bytes": 2.0, "memory_bytes": 6.0, "output_bytes": 1.0}
NAMES = (
    "values_parse",
    "fingerprint",
    "user_spend",
    "user_monthly_transactions",
    "user_categorical_spend",
    "job_features",
)
COLUMNS = ("transaction_id", "user_id", "timestamp", "amount", "category", "transaction_type")
MEASURED = {"statements": dict.fromkeys(NAMES, STATEMENT), "column_bytes": dict.fromkeys(COLUMNS, 1.0)}


def test_a_full_refresh_checks_and_records_and_computes_every_table() -> None:
    estimate = full_refresh(1000, Costs(MEASURED), CLUSTER)
    # One reading of all columns, three fingerprints, three tables: 7 statements of 3.6 CPU seconds a row.
    assert estimate.core_hours == pytest.approx(7.0)
    assert estimate.read_gb == pytest.approx((6 + 3 * 3 + 3 + 2 + 3) * 1000 / 1e9)
    assert estimate.tasks == 2
    assert estimate.task_memory_gb == pytest.approx(3000 / 1e9)
    assert estimate.machines == 4


def test_an_increment_computes_the_period_and_one_window_and_compares_everything() -> None:
    day = increment(730, Costs(MEASURED), period_days=1)
    assert day.compute_core_hours == pytest.approx((31 + 1) * 0.001)
    assert day.compare_core_hours == pytest.approx(2 * 730 * 0.001)
    assert day.loaded_at_core_hours == pytest.approx(2 * 0.001)


def test_the_page_shows_the_model_of_the_kept_costs() -> None:
    measured = json.loads(COSTS.read_text())
    assert report(measured, Cluster()) in PAGE.read_text()


def test_the_tasks_of_a_job_group_are_summed() -> None:
    metrics = {
        "Executor CPU Time": 2e9,
        "Peak Execution Memory": 10,
        "Disk Bytes Spilled": 0,
        "Shuffle Write Metrics": {"Shuffle Bytes Written": 5, "Shuffle Records Written": 1},
    }
    events = [
        {"Event": "SparkListenerJobStart", "Stage IDs": [0, 1], "Properties": {"spark.jobGroup.id": "user_spend"}},
        {"Event": "SparkListenerJobStart", "Stage IDs": [2], "Properties": {}},
        *({"Event": "SparkListenerTaskEnd", "Stage ID": stage, "Task Metrics": metrics} for stage in (0, 1, 2)),
        {"Event": "SparkListenerTaskEnd", "Stage ID": 1},
    ]
    moved = moved_by_group(map(json.dumps, events))
    assert moved == {
        "user_spend": {
            "cpu_seconds": 4.0,
            "memory_bytes": 20,
            "spilled_bytes": 0,
            "shuffle_bytes": 10,
            "shuffle_rows": 2,
        }
    }


def test_only_what_is_between_the_marks_is_written(tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- model: begin -->\nold\n<!-- model: end -->\nbelow\n")
    write_between(page, "model", "new")
    assert page.read_text() == "above\n<!-- model: begin -->\n\nnew\n\n<!-- model: end -->\nbelow\n"
    with pytest.raises(ValueError, match="expected the lines `<!-- other: begin -->`"):
        write_between(page, "other", "new")
