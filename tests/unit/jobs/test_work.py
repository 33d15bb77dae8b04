"""What is said of the work on a feature table."""

from __future__ import annotations

import pytest

from feature_platform_py.core.messages import Code, Message
from feature_platform_py.jobs.work import PeriodWork, TableWork, read_work


def work(action: str = "replace", reason: str | None = None, of: int | None = 15, **changes: list[str]) -> TableWork:
    periods = tuple(PeriodWork(period, change, 10) for change, names in changes.items() for period in names)
    return TableWork(action, reason, of, "month", periods)


@pytest.mark.parametrize(
    ("given", "extent", "why", "rows"),
    [
        (
            work(changed=["1994-02"], reached=["1994-03"]),
            "2 of 15 months",
            "1994-02 changed, 1994-03 reached by a window",
            20,
        ),
        (
            work(new=["1994-01", "1994-02", "1994-03", "1994-04", "1994-05"]),
            "5 of 15 months",
            "1994-01, 1994-02, 1994-03 and 2 more new",
            50,
        ),
        (work("rebuild", "first run", of=1, new=["1994-01"]), "all rows", "first run", 10),
        (work("rebuild", "first run", of=None), "all rows", "first run", None),
        (work("skip"), "nothing", "nothing new", 0),
    ],
)
def test_work_is_said_in_words(given: TableWork, extent: str, why: str, rows: int | None) -> None:
    assert (given.extent, given.why, given.rows) == (extent, why, rows)


def test_work_is_read_from_its_message_and_from_no_other() -> None:
    periods = [{"period": "1994-02", "change": "changed", "rows": 10}]
    told = {"action": "replace", "reason": None, "of": 15, "unit": "month", "periods": periods}
    assert read_work(Message(Code.FEATURE_TABLE_WORK, told)) == work(changed=["1994-02"])
    assert read_work(Message(Code.FAILED_TEST_ROW, told)) is None
