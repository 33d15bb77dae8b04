"""A Spark Connect server that goes away, and comes back: one clear error, nothing half-written, and a session again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Fpjob, copy_project
from tests.parity import engines
from tests.parity.cases import add_cases
from tests.parity.test_parity import stored

SAMPLE = "configs/jobs/sample_financial_features_job.yaml"


@pytest.mark.slow
def test_a_server_that_went_away_and_came_back(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    add_cases(project)
    with engines.sail_server() as port, engines.connect(port, tmp_path / "engine.log") as engine:
        engine.run(project, "odd_rows")
    before = stored(project, "odd_rows")
    with engines.connect(port, tmp_path / "second.log") as engine:
        with engines.sail_server(port):
            engine.run(project, "one_row")
        refused = engine.try_run(project, "odd_rows")["error"]
        assert refused.startswith("EngineError: "), refused
        assert f"127.0.0.1:{port}" in refused
        assert stored(project, "odd_rows") == before
        with engines.sail_server(port):
            engine.run(project, "odd_rows")
    assert stored(project, "odd_rows") == before


def test_no_server_is_one_error(project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_REMOTE", "sc://127.0.0.1:1")
    outcome = fpjob("run", SAMPLE)
    assert outcome.status == 3
    assert (
        "engine `connect`: expected a Spark Connect server at `127.0.0.1:1`, but none answered within 10 s. Check host, port,"
        " network and certificate, or stay on this machine: `engine='sail'`, `--target local`"
    ) in outcome.stderr
    assert not (project / "warehouse" / "features").exists()


@pytest.mark.parametrize(
    ("remote", "told"),
    [
        ("", "engine `connect`: `SPARK_REMOTE` is missing; expected a URL such as `sc://host:15002`"),
        ("sc://host/;token", "`SPARK_REMOTE`: expected `sc://host:port`, or `sc://host:port/;name=value;...`"),
    ],
)
def test_a_remote_that_names_no_server_is_a_fault_of_the_configuration(
    remote: str, told: str, project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_REMOTE", remote)
    outcome = fpjob("run", SAMPLE, "--target", "connect")
    assert outcome.status == 2
    assert told in outcome.stderr
    assert not list(project.glob("warehouse/*/"))
