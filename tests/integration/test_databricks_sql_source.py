"""The source of a query, through the unmodified connector, against a warehouse on the loopback address."""

from __future__ import annotations

import gc
import logging
import os
import shlex
import subprocess
import sys
import time
import tomllib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from databricks.sql.thrift_api.TCLIService.ttypes import TTypeId
from packaging.requirements import Requirement

from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.sessions.databricks import HTTP_PATH, DatabricksConnectionConfig
from feature_platform_py.sources import DatabricksSQLSource, Patience
from feature_platform_py.warehouse.session import open_session
from tests.conftest import ROOT
from tests.databricks.server import PATH, FakeWarehouse, Fault, FaultOf, Rows, Statement, StatementFailedError
from tests.databricks.wide_rows import BYTES_OF_TEXT, ROWS

SECRET = "dapi0123456789abcdef"
NUMBERS = pa.table({"number": pa.array(range(5000), pa.int64())})
HURRY = Patience(request=1.5, query=1.0, attempts=3, first_delay=0.05)


def numbers(_: Statement) -> Rows:
    return Rows(NUMBERS.schema, NUMBERS.to_batches(max_chunksize=1000))


def no_fault(method: str, number: int) -> Fault | None:
    return None


def once(method: str, fault: Fault) -> FaultOf:
    return lambda called, number: fault if (called, number) == (method, 1) else None


def always(method: str, fault: Fault) -> FaultOf:
    return lambda called, number: fault if called == method else None


def source_of(warehouse: FakeWarehouse, query: str = "select number from numbers", **more: Any) -> DatabricksSQLSource:
    connection = DatabricksConnectionConfig.from_env(warehouse.environment(SECRET), needs=(HTTP_PATH,))
    return DatabricksSQLSource(query, connection=connection, **{"patience": HURRY, "chunk_rows": 1000, **more})


@contextmanager
def refusal(kind: type[Exception] = EngineError) -> Iterator[list[str]]:
    """The message of the error in the block, whose traceback and causes do not hold the token."""
    message: list[str] = []
    with pytest.raises(kind) as raised:
        yield message
    error = raised.value
    assert (error.__cause__, error.__context__) == (None, None)
    assert SECRET not in "".join(traceback.format_exception(error))
    message.append(str(error))


def test_the_rows_arrive_in_batches_of_at_most_a_chunk() -> None:
    with FakeWarehouse(numbers) as warehouse:
        batches = list(source_of(warehouse, chunk_rows=700).to_arrow_batches())
    assert max(batch.num_rows for batch in batches) <= 700
    assert pa.Table.from_batches(batches) == NUMBERS


def test_wide_rows_come_in_chunks_of_fewer() -> None:
    schema = pa.schema({"text": pa.string()})
    wide = pa.table({"text": ["x" * 10_000] * 3000}, schema)
    with FakeWarehouse(lambda _: Rows(schema, wide.to_batches(max_chunksize=500))) as warehouse:
        source = source_of(warehouse, chunk_rows=50_000, chunk_bytes=1_000_000)
        with source.reading() as reading:
            sizes = [chunk.num_rows for chunk in reading.chunks()]
    assert sum(sizes) == 3000
    assert set(sizes[1:-1]) == {99}


def test_the_result_is_a_pandas_frame() -> None:
    with FakeWarehouse(numbers) as warehouse:
        frame = source_of(warehouse).to_pandas()
    assert frame["number"].tolist() == list(range(5000))


def test_a_session_reads_the_rows(tmp_path: Path) -> None:
    with FakeWarehouse(numbers) as warehouse:
        frame = source_of(warehouse).read(open_session("sail", tmp_path))
    assert frame.selectExpr("count(*)", "sum(number)").first() == (5000, sum(range(5000)))


def test_a_result_without_rows_has_its_columns() -> None:
    with FakeWarehouse(lambda _: Rows(NUMBERS.schema)) as warehouse:
        table = source_of(warehouse).to_arrow()
    assert (table.num_rows, table.schema) == (0, NUMBERS.schema)


def test_columns_are_known_without_a_row() -> None:
    schema = pa.schema(
        {
            "flag": pa.bool_(),
            "small": pa.int16(),
            "amount": pa.decimal128(38, 9),
            "at": pa.timestamp("us", "Europe/Prague"),
            "local": pa.timestamp("us"),
            "raw": pa.binary(),
            "parts": pa.struct({"x": pa.list_(pa.float32()), "y": pa.map_(pa.string(), pa.date32())}),
        }
    )
    with FakeWarehouse(lambda _: Rows(schema)) as warehouse:
        columns = source_of(warehouse, "select * from t -- all").columns()
    assert [statement.text for statement in warehouse.statements] == [
        "select * from (\nselect * from t -- all\n) limit 0"
    ]
    assert columns == [
        ("flag", "boolean"),
        ("small", "smallint"),
        ("amount", "decimal(38,9)"),
        ("at", "timestamp"),
        ("local", "timestamp"),
        ("raw", "binary"),
        ("parts", "struct<x:array<float>,y:map<string,date>>"),
    ]


