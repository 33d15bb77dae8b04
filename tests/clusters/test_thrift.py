"""The target `thrift`: unmodified dbt-spark on a server whose files the client cannot open."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from feature_platform_py import Job, features_at
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import open_project
from feature_platform_py.sessions.thrift import ThriftConnectionConfig
from feature_platform_py.sources.thrift_session import thrift_session
from feature_platform_py.targets import backend_of
from feature_platform_py.targets.thrift import ThriftBackend
from tests.clusters.cluster import PAYMENTS, Cluster, lines_after_nodes
from tests.clusters.proxy import Proxy
from tests.clusters.server import IS_ROOT, THRIFT, serving, unreadable
from tests.conftest import Fpjob
from tests.parity.cases import add_cases
from tests.parity.test_parity import CASES as EVERY_CASE
from tests.parity.test_parity import FEW, differences, stored
from tests.parity.test_parity import local as local

FINANCIAL = "configs/jobs/sample_financial_features_job.yaml"
JOB = "configs/jobs/payments.yaml"
TARGET = ("--target", "thrift")
SPEND = "features.payments__user_spend"
BUILT = "sample_financial_features_job"
# A server of SQL runs no transformer in Python.
IN_PYTHON = "sample_customer_profile_job"
CASES = [case for case in (EVERY_CASE if os.environ.get("FP_EVERY_CASE") else FEW) if case not in {IN_PYTHON, BUILT}]


@pytest.fixture(scope="module")
def cluster(module_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server with the bank's tables, which the environment names for all tests of the module."""
    log = tmp_path_factory.mktemp("thrift") / "server.log"
    with serving(THRIFT, log) as server, pytest.MonkeyPatch.context() as patch:
        for name in ("FP_THRIFT_AUTH", "FP_THRIFT_PASSWORD", "FP_THRIFT_SSL"):
            patch.delenv(name, raising=False)
        for name, value in environment(server.port).items():
            patch.setenv(name, value)
        add_cases(module_project)
        found = Cluster(server, module_project, "thrift")
        found.load_bank()
        (module_project / JOB).write_text(PAYMENTS)
        yield found


def environment(port: int) -> dict[str, str]:
    return {"FP_THRIFT_HOST": "127.0.0.1", "FP_THRIFT_PORT": str(port), "FP_THRIFT_USER": "someone"}


@pytest.fixture
def payments(cluster: Cluster) -> Cluster:
    """The table of payments, as it was."""
    cluster.load_payments()
    return cluster


@pytest.fixture
def spent(cluster: Cluster, fpjob: Fpjob) -> Cluster:
    """The job of the payments has run: on three of them, or on one more."""
    if SPEND not in [name for name, _ in cluster.backend.relations()]:
        cluster.load_payments()
        assert fpjob("run", JOB, *TARGET).status == 0
    return cluster


@pytest.fixture(scope="module")
def built(cluster: Cluster) -> Cluster:
    """Plain dbt has built the financial tables."""
    chosen = ("--select", "tag:financial_features_extraction_v1", "--exclude-resource-type", "unit_test")
    done = cluster.plain_dbt("build", *chosen)
    assert done.returncode == 0, done.stdout
    return cluster


def connection(cluster: Cluster) -> ThriftConnectionConfig:
    backend = cluster.backend
    assert isinstance(backend, ThriftBackend)
    return backend.connection


def versions(cluster: Cluster, table: str) -> int:
    with thrift_session(connection(cluster)) as session, session.run(f"describe history {table}") as handle:
        return len(session.chunk(handle, 1000)[0].i64Val.values)


@pytest.mark.slow
def test_plain_dbt_builds_the_tag_with_files_that_it_cannot_open(built: Cluster) -> None:
    if IS_ROOT:
        assert unreadable(built.server.folder)
    assert len(built.rows("features.financial_features_extraction_v1__user_spend")) == 39_960


def test_a_run_goes_on_from_what_plain_dbt_has_built_and_has_the_rows_of_local(
    built: Cluster, local: Path, fpjob: Fpjob
) -> None:
    tables = [f"features.financial_features_extraction_v1__{name}" for name in ("user_spend", "user_categorical_spend")]
    before = [versions(built, table) for table in tables]
    outcome = fpjob("run", FINANCIAL, *TARGET)
    assert outcome.status == 0, outcome.stderr
    assert outcome.stderr.count("nothing new") == 3
    assert "results.sample_financial_features_job holds 49,102 rows" in outcome.stderr
    assert [versions(built, table) for table in tables] == before
    assert differences(built.stored(BUILT), stored(local, BUILT)) == []


