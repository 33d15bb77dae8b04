"""The input is replaced while a job runs: nothing that a run leaves is of two of its states.

`FP_REPLACEMENTS` sets how many runs have their source replaced at a random moment.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.runs.dbt import NodeResult
from feature_platform_py.runs.input_state import InputState
from feature_platform_py.runs.run import RunReport, run_job
from feature_platform_py.targets import backend_of
from feature_platform_py.warehouse.session import open_session

REPLACEMENTS = int(os.environ.get("FP_REPLACEMENTS", "1"))
USERS, DAYS = 40, 12
FORMATS = {"file": "parquet", "folder": "parquet", "csv": "csv", "delta": "delta"}
TABLES = ("user_spend", "user_categorical_spend")
JOB = """
job_name: replaced_{kind}
input_source: {{source_type: spark, config: {{location: ./input_{kind}, format: {format}{options}}}}}
feature_transformers:
  - {{name: UserSpendAggregator, params: {{user_id_col: who, timestamp_col: at, amount_col: amount, window_days: 400}}}}
  - name: UserCategoricalSpendAggregator
    params: {{user_id_col: who, amount_col: amount, category_col: category, target_category_value: all}}
output_sink: {{sink_type: {sink}, config: {{path: output/replaced_{kind}, mode: overwrite}}}}
"""


def _table(state: int) -> pyarrow.Table:
    """In each state all amounts are the state's number, so a total says which state it is of."""
    rows = [
        {"who": f"u{user}", "at": f"2024-01-{day:02} 00:00:00", "amount": state, "category": "all"}
        for user in range(USERS)
        for day in range(1, DAYS + 1)
    ]
    return pyarrow.Table.from_pylist(rows)


def _timed(table: pyarrow.Table) -> pyarrow.Table:
    times = pyarrow.compute.strptime(table["at"], format="%Y-%m-%d %H:%M:%S", unit="us")
    return table.set_column(1, "at", times.cast(pyarrow.timestamp("us", tz="UTC")))


def _write(file: Path, kind: str, state: int) -> None:
    table = _table(state)
    if kind == "csv":
        lines = [",".join(map(str, row.values())) for row in table.to_pylist()]
        file.write_text("\n".join([",".join(table.column_names), *lines]) + "\n")
    else:
        pq.write_table(_timed(table), file)


def _replace(project: Project, kind: str, state: int) -> None:
    """Put another state in the place of the source, as careful writers do: in one step."""
    place = project.root / f"input_{kind}"
    if kind == "delta":
        session = open_session("sail", project.target.warehouse)
        session.createDataFrame(_timed(_table(state))).write.format("delta").mode("overwrite").save(str(place))
        return
    new = project.root / f".new_{kind}"
    _write(new, kind, state)
    if kind == "folder":
        place.mkdir(exist_ok=True)
        place = place / "part-0.parquet"
    new.replace(place)


def _job(project: Project, kind: str, *, sink: str = "parquet_files") -> None:
    options = ", options: {header: true}" if kind == "csv" else ""
    text = JOB.format(kind=kind, format=FORMATS[kind], options=options, sink=sink)
    (project.root / f"{kind}.yaml").write_text(text)


def _run(project: Project, kind: str, **hooks: Any) -> RunReport:
    return run_job(prepare_job(project.root / f"{kind}.yaml", project), project, **hooks)


def _reasons(report: RunReport) -> set[str]:
    return {node.work.why for node in report.nodes if node.work}


def _states_of(rows: pyarrow.Table) -> set[Decimal]:
    """The states that a result shows, told from its source's column and from a column of each feature table."""
    assert len(rows) == USERS * DAYS
    found = set()
    for row in rows.to_pylist():
        number = Decimal(str(row["at"])[8:10])
        found |= {
            Decimal(row["amount"]),
            Decimal(row["user_400d_total_spend"]) / number,
            Decimal(row["user_total_spend_all"]) / DAYS,
        }
    return found


def _shown(project: Project, kind: str) -> set[Decimal]:
    folder = project.root / "output" / f"replaced_{kind}"
    if (folder / "_delta_log").is_dir():
        return _states_of(_stored(project, folder))
    return _states_of(pyarrow.dataset.dataset(folder).to_table())


def _stored(project: Project, folder: Path) -> pyarrow.Table:
    return open_session("sail", project.target.warehouse).read.format("delta").load(str(folder)).toArrow()


def _tables(project: Project, kind: str) -> dict[str, pyarrow.Table]:
    found = {}
    for table in TABLES:
        rows = _stored(project, project.target.warehouse / "features" / f"replaced_{kind}__{table}")
        found[table] = rows.sort_by([(name, "ascending") for name in rows.column_names])
    return found


def _after(name: str, act: Callable[[], None]) -> Callable[[NodeResult], None]:
    return lambda node: act() if node.name == name else None


@pytest.fixture(scope="module")
def project(module_project: Path) -> Project:
    return open_project(module_project)


@pytest.mark.parametrize(("kind", "sink"), [("folder", "delta_table")])
def test_a_run_whose_input_was_replaced_starts_again(project: Project, kind: str, sink: str) -> None:
    _job(project, kind, sink=sink)
    _replace(project, kind, 1)
    _run(project, kind)
    assert _shown(project, kind) == {1}
    _replace(project, kind, 2)
    notes: list[str] = []
    states = iter([3])

    def replace_once() -> None:
        for state in states:
            _replace(project, kind, state)

    report = _run(project, kind, on_node=_after("user_spend", replace_once), on_note=notes.append)
    assert notes == ["  the input was written while the run read it: the run starts again"]
    assert _shown(project, kind) == {3}
    # What was computed meanwhile is not believed, and then all of it is.
    assert _reasons(report) == {"full refresh"}
    assert _reasons(_run(project, kind)) == {"nothing new"}