def test_decimals_keep_their_digits_and_times_are_in_utc() -> None:
    schema = pa.schema({"amount": pa.decimal128(38, 18), "at": pa.timestamp("us", "Asia/Tokyo")})
    row = {
        "amount": Decimal("12345678901234567890.000000000000000001"),
        "at": datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    }
    with FakeWarehouse(lambda _: Rows.of(pa.Table.from_pylist([row], schema))) as warehouse:
        table = source_of(warehouse).to_arrow()
    assert table.to_pylist() == [row]
    assert str(table.schema.field("at").type) == "timestamp[us, tz=UTC]"


@pytest.mark.parametrize(
    ("schema", "kinds", "expected"),
    [
        (pa.schema([]), {}, "it has no columns; expected a query that returns some"),
        (
            pa.schema([pa.field("a", pa.int64()), pa.field("A", pa.int64())]),
            {},
            "the columns `a` and `A` are the same name to Spark; give one an alias",
        ),
        (
            pa.schema({"": pa.int64()}),
            {},
            "a column has no name; give it an alias",
        ),
        (
            pa.schema({"age": pa.string()}),
            {"age": TTypeId.INTERVAL_DAY_TIME_TYPE},
            "column `age` is an interval; cast it to a string, or give its seconds as a number",
        ),
        (
            pa.schema({"age": pa.string()}),
            {"age": TTypeId.INTERVAL_YEAR_MONTH_TYPE},
            "column `age` is an interval; cast it to a string, or give its months as a number",
        ),
        (
            pa.schema({"nothing": pa.null()}),
            {},
            "column `nothing` is a NULL without a type; give it one: `cast(null as string)`",
        ),
        (
            pa.schema([pa.field("v", pa.string(), metadata={"Spark:DataType:SqlName": "VARIANT"})]),
            {},
            "column `v` is a variant; cast it to a string or to its type",
        ),
        (
            pa.schema({"list": pa.list_(pa.duration("us"))}),
            {},
            "column `list` is list<item: duration[us]>; cast it to a type that Spark stores",
        ),
    ],
)
def test_what_delta_cannot_hold_is_said(schema: pa.Schema, kinds: dict[str, int], expected: str) -> None:
    with (
        FakeWarehouse(lambda _: Rows(schema, thrift_types=kinds)) as warehouse,
        refusal(ConfigurationError) as message,
    ):
        source_of(warehouse).columns()
    assert message == [f"the query's result does not fit into a Delta table: {expected}"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x' or 1 = 1; drop table t; --", ("STRING", "x' or 1 = 1; drop table t; --")),
        (7, ("INT", "7")),
        (2**40, ("BIGINT", str(2**40))),
        (0.1, ("DOUBLE", "0.1")),
        (True, ("BOOLEAN", "True")),
        (date(2024, 1, 31), ("DATE", "2024-01-31")),
        (datetime(2024, 1, 31, 12, 30, tzinfo=UTC), ("TIMESTAMP", "2024-01-31 12:30:00+00:00")),
        (Decimal("1.50"), ("DECIMAL(3,2)", "1.50")),
    ],
)
def test_a_parameter_goes_beside_the_statement_never_into_it(value: Any, expected: tuple[str, str]) -> None:
    query = "select * from t where a = :value and b like '%:value%' /* :value */"
    with FakeWarehouse(numbers) as warehouse:
        source_of(warehouse, query, parameters={"value": value}).to_arrow()
    assert warehouse.statements == [Statement(query, {"value": expected})]


def test_a_marker_that_the_connector_would_rewrite_is_refused() -> None:
    with FakeWarehouse(numbers) as warehouse, refusal(ConfigurationError) as message:
        source_of(warehouse, "select '%(a)s', :a", parameters={"a": 1}).to_arrow()
    assert message == [
        "`query`: expected `:name` where a parameter is; the connector replaces texts like `%(a)s`, even in a literal"
    ]
    assert warehouse.calls == []