def test_an_increment_whose_connection_breaks_is_one_error_and_the_next_run_completes(
    payments: Cluster, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = fpjob("run", JOB, *TARGET)
    assert outcome.status == 0, outcome.stderr
    assert "shop.spend holds 3 rows" in outcome.stderr
    tables, sink = payments.rows(SPEND), payments.rows("shop.spend")
    payments.run("insert into shop.payments values (2, timestamp'2024-03-05 00:00:00', 1.25)")
    with Proxy(payments.server.port, cut_at=b"replace where") as proxy, monkeypatch.context() as patch:
        patch.setenv("FP_THRIFT_PORT", str(proxy.port))
        broken = fpjob("run", JOB, *TARGET)
        assert time.monotonic() - proxy.cut_at_time < 30
    assert broken.status == 3
    assert lines_after_nodes(broken.stderr) == (
        f"127.0.0.1:{proxy.port}: the connection to the Spark Thrift server was lost. What was being written is there whole, or not at"
        " all; run again when the server answers\nFull log: logs/payments/dbt.log\n"
    ), broken.stderr
    assert (payments.rows(SPEND), payments.rows("shop.spend")) == (tables, sink)
    completed = fpjob("run", JOB, *TARGET)
    assert "1 of 2 months: 2024-03 changed" in completed.stderr
    assert len(payments.rows("shop.spend")) == 4
    [[total]] = payments.backend.query(
        "select user_7d_total_spend from shop.spend where paid_at = timestamp'2024-03-05'"
    ).values
    assert str(total) == "6.25"


def test_tables_of_the_server_are_listed_and_shown(spent: Cluster, fpjob: Fpjob) -> None:
    listed = fpjob("list", *TARGET).stdout
    assert re.search(r"^  features\.payments__job_features +view$", listed, re.MULTILINE)
    assert re.search(r"^  features\.payments__user_spend +table$", listed, re.MULTILINE)
    shown = fpjob("show", "payments__user_spend", "--rows", "2", *TARGET)
    assert (shown.status, "features.payments__user_spend: 2 of " in shown.stderr) == (0, True)
    missing = fpjob("show", "nothing_there", *TARGET)
    assert (missing.status, "job or table `nothing_there` is unknown" in missing.stderr) == (2, True)


def test_a_table_of_a_job_with_another_name_gets_it(spent: Cluster) -> None:
    backend = backend_of(open_project(spent.project, target="thrift"))
    old, new = "features.payments__user_spend", "features.bills__user_spend"
    columns = backend.columns(old)
    backend.rename(old, new)
    renamed, there = backend.columns(new), dict(backend.relations())
    backend.rename(new, old)
    assert (renamed, new in there, old in there) == (columns, True, False)


@pytest.mark.slow
def test_an_environment_starts_from_clones_and_goes_on_from_them(payments: Cluster, fpjob: Fpjob) -> None:
    schema = ("--schema", "dev_anna")
    assert fpjob("run", JOB, *TARGET).status == 0
    before, sink = payments.rows(SPEND), payments.rows("shop.spend")
    assert "production's table is cloned first" in fpjob("plan", JOB, *TARGET, *schema).stdout
    first = fpjob("run", JOB, *TARGET, *schema)
    assert first.status == 0, first.stderr
    assert "  from features: user_spend (shallow clones)" in first.stderr
    assert "0 of 1 feature tables computed" in first.stderr
    payments.run("insert into shop.payments values (2, timestamp'2024-03-09 00:00:00', 1.25)")
    later = fpjob("run", JOB, *TARGET, *schema)
    assert "1 of 2 months: 2024-03 changed" in later.stderr, later.stderr
    assert payments.rows(SPEND) == before
    assert payments.rows("shop.spend") == sink
    compared = fpjob("diff", "payments", *TARGET, *schema, "--format", "json")
    assert compared.status == 0, compared.stderr
    [table] = json.loads(compared.stdout)["tables"]
    assert (table["in_both"], table["only_here"], table["only_there"]) == (3, 1, 0)
    refused = fpjob("promote", "payments", *TARGET, *schema)
    assert refused.status == 2
    assert "on this one production computes them: `fpjob run payments`" in refused.stderr


def test_python_reads_a_result_by_sql(spent: Cluster) -> None:
    table = Job(spent.project / JOB, target="thrift").result().to_arrow()
    assert table.schema.field("paid_at").type == pa.timestamp("us", "UTC")
    assert [str(each) for each in sorted(table.column("user_7d_total_spend").to_pylist())][:3] == [
        "2.00",
        "5.00",
        "5.00",
    ]
    with pytest.raises(ConfigurationError, match="`features_at`: target `thrift` has no Spark session"):
        features_at(table, features=["customer_spend.*"], project=spent.project, target="thrift")


def test_files_at_a_url_are_read_by_the_server(spent: Cluster, payments: Cluster, fpjob: Fpjob) -> None:
    url = "viewfs://shop/files/exported"
    payments.run(f"insert overwrite directory '{url}' using parquet select * from shop.payments")
    job = payments.project / "exported.yaml"
    text = PAYMENTS.replace("job_name: payments", "job_name: exported").replace("shop.spend", "shop.of_export")
    job.write_text(text.replace("location: shop.payments", f"location: '{url}', format: parquet"))
    outcome = fpjob("run", job, *TARGET)
    assert outcome.status == 0, outcome.stderr
    assert payments.rows("shop.of_export") == spent.rows("(select * from shop.spend where day(paid_at) != 5)")


@pytest.mark.parametrize(
    ("location", "told"),
    [
        (
            "exports/sales.parquet",
            "reads tables and URLs, given the path `exports/sales.parquet`: the server does not see the files",
        ),
        (
            "s3://b/sales.csv",
            "reads URLs of Delta tables and Parquet files without options, given csv at `s3://b/sales.csv`; make a",
        ),
        (
            "other.shop.payments",
            "expected a table's name such as `schema.table`, given `other.shop.payments`; dbt-spark names no",
        ),
        ("shop.nothing", "no table `shop.nothing` is in the server's catalog; write it first, or name another"),
    ],
)
def test_a_location_that_the_server_does_not_read(location: str, told: str, cluster: Cluster, fpjob: Fpjob) -> None:
    job = cluster.project / "elsewhere.yaml"
    job.write_text(PAYMENTS.replace("shop.payments", location))
    outcome = fpjob("run", job, *TARGET)
    assert outcome.status == 2
    assert told in outcome.stderr


def test_transformers_in_python_are_refused(cluster: Cluster, fpjob: Fpjob) -> None:
    outcome = fpjob("run", "configs/jobs/sample_customer_profile_job.yaml", *TARGET)
    assert outcome.status == 2
    assert "target `thrift` runs SQL, given transformers in Python: `SimpleAgeCalculator`" in outcome.stderr


@pytest.mark.parametrize(
    ("setting", "value", "status", "told"),
    [
        (
            "spark.sql.catalog.spark_catalog",
            "builtin",
            3,
            "expected a server whose tables are Delta tables, which are replaced in one",
        ),
        (
            "spark.sql.session.timeZone",
            "Europe/Prague",
            2,
            "expected sessions with times in UTC, they have `Europe/Prague`",
        ),
    ],
)
def test_a_server_that_lacks_a_setting(
    setting: str, value: str, status: int, told: str, cluster: Cluster, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_set(target: str, output: dict[str, object]) -> ThriftConnectionConfig:
        found = read(target, output)
        return replace(found, settings={**found.settings, f"set:hiveconf:{setting}": value, setting: value})

    read = ThriftConnectionConfig.from_profile
    monkeypatch.setattr(ThriftConnectionConfig, "from_profile", as_set)
    outcome = fpjob("run", FINANCIAL, *TARGET)
    assert outcome.status == status
    assert told in outcome.stderr


@pytest.mark.slow
def test_results_are_those_of_local(
    cluster: Cluster, local: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    cluster.load_odd_tables(CASES)
    different = cluster.differing(CASES, local, tmp_path / "engine.log", environment(cluster.server.port))
    record_property("cases", len(CASES))
    record_property("failed_cases", len(different))
    assert different == {}
