"""Runs after a change of the source: what is computed, what is left alone, and that both are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import deltalake
import pyarrow
import pyarrow.parquet
import pytest
import yaml

from tests.conftest import Fpjob, add_entity, reword

KEYS = {"user_id_col": "who", "timestamp_col": "at"}
CATEGORY = {"amount_col": "amount", "category_col": "kind", "target_category_value": "food & drink"}
TRANSFORMERS = [
    {"name": "UserSpendAggregator", "params": {**KEYS, "amount_col": "amount", "window_days": [7, 30]}},
    {"name": "UserMonthlyTransactionCounter", "params": KEYS},
    {"name": "UserCategoricalSpendAggregator", "params": {"user_id_col": "who", **CATEGORY}},
]
TABLES = ("user_spend", "user_monthly_transactions", "user_categorical_spend")
HEADER = "who,at,amount,kind,loaded\n"
ROWS = [
    "1,2024-01-31 10:00:00,10.00,food & drink,2024-06-01 00:00:00",
    "1,2024-02-20 10:00:00,20.00,other,2024-06-01 00:00:00",
    "2,2024-03-01 10:00:00,30.00,food & drink,2024-06-01 00:00:00",
    "1,2024-05-05 10:00:00,40.00,,2024-06-01 00:00:00",
]
SOURCE = """
name: sales
description: Rows of a test.
owner: tests
entity: sale
event_time: at
fields:
  - {name: who, type: bigint, description: a user}
  - {name: at, type: timestamp, description: a time}
  - {name: amount, type: "decimal(12,2)", description: an amount}
  - {name: kind, type: string, description: a category}
  - {name: loaded, type: timestamp, description: when the row arrived}
locations:
  local: {location: sales.csv, format: csv, options: {header: true}}
