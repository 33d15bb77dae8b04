"""A Spark Thrift or Connect server that ships in pyspark, with Delta and a Derby metastore, in a process of another user.

Its folder has the metastore and all tables, and is readable by that user alone. `APART` begins the command of a client that obeys this
although it is root's: without two of its capabilities, root reads only what it may.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pyspark
import pytest

from feature_platform_py.sessions.jvm_session import JVM_CONFIG, JVM_LISTS
from tests.conftest import require_java

THRIFT = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"
IS_ROOT = os.geteuid() == 0
NOBODY = 65534
APART = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--") if IS_ROOT else ()
# Jobs of seconds are over before the better compiler has paid for itself.
QUICK_JVM = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC"}
_HOME = Path(pyspark.__file__).parent
_DELTA = ("io.delta_", "io.unitycatalog_", "org.locationtech")
_IVY = Path.home() / ".ivy2.5.2" / "jars"
_NOT_OF_SERVER = ("spark.jars.packages", "spark.ui.showConsoleProgress", "spark.sql.session.timeZone")


class Server:
    """A server at a port of the loopback address, and its folder."""

    def __init__(self, folder: Path, port: int, log: Path) -> None:
        self.folder = folder
        self.port = port
        self.log = log

    def put(self, file: Path) -> Path:
        """Copy a file to where the server reads, and return its path there."""
        copy = self.folder / "files" / file.name
        shutil.copy(file, copy)
        copy.chmod(0o644)
        return copy


@contextmanager
def serving(kind: str, log: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Start a server, and stop it at the end of the block."""
    require_java()
    # Not below the folder of the test, which other users may not enter.
    folder = Path(tempfile.mkdtemp(prefix="cluster_", dir="/tmp"))
    for name in ("jars", "files", "tmp"):
        (folder / name).mkdir()
    for jar in _delta_jars():
        shutil.copy(jar, folder / "jars")
    if IS_ROOT:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    home = _readable_spark(folder / "spark") if IS_ROOT else _HOME
    port = _free_port()
    with log.open("w") as output:
        server = subprocess.Popen(
            [str(home / "bin" / "spark-submit"), *_arguments(kind, folder, port, settings or {})],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "SPARK_HOME": str(home), **_java(), **QUICK_JVM},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=NOBODY if IS_ROOT else None,
            group=NOBODY if IS_ROOT else None,
            extra_groups=[] if IS_ROOT else None,
        )
    try:
        _wait_for(port, server, log)
        yield Server(folder, port, log)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        shutil.rmtree(folder)


def unreadable(folder: Path) -> bool:
    """Whether a client as `APART` starts it is refused a look into the folder."""
    looked = subprocess.run(
        [*APART, sys.executable, "-c", f"import os; os.listdir({str(folder)!r})"], capture_output=True
    )
    return b"PermissionError" in looked.stderr


def _readable_spark(home: Path) -> Path:
    """Link pyspark's programs and jars where other users may read them: the environment may lie in a folder of root's alone."""
    for name in ("bin", "jars"):
        shutil.copytree(_HOME / name, home / name, copy_function=_link)
    for folder in (home, home / "bin", home / "jars"):
        folder.chmod(0o755)
    return home


def _link(source: str, target: str) -> None:
    # Another file system has no links to this one.
    with suppress(OSError):
        if Path(source).stat().st_mode & 0o004:
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    Path(target).chmod(0o755)


def _arguments(kind: str, folder: Path, port: int, settings: Mapping[str, str]) -> list[str]:
    config = {key: value for key, value in (JVM_CONFIG | JVM_LISTS).items() if key not in _NOT_OF_SERVER}
    config |= {
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        "spark.sql.catalogImplementation": "hive",
        "spark.log.level": "WARN",
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder}/derby -Djava.io.tmpdir={folder}/tmp",
        # With `--packages` alone, only the first session of a Thrift server finds Delta.
        "spark.driver.extraClassPath": f"{folder}/jars/*",
        # A file system that only the server has.
        "spark.hadoop.fs.viewfs.mounttable.shop.link./files": f"file://{folder}/files",
        "spark.hadoop.hive.server2.thrift.port": str(port),
        "spark.hadoop.hive.server2.thrift.bind.host": "127.0.0.1",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        **settings,
    }
    arguments = [part for key, value in config.items() for part in ("--conf", f"{key}={value}")]
    return ["--master", "local[2]", "--class", kind, *arguments, "spark-internal"]


def _delta_jars() -> list[Path]:
    """Return the jars of Delta that pyspark does not have, from the cache of Ivy, which fetches them if they are not there."""
    found = [jar for jar in _IVY.glob("*.jar") if jar.name.startswith(_DELTA)]
    version = JVM_LISTS["spark.jars.packages"].rpartition(":")[2]
    if not any("delta-spark" in jar.name and version in jar.name for jar in found):
        packages = ("--packages", JVM_LISTS["spark.jars.packages"], "--class", "none.AtAll", "spark-internal")
        subprocess.run([_HOME / "bin" / "spark-submit", *packages], capture_output=True, check=False)
        found = [jar for jar in _IVY.glob("*.jar") if jar.name.startswith(_DELTA)]
    return [jar for jar in found if not jar.name.startswith("io.delta_") or version in jar.name]


def _java() -> dict[str, str]:
    return {name: os.environ[name] for name in ("JAVA_HOME",) if name in os.environ}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None:
            break
        time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")