@pytest.mark.parametrize("fault", [Fault("drop"), Fault("lose"), Fault("cut")], ids=lambda fault: fault.kind)
@pytest.mark.parametrize("method", ["OpenSession", "ExecuteStatement"])
def test_a_connection_that_fails_before_the_first_row_is_tried_again(method: str, fault: Fault) -> None:
    with FakeWarehouse(numbers, fault_of=once(method, fault)) as warehouse:
        assert source_of(warehouse).to_arrow() == NUMBERS
    assert warehouse.calls.count(method) == 2


def test_a_connection_that_always_fails_is_an_error_that_says_how_often() -> None:
    with (
        FakeWarehouse(numbers, fault_of=always("ExecuteStatement", Fault("drop"))) as warehouse,
        refusal() as message,
    ):
        source_of(warehouse).to_arrow()
    assert message == [
        f"{warehouse.url}: tried 3 times, no connection: Remote end closed connection without response; "
        "check `DATABRICKS_HOST` and the network"
    ]


def test_a_server_that_is_not_there_is_an_error() -> None:
    with FakeWarehouse(numbers) as warehouse:
        source = source_of(warehouse)
    with refusal() as message:
        source.to_arrow()
    assert "tried 3 times, no connection: [Errno 111] Connection refused" in message[0]


def test_a_server_that_is_still_starting_is_an_error_that_says_so() -> None:
    with FakeWarehouse(numbers, fault_of=always("OpenSession", Fault("refuse"))) as warehouse, refusal() as message:
        source_of(warehouse).to_arrow()
    assert "tried 3 times, no connection: it is busy or still starting" in message[0]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, "it does not accept the token"), (403, "the token may not use it"), (404, "it has no such path")],
)
def test_a_refusal_is_not_tried_again(status: int, expected: str) -> None:
    with (
        FakeWarehouse(numbers, fault_of=always("OpenSession", Fault("refuse", status=status))) as warehouse,
        refusal() as message,
    ):
        source_of(warehouse).to_arrow()
    assert message == [f"{warehouse.url}: {expected} (HTTP {status}); check `DATABRICKS_TOKEN` and `{HTTP_PATH}`"]
    assert warehouse.calls == ["OpenSession"]


@pytest.mark.parametrize(
    ("fault_of", "expected"),
    [
        (once("FetchResults", Fault("cut")), "IncompleteRead"),
        (always("FetchResults", Fault("drop")), "Remote end closed connection without response"),
        (once("FetchResults", Fault("stall", 3.0)), "timed out"),
        # The server has gone on to the next rows: an answer that is asked for again would be those.
        (once("FetchResults", Fault("lose")), "some result batches must have been skipped"),
    ],
    ids=["cut", "drop", "stall", "lose"],
)
def test_a_result_that_breaks_off_is_an_error_and_no_row_is_lost_in_silence(fault_of: FaultOf, expected: str) -> None:
    with FakeWarehouse(numbers, fault_of=fault_of) as warehouse, refusal() as message:
        source_of(warehouse).to_arrow()
    assert message[0].startswith(f"{warehouse.url}: the result broke off after 1,000 rows: ")
    assert expected in message[0]
    assert message[0].endswith("; run the query again")


def test_the_server_says_what_is_wrong_with_a_query() -> None:
    def refuse(_: Statement) -> Rows:
        raise StatementFailedError(f"[UNRESOLVED_COLUMN] A column `{SECRET}` cannot be resolved. SQLSTATE: 42703")

    with FakeWarehouse(refuse) as warehouse, refusal() as message:
        source_of(warehouse).to_arrow()
    assert message == [
        f"{warehouse.url}: the server refused the query: "
        "[UNRESOLVED_COLUMN] A column `**********` cannot be resolved. SQLSTATE: 42703"
    ]
    assert warehouse.calls.count("ExecuteStatement") == 1


@pytest.mark.parametrize("method", ["OpenSession", "ExecuteStatement"])
def test_an_answer_that_takes_too_long_is_an_error_in_time(method: str) -> None:
    started = time.monotonic()
    with FakeWarehouse(numbers, fault_of=always(method, Fault("stall", 4.0))) as warehouse, refusal() as message:
        source_of(warehouse, patience=replace(HURRY, query=60.0)).to_arrow()
    assert time.monotonic() - started < 3.5
    assert message == [f"{warehouse.url}: no answer within 1.5 s; check `DATABRICKS_HOST` and that the warehouse runs"]


def test_a_query_that_runs_too_long_is_cancelled() -> None:
    started = time.monotonic()
    with FakeWarehouse(lambda _: Rows(NUMBERS.schema, seconds=30)) as warehouse, refusal() as message:
        source_of(warehouse).to_arrow()
    assert time.monotonic() - started < 3
    assert "CancelOperation" in warehouse.calls
    assert message == [
        f"{warehouse.url}: the query had not finished after 1 s and was cancelled; make it smaller, or allow it more time"
    ]


