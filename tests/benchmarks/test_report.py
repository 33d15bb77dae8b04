from __future__ import annotations

from pathlib import Path

from benchmarks.report import write_report
from benchmarks.run import PAGE
from tests.benchmarks.test_jvm_table import OURS, POINT, SLIDING

MEASURED = {
    "agreement": "The outputs agree, column for column.",
    "machine": "2 cores",
    "measured": "2026-11-24",
    "months": 24,
    "repeats": 1,
}


def test_a_part_without_results_stays_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(PAGE.read_text())
    before, _, after = page.read_text().partition("<!-- jvm: begin -->")
    after = after.partition("<!-- jvm: end -->")[2]
    point = POINT | MEASURED | {"engines": {"jvm_sql": OURS, "jvm_sliding": SLIDING}, "stopped": {}}
    write_report(page, {"jvm": {"points": [point], "limit_seconds": 900}})
    written = page.read_text()
    assert written.startswith(before) and written.endswith(after)
    assert "runs of each engine: 1, measured on 2026-11-24, 2 cores." in written
    assert "| 500,000 | 50 |" in written