"""


@pytest.fixture
def sales(project: Path, fpjob: Fpjob) -> Path:
    """A project with a registered source of four rows, and a job over it."""
    write_source(project)
    write_rows(project, ROWS)
    write_job(project, TRANSFORMERS)
    assert fpjob("registry", "sync").status == 0
    return project


def write_source(project: Path, more: str = "") -> None:
    path = project / "registry/source/shop/v1/sales_source.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SOURCE + more)
    add_entity(project, "sale")


def write_rows(project: Path, rows: list[str]) -> None:
    (project / "sales.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))


def write_job(project: Path, transformers: list[dict[str, Any]], **source: Any) -> None:
    job = {
        "job_name": "sales",
        "description": "a test",
        "input_source": {"source_type": "spark", "config": {"location": "sales.csv", "format": "csv"}, **source},
        "feature_transformers": transformers,
        "output_sink": {"sink_type": "overwrite_parquet", "config": {"path": "output/sales"}},
    }
    (project / "sales.yaml").write_text(yaml.safe_dump(job, sort_keys=False))


def run(fpjob: Fpjob, *options: str) -> dict[str, Any]:
    """The work of a run by table."""
    outcome = fpjob("run", "sales.yaml", "--format", "json", *options)
    assert outcome.status == 0, outcome.stderr
    models: list[Mapping[str, Any]] = json.loads(outcome.stdout)["models"]
    return {model["name"]: model["work"] for model in models if "work" in model}


def changes(work: Mapping[str, Any]) -> dict[str, str]:
    return {each["period"]: each["change"] for each in work["periods"]}


def versions(project: Path) -> dict[str, int]:
    """How many commits each table has."""
    folder = project / "warehouse" / "features"
    return {table: len(list((folder / f"sales__{table}" / "_delta_log").glob("*.json"))) for table in TABLES}


def output(project: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(project / "output/sales").to_pylist()
    return sorted(rows, key=str)


def refreshed(project: Path, fpjob: Fpjob) -> list[dict[str, Any]]:
    """The output of a full refresh."""
    run(fpjob, "--full-refresh")
    return output(project)


def test_a_run_with_nothing_new_writes_no_table_and_says_so(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    before = versions(sales)
    outcome = fpjob("run", "sales.yaml", "--full-tests")
    assert outcome.status == 0, outcome.stderr
    assert versions(sales) == before == dict.fromkeys(TABLES, 1)
    *_, told = outcome.stderr.splitlines()
    assert outcome.stderr.count("nothing new") == 3 + 1, "three tables, and the sink"
    assert "0 of 3 feature tables computed" in told
    assert "output/sales was left as it is (4 rows, nothing new)" in told


def test_a_late_row_computes_its_month_and_the_months_that_its_window_reaches(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    write_rows(sales, [*ROWS, "1,2024-01-30 00:00:00,1.00,food & drink,2024-06-02 00:00:00"])
    work = run(fpjob)
    assert changes(work["user_spend"]) == {"2024-01": "changed", "2024-02": "reached", "2024-03": "reached"}
    assert changes(work["user_monthly_transactions"]) == {"2024-01": "changed"}
    assert work["user_categorical_spend"]["reason"] == "input changed"
    assert versions(sales) == dict.fromkeys(TABLES, 2)
    assert output(sales) == refreshed(sales, fpjob)


def test_a_month_without_rows_is_deleted_and_a_month_with_new_ones_is_added(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    write_rows(sales, [*ROWS[:3], "2,2024-07-01 00:00:00,5.00,other,2024-07-01 00:00:00"])
    work = run(fpjob)
    expected = {"2024-05": "vanished", "2024-07": "new"}
    assert changes(work["user_monthly_transactions"]) == changes(work["user_spend"]) == expected
    assert work["user_spend"]["rows"] == 1
    assert output(sales) == refreshed(sales, fpjob)


def test_a_column_that_no_feature_reads_changes_nothing(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    write_rows(sales, [row.replace("2024-06-01", "2024-06-09") for row in ROWS])
    assert {work["action"] for work in run(fpjob).values()} == {"skip"}


def test_a_value_that_becomes_null_is_a_change(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    write_rows(sales, [*ROWS[:3], ROWS[3].replace("40.00", "")])
    assert changes(run(fpjob)["user_spend"]) == {"2024-05": "changed"}
    assert output(sales) == refreshed(sales, fpjob)


def test_parameters_and_filters_compute_what_they_change(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    same_slug = {**CATEGORY, "target_category_value": "Food & Drink"}
    other = [
        *TRANSFORMERS[:2],
        {"name": "UserCategoricalSpendAggregator", "params": {"user_id_col": "who", **same_slug}},
    ]
    write_job(sales, other)
    work = run(fpjob)
    assert [work[table]["action"] for table in TABLES] == ["skip", "skip", "rebuild"]
    assert work["user_categorical_spend"]["reason"] == "parameters changed"
    write_job(sales, other, filters=[{"column": "amount", "op": "lt", "value": 40}])
    assert changes(run(fpjob)["user_spend"]) == {"2024-05": "vanished"}
    assert output(sales) == refreshed(sales, fpjob)


def test_other_windows_are_other_columns_and_rebuild_the_table(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    params = {**TRANSFORMERS[0]["params"], "window_days": [7, 14]}
    write_job(sales, [{**TRANSFORMERS[0], "params": params}, *TRANSFORMERS[1:]])
    work = run(fpjob)
    assert work["user_spend"]["reason"] == (
        "columns changed: adds user_14d_total_spend, user_14d_avg_spend; drops user_30d_total_spend, user_30d_avg_spend"
    )
    assert [work[table]["action"] for table in TABLES] == ["rebuild", "skip", "skip"]
    assert output(sales) == refreshed(sales, fpjob)


def test_a_full_refresh_rebuilds_every_table(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    work = run(fpjob, "--full-refresh")
    assert {(each["action"], each["reason"]) for each in work.values()} == {("rebuild", "full refresh")}


def test_an_emptied_source_empties_the_tables_and_a_filled_one_fills_them(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    write_rows(sales, [])
    assert set(changes(run(fpjob)["user_spend"]).values()) == {"vanished"}
    assert output(sales) == []
    assert {work["action"] for work in run(fpjob).values()} == {"skip"}
    write_rows(sales, ROWS)
    assert run(fpjob)["user_spend"]["reason"] == "the table is empty"
    assert output(sales) == refreshed(sales, fpjob)


def test_the_totals_to_date_of_all_later_months_are_reached(sales: Path, fpjob: Fpjob) -> None:
    as_of = {**KEYS, **CATEGORY, "as_of": "event_time"}
    write_job(sales, [{"name": "UserCategoricalSpendAggregator", "params": as_of}])
    run(fpjob)
    write_rows(sales, [ROWS[0], ROWS[1].replace("other", "food & drink"), *ROWS[2:]])
    expected = {"2024-02": "changed", "2024-03": "reached", "2024-05": "reached"}
    assert changes(run(fpjob)["user_categorical_spend"]) == expected
    assert output(sales) == refreshed(sales, fpjob)


@pytest.mark.parametrize(
    ("period", "spend", "count"),
    [
        ("day", {"2024-02-20": "changed", "2024-03-01": "reached"}, {"2024-02": "changed"}),
        ("year", {"2024": "changed"}, {"2024": "changed"}),
    ],
)
def test_a_source_says_how_long_its_periods_are(
    sales: Path, fpjob: Fpjob, period: str, spend: dict[str, str], count: dict[str, str]
) -> None:
    write_source(sales, f"period: {period}\n")
    assert fpjob("registry", "sync").status == 0
    run(fpjob)
    write_rows(sales, [ROWS[0], ROWS[1].replace("20.00", "21.00"), *ROWS[2:]])
    work = run(fpjob)
    assert (work["user_spend"]["period"], changes(work["user_spend"])) == (period, spend)
    # A month's count is one value for the whole month.
    write_rows(sales, [ROWS[0], ROWS[1], ROWS[1], *ROWS[2:]])
    assert changes(run(fpjob)["user_monthly_transactions"]) == count
    assert output(sales) == refreshed(sales, fpjob)


def test_with_a_load_time_only_periods_with_loads_are_looked_at_until_reconciled(sales: Path, fpjob: Fpjob) -> None:
    write_source(sales, "loaded_at: loaded\n")
    assert fpjob("registry", "sync").status == 0
    run(fpjob)
    loaded = [*ROWS[1:], "2,2024-02-10 00:00:00,7.00,other,2024-06-02 00:00:00"]
    write_rows(sales, loaded)
    seen = changes(run(fpjob)["user_spend"])
    assert seen == {"2024-02": "changed", "2024-03": "reached"}, "a deletion cannot be seen by a load time"
    assert changes(run(fpjob, "--reconcile")["user_spend"])["2024-01"] == "vanished"
    assert output(sales) == refreshed(sales, fpjob)
    assert {work["action"] for work in run(fpjob).values()} == {"skip"}


def test_the_plan_says_what_a_run_then_does_and_writes_nothing(sales: Path, fpjob: Fpjob) -> None:
    first = json.loads(fpjob("plan", "sales.yaml", "--format", "json").stdout)["work"]
    assert first["user_spend"]["rows"] == 4
    assert not (sales / "warehouse").exists()
    run(fpjob)
    write_rows(sales, ROWS[1:])
    before = {path: path.read_bytes() for path in (sales / "warehouse").rglob("*") if path.is_file()}
    planned = fpjob("plan", "sales.yaml", "--format", "json")
    assert planned.status == 0, planned.stderr
    assert {path: path.read_bytes() for path in (sales / "warehouse").rglob("*") if path.is_file()} == before
    lines = fpjob("plan", "sales.yaml").stdout.splitlines()
    assert [" ".join(line.split()) for line in lines if "reached" in line] == [
        "user_spend 3 of 4 months 2 rows 2024-01 vanished, 2024-02, 2024-03 reached by a window"
    ]
    assert json.loads(planned.stdout)["work"] == run(fpjob)
    after = json.loads(fpjob("plan", "sales.yaml", "--format", "json").stdout)["work"]
    assert {work["action"] for work in after.values()} == {"skip"}


def test_a_changed_macro_is_another_definition(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    macro = sales / "macros/transformers/user_monthly_transaction_counter.sql"
    reword(macro, "select * from final", "-- a remark\nselect * from final")
    assert {work["action"] for work in run(fpjob).values()} == {"skip"}
    reword(macro, "count(*) as", "sum(1) as")
    work = run(fpjob)
    assert work["user_monthly_transactions"]["reason"] == "parameters changed"
    assert work["user_spend"]["action"] == "skip"


def test_columns_of_any_name_are_computed_incrementally(sales: Path, fpjob: Fpjob) -> None:
    names = ["user `id`", "event time; --", "it's", "{{ kind }}"]
    keys = {"user_id_col": names[0], "timestamp_col": names[1]}
    spend = {"name": "UserSpendAggregator", "params": {**keys, "amount_col": names[2], "window_days": 1}}
    total = {
        "amount_col": names[2],
        "category_col": names[3],
        "target_category_value": "'; {{ 1 }}",
        "as_of": "event_time",
    }
    write_job(
        sales,
        [spend, {"name": "UserCategoricalSpendAggregator", "params": {**keys, **total}}],
        config={"location": "named.parquet", "format": "parquet"},
    )
    for amount in (1, 2):
        days = [datetime(2024, month, 1, tzinfo=UTC) for month in (1, 2, 3)]
        columns = [[1, 1, 1], days, [1, amount, 1], ["'; {{ 1 }}"] * 3]
        pyarrow.parquet.write_table(pyarrow.table(dict(zip(names, columns, strict=True))), sales / "named.parquet")
        work = run(fpjob)
    assert changes(work["user_spend"]) == {"2024-02": "changed", "2024-03": "reached"}
    found = output(sales)
    assert found == refreshed(sales, fpjob)
    assert [row["user_1d_total_spend"] for row in sorted(found, key=lambda row: row[names[1]])] == [1, 2, 1]


def test_a_key_of_another_type_rebuilds_the_table(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    write_source(sales)
    path = sales / "registry/source/shop/v1/sales_source.yaml"
    reword(path, "name: who, type: bigint", "name: who, type: string")
    assert fpjob("registry", "sync").status == 0
    assert {work["reason"] for work in run(fpjob).values()} == {"parameters changed"}
    assert {row["who"] for row in output(sales)} == {"1", "2"}


def test_an_adapter_without_a_memory_for_all_models_computes_the_same(sales: Path, fpjob: Fpjob) -> None:
    macros = sales / "macros/incremental/job_input_days.sql"
    reword(macros, "fpspark__computed_once", "embedded__computed_once")
    run(fpjob)
    assert {work["action"] for work in run(fpjob).values()} == {"skip"}
    write_rows(sales, ROWS[1:])
    work = run(fpjob)
    assert changes(work["user_spend"]) == {"2024-01": "vanished", "2024-02": "reached", "2024-03": "reached"}
    assert work["user_categorical_spend"]["reason"] == "input changed"
    assert output(sales) == refreshed(sales, fpjob)


def test_a_source_whose_last_load_is_gone_is_looked_at_whole(sales: Path, fpjob: Fpjob) -> None:
    write_source(sales, "loaded_at: loaded\n")
    assert fpjob("registry", "sync").status == 0
    write_rows(sales, [*ROWS, "1,2024-07-01 00:00:00,1.00,other,2024-06-09 00:00:00"])
    run(fpjob)
    write_rows(sales, ROWS)
    assert changes(run(fpjob)["user_spend"]) == {"2024-07": "vanished"}
    assert output(sales) == refreshed(sales, fpjob)


def test_with_a_load_time_a_row_corrected_out_of_the_filter_is_gone(sales: Path, fpjob: Fpjob) -> None:
    write_source(sales, "loaded_at: loaded\n")
    assert fpjob("registry", "sync").status == 0
    write_job(sales, TRANSFORMERS, filters=[{"column": "amount", "op": "lt", "value": 40}])
    run(fpjob)
    write_rows(sales, [*ROWS[:2], "2,2024-03-01 10:00:00,50.00,food & drink,2024-06-02 00:00:00", ROWS[3]])
    assert changes(run(fpjob)["user_spend"]) == {"2024-03": "vanished"}
    assert output(sales) == refreshed(sales, fpjob)


def test_with_a_load_time_another_filter_rebuilds_the_tables(sales: Path, fpjob: Fpjob) -> None:
    write_source(sales, "loaded_at: loaded\n")
    assert fpjob("registry", "sync").status == 0
    run(fpjob)
    write_job(sales, TRANSFORMERS, filters=[{"column": "amount", "op": "lt", "value": 40}])
    assert {work["reason"] for work in run(fpjob).values()} == {"parameters changed"}
    assert output(sales) == refreshed(sales, fpjob)


def test_rows_of_another_program_that_are_of_no_period_rebuild_the_table(sales: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    table = deltalake.DeltaTable(sales / "warehouse/features/sales__user_spend")
    row = table.to_pyarrow_table().slice(0, 1)
    position = row.schema.get_field_index("period_start")
    nothing = row.set_column(position, "period_start", pyarrow.nulls(1, row.schema.field(position).type))
    deltalake.write_deltalake(table, nothing, mode="append")
    work = run(fpjob)["user_spend"]
    assert (work["action"], work["reason"]) == ("rebuild", "the table has rows without a period")
    assert output(sales) == refreshed(sales, fpjob)


def test_times_at_both_ends_of_the_calendar_are_periods_too(sales: Path, fpjob: Fpjob) -> None:
    ends = ["1,0001-01-01 00:00:00,1.00,other,", "1,9999-12-31 23:59:59,2.00,other,"]
    write_rows(sales, [*ROWS, *ends])
    run(fpjob)
    write_rows(sales, [*ROWS, *(end.replace(".00", ".50") for end in ends)])
    assert changes(run(fpjob)["user_monthly_transactions"]) == {}
    write_rows(sales, [*ROWS, *ends, *ends])
    assert changes(run(fpjob)["user_spend"]) == {"0001-01": "changed", "9999-12": "changed"}
    assert output(sales) == refreshed(sales, fpjob)