def test_a_reader_that_stops_early_closes_its_session() -> None:
    with FakeWarehouse(numbers) as warehouse:
        next(iter(source_of(warehouse).to_arrow_batches()))
        gc.collect()
        assert warehouse.calls[-2:] == ["CloseOperation", "CloseSession"]


def test_the_token_is_shown_to_the_server_and_to_nobody_else(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with FakeWarehouse(numbers, fault_of=once("ExecuteStatement", Fault("cut"))) as warehouse:
        source = source_of(warehouse)
        source.to_arrow()
    assert warehouse.tokens == {f"Bearer {SECRET}"}
    assert SECRET not in f"{source!r}{source}{caplog.text}{''.join(capfd.readouterr())}"


def test_no_token_goes_over_an_open_network() -> None:
    environment = {"DATABRICKS_HOST": "http://example.com", "DATABRICKS_TOKEN": SECRET, "DATABRICKS_HTTP_PATH": PATH}
    connection = DatabricksConnectionConfig.from_env(environment, needs=(HTTP_PATH,))
    source = DatabricksSQLSource("select 1", connection=connection)
    with refusal(ConfigurationError) as message:
        source.to_arrow()
    assert message == [
        "`DATABRICKS_HOST` starts with http://, which would expose the token to the network; use https://"
    ]


def test_a_connection_without_a_warehouse_says_so() -> None:
    environment = {"DATABRICKS_HOST": "example.com", "DATABRICKS_TOKEN": SECRET, "DATABRICKS_CLUSTER_ID": "c"}
    source = DatabricksSQLSource("select 1", connection=DatabricksConnectionConfig.from_env(environment))
    with refusal(ConfigurationError) as message:
        source.to_arrow()
    assert message == ["`DATABRICKS_HTTP_PATH` is missing; a query needs a SQL warehouse"]


def test_without_the_connector_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "databricks.sql", None)
    with FakeWarehouse(numbers) as warehouse, refusal(ConfigurationError) as message:
        source_of(warehouse).to_arrow()
    [line] = message
    told = "Databricks is reached through its connector, which is not installed; install it beside this package: "
    assert line.startswith(f"{told}python -m pip install '")
    # What the line installs is what the extra asks for.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(each) for each in project["optional-dependencies"]["databricks"]]
    assert [Requirement(each) for each in shlex.split(line.removeprefix(told))[4:]] == wanted


def test_the_connection_is_that_of_the_environment_and_not_looked_for_before(monkeypatch: pytest.MonkeyPatch) -> None:
    source = DatabricksSQLSource("select number from numbers", patience=HURRY)
    with FakeWarehouse(numbers) as warehouse:
        for name, value in warehouse.environment(SECRET).items():
            monkeypatch.setenv(name, value)
        assert source.to_arrow() == NUMBERS


_CLIENT = """
import resource, sys
from pathlib import Path
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import open_warehouse
from feature_platform_py.sources import DatabricksSQLSource
from feature_platform_py.sources.landing import commit_file, write_file
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
source = DatabricksSQLSource("select * from wide")
warehouse = open_warehouse("sail", sys.argv[1])
warehouse.spark.sql("select 1").collect()
source.columns()
before, file = peak(), Path(sys.argv[1]) / "rows.parquet"
write_file(source, file)
fetched = peak()
print(commit_file(file, warehouse, TableName("sources", "wide")))
committed = peak()
print(warehouse.spark.sql("select sum(id) from sources.wide").first()[0])
print(fetched - before, committed - before)
"""


@pytest.mark.slow
def test_a_million_wide_rows_need_little_memory(tmp_path: Path) -> None:
    with serving_wide_rows() as environment:
        done = subprocess.run(
            [sys.executable, "-c", _CLIENT, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=os.environ | environment,
        )
    assert done.returncode == 0, done.stderr
    rows, total, fetched, committed = map(int, done.stdout.split())
    assert (rows, total) == (ROWS, ROWS * (ROWS - 1) // 2)
    assert ROWS * BYTES_OF_TEXT / 1024**2 > 600
    assert fetched < 250
    assert committed < 500


@contextmanager
def serving_wide_rows() -> Iterator[dict[str, str]]:
    """The variables of a warehouse in a process of its own."""
    command = [sys.executable, "-m", "tests.databricks.wide_rows"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        yield {"DATABRICKS_HOST": url, "DATABRICKS_TOKEN": SECRET, "DATABRICKS_HTTP_PATH": PATH}
        server.communicate()
