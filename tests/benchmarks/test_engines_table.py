from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.engines_table import outcomes, report

JUNIT = """
<testsuites><testsuite>
<testcase classname="tests.parity.test_parity" name="test_results_are_equal[spark]">
<properties><property name="cases" value="3" /><property name="failed_cases" value="1" /></properties><failure />
</testcase>
<testcase classname="tests.parity.test_parity" name="test_results_are_equal[connect_to_sail]"><failure /></testcase>
<testcase classname="tests.parity.test_parity" name="test_results_are_equal[connect_to_jvm]"><skipped /></testcase>
<testcase classname="tests.parity.test_server_gone" name="test_no_server_is_one_error" />
</testsuite></testsuites>
"""


@pytest.fixture
def junit(tmp_path: Path) -> Path:
    path = tmp_path / "parity.xml"
    path.write_text(JUNIT)
    return path


def test_cases_count_for_the_engine_in_their_brackets(junit: Path) -> None:
    assert outcomes(junit) == {
        "test_results_are_equal": {
            "spark": {"passed": 2, "failed": 1},
            "connect_to_sail": {"failed": 1},
            "connect_to_jvm": {"skipped": 1},
        }
    }


def test_a_file_without_engines_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "parity.xml"
    path.write_text("<testsuite><testcase name='test_x' /></testsuite>")
    with pytest.raises(ValueError, match="expected test cases with an engine in their brackets"):
        outcomes(path)


def test_the_table_shows_failures_and_engines_that_were_not_timed(junit: Path) -> None:
    text = report(outcomes(junit), {"spark": {"seconds": 31.25, "repeats": 2, "measured": "2026-01-01"}})
    assert "| `spark`: JVM Spark `local[*]`, Delta | 2 passed, 1 failed | 31.2 |" in text
    assert "| `connect_to_jvm`: Spark Connect server of JVM Spark, Delta | 0 passed, 1 skipped | - |" in text
    assert "| `databricks`: dbt-databricks and a loopback server | - | not timed |" in text
    assert "| results are equal | 2 passed, 1 failed | 0 passed, 1 skipped | 0 passed, 1 failed | - |" in text
