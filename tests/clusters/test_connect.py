"""The target `connect` with `catalog: server`: the tables are the server's, and the client cannot open their files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clusters.cluster import PAYMENTS, Cluster, add_locations, lines_after_nodes
from tests.clusters.proxy import Proxy
from tests.clusters.server import CONNECT, IS_ROOT, serving, unreadable
from tests.conftest import Fpjob
from tests.parity.cases import add_cases
from tests.parity.test_parity import CASES as EVERY_CASE
from tests.parity.test_parity import local as local

JOB = "configs/jobs/payments.yaml"
TARGET = ("--target", "connect")
SPEND = "features.payments__user_spend"
# The queries are those of `connect_to_jvm`; a model in Python and odd names are written another way.
CASES = EVERY_CASE if os.environ.get("FP_EVERY_CASE") else ("sample_customer_profile_job", "odd_rows_as_of")


@pytest.fixture(scope="module")
def cluster(
    local: Path,
    module_project: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    """A server with the bank's tables, which the environment names for all tests of the module, once `local` has run."""
    log = tmp_path_factory.mktemp("connect") / "server.log"
    add_locations(module_project, "connect")
    add_cases(module_project)
    with serving(CONNECT, log) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(server.port).items():
            patch.setenv(name, value)
        found = Cluster(server, module_project, "connect")
        found.load_bank()
        (module_project / JOB).write_text(PAYMENTS)
        yield found


def environment(port: int) -> dict[str, str]:
    return {"SPARK_REMOTE": f"sc://127.0.0.1:{port}", "FP_CATALOG": "server"}


@pytest.mark.slow
def test_an_increment_whose_connection_breaks_is_one_error_and_the_next_run_completes(
    cluster: Cluster, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.load_payments()
    outcome = fpjob("run", JOB, *TARGET)
    assert outcome.status == 0, outcome.stderr
    assert "shop.spend holds 3 rows" in outcome.stderr
    before = cluster.rows(SPEND), cluster.rows("shop.spend")
    cluster.run("insert into shop.payments values (2, timestamp'2024-03-05 00:00:00', 1.25)")
    with Proxy(cluster.server.port, cut_at=b"replace where") as proxy, monkeypatch.context() as patch:
        patch.setenv("SPARK_REMOTE", f"sc://127.0.0.1:{proxy.port}")
        broken = fpjob("run", JOB, *TARGET)
    assert broken.status == 3
    assert lines_after_nodes(broken.stderr).startswith("the Spark Connect server is gone: it does not answer"), (
        broken.stderr
    )
    assert (cluster.rows(SPEND), cluster.rows("shop.spend")) == before
    completed = fpjob("run", JOB, *TARGET)
    assert "1 of 2 months: 2024-03 changed" in completed.stderr, completed.stderr
    assert len(cluster.rows("shop.spend")) == 4


def test_tables_of_the_server_are_listed_and_shown(cluster: Cluster, fpjob: Fpjob) -> None:
    if SPEND not in [name for name, _ in cluster.backend.relations()]:
        cluster.load_payments()
        assert fpjob("run", JOB, *TARGET).status == 0
    assert SPEND in fpjob("list", *TARGET).stdout
    shown = fpjob("show", "payments__user_spend", "--rows", "2", *TARGET)
    assert (shown.status, "features.payments__user_spend: 2 of " in shown.stderr) == (0, True)


@pytest.mark.slow
def test_results_are_those_of_local_with_files_that_the_client_cannot_open(
    cluster: Cluster, local: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    if IS_ROOT:
        assert unreadable(cluster.server.folder)
    cluster.load_odd_tables(CASES)
    different = cluster.differing(CASES, local, tmp_path / "engine.log", environment(cluster.server.port))
    record_property("cases", len(CASES))
    record_property("failed_cases", len(different))
    assert different == {}
