"""Open JVM Spark on this machine (`local[*]`, with Delta); it cannot share a process with Spark Connect."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.extras import install_command
from feature_platform_py.core.stores.client import used_schemes
from feature_platform_py.core.stores.environment import hadoop_settings
from feature_platform_py.core.stores.path import StorePath

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JVM_CONFIG = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.default": "delta",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Small local work: with Spark's own settings a first write takes half a minute.
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    # As Sail writes them; few other tools still read Spark's default, INT96.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
# A user's values are added to these settings, and do not replace them.
JVM_LISTS = {
    # Before 4.3, Delta calls a constructor that Spark 4.1.2 does not have any more when it reads a checkpoint.
    "spark.jars.packages": "io.delta:delta-spark_4.1_2.13:4.3.0",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
}
# S3 for Spark's own version of Hadoop. Its parts of AWS's library have 20 MB instead of the 600 MB of all services.
_AWS = "2.29.52"
S3_LISTS = {
    "spark.jars.packages": ",".join(
        (
            "org.apache.hadoop:hadoop-aws:3.4.2",
            *(
                f"software.amazon.awssdk:{part}:{_AWS}"
                for part in ("s3", "s3-transfer-manager", "sts", "sso", "ssooidc")
            ),
        )
    ),
    # What Spark has already, and what the parts replace.
    "spark.jars.excludes": (
        "software.amazon.awssdk:bundle,org.apache.hadoop:hadoop-client-api,org.apache.hadoop:hadoop-client-runtime"
    ),
}
# Set by `spark-submit`, which has started the JVM; its command line then applies.
_STARTED_BY_SUBMIT = "PYSPARK_GATEWAY_PORT"
LOG = ".spark.log"
_CONNECT_VARIABLES = ("SPARK_CONNECT_MODE_ENABLED", "SPARK_REMOTE")


def open_jvm_session(config: Mapping[str, str], *, warehouse: Path) -> SparkSession:
    """Return a new JVM Spark session with its schemas below the folder; Spark's log is the file `.spark.log` in it.

    It reaches S3 if this process has used S3, or the folder is there. Under `spark-submit`, its `--master` and `--packages` apply.
    Raises EngineError if the process has Spark Connect already, if Java is missing, and if Spark does not start, ConfigurationError
    if Spark itself is not installed, and for another store, which Spark needs a connector of the user's for.
    """
    _refuse_beside_connect()
    check_jvm_spark()
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    has_s3 = _reaches_s3()
    parts = (JVM_LISTS, S3_LISTS) if has_s3 else (JVM_LISTS,)
    lists = {
        key: ",".join(filter(None, (config.get(key), *(part.get(key) for part in parts))))
        for key in dict.fromkeys(key for part in parts for key in part)
    }
    own = {"spark.sql.warehouse.dir": str(warehouse), **JVM_CONFIG, **(hadoop_settings() if has_s3 else {})}
    settings = {**own, **config, **lists, "spark.api.mode": "classic"}
    builder = SparkSession.builder.appName("feature_platform")
    if _STARTED_BY_SUBMIT not in os.environ:
        builder = builder.master("local[*]")
        settings = _memory() | settings
    # pyspark prints every failed query as a line of JSON, even if the failure is expected.
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).disabled = True
    log = (warehouse.local_folder() if isinstance(warehouse, StorePath) else warehouse) / LOG
    try:
        with _errors_to(log):
            session: SparkSession = builder.config(map=settings).getOrCreate()
    except PySparkException as error:
        raise EngineError(
            f"engine `spark`: JVM Spark did not start: {error}. Expected Java 17 or 21, and the Delta jars from Maven"
            " Central or in the Ivy cache; the log has Spark's own words",
            log,
        ) from error
    return session


def is_jvm_session_stopped(session: SparkSession) -> bool:
    """Return whether the session's context was stopped."""
    return session.sparkContext._jsc is None


def _reaches_s3() -> bool:
    """Return whether the process uses S3. Raises ConfigurationError for another store without a connector of the user's."""
    others = used_schemes() - {"s3"}
    if others and not {_STARTED_BY_SUBMIT, "PYSPARK_SUBMIT_ARGS"} & os.environ.keys():
        raise ConfigurationError(
            f"engine `spark`: the platform brings the connector of Hadoop for `s3://` alone; for `{min(others)}://` name one with"
            " `--packages` in `PYSPARK_SUBMIT_ARGS`, or use `--target local`"
        )
    return "s3" in used_schemes()


def _memory() -> dict[str, str]:
    """Return a third of this machine's memory, for the JVM (Spark's default is 1 GB), unless the user has set it."""
    if "PYSPARK_SUBMIT_ARGS" in os.environ:
        return {}
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return {"spark.driver.memory": f"{max(1024, megabytes // 3)}m"}


@contextmanager
def _errors_to(file: Path) -> Iterator[None]:
    """Send the standard error of this process and its children to the file; a JVM started meanwhile keeps it for good."""
    file.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with file.open("a") as log:
            os.dup2(log.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def find_jvm_session() -> SparkSession | None:
    """Return the process's JVM Spark session, or None."""
    if _active_context() is None:
        return None
    from pyspark.sql import SparkSession

    session: SparkSession | None = SparkSession.getActiveSession() or SparkSession._instantiatedSession
    return session


def refuse_connect_beside_jvm(engine: str) -> None:
    """Raise EngineError if the process has JVM Spark, because pyspark's functions build expressions for only one kind."""
    if _active_context() is not None:
        raise EngineError(
            f"engine `{engine}`: expected a process without JVM Spark, found a running session of it. Pass `engine='spark'`"
            " to use that one, or stop it first"
        )


def _refuse_beside_connect() -> None:
    if found := [name for name in _CONNECT_VARIABLES if name in os.environ]:
        names = " and ".join(f"`{name}`" for name in found)
        raise EngineError(
            f"engine `spark`: expected a process without Spark Connect, found {names} in its environment: a session of"
            " Sail or Spark Connect was opened here or by the parent process, or is requested. Start JVM Spark in a"
            " process of its own, without these variables"
        )


def check_jvm_spark() -> None:
    """Raise ConfigurationError if only Spark Connect's client is installed, EngineError if Java is not."""
    # A Spark distribution on the Python path has it too.
    if find_spec("pyspark.core") is None:
        raise ConfigurationError(
            "engine `spark`: JVM Spark is an extra, which is not installed; install it beside this package: "
            + install_command("spark")
        )
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if java is None:
        where = f"`JAVA_HOME` ({home})" if home else "the `PATH`"
        raise EngineError(
            f"engine `spark`: expected Java 17 or 21, found no `java` in {where}; install it, or use `engine='sail'`, `--target local`"
        )


def _active_context() -> Any:
    """Return the SparkContext of JVM Spark, but not that of a Connect server which pyspark started for itself."""
    module = sys.modules.get("pyspark.core.context")
    return None if module is None or "SPARK_LOCAL_REMOTE" in os.environ else module.SparkContext._active_spark_context
