from __future__ import annotations

from benchmarks.tables import jvm_table

OURS = {"whole_seconds": 50.0, "cpu_seconds": 80.0, "task_cpu_seconds": 40.0}
SLIDING = {"whole_seconds": 600.0, "cpu_seconds": 1200.0, "task_cpu_seconds": 1000.0}
POINT = {"rows": 500_000, "users": 50, "rows_per_window": 3750.4}


def test_ratios_are_of_whole_processes() -> None:
    point = POINT | {"engines": {"jvm_sql": OURS, "jvm_sliding": SLIDING}, "stopped": {}}
    text = jvm_table({"points": [point], "limit_seconds": 900})
    assert "| 500,000 | 50 | 3,750 | 50 | 600 | 12.0 | 80 | 1200 | 15.0 | 25.0 |" in text


def test_a_run_that_was_stopped_took_more_than_the_limit() -> None:
    point = POINT | {"engines": {"jvm_sql": OURS}, "stopped": {"jvm_sliding": 1600.0}}
    text = jvm_table({"points": [point], "limit_seconds": 900})
    assert "| 50 | > 900 | > 18.0 | 80 | > 1600 | > 20.0 | - |" in text


def test_a_run_that_was_left_out_has_no_figures() -> None:
    point = POINT | {"engines": {"jvm_sql": OURS}, "stopped": {}}
    text = jvm_table({"points": [point], "limit_seconds": 900})
    assert "| 50 | - | - | 80 | - | - | - |" in text
