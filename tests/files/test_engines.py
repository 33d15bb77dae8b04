"""Every file of the suite is the same on every engine: JVM Spark, and a Spark Connect server.

`FP_EVERY_SERVER=1` tries a Spark Connect server on the JVM as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require_java
from tests.files.cases import CASES
from tests.files.read_all import rows_digest
from tests.parity.engines import QUICK_JVM, jvm_connect_server, sail_server

pytestmark = pytest.mark.slow


SERVERS = ["connect-jvm"] if os.environ.get("FP_EVERY_SERVER") else []


@contextmanager
def _environment(engine: str, folder: Path) -> Iterator[dict[str, str]]:
    if engine != "connect":
        require_java()
    servers = {"connect": sail_server, "connect-jvm": partial(jvm_connect_server, folder / "server.log")}
    with servers.get(engine, nullcontext)() as port:
        yield {"SPARK_REMOTE": f"sc://127.0.0.1:{port}"} if port else {}


@pytest.fixture(scope="module", params=["spark", "connect", *SERVERS])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an engine makes of all files, read in one session."""
    folder = tmp_path_factory.mktemp(request.param)
    kept = {
        name: value for name, value in os.environ.items() if name not in {"SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED"}
    }
    with _environment(request.param, folder) as more, (folder / "log").open("w") as log:
        outcome = subprocess.run(
            [sys.executable, "-m", "tests.files.read_all", request.param.partition("-")[0], str(folder)],
            env=kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **QUICK_JVM} | more,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            check=False,
        )
    assert outcome.returncode == 0, (folder / "log").read_text(errors="replace")[-3000:]
    return {name: (columns, rows) for name, columns, rows in map(json.loads, outcome.stdout.splitlines())}


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_the_same_on_every_engine(name: str, found: dict[str, Any]) -> None:
    columns, rows = found[name]
    assert [tuple(column) for column in columns] == CASES[name].columns
    assert rows == rows_digest(CASES[name].rows)
