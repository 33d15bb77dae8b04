"""Sums of amounts of every type are those of plain Python: on each engine, digit for digit and type for type.

`FP_AMOUNT_TYPES=all` tries every type. Those tried otherwise are the ones at whose digits something changes, and on the JVM few of
these, because it takes seconds to compile each query; with `all` it interprets them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from feature_platform_py.sources.databricks_sql import DatabricksSQLSource
from tests.conftest import ROOT, require_java
from tests.databricks.workspace import Workspace, connect_profile
from tests.parity import amounts, engines

IS_WHOLE = os.environ.get("FP_AMOUNT_TYPES") == "all"
TYPES = amounts.all_types() if IS_WHOLE else amounts.chosen_types()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the table of each type."""
    path = tmp_path_factory.mktemp("amounts")
    tables = [*map(amounts.table, TYPES), *map(amounts.too_large, amounts.TOO_LARGE)]
    for number, table in enumerate(tables):
        pq.write_table(table, path / f"{number}.parquet")
    return path


@pytest.fixture(scope="module")
def request_file(folder: Path, module_project: Path) -> Path:
    """What a process is asked to run: the SQL for Spark's dialect."""
    types = [*TYPES, *amounts.TOO_LARGE]
    queries = list(zip(types, amounts.queries(types, module_project, "local"), strict=True))
    path = folder / "request.json"
    path.write_text(json.dumps({"folder": str(folder), "queries": queries, "fitting": len(TYPES)}))
    return path


def of_few_types(request_file: Path) -> Path:
    """The same request without most types."""
    if IS_WHOLE:
        return request_file
    request = json.loads(request_file.read_text())
    few = amounts.few_types()
    wanted = [*(name in few for name in TYPES), *(True for _ in amounts.TOO_LARGE)]
    request["skipped"] = [number for number, is_wanted in enumerate(wanted) if not is_wanted]
    path = request_file.with_name("few.json")
    path.write_text(json.dumps(request))
    return path


def test_sums_are_exact_on_local(request_file: Path) -> None:
    check(run("local", request_file))


@pytest.mark.slow
def test_sums_are_exact_on_jvm_spark(request_file: Path) -> None:
    require_java()
    check(run("spark", of_few_types(request_file), **engines.QUICK_JVM))


@pytest.mark.slow
def test_sums_are_exact_on_spark_connect(request_file: Path, tmp_path: Path) -> None:
    require_java()
    with engines.jvm_connect_server(tmp_path / "server.log") as port:
        check(run(f"sc://127.0.0.1:{port}", of_few_types(request_file)))


def test_sums_are_exact_on_databricks(
    folder: Path, module_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_profile(module_project)
    with Workspace(tmp_path / "warehouse") as workspace:
        for name, value in workspace.environment().items():
            monkeypatch.setenv(name, value)
        spark = workspace.lakehouse._warehouse.spark
        found, values = [], 0
        types = [*TYPES, *amounts.TOO_LARGE]
        queries = amounts.queries(types, module_project, "databricks")
        for number, (name, texts) in enumerate(zip(types, queries, strict=True)):
            file = folder / f"{number}.parquet"
            spark.read.parquet(str(file)).createOrReplaceTempView(f"{amounts.PREFIX}{number}")
            if number >= len(TYPES):
                found += amounts.refusals(name, [amounts.fault_of(ask, text) for text in texts])
                continue
            results = [ask(text) for text in texts]
            values += sum(len(row) for rows in results for row in rows)
            found += amounts.differences(name, results, pq.read_table(file).to_pylist())
    check({"values": values, "differences": found})


def run(engine: str, request_file: Path, **environment: str) -> Mapping[str, Any]:
    """The answer of a process for the engine."""
    kept = {name: value for name, value in os.environ.items() if name not in engines._CHOOSING}
    command: Sequence[str] = [sys.executable, "-m", "tests.parity.amounts", engine, str(request_file)]
    done = subprocess.run(command, env=kept | environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answer: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def ask(text: str) -> list[dict[str, Any]]:
    """The rows of a query of the workspace."""
    rows: list[dict[str, Any]] = DatabricksSQLSource(text).to_arrow().to_pylist()
    return rows


def check(answer: Mapping[str, Any]) -> None:
    assert answer["differences"][:5] == []
    assert answer["values"] > 1000
