from __future__ import annotations

from typing import Any

from benchmarks.aggregation_cases import CASES, COMPARED
from benchmarks.aggregation_tables import name_of, section

FOUND: dict[str, Any] = {
    "tables": {
        "sparse": {"rows": 1000, "users": 100, "months": 24},
        "dense": {"rows": 1000, "users": 2, "months": 24},
    },
    "repeats": 3,
    "limit_seconds": 600,
    "measured": "2026-01-31",
    "machine": "2 cores",
    "ours": {
        "sum": {"sparse": {"cpu_seconds": 2.0}, "dense": {"cpu_seconds": 1.0}},
        "last_k": {"sparse": {"cpu_seconds": 5.0}, "dense": {"cpu_seconds": 4.0}},
    },
    "engines": ["fpjob", "duckdb", "pyspark"],
    "compared": {
        "sum": {
            "dense": {"fpjob": {"seconds": 1.25, "peak_bytes": 2e9}, "duckdb": "failed", "pyspark": "stopped"},
        }
    },
    "differences": [],
}


def test_a_case_is_shown_beside_a_sum_and_beside_sparse_users() -> None:
    text = section(FOUND)
    assert "| `sum` | 2.0 | 1.00 | 1.0 | 1.00 | 0.50 |" in text
    assert "| `last_k`, 5 values | 5.0 | 2.50 | 4.0 | 4.00 | 0.80 |" in text


def test_what_an_engine_did_not_finish_is_said() -> None:
    assert "| `sum`, dense | 1.2 (2.0) | failed | > 600 |" in section(FOUND)
    assert "The outputs agree." in section(FOUND)
    assert "**The outputs differ.**" in section(FOUND | {"differences": ["sum, dense: duckdb"]})


def test_every_case_is_a_job_of_its_own_columns() -> None:
    assert set(COMPARED) <= set(CASES)
    for case, aggregates in CASES.items():
        assert name_of(case)
        names = [each.name for each in aggregates]
        assert len(set(names)) == len(names)
