"""`fpjob run` on the real bank data, and on data that nobody has registered."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.conftest import ROOT, Fpjob, copy_project

SAMPLE = "configs/jobs/sample_financial_features_job.yaml"


def test_the_sample_job_shows_twenty_rows_of_real_features(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("run", SAMPLE)
    assert outcome.status == 0, outcome.stderr
    header, _, *rows = outcome.stdout.splitlines()
    assert header.split()[-5:] == [
        "user_30d_total_spend",
        "user_30d_avg_spend",
        "year_month",
        "user_monthly_txn_count",
        "user_total_spend_household_payment",
    ]
    assert len(rows) == 20
    # The first transaction of user 2, and the only one of its month.
    assert rows[0].split()[-5:] == ["1100.00", "1100.00", "1993-02", "1", "58128.00"]
    assert "20 of 49,102 rows shown" in outcome.stderr.splitlines()[-1]


NOBODYS = """\
job_name: nobodys
input_source: {source_type: spark, config: {location: nobodys.parquet}}
feature_transformers: [{name: UserMonthlyTransactionCounter, params: {user_id_col: who, timestamp_col: at}}]
output_sink: {sink_type: display}
"""


@pytest.mark.parametrize(
    ("job", "first"),
    [(SAMPLE, "financial_features_extraction_v1"), ("nobodys.yaml", "asks for the columns of nobodys.parquet")],
)
def test_a_line_is_on_screen_before_dbt_and_the_engine_are_imported(project: Path, job: str, first: str) -> None:
    (project / "nobodys.yaml").write_text(NOBODYS)
    rows = {"who": [1], "at": [datetime(2024, 1, 1, tzinfo=UTC)]}
    pyarrow.parquet.write_table(pyarrow.table(rows), project / "nobodys.parquet")
    program = f"""
import sys
from pathlib import Path
from feature_platform_py.cli import run
class Stop(Exception): pass
def first_line(text=''):
    assert {first!r} in text, text
    assert not {{'dbt', 'pyspark', 'pandas', 'pysail'}} & set(sys.modules), 'imported too early'
    raise Stop
run.print_progress = first_line
sys.stderr.isatty = lambda: True
try:
    run.run_command([{job!r}], target=None, output_format='text', is_full_refresh=False, is_reconciled=False, is_tested=False)
except Stop:
    print('seen')
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "seen", done.stderr


def test_json_output_names_models_rows_and_sink(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("run", SAMPLE, "--format", "json")
    report = json.loads(outcome.stdout)
    assert {model["name"]: model["rows"] for model in report["models"]} == {
        "stg_job_input": None,
        "user_spend": 39960,
        "user_monthly_transactions": 10950,
        "user_categorical_spend": 1229,
        "job_features": None,
    }
    assert {test["status"] for test in report["tests"]} == {"pass"}
    assert report["sink"]["rows"] == 49102
    assert len(report["sink"]["preview"]) == 20
    page = (ROOT / "docs/commands.md").read_text().partition("### The JSON of a run")[2].partition("### ")[0]
    keys, of_sink = (set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) for part in page.split("| key of `sink`"))
    assert (keys, of_sink) == (set(report), set(report["sink"]))


def test_a_file_that_nobody_registered_runs_without_any_code(project: Path, fpjob: Fpjob) -> None:
    Path("shop.csv").write_text(
        "Kunde,Zeitpunkt,Warengruppe,Betrag\n"
        "anna,2024-01-01 10:00:00,Bücher,10.50\n"
        "anna,2024-01-02 10:00:00,Bücher,2.25\n"
        "anna,2024-01-02 10:00:00,Musik,\n"
        "bob,2024-02-01 00:00:00,Musik,7\n"
        ",2024-02-01 00:00:00,Musik,1\n"
    )
    Path("shop.yaml").write_text(
        """
job_name: shop
description: sales of a shop
input_source:
  source_type: spark
  config: {location: shop.csv, format: csv, options: {header: true}}
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: Kunde, timestamp_col: Zeitpunkt, amount_col: Betrag, window_days: 1}}
  - name: UserCategoricalSpendAggregator
    params:
      {user_id_col: Kunde, amount_col: Betrag, category_col: Warengruppe, target_category_value: [Bücher, Musik]}
output_sink: {sink_type: overwrite_parquet, config: {path: output/shop}}
"""
    )
    outcome = fpjob("run", "shop.yaml")
    assert outcome.status == 0, outcome.stderr
    import pyarrow.dataset

    rows = pyarrow.dataset.dataset("output/shop").to_table().to_pylist()
    features = sorted(
        [
            (
                row["Kunde"] or "",
                row["Warengruppe"],
                row["user_1d_total_spend"],
                row["user_1d_avg_spend"],
                row["user_total_spend_b_cher"],
                row["user_total_spend_musik"],
            )
            for row in rows
        ]
    )
    assert features == [
        ("", "Musik", None, None, None, None),
        ("anna", "Bücher", 2.25, 2.25, 12.75, 0.0),
        ("anna", "Bücher", 10.5, 10.5, 12.75, 0.0),
        ("anna", "Musik", 2.25, 2.25, 12.75, 0.0),
        ("bob", "Musik", 7.0, 7.0, 0.0, 7.0),
    ]


