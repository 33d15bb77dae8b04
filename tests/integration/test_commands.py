"""`fpjob plan`, `validate`, `show`, `list` and `registry sync`, and the statuses that they end with."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import open_project
from feature_platform_py.sources.resolve import ResolvedSource
from feature_platform_py.targets import backend_of
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import open_warehouse
from tests.conftest import Fpjob, reword

SAMPLE = "configs/jobs/sample_financial_features_job.yaml"


def _refuse_engine(*_: object) -> None:
    raise AssertionError("an engine was started")


@pytest.fixture
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("warehouse.session", "targets.spark"):
        monkeypatch.setattr(f"feature_platform_py.{module}.open_warehouse", _refuse_engine)


def test_the_plan_names_tables_grain_columns_and_what_looks_ahead(project: Path, fpjob: Fpjob) -> None:
    plan = json.loads(fpjob("plan", SAMPLE, "--format", "json").stdout)
    assert [(table["model"], table["grain"]) for table in plan["tables"]] == [
        ("user_spend", ["user_id", "timestamp"]),
        ("user_monthly_transactions", ["user_id", "year_month"]),
        ("user_categorical_spend", ["user_id"]),
    ]
    assert [column["name"] for column in plan["columns"] if column["looks_ahead"]] == [
        "user_monthly_txn_count",
        "user_total_spend_household_payment",
    ]
    assert plan["columns"][8] == {"name": "user_30d_total_spend", "type": "decimal(38,2)", "looks_ahead": False}
    assert not (project / "warehouse").exists()


def test_the_planned_types_are_the_built_types(fpjob: Fpjob) -> None:
    job = "configs/jobs/training_features_job.yaml"
    plan = json.loads(fpjob("plan", job, "--format", "json").stdout)
    assert fpjob("run", job).status == 0
    from feature_platform_py.core.project import open_project
    from feature_platform_py.warehouse.session import open_session

    target = open_project().target
    built = open_session(target.engine, target.warehouse).table("features.training_features_v1__job_features").schema
    planned = [(column["name"], column["type"]) for column in plan["columns"]]
    assert [(field.name, field.dataType.simpleString()) for field in built] == planned


@pytest.mark.usefixtures("_no_engine")
def test_validate_reports_every_problem_of_every_file_and_starts_no_engine(project: Path, fpjob: Fpjob) -> None:
    one, two = (Path(SAMPLE).read_text().replace("financial_features_extraction_v1", name) for name in ("one", "two"))
    one = one.replace("UserSpendAggregator", "UserSpendAgregator").replace("category\n", "catgory\n")
    Path("one.yaml").write_text(one)
    Path("two.yaml").write_text(two.replace("display", "displai"))
    outcome = fpjob("validate", SAMPLE, "one.yaml", "two.yaml")
    assert outcome.status == 2
    assert outcome.stdout == f"{SAMPLE}: valid\n"
    problems = outcome.stderr.splitlines()
    assert [line.split(": ")[0] for line in problems] == ["one.yaml:13", "one.yaml:27", "two.yaml:31"]
    assert "Did you mean `UserSpendAggregator`?" in problems[0]
    assert "Did you mean `category`?" in problems[1]
    assert "Did you mean `display`?" in problems[2]


def test_show_a_table_that_is_not_there_names_the_ones_that_are(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("show", "user_spent")
    assert outcome.status == 2
    assert "job or table `user_spent` is unknown" in outcome.stderr


@pytest.mark.usefixtures("_no_engine")
def test_list_names_jobs_sources_and_transformers(project: Path, fpjob: Fpjob) -> None:
    listed = json.loads(fpjob("list", "--format", "json").stdout)
    assert SAMPLE in [job["path"] for job in listed["jobs"]]
    assert [source["name"] for source in listed["sources"]] == [
        "customer.mm_customer",
        "review.mm_review",
        "transaction.mm_transaction",
    ]
    assert [transformer["name"] for transformer in listed["transformers"]] == [
        "UserSpendAggregator",
        "UserMonthlyTransactionCounter",
        "UserCategoricalSpendAggregator",
        "SimpleAgeCalculator",
        "WithGreeting",
        "WindowAggregator",
    ]
    assert listed["tables"] == []


@pytest.mark.usefixtures("_no_engine")
def test_a_changed_registry_entry_makes_the_check_fail_with_a_diff_and_sync_mends_it(
    project: Path, fpjob: Fpjob
) -> None:
    assert fpjob("registry", "sync", "--check").status == 0
    entry = project / "registry/source/transaction/v1/mm_transaction_source.yaml"
    reword(entry, "Identifies the transaction.", "What {{ it }} is called.")
    outcome = fpjob("registry", "sync", "--check")
    assert outcome.status == 2
    assert any(line.startswith("+") and "is called." in line for line in outcome.stderr.splitlines())
    assert "run `fpjob registry sync`" in outcome.stderr
    written = (
        "models/features/customer_activity",
        "models/features/customer_spend",
        "models/jobs/customer_features_v1/customer_features_v1",
        "models/jobs/financial_features_extraction_v1/financial_features_extraction_v1",
        "models/jobs/training_features_v1/training_features_v1",
        "models/sources/transaction__v1__mm_transaction",
    )
    assert fpjob("registry", "sync").stdout == "".join(f"wrote {path}.yml\n" for path in written)
    assert fpjob("registry", "sync", "--check").status == 0


@pytest.mark.usefixtures("_no_engine")
def test_a_source_that_left_the_registry_leaves_dbt(project: Path, fpjob: Fpjob) -> None:
    stale = project / "models/sources/transaction__v1__gone.yml"
    stale.write_text((stale.parent / "transaction__v1__mm_transaction.yml").read_text())
    own = project / "models/sources/own.yml"
    own.write_text("sources: []\n")
    assert fpjob("registry", "sync", "--check").status == 2
    assert fpjob("registry", "sync").status == 0
    assert not stale.exists()
    assert own.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", SAMPLE, "--target", "moon"], "target `moon` is unknown. Known: `local`"),
        (["run", "no_such_job.yaml"], "no_such_job.yaml"),
        (["plan"], "Missing argument"),
        (["shwo"], "command `shwo` is unknown. Did you mean `show`?"),
    ],
)
@pytest.mark.usefixtures("_no_engine")
def test_wrong_usage_ends_with_status_two(project: Path, fpjob: Fpjob, arguments: list[str], message: str) -> None:
    outcome = fpjob(*arguments)
    assert outcome.status == 2
    assert message in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_outside_a_project_the_error_says_so(tmp_path: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = fpjob("list")
    assert outcome.status == 2
    assert "found no `dbt_project.yml` here or above" in outcome.stderr


def test_a_table_that_is_not_there_is_a_mistake_of_the_job(project: Path, fpjob: Fpjob) -> None:
    (project / "configs" / "jobs" / "lost.yaml").write_text("""\
