"""What goes wrong with a workspace: one clear error within half a minute, and the token nowhere."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from feature_platform_py.core.project import open_project
from feature_platform_py.sessions.databricks import HOST, HTTP_PATH, TOKEN
from feature_platform_py.targets import backend_of
from tests.conftest import Fpjob
from tests.databricks.conftest import SECRET
from tests.databricks.server import Fault
from tests.databricks.workspace import Workspace

_ADVICE = (
    "A job needs `use catalog`, and `use schema` and `select` on the schemas of its sources; on the schema of its tables also"
    " `create table` and `modify`"
)
JOB = "configs/jobs/sample_financial_features_job.yaml"
FILE = "sample_financial_features_job.yaml"
FACTS = "jupiter.mm.fact_mm_transaction"
SECONDS = 30
WRONG_JOB = """\
job_name: wrong
input_source: {source_type: spark, config: {location: main.default.wrong}}
feature_transformers:
  - name: UserCategoricalSpendAggregator
    params: {user_id_col: who, amount_col: amount, category_col: who, target_category_value: "1"}
output_sink: {sink_type: delta_table, config: {path: main.default.wrong_features, mode: overwrite}}
"""


@pytest.fixture(autouse=True)
def as_before(workspace: Workspace) -> Iterator[None]:
    """Each test finds a workspace that is well."""
    yield
    workspace.server.fault_of = lambda method, number: None
    workspace.lakehouse.denied.clear()
    workspace.lakehouse.missing.clear()


def failed_at_once(fpjob: Fpjob, project: Path) -> str:
    """The error of a run that fails before dbt is started."""
    started = time.monotonic()
    error = failed_run(fpjob, project)
    assert time.monotonic() - started < SECONDS
    return error


def failed_run(fpjob: Fpjob, project: Path) -> str:
    """The error of a run that fails with status 3, and shows the token nowhere."""
    outcome = fpjob("run", JOB, "--target", "databricks")
    assert outcome.status == 3, outcome.stderr
    assert outcome.stdout == ""
    shown = [outcome.stderr.encode()]
    shown += [
        path.read_bytes() for name in ("logs", "target") for path in (project / name).rglob("*") if path.is_file()
    ]
    assert not any(SECRET.encode() in each for each in shown)
    assert "Traceback" not in outcome.stderr
    return outcome.stderr.partition("(training data should use `as_of: event_time`, with a `timestamp_col`)\n\n")[
        2
    ].strip()


def test_a_host_that_nobody_answers_at(
    workspace: Workspace, module_project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv(HOST, f"http://127.0.0.1:{port}")
    assert failed_at_once(fpjob, module_project) == (
        f"http://127.0.0.1:{port}: expected a workspace, but no server answers (Connection refused); check `{HOST}` and the network"
    )


def test_a_host_that_does_not_exist(
    workspace: Workspace, module_project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOST, "adb-0.invalid")
    error = failed_at_once(fpjob, module_project)
    assert error.startswith("adb-0.invalid: expected a workspace, but no server answers (")
    assert error.endswith(f"check `{HOST}` and the network")


@pytest.mark.parametrize(("status", "why"), [(401, "it does not accept the token"), (403, "the token may not use it")])
def test_a_token_that_has_expired_or_may_nothing(
    workspace: Workspace, module_project: Path, fpjob: Fpjob, status: int, why: str
) -> None:
    workspace.server.fault_of = lambda method, number: Fault("refuse", status=status)
    assert failed_at_once(fpjob, module_project) == (
        f"{workspace.server.url}: {why} (HTTP {status}); check `{TOKEN}` and `{HTTP_PATH}`"
    )


def test_a_source_table_that_is_not_there(workspace: Workspace, module_project: Path, fpjob: Fpjob) -> None:
    workspace.lakehouse.missing.add(FACTS)
    assert failed_at_once(fpjob, module_project) == (
        f"{FILE}: source `mm_transaction`: expected the table `jupiter`.`mm`.`fact_mm_transaction` on target `databricks`, the"
        " workspace does not know it; create it, or correct the location"
    )


def test_a_source_table_that_may_not_be_read(workspace: Workspace, module_project: Path, fpjob: Fpjob) -> None:
    workspace.lakehouse.denied.add("jupiter.mm.dim_mm_customer")
    name = "`jupiter`.`mm`.`dim_mm_customer`"
    assert failed_at_once(fpjob, module_project) == (
        f"{FILE}: source `mm_customer`, which the rows refer to: the token's user may not read {name}; ask its owner to"
        f" `grant select on table {name}`. {_ADVICE}"
    )


def test_a_table_that_the_job_may_not_replace(workspace: Workspace, module_project: Path, fpjob: Fpjob) -> None:
    workspace.lakehouse.denied.add("main.features.financial_features_extraction_v1__user_spend")
    error = failed_run(fpjob, module_project)
    message, _, log = error.rpartition("\n")
    assert message.partition("target `databricks`: ")[2] == (
        "the token's user may not do what the job needs: [INSUFFICIENT_PERMISSIONS] Insufficient privileges: User does not have"
        " SELECT on Table 'main.features.financial_features_extraction_v1__user_spend'. SQLSTATE: 42501."
        f" {_ADVICE}"
    )
    assert log == "Full log: logs/financial_features_extraction_v1/dbt.log"


@pytest.mark.parametrize(
    ("amount", "status", "said"),
    [
        ("1e22D", 1, "amounts of column `amount`: expected floating-point amounts below 10^22, found a larger one;"),
        # The engine quotes the value that it cannot read.
        (
            "cast(concat('[USER_RAISED_EXCEPTION] [FP_AMOUNT_WITHOUT_ROOM] a', id) as double)",
            3,
            "[FP_AMOUNT_WITHOUT_ROOM] a",
        ),
    ],
)
def test_the_status_is_that_of_the_code_which_the_workspace_passes_on(
    workspace: Workspace, module_project: Path, fpjob: Fpjob, amount: str, status: int, said: str
) -> None:
    rows = f"select id as who, {amount} as amount from range(1, 2)"
    workspace.lakehouse.run_sql(f"create or replace view main.default.wrong as {rows}")
    (module_project / "wrong.yaml").write_text(WRONG_JOB)
    outcome = fpjob("run", "wrong.yaml", "--target", "databricks")
    assert outcome.status == status, outcome.stderr
    assert said in outcome.stderr
    assert ("FP_" in outcome.stderr) == (status != 1)


def test_a_warehouse_that_is_starting_is_waited_for(
    workspace: Workspace, module_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    workspace.server.calls.clear()
    workspace.server.fault_of = lambda method, number: (
        Fault("refuse", status=503) if method == "OpenSession" and number < 10 else None
    )
    backend = backend_of(open_project(module_project, target="databricks"))
    assert backend.query("select 1 as one").values == ((1,),)
    assert workspace.server.calls.count("OpenSession") == 10


def test_without_a_connection_in_the_environment_nothing_is_run(
    workspace: Workspace, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (HOST, TOKEN, HTTP_PATH):
        monkeypatch.delenv(name)
    outcome = fpjob("run", JOB, "--target", "databricks")
    assert outcome.status == 2
    assert (
        "the environment does not describe a Databricks connection: `DATABRICKS_HOST` or `DATABRICKS_SERVER_HOSTNAME` is missing"
        in outcome.stderr
    )
    assert all(f"`{name}` is missing" in outcome.stderr for name in (TOKEN, HTTP_PATH))


def test_other_targets_need_no_connection(workspace: Workspace, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (HOST, TOKEN, HTTP_PATH):
        monkeypatch.delenv(name)
    assert fpjob("plan", JOB, "--target", "local").status == 0


def test_a_query_of_a_warehouse_is_refused_on_the_workspace_itself(
    workspace: Workspace, module_project: Path, fpjob: Fpjob
) -> None:
    text = (module_project / JOB).read_text()
    start, end = text.index("input_source:"), text.index("feature_transformers:")
    source = "input_source: {source_type: databricks_sql, config: {query: select 1 as user_id}}\n\n"
    path = module_project / "configs" / "jobs" / "of_query.yaml"
    path.write_text(text[:start].replace("job_name: ", "job_name: of_query_") + source + text[end:])
    outcome = fpjob("run", path, "--target", "databricks")
    path.unlink()
    assert outcome.status == 2
    assert "`databricks_sql` is for targets outside of Databricks; save the query as a view" in outcome.stderr


def test_plain_dbt_gives_up_on_a_refused_token(
    workspace: Workspace, module_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dbt.cli.main import dbtRunner

    workspace.server.fault_of = lambda method, number: Fault("refuse", status=401)
    started = time.monotonic()
    places = ["--project-dir", str(module_project), "--profiles-dir", str(module_project / "profiles")]
    result = dbtRunner().invoke(["--quiet", "build", "--select", "tag:financial", "--target", "databricks", *places])
    assert not result.success
    assert time.monotonic() - started < SECONDS


def test_the_host_may_have_the_name_that_the_connector_gives_it(
    workspace: Workspace, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(HOST)
    monkeypatch.setenv("DATABRICKS_SERVER_HOSTNAME", workspace.server.url)
    planned = fpjob("plan", JOB, "--target", "databricks")
    assert planned.status == 0, planned.stderr
    monkeypatch.setenv(HOST, "adb-1.2.azuredatabricks.net")
    refused = fpjob("run", JOB, "--target", "databricks")
    assert refused.status == 2
    assert "`DATABRICKS_HOST` and `DATABRICKS_SERVER_HOSTNAME` are different hosts; unset one of them" in refused.stderr
    assert SECRET not in refused.stdout + refused.stderr
