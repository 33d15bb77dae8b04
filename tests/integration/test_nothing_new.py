"""A run does nothing if all is as the last one left it, and everything if anything is not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_platform_py import Job
from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.core.project import open_project
from feature_platform_py.runs import nothing_new
from feature_platform_py.runs.run import RunReport
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.file_states import FileState, folder_state
from feature_platform_py.warehouse.session import open_warehouse
from tests.conftest import ROOT, Fpjob, copy_project, reword

JOB = Path("configs/jobs/hourly.yaml")
ROWS = Path("data/bank/transactions.csv")
SINK = Path("output/hourly")
HOURLY = """\
job_name: hourly
input_source: {source_type: spark, config: {location: jupiter.mm.fact_mm_transaction}}
features: [customer_activity.transactions_30d]
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: user_id, timestamp_col: timestamp, amount_col: amount}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/hourly}}
"""


def bank_in(folder: Path) -> Path:
    """A project with a part of the bank data, which a test may change."""
    root = copy_project(folder)
    (root / "data" / "bank").unlink()
    shutil.copytree(ROOT / "data" / "bank", root / "data" / "bank")
    lines = (root / ROWS).read_text().splitlines(keepends=True)
    (root / ROWS).write_text("".join(lines[:2000]))
    (root / JOB).write_text(HOURLY)
    (root / "macros/noted.sql").write_text("{% macro noted() %}{{ env_var('SHOP_NOTE', '') }}{% endmacro %}")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = bank_in(tmp_path_factory.mktemp("project") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("FP_WAREHOUSE", raising=False)
        yield folder


def written(root: Path) -> list[FileState]:
    """What runs write: tables, the sink, and what is kept of the last run, such as the outcome of its tests. Locks are taken anew."""
    found = [state for name in ("output", "warehouse", "target", "models") for state in folder_state(root / name)]
    return [state for state in found if not state[0].endswith(".lock")]


def run(job: Path = JOB) -> RunReport:
    return Job(job).run()


def keep_times(file: Path, change: Callable[[Path], None]) -> None:
    """Change a file in its place, and put its time of writing back."""
    found = file.stat()
    change(file)
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (found.st_size, found.st_mtime_ns)


def add_row(root: Path) -> None:
    with (root / ROWS).open("a") as file:
        file.write("999999,1,1993-06-01,5.00,,debit,cash withdrawal,10.00\n")


def change_a_digit(root: Path) -> None:
    keep_times(root / ROWS, lambda file: file.write_text(file.read_text()[::-1].replace("00.", "10.", 1)[::-1]))


def sink_file(root: Path) -> Path:
    return next((root / SINK).glob("*.parquet"))


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def touch_the_last_commit(root: Path) -> None:
    commit = max((root / "warehouse/features/hourly__user_spend/_delta_log").glob("*.json"))
    os.utime(commit)


def drop_the_view(root: Path) -> None:
    target = open_project(root).target
    open_warehouse(target.engine, target.warehouse).drop(TableName(target.schema, "hourly__job_features"))


def leave_a_note(root: Path) -> None:
    (root / "warehouse/.running/customer_activity.unproved.json").write_text('["of a run that was killed"]')


CHANGES: dict[str, Callable[[Path], object]] = {
    "a row of the input": add_row,
    "a digit of the input, at the time of before": change_a_digit,
    "a row that rows of the input refer to": lambda root: os.utime(root / "data/bank/customers.csv"),
    "a file of the sink is gone": lambda root: sink_file(root).unlink(),
    "the sink is gone": lambda root: shutil.rmtree(root / SINK),
    "another file in the sink": lambda root: shutil.copy(sink_file(root), root / SINK / "other.parquet"),
    "a byte of the sink, at the time of before": lambda root: keep_times(sink_file(root), flip_a_byte),
    "a commit of a table": touch_the_last_commit,
    "another file in a table": lambda root: (root / "warehouse/features/hourly__user_spend/other.parquet").touch(),
    "what is kept of the last run": lambda root: shutil.rmtree(root / "target" / "jobs" / "hourly"),
    "the table of a group": lambda root: shutil.rmtree(root / "warehouse/features/customer_activity"),
    "a view of the job": drop_the_view,
    "a run that did not end": leave_a_note,
    "a macro": lambda root: reword(root / "macros/transformers/user_spend_aggregator.sql", "{#-", "{#- Changed.\n"),
    "a parameter": lambda root: reword(root / JOB, "amount_col: amount}", "amount_col: amount, window_days: 3}"),
    "a rule of the registry": lambda root: reword(
        root / "registry/source/transaction/v1/mm_transaction_source.yaml",
        "    type: string\n    required: true\n",
        "    type: string\n    required: false\n",
    ),
    "a variable of the environment that a macro reads": lambda _: os.environ.update(SHOP_NOTE="other"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_after_any_change_runs_all(root: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_NOTE", "one")
    run()
    before = written(root)
    assert run().is_unchanged
    assert written(root) == before
    CHANGES[change](root)
    assert not run().is_unchanged
    assert run().is_unchanged
    assert pq.read_table(SINK).num_rows == sum(1 for _ in (root / ROWS).open()) - 1


def test_tests_whose_data_are_the_same_are_not_run_again(root: Path, fpjob: Fpjob) -> None:
    (root / "tests/dbt/own.sql").write_text("select * from {{ ref('hourly__user_spend') }} where user_id < 0")
    run()
    shutil.rmtree(root / SINK)
    report = run()
    ended = {node.name: node.status for node in report.nodes if node.kind == "test"}
    always = {"own", "input_types_stg_job_input", "input_types_customer_activity__input"}
    assert ended == {name: "pass" if name in always else "unchanged" for name in ended}
    shutil.rmtree(root / SINK)
    assert f"computed, 3 tests passed, {len(ended) - 3} unchanged, " in fpjob("run", JOB).stderr
    assert {node.status for node in Job(JOB).run(full_tests=True).nodes if node.kind == "test"} == {"pass"}
    (root / "tests/dbt/own.sql").unlink()


def test_what_other_jobs_do_changes_nothing(root: Path) -> None:
    other = Path("configs/jobs/customer_features_job.yaml")
    Job(other).run()
    run()
    reword(other, "description: ", "description: Another text. ")
    Job(other).run(full_tests=True)
    (root / "output/elsewhere").mkdir(parents=True, exist_ok=True)
    assert run().is_unchanged


def test_other_programs_run_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    monkeypatch.setattr(nothing_new, "version", lambda name: "0.0" if name == "pysail" else "1.0")
    assert not run().is_unchanged


@pytest.mark.parametrize("asked", ["full_refresh", "reconcile", "full_tests"])
def test_what_is_asked_for_is_run(root: Path, asked: str) -> None:
    run()
    assert not Job(JOB).run(**{asked: True}).is_unchanged


def test_the_report_is_that_of_the_last_run(root: Path, fpjob: Fpjob) -> None:
    first = Job(JOB).run(full_tests=True)
    again = run()
    assert again.is_unchanged
    assert [(node.name, node.kind, node.rows) for node in again.nodes] == [
        (node.name, node.kind, node.rows) for node in first.nodes
    ]
    assert {node.status for node in again.nodes} == {"unchanged"}
    assert {node.work.why for node in again.nodes if node.work} == {"nothing new"}
    assert (again.sink.rows, again.sink.counts, again.warnings) == (first.sink.rows, first.sink.counts, first.warnings)
    said = fpjob("run", JOB).stderr.splitlines()[-1]
    tests = sum(node.kind == "test" for node in first.nodes)
    assert said.startswith(
        f"hourly: 0 of 2 feature tables computed, {tests} tests unchanged, output/hourly was left as it is"
        f" ({first.sink.rows:,} rows, nothing new), "
    )


def test_a_failed_run_is_not_what_the_next_one_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bank_in(tmp_path / "project"))
    run()
    good, found = ROWS.read_bytes(), ROWS.stat()
    ROWS.write_bytes(good + good.splitlines(keepends=True)[-1])
    with pytest.raises(DataCheckError, match="unique"):
        run()
    with pytest.raises(DataCheckError, match="unique"):
        run()
    ROWS.write_bytes(good)
    os.utime(ROWS, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert not run().is_unchanged


def test_a_test_that_failed_is_not_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = bank_in(tmp_path / "project")
    monkeypatch.chdir(root)
    other = root / "data" / "other.parquet"
    pq.write_table(pa.table({"fault": pa.array([], pa.string())}), other)
    own = f"select fault from parquet.`{other}` where (select count(*) from {{{{ ref('hourly__user_spend') }}}}) > 0"
    (root / "tests/dbt/own.sql").write_text(own)
    run()
    pq.write_table(pa.table({"fault": ["one"]}), other)
    # The job does not read the file, so only a run of everything looks at it.
    assert run().is_unchanged
    with pytest.raises(DataCheckError, match="own"):
        Job(JOB).run(full_tests=True)
    with pytest.raises(DataCheckError, match="own"):
        run()


ALWAYS = {
    "shown": HOURLY.replace("overwrite_parquet, config: {path: output/hourly}", "display, config: {}"),
    "added": HOURLY.replace("overwrite_parquet", "append_parquet").replace("output/hourly", "output/added"),
    "python": HOURLY.replace("output_sink", "  - {name: WithGreeting, params: {}}\noutput_sink"),
    "now": HOURLY.partition("input_source")[0]
    + "input_source: {source_type: entity, config: {entity: customer}}\n"
    + "entities: {customer: user_id}\nevent_time: at\nfeatures: [customer_activity.transactions_30d]\n"
    + "output_sink: {sink_type: overwrite_parquet, config: {path: output/now}}\n",
}


@pytest.mark.parametrize("name", ALWAYS)
def test_what_may_change_without_a_trace_is_run(root: Path, name: str) -> None:
    job = root / "configs/jobs" / f"{name}.yaml"
    job.write_text(ALWAYS[name].replace("job_name: hourly", f"job_name: {name}"))
    run(job)
    assert not run(job).is_unchanged