job_name: lost
input_source:
  source_type: spark
  config: {location: no.such_table}
feature_transformers:
  - name: UserSpendAggregator
    params: {user_id_col: user_id, timestamp_col: timestamp, amount_col: amount, window_days: 30}
output_sink: {sink_type: display}
""")
    outcome = fpjob("plan", "configs/jobs/lost.yaml")
    assert (outcome.status, outcome.stderr) == (
        2,
        "configs/jobs/lost.yaml:2: no table `no.such_table` is in the warehouse; write it first, or name another\n",
    )


def test_what_nobody_foresaw_is_no_failed_check_of_the_data(
    project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr("feature_platform_py.cli.main.Path.read_text", broken)
    outcome = fpjob("validate", "configs/jobs/sample_financial_features_job.yaml")
    assert outcome.status == 3
    assert "Traceback" in outcome.stderr
    assert outcome.stderr.endswith("OSError: [Errno 116] Stale file handle\n")


@pytest.mark.parametrize(
    ("number", "advice"),
    [(28, "make room"), (13, "give this user the right to it")],
    ids=["full disk", "no permission"],
)
def test_what_the_machine_refuses_is_one_message(
    project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, "refused", "somewhere")

    monkeypatch.setattr("feature_platform_py.cli.main.Path.read_text", refused)
    outcome = fpjob("validate", "configs/jobs/sample_financial_features_job.yaml")
    assert outcome.status == 3
    assert outcome.stderr == (
        f"`somewhere`: refused. Unfinished results were discarded; {advice}, and start it again\n"
    )


def test_a_table_that_another_process_has_written_since_is_found(
    project: Path,
) -> None:
    opened = open_project(project)
    warehouse = open_warehouse(opened.target.engine, opened.target.warehouse)
    warehouse.write_table(TableName("raw", "sales"), warehouse.spark.sql("select 1 as user_id"))
    backend = backend_of(opened)
    source = ResolvedSource("raw.sold", None, {})
    with pytest.raises(ConfigurationError, match=r"no table `raw\.sold` is in the warehouse"):
        backend.source_columns(source)
    shutil.copytree(opened.target.warehouse / "raw" / "sales", opened.target.warehouse / "raw" / "sold")
    assert backend.source_columns(source) == [("user_id", "int")]


@pytest.mark.usefixtures("_no_engine")
def test_lists_and_problems_have_a_line_of_csv_each(project: Path, fpjob: Fpjob) -> None:
    jobs = [row for row in _csv(fpjob("list", "--format", "csv").stdout) if row["list"] == "job"]
    assert {"job": "financial_features_extraction_v1", "path": SAMPLE}.items() <= jobs[-2].items()
    text = Path(SAMPLE).read_text().replace("financial_features_extraction_v1", "one")
    Path("one.yaml").write_text(text.replace("display", "displai"))
    [valid, wrong] = _csv(fpjob("validate", SAMPLE, "one.yaml", "--format", "csv").stdout)
    assert valid == {"file": SAMPLE, "line": "", "problem": ""}
    assert (wrong["file"], wrong["line"]) == ("one.yaml", "31")
    entity = Path("registry/entity/customer/customer.yaml")
    entity.write_text(entity.read_text() + "nonsense: 1\n")
    [problem] = _csv(fpjob("registry", "validate", "--format", "csv").stdout)
    assert "`nonsense`" in problem["problem"]


def test_the_plan_has_a_line_of_csv_for_each_column(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("plan", SAMPLE, "--format", "csv")
    assert outcome.status == 0, outcome.stderr
    columns = _csv(outcome.stdout)
    assert columns[8] == {"name": "user_30d_total_spend", "type": "decimal(38,2)", "looks_ahead": "False"}


@pytest.mark.usefixtures("_no_engine")
def test_csv_is_refused_where_there_are_no_rows(project: Path, fpjob: Fpjob) -> None:
    stored = fpjob("run", "customer_features_v1", "--format", "csv")
    assert stored.status == 2
    assert "after the run `fpjob show customer_features_v1 --format csv`" in stored.stderr
    proof = fpjob("show", SAMPLE, "--proof", "--format", "csv")
    assert proof.status == 2
    assert "a proof is not a table" in proof.stderr


@pytest.mark.usefixtures("_no_engine")
def test_sync_says_in_json_what_it_wrote(project: Path, fpjob: Fpjob) -> None:
    stale = "models/features/customer_spend.yml"
    Path(stale).write_text(Path(stale).read_text() + "\n")
    checked = fpjob("registry", "sync", "--check", "--format", "json")
    assert (checked.status, json.loads(checked.stdout)) == (2, {"stale": [stale]})
    assert json.loads(fpjob("registry", "sync", "--format", "json").stdout) == {"written": [stale], "removed": []}


def _csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize(
    ("location", "meant"),
    [
        ("jupiter.mm.fact_mm_transactoin", "jupiter.mm.fact_mm_transaction"),
        ("data/bank/transaction.csv", "data/bank/transactions.csv"),
    ],
    ids=["registered table", "file"],
)
def test_a_location_that_is_not_there_names_the_near_one(
    project: Path, fpjob: Fpjob, location: str, meant: str
) -> None:
    text = Path(SAMPLE).read_text().replace("financial_features_extraction_v1", "lost").replace("format: delta", "")
    assert "jupiter.mm.fact_mm_transaction" in text
    Path("lost.yaml").write_text(text.replace("jupiter.mm.fact_mm_transaction", location))
    outcome = fpjob("validate", "lost.yaml")
    assert outcome.status == 2
    assert f"Did you mean `{meant}`?" in outcome.stderr
