"""A job on a query of a SQL warehouse, from its YAML to its sink, against a warehouse on the loopback address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from feature_platform_py.sessions.databricks import HOST, HTTP_PATH, TOKEN
from tests.conftest import Fpjob, Outcome
from tests.databricks.server import FakeWarehouse, Fault, Rows, Statement, StatementFailedError

SECRET = "dapi0123456789abcdef"
JOB = """\
job_name: spend
input_source:
  source_type: databricks_sql
  config:
    query: |
      select user_id, `timestamp`, amount, on_day, tags
      from shop.payments where country = :country;  -- all of a country
    parameters:
      country: "CZ' or '1' = '1"
  filters:
    - {column: amount, op: gt, value: 0}
feature_transformers:
  - name: UserSpendAggregator
    params: {user_id_col: user_id, timestamp_col: timestamp, amount_col: amount, window_days: 30}
output_sink:
  sink_type: overwrite_parquet
  config: {path: output/spend}
"""
SCHEMA = pa.schema(
    {
        "user_id": pa.int64(),
        "timestamp": pa.timestamp("us", "America/New_York"),
        "amount": pa.decimal128(12, 2),
        "on_day": pa.date32(),
        "tags": pa.list_(pa.string()),
    }
)


def payment(user: int, day: int, amount: str) -> dict[str, object]:
    at = datetime(2024, 1, day, 23, 30, tzinfo=UTC)
    return {"user_id": user, "timestamp": at, "amount": Decimal(amount), "on_day": at.date(), "tags": ["a", None]}


PAYMENTS = [payment(1, 1, "10.10"), payment(1, 3, "0.05"), payment(2, 3, "7.00"), payment(2, 4, "-1.00")]


class Shop:
    """The payments as a warehouse answers for them, which a test changes as it goes."""

    def __init__(self) -> None:
        self.rows = PAYMENTS
        self.rows_of_batch = 2
        self.fault: tuple[str, Fault] | None = None

    def break_off(self) -> None:
        """Have more rows than fit into a first answer, and lose the second half way."""
        self.rows, self.rows_of_batch = PAYMENTS * 1000, 2000
        self.fault = ("FetchResults", Fault("cut"))

    def answer(self, statement: Statement) -> Rows:
        if "limit 0" in statement.text:
            return Rows(SCHEMA)
        return Rows(SCHEMA, pa.Table.from_pylist(self.rows, SCHEMA).to_batches(max_chunksize=self.rows_of_batch))

    def fault_of(self, method: str, number: int) -> Fault | None:
        return self.fault[1] if self.fault and self.fault[0] == method else None


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def warehouse(shop: Shop, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWarehouse]:
    with FakeWarehouse(shop.answer, fault_of=shop.fault_of) as served:
        for name, value in served.environment(SECRET).items():
            monkeypatch.setenv(name, value)
        (project / "configs" / "jobs" / "spend.yaml").write_text(JOB)
        yield served


def run(fpjob: Fpjob, *arguments: str) -> Outcome:
    outcome = fpjob("run", "configs/jobs/spend.yaml", *arguments)
    assert SECRET not in outcome.stdout + outcome.stderr
    return outcome


def result(folder: str) -> list[dict[str, object]]:
    rows = ds.dataset(folder).to_table().to_pylist()
    return sorted(rows, key=lambda row: (row["user_id"], row["timestamp"]))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_features_of_a_query_are_those_of_its_rows(warehouse: FakeWarehouse, fpjob: Fpjob) -> None:
    outcome = run(fpjob)
    assert outcome.status == 0, outcome.stderr
    rows = result("output/spend")
    spent = [(row["user_id"], row["amount"], row["user_30d_total_spend"]) for row in rows]
    assert spent == [
        (1, Decimal("10.10"), Decimal("10.10")),
        (1, Decimal("0.05"), Decimal("10.15")),
        (2, Decimal("7.00"), Decimal("7.00")),
    ]
    assert rows[0]["timestamp"].replace(tzinfo=UTC) == datetime(2024, 1, 1, 23, 30, tzinfo=UTC)
    assert (rows[0]["on_day"], rows[0]["tags"]) == (date(2024, 1, 1), ["a", None])


def test_the_query_is_sent_as_written_and_its_parameter_beside_it(warehouse: FakeWarehouse, fpjob: Fpjob) -> None:
    assert run(fpjob).status == 0
    columns, rows = warehouse.statements
    assert rows.text == (
        "select user_id, `timestamp`, amount, on_day, tags\n"
        "from shop.payments where country = :country;  -- all of a country"
    )
    assert columns.text == f"select * from (\n{rows.text[: rows.text.index(';')]}\n) limit 0"
    assert rows.parameters == columns.parameters == {"country": ("STRING", "CZ' or '1' = '1")}


def test_a_second_run_computes_only_what_has_changed_in_the_result(
    warehouse: FakeWarehouse, shop: Shop, fpjob: Fpjob
) -> None:
    assert run(fpjob).status == 0
    [again] = json.loads(run(fpjob, "--format", "json").stdout)["models"][1:2]
    assert again["work"]["action"] == "skip"
    shop.rows = [*PAYMENTS, payment(1, 5, "1.00")]
    assert run(fpjob).status == 0
    assert [row["user_30d_total_spend"] for row in result("output/spend")][:3] == [
        Decimal("10.10"),
        Decimal("10.15"),
        Decimal("11.15"),
    ]


def test_a_query_without_rows_is_a_result_without_rows(warehouse: FakeWarehouse, shop: Shop, fpjob: Fpjob) -> None:
    shop.rows = []
    outcome = run(fpjob)
    assert outcome.status == 0, outcome.stderr
    assert outcome.stderr.splitlines()[-1].count("output/spend holds 0 rows") == 1


def test_a_plan_asks_for_the_columns_alone_and_writes_nothing(
    warehouse: FakeWarehouse, project: Path, fpjob: Fpjob
) -> None:
    before = files_of(project)
    outcome = fpjob("plan", "configs/jobs/spend.yaml")
    assert outcome.status == 0, outcome.stderr
    assert [statement.text.endswith("limit 0") for statement in warehouse.statements] == [True]
    assert "reads   a query of the SQL warehouse, kept in sources.spend__input" in outcome.stdout
    assert outcome.stdout.splitlines()[-1].split(maxsplit=1) == [
        "user_spend",
        "what has changed        the query is run first",
    ]
    assert files_of(project) == before


def test_a_plan_as_json_says_that_the_work_is_not_known(warehouse: FakeWarehouse, fpjob: Fpjob) -> None:
    plan = json.loads(fpjob("plan", "configs/jobs/spend.yaml", "--format", "json").stdout)
    assert plan["work"]["user_spend"]["action"] == "unknown"
    assert plan["work"]["user_spend"]["rows"] is None
    assert {"name": "amount", "type": "decimal(12,2)", "looks_ahead": False} in plan["columns"]


def test_validating_contacts_no_server(warehouse: FakeWarehouse, fpjob: Fpjob) -> None:
    outcome = fpjob("validate", "configs/jobs/spend.yaml")
    assert (outcome.status, outcome.stdout) == (0, "configs/jobs/spend.yaml: valid\n")
    assert warehouse.calls == []


def test_a_column_that_the_query_lacks_is_a_mistake_of_the_job(
    warehouse: FakeWarehouse, project: Path, fpjob: Fpjob
) -> None:
    (project / "configs" / "jobs" / "spend.yaml").write_text(JOB.replace("amount_col: amount", "amount_col: amuont"))
    outcome = run(fpjob)
    assert outcome.status == 2
    assert "column `amuont` is missing in the source. Did you mean `amount`?" in outcome.stderr


def test_without_a_connection_in_the_environment_the_job_says_what_is_missing(
    warehouse: FakeWarehouse, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (HOST, TOKEN, HTTP_PATH):
        monkeypatch.delenv(name)
    outcome = run(fpjob)
    assert outcome.status == 2
    assert outcome.stderr.startswith(
        "configs/jobs/spend.yaml:2: the environment does not describe a Databricks connection: "
    )
    assert all(f"`{name}` is missing" in outcome.stderr for name in ("DATABRICKS_SERVER_HOSTNAME", TOKEN, HTTP_PATH))


def test_what_the_server_says_is_the_error_of_the_run(warehouse: FakeWarehouse, fpjob: Fpjob) -> None:
    def refuse(_: Statement) -> Rows:
        raise StatementFailedError("[TABLE_OR_VIEW_NOT_FOUND] `shop`.`payments` cannot be found")

    warehouse.answer = refuse
    outcome = run(fpjob)
    assert (outcome.status, outcome.stderr) == (
        3,
        f"{warehouse.url}: the server refused the query: [TABLE_OR_VIEW_NOT_FOUND] `shop`.`payments` cannot be found\n",
    )


def test_a_result_that_breaks_off_leaves_the_table_and_the_sink_of_the_run_before(
    warehouse: FakeWarehouse, shop: Shop, project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(fpjob).status == 0
    kept = files_of(project / "warehouse"), files_of(project / "output")
    shop.break_off()
    outcome = run(fpjob)
    assert outcome.status == 3
    assert "the result broke off after 1,000 rows: IncompleteRead" in outcome.stderr
    assert (files_of(project / "warehouse"), files_of(project / "output")) == kept


def test_a_first_result_that_breaks_off_lands_nothing(
    warehouse: FakeWarehouse, shop: Shop, project: Path, fpjob: Fpjob
) -> None:
    shop.break_off()
    assert run(fpjob).status == 3
    assert list((project / "warehouse").glob("sources/*")) == []


def test_columns_that_change_between_plan_and_run_are_an_error(warehouse: FakeWarehouse, fpjob: Fpjob) -> None:
    def answer(statement: Statement) -> Rows:
        columns = SCHEMA if "limit 0" in statement.text else SCHEMA.set(2, pa.field("amount", pa.float64()))
        return Rows(columns)

    warehouse.answer = answer
    outcome = run(fpjob)
    assert outcome.status == 3
    assert outcome.stderr.splitlines()[-1] == (
        "the query's columns have changed since the job was planned; they are now `user_id` bigint, `timestamp` timestamp, "
        "`amount` double, `on_day` date, `tags` array<string>; run it again"
    )


def test_columns_that_delta_cannot_hold_are_a_mistake_of_the_job(warehouse: FakeWarehouse, fpjob: Fpjob) -> None:
    twice = pa.schema([pa.field("a", pa.int64()), pa.field("A", pa.int64())])
    warehouse.answer = lambda _: Rows(twice)
    outcome = run(fpjob)
    assert (outcome.status, outcome.stderr) == (
        2,
        "configs/jobs/spend.yaml:2: the query's result does not fit into a Delta table: "
        "the columns `a` and `A` are the same name to Spark; give one an alias\n",
    )


def test_a_job_that_goes_from_a_query_to_a_file_reads_the_file(
    warehouse: FakeWarehouse, project: Path, fpjob: Fpjob
) -> None:
    assert run(fpjob).status == 0
    (project / "data" / "payments.csv").write_text("user_id,timestamp,amount\n5,2024-02-01 00:00:00,3.5\n")
    start, end = JOB.index("  source_type"), JOB.index("  filters")
    source = "  source_type: spark\n  config: {location: data/payments.csv}\n"
    (project / "configs" / "jobs" / "spend.yaml").write_text(JOB[:start] + source + JOB[end:])
    for _ in range(2):
        outcome = run(fpjob)
        assert outcome.status == 0, outcome.stderr
        assert [row["user_id"] for row in result("output/spend")] == [5]
