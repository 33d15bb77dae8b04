"""Event times as sources have them: with a zone or without, coarse or fine, and beyond every calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import yaml

from tests.conftest import Fpjob

NOON = datetime(2024, 3, 31, 12)
YEAR_10000 = 253_402_300_800_000_000
YEAR_0 = -62_135_596_800_000_001
RULE = (
    "event time `at` lies outside of the years 1 to 9999; correct it, or leave such rows out with a filter of the job"
)


def write(times: list[Any], data_type: pyarrow.DataType) -> None:
    rows = {"who": [1] * len(times), "at": pyarrow.array(times, data_type), "amount": range(1, len(times) + 1)}
    pyarrow.parquet.write_table(pyarrow.table(rows), "times.parquet")


def write_job(*filters: dict[str, Any]) -> None:
    keys = {"user_id_col": "who", "timestamp_col": "at"}
    job = {
        "job_name": "times",
        "description": "a test",
        "input_source": {
            "source_type": "spark",
            "config": {"location": "times.parquet", "format": "parquet"},
            "filters": list(filters),
        },
        "feature_transformers": [
            {"name": "UserSpendAggregator", "params": {**keys, "amount_col": "amount", "window_days": 1}},
            {"name": "UserMonthlyTransactionCounter", "params": keys},
        ],
        "output_sink": {"sink_type": "overwrite_parquet", "config": {"path": "output"}},
    }
    Path("times.yaml").write_text(yaml.safe_dump(job))


def output() -> list[tuple[datetime, int, int]]:
    rows = pyarrow.parquet.read_table("output").to_pylist()
    found = [
        (
            row["at"].replace(tzinfo=row["at"].tzinfo or UTC),
            int(row["user_1d_total_spend"]),
            row["user_monthly_txn_count"],
        )
        for row in rows
    ]
    return sorted(found)


def test_a_source_may_have_times_with_and_without_a_zone_from_run_to_run(project: Path, fpjob: Fpjob) -> None:
    write_job()
    noon = NOON.replace(tzinfo=UTC)
    for data_type in (
        pyarrow.timestamp("us", "UTC"),
        pyarrow.timestamp("us"),
        pyarrow.timestamp("ms"),
        pyarrow.timestamp("us", "Europe/Berlin"),
    ):
        times = [NOON, noon.replace(hour=11)] if data_type.tz is None else [noon, noon.replace(hour=11)]
        write([time.replace(tzinfo=None) if data_type.tz is None else time for time in times], data_type)
        outcome = fpjob("run", "times.yaml")
        assert outcome.status == 0, (data_type, outcome.stderr)
        assert output() == [(noon.replace(hour=11), 2, 2), (noon, 3, 2)]


def test_event_times_beyond_the_calendar_are_named_and_a_filter_leaves_them_out(project: Path, fpjob: Fpjob) -> None:
    write([YEAR_0, 0, YEAR_10000, 2**63 - 1], pyarrow.timestamp("us", "UTC"))
    write_job()
    outcome = fpjob("run", "times.yaml")
    assert outcome.status == 1
    assert f"{RULE}, row_count: 3" in outcome.stderr
    write_job(
        {"column": "at", "op": "gte", "value": "0001-01-01"},
        {"column": "at", "op": "lte", "value": "9999-12-31 23:59:59"},
    )
    for _ in range(2):
        assert fpjob("run", "times.yaml").status == 0
    assert output() == [(datetime(1970, 1, 1, tzinfo=UTC), 2, 1)]
    write_job()
    outcome = fpjob("plan", "times.yaml")
    assert outcome.status == 1
    *_, said = outcome.stderr.splitlines()
    assert said.startswith("a date or time lies outside of the years 1 to 9999; correct it in the source")