def test_one_transformer_with_other_keys_and_amounts_in_one_job(project: Path, fpjob: Fpjob) -> None:
    with Path("moves.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [
                ["payer", "payee", "at", "amount", "fee"],
                ["a", "x", "2024-01-01", 10, 1],
                ["a", "y", "2024-01-01", 20, 2],
                ["b", "x", "2024-01-02", 30, 4],
            ]
        )
    Path("moves.yaml").write_text(
        """
job_name: moves
description: two sides of a payment
input_source: {source_type: spark, config: {location: moves.csv, format: csv, options: {header: true}}}
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: payer, timestamp_col: at, amount_col: amount, window_days: 7}}
  - {name: UserSpendAggregator, params: {user_id_col: payee, timestamp_col: at, amount_col: amount, window_days: 30}}
  - {name: UserSpendAggregator, params: {user_id_col: payer, timestamp_col: at, amount_col: fee, window_days: [1, 2]}}
  - {name: UserSpendAggregator, params: {user_id_col: payer, timestamp_col: at, amount_col: amount, window_days: 14}}
output_sink: {sink_type: display, config: {}}
"""
    )
    outcome = fpjob("run", "moves.yaml", "--format", "json")
    assert outcome.status == 0, outcome.stderr
    names = ["7d", "30d", "1d", "2d", "14d"]
    totals = [
        [row[f"user_{name}_total_spend"] for name in names] for row in json.loads(outcome.stdout)["sink"]["preview"]
    ]
    assert totals == [
        ["30", "10", "3", "3", "30"],
        ["30", "20", "3", "3", "30"],
        ["30", "40", "4", "4", "30"],
    ]


def test_a_job_without_some_transformers_builds_only_what_it_needs(project: Path, fpjob: Fpjob) -> None:
    Path("count.yaml").write_text(
        """
job_name: only_counts
description: monthly counts of debits
input_source:
  source_type: databricks_spark
  config: {location: jupiter.mm.fact_mm_transaction}
  filters: [{column: transaction_type, op: equals, value: debit}, {column: amount, op: gte, value: 1000.5}]
feature_transformers:
  - {name: UserMonthlyTransactionCounter, params: {user_id_col: user_id, timestamp_col: timestamp}}
output_sink: {sink_type: display, config: {num_rows: 1}}
"""
    )
    report = json.loads(fpjob("run", "count.yaml", "--format", "json").stdout)
    assert [model["name"] for model in report["models"]] == [
        "stg_job_input",
        "user_monthly_transactions",
        "job_features",
    ]
    with Path("data/bank/transactions.csv").open() as file:
        expected = sum(
            row["transaction_type"] == "debit" and float(row["amount"]) >= 1000.5 for row in csv.DictReader(file)
        )
    assert report["sink"]["rows"] == expected


def test_a_project_in_a_folder_with_odd_characters_runs_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_project(tmp_path / "my projects" / "100% é")
    monkeypatch.delenv("FP_WAREHOUSE", raising=False)
    for _ in range(2):
        command = [Path(sys.executable).with_name("fpjob"), "run", SAMPLE, "--format", "json"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["sink"]["rows"] == 49102
    tables = {log.parent.name for log in (folder / "warehouse").rglob("_delta_log")}
    assert len(tables) == 3
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