def test_an_input_that_is_written_all_the_time_ends_the_run_and_leaves_the_sink(project: Project) -> None:
    kind = "file"
    _job(project, kind)
    shutil.rmtree(project.root / "output" / "replaced_file", ignore_errors=True)
    _replace(project, kind, 1)
    _run(project, kind)
    states: Iterator[int] = iter(range(2, 100))
    with pytest.raises(DataCheckError, match="the input was written while the run read it; the sink is as it was"):
        _run(project, kind, is_tested=True, on_node=_after("user_spend", lambda: _replace(project, kind, next(states))))
    assert next(states) == 5
    assert _shown(project, kind) == {1}
    assert _reasons(_run(project, kind)) == {"full refresh"}
    assert _shown(project, kind) == {4}


@pytest.mark.parametrize(("kind", "sink"), [("file", "delta_table"), ("folder", "parquet_files")])
def test_a_replacement_after_the_tables_were_tested_is_seen_before_the_sink_is_committed(
    project: Project, kind: str, sink: str
) -> None:
    _job(project, kind, sink=sink)
    shutil.rmtree(project.root / "output", ignore_errors=True)
    _replace(project, kind, 1)
    _run(project, kind)
    _replace(project, kind, 2)
    plan, backend = prepare_job(project.root / f"{kind}.yaml", project), backend_of(project)
    state = InputState(project, ["unused"], lambda: backend.input_state(plan))

    def replaced() -> None:
        _replace(project, kind, 3)
        state.check()

    with pytest.raises(DataCheckError):
        backend.write(plan, check=replaced)
    assert _shown(project, kind) == {1}
    assert [path.name for path in (project.root / "output").iterdir()] == [f"replaced_{kind}"]


def test_a_run_reads_one_version_of_a_delta_table_that_is_written_all_the_time(project: Project) -> None:
    kind = "delta"
    _job(project, kind)
    _replace(project, kind, 1)
    states = iter(range(2, 100))
    notes: list[str] = []
    one_at_a_time = threading.Lock()

    def act(node: NodeResult) -> None:
        if node.kind == "model":
            with one_at_a_time:
                _replace(project, kind, next(states))

    _run(project, kind, on_node=act, on_note=notes.append)
    assert not [note for note in notes if "starts again" in note]
    assert _shown(project, kind) == {1}
    report = _run(project, kind, on_node=act)
    assert _reasons(report) == {"2024-01 changed", "input changed"}
    (shown,) = _shown(project, kind)
    assert shown > 1


def test_a_run_after_one_that_proved_nothing_computes_its_tables_anew(project: Project) -> None:
    kind = "file"
    _job(project, kind)
    _replace(project, kind, 1)
    _run(project, kind)
    plan = prepare_job(project.root / "file.yaml", project)

    def killed() -> bool:
        """What a run that is killed leaves, and whether it believed the tables."""
        return not InputState(project, [plan.job_name], lambda: backend_of(project).input_state(plan)).begin()

    assert killed()
    assert killed()
    # The input as it was when the killed runs began: what they read was of one state.
    assert _reasons(_run(project, kind)) == {"nothing new"}
    assert killed()
    _replace(project, kind, 2)
    # The second one is killed before it has computed all tables anew; they are still those of the first.
    assert not killed()
    assert not killed()
    assert _reasons(_run(project, kind)) == {"full refresh"}
    assert _reasons(_run(project, kind)) == {"nothing new"}
    assert _shown(project, kind) == {2}


def _run_while_replaced(project: Project, kind: str, state: int, *, after: float) -> list[str]:
    """Run the job, and put the state in the place of its source after some seconds; returns what the run said."""
    timer = threading.Timer(after, _replace, [project, kind, state])
    notes: list[str] = []
    timer.start()
    _run(project, kind, on_note=notes.append)
    timer.join()
    return notes


def test_sources_replaced_at_random_moments_never_mix(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(7)
    seconds, mixed, again = 3.0, 0, 0
    for number in range(REPLACEMENTS):
        kind = list(FORMATS)[-number % len(FORMATS)]
        _job(project, kind, sink=("parquet_files", "delta_table")[number // len(FORMATS) % 2])
        shutil.rmtree(project.root / "output" / f"replaced_{kind}", ignore_errors=True)
        before, after = 2 * number + 1, 2 * number + 2
        _replace(project, kind, before)
        notes = _run_while_replaced(project, kind, after, after=seconds * chance.random())
        shown = _shown(project, kind)
        mixed += shown not in ({before}, {after})
        again += bool(notes)
        started = time.monotonic()
        _run(project, kind)
        seconds = time.monotonic() - started
        assert _shown(project, kind) == {after}
        kept = _tables(project, kind)
        _run(project, kind, is_full_refresh=True)
        assert kept == _tables(project, kind)
    with capsys.disabled():
        sys.stdout.write(f"\n{REPLACEMENTS} runs, {again} of them started again, {mixed} mixed\n")
    assert mixed == 0
