from __future__ import annotations

from benchmarks.hourly import MARK, PAGE, Report, Size, section

FOUND = Report(Size(90, 3_000_000), Size(45, 1_500_000), (2.0, 9.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 1.0, 3.0))


def test_a_single_run_that_was_disturbed_does_not_count() -> None:
    assert FOUND.slower == 1.5


def test_the_page_compares_with_a_fresh_warehouse() -> None:
    shown = section(FOUND, measured="a machine")
    assert "## 10 hourly runs of one new row each" in shown
    assert "| after 10 runs | 90 | 3.0 |" in shown
    assert "| times | 2.00 | 2.00 |" in shown
    assert "2.0 and 3.0, 1.50 times as long" in shown


def test_the_page_has_a_place_for_it() -> None:
    assert f"<!-- {MARK}: begin -->" in PAGE.read_text()
