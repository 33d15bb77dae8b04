"""A manager hands out a session of each engine, stops what a manager opened and nothing else, and shows no token."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from pydantic import SecretStr

from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.sessions.remote_session import Remote, open_remote_session
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import close_warehouse, open_session, open_warehouse
from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager
from tests.conftest import require_java

ROOT = Path(__file__).parents[2]
TOKEN = "dapi0123456789abcdef"
CHOOSING = (
    "SPARK_REMOTE",
    "DATABRICKS_HOST",
    "DATABRICKS_SERVER_HOSTNAME",
    "DATABRICKS_TOKEN",
    "DATABRICKS_CLUSTER_ID",
    "SPARK_CONNECT_MODE_ENABLED",
)
SERVER = """
import sys, time
from pysail.spark import SparkConnectServer
server = SparkConnectServer(ip="127.0.0.1", port=0)
server.start(background=True)
print(server.listening_address[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def outside_of_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in CHOOSING[:-1]:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server_port() -> Iterator[str]:
    """The port of a Sail server in a process of its own, which ends with its standard input."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        assert server.stdin is not None
        server.stdin.close()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the code in a process that has no engine yet."""
    inherited = {name: value for name, value in os.environ.items() if name not in CHOOSING}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=inherited | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def trace_with_locals(error: BaseException) -> str:
    """The traceback as tools print it that show local variables, without those of the test."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    del trace.stack[0]
    return "".join(trace.format())


# Embedded Sail


def test_by_default_the_session_is_embedded_and_runs_sql() -> None:
    with SparkSessionManager() as session:
        assert session.sql("select 1 as one").collect()[0].one == 1


def test_inside_a_project_the_warehouse_is_that_of_the_project(project: Path) -> None:
    shared = open_session("sail", project / "warehouse")
    assert SparkSessionManager().get_session() is shared


def test_outside_of_a_project_the_warehouse_is_a_folder_that_goes_with_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with SparkSessionManager():
        assert [path.name[:18] for path in tmp_path.iterdir()] == ["feature_warehouse_"]
    assert list(tmp_path.iterdir()) == []


def test_the_session_stops_with_the_manager_and_is_forgotten(tmp_path: Path) -> None:
    with SparkSessionManager(warehouse=tmp_path) as session:
        assert not session.is_stopped
    assert session.is_stopped
    assert open_session("sail", tmp_path).sql("select 1").count() == 1


def test_asking_again_gives_the_same_session_and_stopping_again_does_nothing(tmp_path: Path) -> None:
    manager = SparkSessionManager(warehouse=tmp_path)
    session = manager.get_session()
    assert manager.get_session() is session
    manager.stop_session()
    manager.stop_session()
    assert session.is_stopped


def test_after_stop_a_new_session_sees_the_tables_of_the_old_one(tmp_path: Path) -> None:
    manager = SparkSessionManager(warehouse=tmp_path)
    with manager as session:
        open_warehouse("sail", tmp_path).write_table(TableName("kept", "numbers"), session.range(3))
    with manager as session:
        assert session.table("kept.numbers").count() == 3


def test_nested_managers_share_a_session_that_only_the_outermost_stops(tmp_path: Path) -> None:
    with SparkSessionManager(warehouse=tmp_path) as session:
        with SparkSessionManager("sail", tmp_path) as inner:
            assert inner is session
        assert session.sql("select 1").count() == 1
    assert session.is_stopped


def test_a_manager_may_be_entered_again_inside_itself(tmp_path: Path) -> None:
    manager = SparkSessionManager(warehouse=tmp_path)
    with manager as session:
        with manager as again:
            assert again is manager.get_session() is session
        assert not session.is_stopped
    assert session.is_stopped


def test_a_session_is_kept_for_a_manager_that_outlives_the_one_that_opened_it(tmp_path: Path) -> None:
    opener, other = SparkSessionManager(warehouse=tmp_path), SparkSessionManager(warehouse=tmp_path)
    session = opener.get_session()
    assert other.get_session() is session
    opener.stop_session()
    assert session.sql("select 1").count() == 1
    other.stop_session()
    assert session.is_stopped


def test_a_session_that_somebody_else_opened_is_not_stopped(tmp_path: Path) -> None:
    session = open_session("sail", tmp_path)
    with SparkSessionManager(warehouse=tmp_path) as given:
        assert given is session
    assert session.sql("select 1").count() == 1
    close_warehouse("sail", tmp_path)


def test_a_session_that_was_stopped_behind_the_managers_back_is_opened_anew(tmp_path: Path) -> None:
    manager = SparkSessionManager(warehouse=tmp_path)
    with manager as first:
        first.stop()
        second = manager.get_session()
        assert second is not first
        assert second.sql("select 1").count() == 1
    assert second.is_stopped


def test_an_error_inside_stops_the_session(tmp_path: Path) -> None:
    manager = SparkSessionManager(warehouse=tmp_path)
    with pytest.raises(ZeroDivisionError), manager as session:
        _ = 1 / 0
    assert session.is_stopped


def test_threads_get_one_session(tmp_path: Path) -> None:
    managers = [SparkSessionManager(warehouse=tmp_path) for _ in range(8)]
    threads = [threading.Thread(target=manager.get_session) for manager in managers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session = managers[0].get_session()
    assert all(manager.get_session() is session for manager in managers)
    for manager in managers:
        assert not session.is_stopped
        manager.stop_session()
    assert session.is_stopped


def test_settings_are_those_of_the_session_that_is_opened(tmp_path: Path) -> None:
    with SparkSessionManager(warehouse=tmp_path, config={"spark.sql.session.timeZone": "Asia/Tokyo"}) as session:
        assert session.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"


def test_a_session_that_was_there_keeps_its_settings_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = SparkSessionManager(warehouse=tmp_path, config={"spark.sql.session.timeZone": "Asia/Tokyo"})
    with SparkSessionManager(warehouse=tmp_path), caplog.at_level(logging.WARNING), other as inner:
        assert inner.conf.get("spark.sql.session.timeZone") == "UTC"
    assert "the session was open already, and keeps its own spark.sql.session.timeZone" in caplog.text


def test_an_unknown_engine_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError) as error:
        SparkSessionManager("sial")
    assert str(error.value) == (
        "engine `sial` is unknown. Did you mean `sail`? Known: `sail`, `spark`, `connect`, `databricks`"
    )


# A Spark Connect server


def test_a_remote_in_the_environment_is_used(server_port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_REMOTE", f"sc://127.0.0.1:{server_port}")
    manager = SparkSessionManager(config={"spark.sql.shuffle.partitions": "3"})
    with manager as session:
        assert session.client.host == "127.0.0.1"
        assert session.client._builder.endpoint.endswith(server_port)
        assert session.sql("select 40 + 2 as answer").collect()[0].answer == 42
        assert session.conf.get("spark.sql.shuffle.partitions") == "3"
        with SparkSessionManager("connect") as inner:
            assert inner is session
        assert not session.is_stopped
    assert session.is_stopped
    assert manager.get_session().sql("select 1").count() == 1
    manager.stop_session()


def test_an_empty_remote_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPARK_REMOTE", " ")
    with SparkSessionManager(warehouse=tmp_path) as session:
        assert session is open_session("sail", tmp_path)


def test_a_session_on_the_same_server_is_handed_out_and_not_stopped(server_port: str) -> None:
    result = run_python(
        """
        from pyspark.sql import SparkSession
        from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager

        session = SparkSession.builder.getOrCreate()
        with SparkSessionManager() as given:
            assert given is session
        print(session.sql("select 42").collect()[0][0])
        """,
        SPARK_REMOTE=f"sc://127.0.0.1:{server_port}",
    )
    assert (result.stdout, result.returncode) == ("42\n", 0), result.stderr


def test_a_server_that_went_away_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None and server.stdin is not None
        monkeypatch.setenv("SPARK_REMOTE", f"sc://127.0.0.1:{server.stdout.readline().strip()}")
        manager = SparkSessionManager()
        session = manager.get_session()
        server.stdin.close()
    with pytest.warns(UserWarning, match="RETRIES_EXCEEDED"):
        manager.stop_session()
    assert session.is_stopped


def test_the_missing_remote_is_named() -> None:
    with pytest.raises(ConfigurationError) as error:
        SparkSessionManager("connect").get_session()
    assert str(error.value) == ("engine `connect`: `SPARK_REMOTE` is missing; expected a URL such as `sc://host:15002`")


@pytest.mark.parametrize(
    "url",
    [
        f"http://host/;token={TOKEN}",
        f"sc://host:99999/;token={TOKEN}",
        f"sc://me:{TOKEN}@host",
        f"sc://host/{TOKEN}",
        f"sc://host/;{TOKEN}",
        f"sc://host/;X-Key={TOKEN}",
        f"sc://host/;x-key={TOKEN}%0A",
        "local[*]",
    ],
)
def test_a_url_of_another_shape_is_refused_and_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_REMOTE", url)
    with pytest.raises(ConfigurationError) as error:
        SparkSessionManager().get_session()
    assert str(error.value) == (
        "`SPARK_REMOTE`: expected `sc://host:port`, or `sc://host:port/;name=value;...`; the value has another form"
        " (it is not shown, because it may contain a token). For JVM Spark on this machine pass `engine='spark'`"
    )
    assert TOKEN not in trace_with_locals(error.value)


def test_a_warehouse_is_not_for_a_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPARK_REMOTE", "sc://localhost")
    with pytest.raises(ConfigurationError) as error:
        SparkSessionManager(warehouse=tmp_path).get_session()
    assert str(error.value) == (
        "engine `connect`: a `warehouse` folder is for `sail` and `spark`; leave it out, or pass"
        " `engine='sail'` to stay on this machine"
    )


def test_a_server_that_accepts_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("SPARK_REMOTE", f"sc://127.0.0.1:{port}")
        with pytest.raises(EngineError, match=f"`127.0.0.1:{port}`"):
            SparkSessionManager().get_session()


def test_a_server_that_never_answers_a_request_is_given_up() -> None:
    is_over = threading.Event()

    class Waits(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(lambda request, context: is_over.wait() and b"")

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Waits()])
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    with pytest.raises(EngineError) as error:
        open_remote_session(Remote("connect", SecretStr(f"sc://{address}"), answer_seconds=0.5), {})
    is_over.set()
    server.stop(None)
    assert str(error.value) == (
        f"engine `connect`: `{address}` did not open a session: no answer in 0.5 s."
        " Check the token, and that the cluster exists"
    )


# Databricks


def test_a_cluster_out_of_reach_is_one_error_without_the_token(
    closed_port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", f"https://127.0.0.1:{closed_port}")
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    monkeypatch.setenv("DATABRICKS_CLUSTER_ID", "0123-456789-abc")
    before = dict(os.environ)
    manager = SparkSessionManager()
    with caplog.at_level(logging.DEBUG), pytest.raises(EngineError) as error:
        manager.get_session()
    assert str(error.value) == (
        f"engine `databricks`: expected a Spark Connect server at `127.0.0.1:{closed_port}`, but none answered within 10 s."
        " Check host, port, network and certificate, or stay on this machine: `engine='sail'`, `--target local`"
    )
    assert error.value.__context__ is None
    assert TOKEN not in trace_with_locals(error.value) + repr(manager) + caplog.text
    assert dict(os.environ) == before


def test_incomplete_variables_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    with pytest.raises(ConfigurationError) as error:
        SparkSessionManager().get_session()
    assert str(error.value) == (
        "engine `databricks`: the environment does not describe a Databricks connection: "
        "`DATABRICKS_HOST` or `DATABRICKS_SERVER_HOSTNAME` is missing; expected a host such as `adb-1234.5.azuredatabricks.net`; "
        "`DATABRICKS_CLUSTER_ID` is missing; expected a cluster's id such as `0123-456789-abcdefgh`. "
        "Set them all, or pass `engine='sail'` to stay on this machine"
    )


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
def test_a_server_that_repeats_the_token_is_shown_without_it(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", str(key), "-out", str(certificate))
    command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names, *files)
    subprocess.run(command, check=True, capture_output=True)
    result = run_python(
        f"""
        import os, traceback, grpc
        from concurrent.futures import ThreadPoolExecutor
        from pathlib import Path
        from feature_platform_py.core.errors import EngineError
        from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager

        class Refuses(grpc.GenericRpcHandler):
            def service(self, details):
                return grpc.unary_stream_rpc_method_handler(self.answer)

            def answer(self, request, context):
                given = dict(context.invocation_metadata())
                context.abort(
                    grpc.StatusCode.UNAUTHENTICATED, given["authorization"] + " on " + given["x-databricks-cluster-id"]
                )

        server = grpc.server(ThreadPoolExecutor(2), handlers=[Refuses()])
        pair = (Path({str(key)!r}).read_bytes(), Path({str(certificate)!r}).read_bytes())
        port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
        server.start()
        os.environ["DATABRICKS_HOST"] = f"localhost:{{port}}"
        try:
            SparkSessionManager().get_session()
        except EngineError as error:
            print(str(error).replace(str(port), "PORT"))
            trace = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            print(os.environ["DATABRICKS_TOKEN"] in trace)
        server.stop(None)
        """,
        DATABRICKS_TOKEN=TOKEN,
        DATABRICKS_CLUSTER_ID="0123-456789-abc",
        GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=str(certificate),
    )
    assert result.stdout.splitlines() == [
        "engine `databricks`: `localhost:PORT` did not open a session: Bearer ********** on 0123-456789-abc."
        " Check the token, and that the cluster exists",
        "False",
    ], result.stderr
    assert TOKEN not in result.stderr


# JVM Spark


@pytest.mark.slow
def test_jvm_spark_reads_and_writes_delta_and_makes_way_for_sail(tmp_path: Path) -> None:
    require_java()
    result = run_python(
        f"""
        from pyspark.sql import SparkSession
        from feature_platform_py.core.errors import ConfigurationError, EngineError
        from feature_platform_py.sessions.remote_session import configure
        from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager

        manager = SparkSessionManager("spark", config={{"spark.sql.shuffle.partitions": "3"}})
        with manager as session:
            session.range(3).write.save({str(tmp_path / "numbers")!r})
            print(session.read.format("delta").load({str(tmp_path / "numbers")!r}).count())
            print(session.conf.get("spark.sql.shuffle.partitions"), session.version[:4])
            with SparkSessionManager("spark") as inner:
                assert inner is session
            try:
                SparkSessionManager("sail").get_session()
            except EngineError as error:
                print(error)
            try:
                configure(session, {{"spark.sql.warehouse.dir": "elsewhere"}}, close=lambda: print("closed"))
            except ConfigurationError as error:
                print(error)
        assert SparkSession.getActiveSession() is None
        again = manager.get_session()
        print(again.read.load({str(tmp_path / "numbers")!r}).count())
        manager.stop_session()

        foreign = SparkSession.builder.master("local[1]").getOrCreate()
        with SparkSessionManager("spark") as given:
            assert given is foreign
        print(foreign.range(2).count())
        foreign.stop()

        with SparkSessionManager("sail") as session:
            print(session.read.format("delta").load({str(tmp_path / "numbers")!r}).count())
        try:
            SparkSessionManager("spark").get_session()
        except EngineError as error:
            print(error)
        """
    )
    assert result.stdout.splitlines() == [
        "3",
        "3 4.1.",
        "engine `sail`: expected a process without JVM Spark, found a running session of it. Pass `engine='spark'`"
        " to use that one, or stop it first",
        "closed",
        "`config`: expected settings of a session, but the engine refuses `spark.sql.warehouse.dir`; remove them",
        "3",
        "2",
        "3",
        "engine `spark`: expected a process without Spark Connect, found `SPARK_CONNECT_MODE_ENABLED` in its environment:"
        " a session of Sail or Spark Connect was opened here or by the parent process, or is requested. Start JVM Spark in a"
        " process of its own, without these variables",
    ], result.stderr
    assert not (tmp_path / "spark-warehouse").exists()


@pytest.mark.slow
def test_jvm_spark_that_does_not_start_is_one_error() -> None:
    require_java()
    result = run_python(OPEN_SPARK, JAVA_TOOL_OPTIONS="-XX:NoSuchOption")
    assert result.stdout.startswith("engine `spark`: JVM Spark did not start: [JAVA_GATEWAY_EXITED]"), result.stderr


def test_jvm_spark_without_java_is_one_error(tmp_path: Path) -> None:
    result = run_python(OPEN_SPARK, PATH=str(tmp_path), JAVA_HOME="")
    assert result.stdout == (
        "engine `spark`: expected Java 17 or 21, found no `java` in the `PATH`; install it, or use `engine='sail'`, `--target local`\n"
    ), result.stderr


OPEN_SPARK = """
from feature_platform_py.core.errors import EngineError
from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager

try:
    SparkSessionManager("spark").get_session()
except EngineError as error:
    print(error)
"""
