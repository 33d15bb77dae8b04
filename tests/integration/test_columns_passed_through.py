"""A file of pandas, with types and names that engines do not have, goes through a job and comes out."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import pandas
import polars
import pyarrow
import pyarrow.dataset as ds
import pyarrow.parquet
import pytest

from tests.conftest import Fpjob

JOB = """\
job_name: passed_through_v1
input_source: {{source_type: spark, config: {{location: ./shop, format: parquet}}}}
feature_transformers:
  - {{name: UserSpendAggregator, params: {{user_id_col: user_id, timestamp_col: timestamp, amount_col: amount}}}}
output_sink: {{sink_type: {sink}, config: {{path: output/{sink}, partition_by: [kind]}}}}
"""
NESTED = [{"Street Name": "a", "no$": 1, "Tags": []}, None, {"Street Name": None, "no$": 2, "Tags": ["x"]}]


def write_input(folder: Path) -> None:
    frame = pandas.DataFrame(
        {
            "user_id": [1, 2, 1],
            "timestamp": pandas.to_datetime(["2024-01-01", "2024-01-02", "2024-02-01"]).astype("datetime64[ns]"),
            "amount": [Decimal("1.50"), Decimal("2.50"), Decimal("3.00")],
            "Delay": pandas.to_timedelta([1, 2, 3], unit="s"),
            "Kind": pandas.Categorical(["a=b", None, "ü"]),
            "nested": NESTED,
            "nothing": [None, None, None],
        }
    ).rename(columns={"Kind": "kind"})
    table = pyarrow.Table.from_pandas(frame).append_column("small", pyarrow.array([255, 0, 1], pyarrow.uint8()))
    (folder / "shop" / "2024").mkdir(parents=True)
    pyarrow.parquet.write_table(table, folder / "shop" / "2024" / "a.PARQUET")


def read_parquet(folder: Path) -> list[list[dict[str, Any]]]:
    return [ds.dataset(folder, format="parquet", partitioning="hive").to_table().to_pylist()]


def read_delta(folder: Path) -> list[list[dict[str, Any]]]:
    by_deltalake = pyarrow.table(deltalake.DeltaTable(folder).to_pyarrow_table()).to_pylist()
    return [by_deltalake, polars.read_delta(str(folder)).to_dicts()]


def test_a_file_that_is_no_parquet_is_named_before_anything_runs(project: Path, fpjob: Fpjob) -> None:
    write_input(project)
    job = project / "configs" / "jobs" / "passed.yaml"
    job.write_text(JOB.format(sink="overwrite_parquet"))
    (project / "shop" / "notes.txt").write_text("")
    refused = fpjob("plan", job)
    assert refused.status != 0
    assert "shop/notes.txt: expected a Parquet file, given an empty file" in refused.stderr


@pytest.mark.parametrize(("sink", "read"), [("overwrite_parquet", read_parquet), ("overwrite_delta", read_delta)])
def test_what_a_job_only_passes_through_comes_out(project: Path, fpjob: Fpjob, sink: str, read: Any) -> None:
    write_input(project)
    job = project / "configs" / "jobs" / "passed.yaml"
    job.write_text(JOB.format(sink=sink))
    outcome = fpjob("run", job)
    assert outcome.status == 0, outcome.stderr
    assert "`timestamp`: timestamp[ns] comes out as timestamp[us], cut to microseconds" in outcome.stderr
    told = [line.split(":")[0].strip() for line in outcome.stderr.splitlines() if " comes out as " in line]
    assert told == ["`timestamp`", "`Delay`", "`kind`", "`nothing`", "`small`"]
    for found in read(project / "output" / sink):
        rows = sorted(found, key=lambda row: row["timestamp"])
        assert [row["kind"] for row in rows] == ["a=b", None, "ü"]
        assert [row["nested"] for row in rows] == NESTED
        assert [(row["Delay"], row["nothing"], row["small"]) for row in rows] == [
            (1_000_000, None, 255),
            (2_000_000, None, 0),
            (3_000_000, None, 1),
        ]
        assert rows[0]["timestamp"].replace(tzinfo=None) == datetime.datetime(2024, 1, 1)
        assert [row["user_30d_total_spend"] for row in rows] == [Decimal("1.50"), Decimal("2.50"), Decimal("3.00")]
