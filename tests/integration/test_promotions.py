"""Promotions of a job whose source says when rows arrived: what was computed before a deletion does not stay in production."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from feature_platform_py.core.project import open_project
from feature_platform_py.runs.input_state import InputState, is_uncompared, is_unfinished, note_uncompared
from tests.conftest import Fpjob, add_entity, delta_rows, reword

JOB = Path("configs/jobs/sales.yaml")
WAREHOUSE = Path("warehouse")
SPEND, MONTHLY = "sales__user_spend", "sales__user_monthly_transactions"
_JOB = """\
job_name: sales
input_source: {source_type: spark, config: {location: sales.csv, format: csv}}
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: who, timestamp_col: at, amount_col: paid, window_days: 30}}
  - {name: UserMonthlyTransactionCounter, params: {user_id_col: who, timestamp_col: at}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/sales}}
"""
_SOURCE = """\
name: sales
description: Rows of a test.
owner: tests
entity: sale
event_time: at
loaded_at: loaded
fields:
  - {name: who, type: bigint, description: a user}
  - {name: at, type: timestamp, description: a time}
  - {name: paid, type: "decimal(12,2)", description: an amount}
  - {name: loaded, type: timestamp, description: when the row arrived}
locations:
  local: {location: sales.csv, format: csv, options: {header: true}}
"""
_ROWS = [
    "1,2024-01-31 10:00:00,10.00,2024-06-01 00:00:00",
    "1,2024-02-20 10:00:00,20.00,2024-06-01 00:00:00",
    "2,2024-03-01 10:00:00,30.00,2024-06-02 00:00:00",
]


def write_rows(rows: list[str]) -> None:
    Path("sales.csv").write_text("".join(f"{row}\n" for row in ["who,at,paid,loaded", *rows]))


def run(fpjob: Fpjob, *options: str) -> dict[str, str]:
    """What a run does with each table."""
    outcome = fpjob("run", "sales", "--format", "json", *options)
    assert outcome.status == 0, outcome.stderr
    return {each["name"]: each["work"]["action"] for each in json.loads(outcome.stdout)["models"] if "work" in each}


def promotion(fpjob: Fpjob) -> dict[str, str]:
    """What a promotion would do."""
    outcome = fpjob("promote", "sales", "--schema", "dev_anna", "--dry-run", "--format", "json")
    assert outcome.status == 0, outcome.stderr
    return {each["table"]: each["change"] for each in json.loads(outcome.stdout)["tables"]}


def end_early(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def sales(module_project: Path) -> Path:
    """A job without tables; each test goes on where the one before it ended."""
    source = Path("registry/source/shop/v1/sales_source.yaml")
    source.parent.mkdir(parents=True)
    source.write_text(_SOURCE)
    add_entity(module_project, "sale")
    write_rows(_ROWS)
    JOB.write_text(_JOB)
    return module_project


def test_deleted_rows_do_not_come_back(sales: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fpjob("registry", "sync").status == 0
    run(fpjob)
    reword(JOB, "window_days: 30", "window_days: 14")
    run(fpjob, "--schema", "dev_anna")
    # The source loses a row, and production computes anew. The environment, whose newest row is still there, does not notice.
    write_rows(_ROWS[1:])
    reword(JOB, "window_days: 14", "window_days: 30")
    run(fpjob, "--full-refresh")
    reword(JOB, "window_days: 30", "window_days: 14")
    assert set(run(fpjob, "--schema", "dev_anna").values()) == {"skip"}
    assert promotion(fpjob) == {"user_spend": "replaced", "user_monthly_transactions": "left"}

    with monkeypatch.context() as patch:
        patch.setattr("feature_platform_py.cli.promote.run_file", end_early)
        assert fpjob("promote", "sales", "--schema", "dev_anna").status == 130
    assert delta_rows(WAREHOUSE / "features" / SPEND).num_rows == len(_ROWS)
    # The next run in production compares all periods, whichever it is.
    assert run(fpjob) == {"user_spend": "replace", "user_monthly_transactions": "skip"}
    assert not list(open_project().notes.glob("*.unproved.json"))
    promoted = [delta_rows(WAREHOUSE / "features" / name) for name in (SPEND, MONTHLY)]
    run(fpjob, "--full-refresh")
    assert promoted == [delta_rows(WAREHOUSE / "features" / name) for name in (SPEND, MONTHLY)]


def test_a_table_that_is_right_is_not_compared_again(
    sales: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(fpjob, "--schema", "dev_anna", "--reconcile")
    # What a run in production leaves that is killed before its first commit.
    folder = WAREHOUSE / "features" / SPEND
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "left.parquet").write_text("half of it")
    assert promotion(fpjob) == {"user_spend": "new", "user_monthly_transactions": "same"}
    monkeypatch.setattr("feature_platform_py.cli.promote.run_file", lambda *_, **__: None)
    outcome = fpjob("promote", "sales", "--schema", "dev_anna")
    assert outcome.status == 0, outcome.stderr
    assert delta_rows(folder) == delta_rows(WAREHOUSE / "dev_anna" / SPEND)
    assert not (folder / "left.parquet").exists()
    assert not list(open_project().notes.glob("*.unproved.json"))


def test_a_run_that_fails_leaves_all_periods_to_be_compared_by_the_next_one(sales: Path) -> None:
    project, names = open_project(), ["some_job"]

    def state(text: str) -> InputState:
        return InputState(project, names, lambda: text)

    note_uncompared(project, names)
    assert not is_unfinished(project, names)
    failed, good = state("now"), state("later")
    assert not failed.begin()
    failed.end(are_all_built=False)
    assert (is_uncompared(project, names), is_unfinished(project, names)) == (True, False)
    assert not good.begin()
    good.end()
    assert not is_uncompared(project, names)
    # Of two states that killed runs left, one is not the present one, whatever else is noted.
    note_uncompared(project, names)
    state("now").begin()
    assert (state("later").begin(), state("later").begin()) == (True, True)
    good.end()


def test_tables_that_are_to_be_moved_are_moved_by_a_run_first(sales: Path, fpjob: Fpjob) -> None:
    reword(JOB, "job_name: sales\n", "job_name: store\nwas: sales\n")
    for options in (["--dry-run"], []):
        outcome = fpjob("promote", "store", "--schema", "dev_anna", *options)
        assert (outcome.status, outcome.stdout) == (2, "")
        said = " ".join(outcome.stderr.split())
        assert "(`user_spend`: the table is moved first; `user_monthly_transactions`: the table is moved first)" in said
        assert "run `fpjob run store --schema dev_anna` first" in said
    assert not (WAREHOUSE / "features/store__user_spend").exists()
