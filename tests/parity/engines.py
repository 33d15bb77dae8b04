"""The engines under test: processes that run jobs on a target, and the servers that some targets need."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyspark
import pytest

from feature_platform_py.sessions.jvm_session import JVM_CONFIG, JVM_LISTS
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import open_warehouse
from tests.conftest import require_java
from tests.databricks.workspace import Workspace, connect_profile

SAIL_SERVER = """
import os, sys
from feature_platform_py.sessions.sail_session import SAIL_ENVIRONMENT
os.environ.update(SAIL_ENVIRONMENT)
from pysail.spark import SparkConnectServer
server = SparkConnectServer(ip="127.0.0.1", port=int(sys.argv[1]))
server.start(background=True)
print(server.listening_address[1], flush=True)
sys.stdin.read()
"""
# Jobs of seconds are over before the better compiler has paid for itself.
QUICK_JVM = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC"}
_CHOOSING = (
    "SPARK_REMOTE",
    "SPARK_CONNECT_MODE_ENABLED",
    "FP_WAREHOUSE",
    "DATABRICKS_HOST",
    "DATABRICKS_SERVER_HOSTNAME",
    "DATABRICKS_TOKEN",
)


class Engine:
    """A process that runs jobs on one target; `log` is what it and its engine wrote to their standard error."""

    def __init__(self, target: str, environment: Mapping[str, str], log: Path, *, prefix: Sequence[str] = ()) -> None:
        self.target = target
        self.log = log
        kept = {name: value for name, value in os.environ.items() if name not in _CHOOSING}
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tests.parity.run_jobs", target],
            env=kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))} | dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("w"),
            text=True,
        )

    def run(self, project: Path, job: str) -> dict[str, Any]:
        """Run the job of a project, and return how its feature tables were computed; the test fails if the job does."""
        answer = self.try_run(project, job)
        if answer["error"]:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])
            pytest.fail(f"{job} on {self.target}: {answer['error']}\n{tail}")
        return answer

    def try_run(self, project: Path, job: str) -> dict[str, Any]:
        """Run the job; the answer's `error` says what went wrong, if anything did."""
        _pipe(self._process.stdin).write(json.dumps({"project": str(project), "job": job}) + "\n")
        _pipe(self._process.stdin).flush()
        line = _pipe(self._process.stdout).readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the process has ended"}
        return answer

    def close(self) -> None:
        """End the process."""
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def local(log: Path, **environment: str) -> Iterator[Engine]:
    """Sail in the process."""
    with _engine("local", environment, log) as engine:
        yield engine


@contextmanager
def spark(log: Path, **environment: str) -> Iterator[Engine]:
    """JVM Spark in the process's own JVM."""
    require_java()
    with _engine("spark", QUICK_JVM | environment, log) as engine:
        yield engine


@contextmanager
def connect_to_sail(log: Path) -> Iterator[Engine]:
    """Spark Connect to a Sail server in a second process; `SPARK_REMOTE` alone selects the target."""
    with sail_server() as port, connect(port, log) as engine:
        yield engine


@contextmanager
def sail_server(port: int = 0) -> Iterator[int]:
    """The port of a Sail server in a process of its own; a free one if none is given."""
    program = [sys.executable, "-c", SAIL_SERVER, str(port)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield int(_pipe(server.stdout).readline())
        server.kill()


@contextmanager
def connect(port: int, log: Path) -> Iterator[Engine]:
    """A process that `SPARK_REMOTE` alone sends to the server on the port."""
    with _engine("", {"SPARK_REMOTE": f"sc://127.0.0.1:{port}"}, log) as engine:
        yield engine


@contextmanager
def connect_to_jvm(log: Path) -> Iterator[Engine]:
    """Spark Connect to the server that ships in pyspark, with Delta."""
    require_java()
    with jvm_connect_server(log.with_suffix(".server.log")) as port, connect(port, log) as engine:
        yield engine


@contextmanager
def databricks(log: Path, project: Path) -> Iterator[Engine]:
    """dbt-databricks and the connector, which talk to a workspace on loopback, with its tables in the project's warehouse."""
    connect_profile(project)
    with Workspace(project / "warehouse") as workspace:
        workspace.load_sources(project)
        load_odd_tables(project)
        with _engine("databricks", workspace.environment(), log) as engine:
            yield engine


def load_odd_tables(project: Path) -> None:
    """Have the odd data as tables, which its jobs then read: a workspace does not see this machine's files."""
    warehouse = open_warehouse("sail", project / "warehouse")
    for file in (project / "odd").glob("*.parquet"):
        warehouse.write_table(TableName("odd", file.stem), warehouse.spark.read.parquet(str(file)))
        job = project / "configs" / "jobs" / f"{file.stem}.yaml"
        text = job.read_text(encoding="utf-8").replace(f"odd/{file.name}", f"main.odd.{file.stem}")
        job.write_text(text.replace("format: parquet", "format: delta"), encoding="utf-8")


@contextmanager
def jvm_connect_server(log: Path) -> Iterator[int]:
    """The port of a Spark Connect server on the loopback address, with Delta."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = Path(pyspark.__file__).parent
    settings = (
        JVM_CONFIG
        | JVM_LISTS
        | {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.log.level": "WARN",
        }
    )
    settings |= {"spark.connect.grpc.binding.port": str(port), "spark.sql.warehouse.dir": str(log.parent / "unused")}
    arguments = [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    server_class = "org.apache.spark.sql.connect.service.SparkConnectServer"
    program = [str(home / "bin" / "spark-submit"), "--master", "local[*]", "--class", server_class, *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in _CHOOSING} | {
        "SPARK_HOME": str(home),
        **QUICK_JVM,
    }
    with subprocess.Popen(
        [*program, "spark-internal"], env=environment, stdout=log.open("w"), stderr=subprocess.STDOUT
    ) as server:
        try:
            _wait_for(port, server, log)
            yield port
        finally:
            server.terminate()


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None:
            break
        time.sleep(0.2)
    pytest.fail(f"the Spark Connect server did not start:\n{log.read_text(errors='replace')[-3000:]}")


@contextmanager
def _engine(target: str, environment: Mapping[str, str], log: Path) -> Iterator[Engine]:
    engine = Engine(target, environment, log)
    try:
        yield engine
    finally:
        engine.close()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
