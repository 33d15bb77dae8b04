"""What the registry demands of a source's rows holds before any feature table is replaced."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Fpjob, reword

SAMPLE = "configs/jobs/sample_financial_features_job.yaml"
DBT = Path(sys.executable).with_name("dbt")


@pytest.fixture
def bank(project: Path) -> Path:
    """The project with bank data of its own, which a test may change."""
    (project / "data" / "bank").unlink()
    shutil.copytree(ROOT / "data" / "bank", project / "data" / "bank")
    (project / "profiles.yml").symlink_to("profiles/profiles.yml")
    return project


def tables(root: Path) -> dict[str, bytes]:
    """Every file of the feature tables."""
    features = root / "warehouse" / "features"
    return {str(file): file.read_bytes() for file in features.rglob("*") if file.is_file()}


def add_rows(root: Path, *rows: str) -> None:
    with (root / "data/bank/transactions.csv").open("a") as file:
        file.writelines(f"{row}\n" for row in rows)


def dbt(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(DBT), "--no-use-colors", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


BROKEN = {
    "a duplicate key": (
        ["1117247,3818,1994-03-31 00:00:00,1.00,,credit,cash deposit,1.00"],
        "rule: primary key `transaction_id` is not unique, row_count: 2, sample_keys: transaction_id 1117247",
    ),
    "NULL in required fields": (
        [
            "-1,3818,1994-03-31 00:00:00,,,credit,cash deposit,1.00",
            "-2,3818,1994-03-31 00:00:00,,,credit,cash deposit,1.00",
        ],
        "rule: required `amount` is NULL, row_count: 2, sample_keys: transaction_id -1; transaction_id -2",
    ),
    "an unknown customer": (
        [
            "-1,99999999,1994-03-31 00:00:00,1.00,,credit,cash deposit,1.00",
            "-2,99999999,1994-03-31 00:00:00,1.00,,credit,cash deposit,1.00",
        ],
        "rule: customer is unknown: no such `user_id` in source `customer.mm_customer`, row_count: 2, "
        "sample_keys: user_id 99999999",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_row_that_breaks_a_rule_fails_the_run_before_a_table_is_replaced(bank: Path, fpjob: Fpjob, case: str) -> None:
    rows, message = BROKEN[case]
    assert fpjob("run", SAMPLE).status == 0
    before = tables(bank)
    add_rows(bank, *rows)
    outcome = fpjob("run", SAMPLE)
    assert outcome.status == 1
    assert f"test `registry_rules_financial_features_extraction_v1__stg_job_input`: {message}\n" in outcome.stderr
    assert tables(bank) == before


def test_plain_dbt_says_which_rules_are_broken_and_builds_no_feature_table(bank: Path) -> None:
    add_rows(bank, *(row for rows, _ in BROKEN.values() for row in rows))
    done = dbt("build", "--select", "tag:financial")
    assert done.returncode == 1
    for rule in ("primary key `transaction_id` is not unique", "required `amount` is NULL", "customer is unknown"):
        test = "registry_rules_financial_features_extraction_v1__stg_job_input"
        assert f"failed test `{test}`: rule: {rule}" in done.stdout
    assert "fp:" not in done.stdout
    # The filters of the other financial job leave these rows out.
    assert not list((bank / "warehouse" / "features").glob("financial_features_extraction_v1__user_*"))


def test_rows_that_the_job_filters_out_may_break_rules(bank: Path, fpjob: Fpjob) -> None:
    add_rows(bank, "-1,99999999,1994-03-31 00:00:00,1.00,,credit,cash deposit,1.00")
    job = bank / "filtered.yaml"
    text = (bank / SAMPLE).read_text().replace("financial_features_extraction_v1", "filtered")
    place = "    format: delta\n    options: {}\n"
    job.write_text(text.replace(place, place + "  filters: [{column: user_id, op: lt, value: 99999999}]\n"))
    assert "filters" in job.read_text()
    assert fpjob("run", job).status == 0


def test_a_renamed_field_is_stale_first_and_then_missing_in_the_data(bank: Path, fpjob: Fpjob) -> None:
    entry = bank / "registry/source/transaction/v1/mm_transaction_source.yaml"
    reword(entry, "name: balance", "name: rest")
    reword(bank / "configs/jobs/overdraft_training_job.yaml", "column: balance", "column: rest")
    checked = fpjob("registry", "sync", "--check")
    assert checked.status == 2
    assert "-    - name: balance" in checked.stderr
    assert "+    - name: rest" in checked.stderr
    assert fpjob("registry", "sync").status == 0
    done = dbt("build", "--select", "tag:financial")
    assert done.returncode != 0
    assert "column `rest` is declared, but the header lacks it" in done.stdout


def test_a_renamed_field_that_a_job_reads_is_said_by_the_check(bank: Path, fpjob: Fpjob) -> None:
    entry = bank / "registry/source/transaction/v1/mm_transaction_source.yaml"
    reword(entry, "name: category", "name: kind")
    reword(bank / "registry/feature/customer_spend.yaml", "column: category", "column: kind")
    checked = fpjob("registry", "sync", "--check")
    assert checked.status == 1
    assert (
        f"{SAMPLE}:27: `feature_transformers[2].params.category_col`: column `category` is missing in the source."
        in checked.stderr
    )


def test_the_tests_of_the_sources_pass_on_the_bank_data(bank: Path) -> None:
    done = dbt("test", "--select", "source:*", "--indirect-selection", "cautious")
    assert done.returncode == 0, done.stdout
    # transaction: types, 6 required, unique, customer; customer: types, 5 required, unique; review: types, 2 required, customer;
    # and the two hooks.
    assert "PASS=22 WARN=0 ERROR=0 SKIP=0" in done.stdout


def test_a_table_of_other_types_than_declared_is_not_read(bank: Path, fpjob: Fpjob) -> None:
    job = bank / "copy.yaml"
    text = (bank / SAMPLE).read_text()
    sink = text[text.index("output_sink:") :]
    copied = text.replace(sink, "output_sink: {sink_type: overwrite_delta, config: {path: bank_rows}}\n")
    job.write_text(copied.replace("financial_features_extraction_v1", "copied"))
    assert fpjob("run", job).status == 0
    entry = bank / "registry/source/transaction/v1/mm_transaction_source.yaml"
    declared = entry.read_text().replace("decimal(12,2)", "decimal(14,4)")
    table = "  local:\n    location: features.bank_rows\n    format: delta\n"
    entry.write_text(declared[: declared.index("  local:")] + table + declared[declared.index("  databricks:") :])
    entity = bank / "registry/entity/transaction/transaction.yaml"
    reword(entity, "decimal(12,2)", "decimal(14,4)")
    assert fpjob("registry", "sync").status == 0
    outcome = fpjob("run", SAMPLE)
    assert outcome.status == 1
    message = "column_name: amount, declared_type: decimal(14,4), given_type: decimal(12,2)"
    assert f"test `input_types_financial_features_extraction_v1__stg_job_input`: {message}" in outcome.stderr


def test_freshness_is_asked_of_the_load_time(bank: Path, fpjob: Fpjob) -> None:
    entry = bank / "registry/source/transaction/v1/mm_transaction_source.yaml"
    entry.write_text(entry.read_text() + "\nfreshness:\n  error_after: {count: 1, period: day}\n")
    assert fpjob("registry", "sync").status == 0
    done = dbt("source", "freshness")
    assert done.returncode == 1
    assert "ERROR STALE freshness of transaction.mm_transaction" in done.stdout
