"""Run a planned job: dbt builds and tests the tables, then the same session writes the sink."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import ConfigurationError, DataCheckError, EngineError, SinkError
from feature_platform_py.core.locations import table_parts
from feature_platform_py.core.messages import RAISED_BY_SQL, Code, Message
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.dbt_files.prepare import query_source
from feature_platform_py.dbt_files.sync import bring_up_to_date
from feature_platform_py.jobs.last_run import last_run, record_run
from feature_platform_py.jobs.plan import INPUT_MODEL, JobPlan, TablesPlan
from feature_platform_py.jobs.run_history import remember_run
from feature_platform_py.jobs.work import MOVED_WORK, UNKNOWN_WORK, TableWork
from feature_platform_py.runs import dbt
from feature_platform_py.runs.dbt import DbtRun, NodeResult
from feature_platform_py.runs.environment import prepare_sink, take_over
from feature_platform_py.runs.input_state import (
    CopyLostError,
    InputChangedError,
    InputState,
    is_uncompared,
    is_unfinished,
)
from feature_platform_py.runs.known_tests import known_tests
from feature_platform_py.runs.lock import building_alone, running_alone
from feature_platform_py.runs.nothing_new import Known, LastRun
from feature_platform_py.runs.proof import Proof, last_proof, prove
from feature_platform_py.runs.renames import find_moves, move_tables
from feature_platform_py.runs.repair import explain_damage, remove_damaged_copies, repair_tables
from feature_platform_py.runs.row_counts import RowCounts, count_rows
from feature_platform_py.runs.sink_memory import write_sink
from feature_platform_py.runs.vacuum import clean_up, kept_of_tables
from feature_platform_py.runs.warnings import (
    JobWarning,
    asking_warnings,
    filter_conditions,
    result_warnings,
    source_warnings,
)
from feature_platform_py.sinks.sink import SinkResult
from feature_platform_py.targets import backend_of
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.passed_tests import remembering

# How often a run starts if its input changes.
RUNS = 3


@dataclass(frozen=True, repr=False)
class RunReport:
    """The outcome of a run: each dbt node, the sink, the seconds of each phase, warnings, and the result's proof if its rows ask.

    If it is unchanged, nothing was run, and the nodes and the sink are those of the last run.
    """

    nodes: tuple[NodeResult, ...]
    sink: SinkResult
    phases: dict[str, float] = field(default_factory=dict)
    warnings: tuple[JobWarning, ...] = ()
    proof: Proof | None = None
    is_unchanged: bool = False

    @property
    def tests_ended(self) -> str:
        """How many tests passed, and how many were not run since nothing has changed: a run with a failed one has no report."""
        tests = [node.status for node in self.nodes if node.kind == "test"]
        unchanged = tests.count(dbt.UNCHANGED)
        passed = f"{_tests(len(tests) - unchanged)} passed"
        if not unchanged:
            return passed
        return f"{passed}, {unchanged} unchanged" if unchanged < len(tests) else f"{_tests(unchanged)} unchanged"

    @property
    def seconds(self) -> float:
        """Wall seconds of all phases."""
        return sum(self.phases.values())

    def __repr__(self) -> str:
        models = ", ".join(f"{node.name} {node.status}" for node in self.nodes if node.kind == "model")
        warned = f"; {len(self.warnings)} warnings" if self.warnings else ""
        sink = f"{self.sink.kind} of {self.sink.rows:,} rows"
        return f"<RunReport: {models}; {self.tests_ended}; {sink}; {self.seconds:.1f} s{warned}>"


def run_job(
    plan: JobPlan,
    project: Project,
    *,
    is_full_refresh: bool = False,
    is_reconciled: bool = False,
    is_tested: bool = False,
    on_node: Callable[[NodeResult], None] = lambda _: None,
    on_note: Callable[[str], None] = lambda _: None,
    on_step: Callable[[str], None] = lambda _: None,
) -> RunReport:
    """Build the plan's models and write its sink; do nothing if they, and all that decides them, are as the last run left them.

    Everything is computed from one state of the input: if the input changes during the run, it starts again, at most twice. A full
    refresh computes every row of the tables anew; reconciling compares all periods, also those without newly loaded rows. Both run
    whatever is known, and so does a run that is tested.
    Raises DataCheckError if a test fails or a value does not parse, EngineError if dbt or the engine fails or the job is running
    already, SinkError if the result cannot be written. In each case the sink keeps its old content, unless an EngineError says
    that it was written.
    """
    backend_of(project).check(plan)
    kept_of_tables()
    with ExitStack() as locks:
        is_alone = locks.enter_context(running_alone(project, plan.job_name))
        for group in sorted(each.name for each in plan.groups):
            locks.enter_context(building_alone(project, group, tell=on_note))
        move_tables(plan, project, tell=on_note)
        repair_tables(plan, project, is_full_refresh=is_full_refresh, tell=on_note)
        if not is_full_refresh:
            take_over(plan, project, tell=on_note)
        prepare_sink(plan, project)
        variables = bring_up_to_date(plan, project, tell=on_note)
        is_compared = is_reconciled or is_uncompared(project, [part.name for part in plan.parts])
        if is_compared:
            # Only where it is asked for: dbt parses the project anew when a variable changes.
            variables["reconcile"] = True
        started, last = time.monotonic(), LastRun(plan, project, variables)
        is_all_asked = is_full_refresh or is_reconciled or is_tested
        if not (is_all_asked or is_compared) and (report := _unchanged(last, plan, project, started)):
            return report
        last.forget()
        run = partial(
            _run,
            plan,
            project,
            variables=variables,
            is_full_refresh=is_full_refresh,
            is_tested=is_all_asked,
            is_alone=is_alone,
            on_node=on_node,
            on_step=on_step,
        )
        report = _repeated(run, on_note)
        on_step("removes old files")
        clean_up(plan, project)
        last.keep(Known(report.nodes, report.sink, report.warnings))
        counts = report.sink.counts
        filled, spreads = (counts.filled, counts.spreads) if counts else ({}, {})
        rows, seconds = report.sink.rows, report.seconds
        remember_run(project, plan.job_name, seconds=seconds, rows=rows, filled=filled, spreads=spreads)
        return report


def _tests(number: int) -> str:
    return f"{number} test" if number == 1 else f"{number} tests"


def _repeated(run: Callable[[], RunReport], on_note: Callable[[str], None]) -> RunReport:
    for _ in range(RUNS - 1):
        try:
            return run()
        except InputChangedError as error:
            on_note(f"  {error.why}: the run starts again")
    return run()


def _unchanged(last: LastRun, plan: JobPlan, project: Project, started: float) -> RunReport | None:
    """Return the report of a run that has nothing to do, None for another one."""
    known = None if is_unfinished(project, [part.name for part in plan.parts]) else last.known()
    proof = last_proof(project, plan.job_name) if known and plan.uses else None
    if known is None or (plan.uses and proof is None) or last_run(project, plan.job_name) is None:
        return None
    phases = {"dbt": time.monotonic() - started, "sink": 0.0, "warnings": 0.0}
    return RunReport(known.nodes, known.sink, phases, known.warnings, proof, is_unchanged=True)


def _run(
    plan: JobPlan,
    project: Project,
    *,
    variables: Mapping[str, Any],
    is_full_refresh: bool,
    is_tested: bool,
    is_alone: Callable[[], None],
    on_node: Callable[[NodeResult], None],
    on_step: Callable[[str], None],
) -> RunReport:
    backend, asked = backend_of(project), time.monotonic()
    on_step(f"reads {plan.source.shown}")
    _land_query(plan, project)
    started = time.monotonic()
    on_step("loads dbt and the engine")
    state = InputState(project, [part.name for part in plan.parts], lambda: backend.input_state(plan))
    is_doubtful = state.begin()

    def check() -> None:
        is_alone()
        state.check()

    tests = known_tests(plan, project, is_ignored=is_tested or is_doubtful)
    with remembering(tests):
        dbt_run = dbt.build(
            project,
            plan.job_name,
            variables=variables,
            select=plan.selected,
            # The sink counts its staged rows: the same check, without computing the result twice.
            exclude=["test_name:one_row_per_source_row"],
            is_full_refresh=is_full_refresh or is_doubtful,
            on_node=on_node,
            on_step=on_step,
        )
    record_run(project, plan.job_name, [node.record() for node in dbt_run.nodes], job_file=plan.config.path)
    # A change of the input may be the cause of a failure.
    state.check()
    tests.keep(dbt_run.passed)
    are_all_built = not _missing(plan, dbt_run)
    if are_all_built or not is_doubtful:
        state.end(are_all_built=are_all_built)
    try:
        _raise_failures(dbt_run, project)
        check_is_built(plan, dbt_run, project)
        _check_not_empty(plan, project)
        built = time.monotonic()
        on_step("proves the result")
        proof = _proof(plan, project, state)
        proven = time.monotonic()
        on_step(f"writes {plan.sink.shown}")
        sink = write_sink(plan, project, check=check, proof=proof.text if proof else None)
    except (DataCheckError, EngineError, SinkError) as error:
        if remove_damaged_copies(project, is_deep=True):
            raise CopyLostError from error
        explain_damage(plan, project, error)
        raise
    landed = {"query": started - asked} if plan.source.query else {}
    written = time.monotonic()
    on_step("looks for suspicious results")
    warnings = result_warnings(plan, project, sink.counts)
    proving = {"proof": proven - built} if proof else {}
    phases = {
        **landed,
        "dbt": built - started,
        **proving,
        "sink": written - proven,
        "warnings": time.monotonic() - written,
    }
    return RunReport(nodes=dbt_run.nodes, sink=sink, phases=phases, warnings=tuple(warnings), proof=proof)


def _proof(plan: JobPlan, project: Project, state: InputState) -> Proof | None:
    """Return the proof of a result whose rows ask for features at their own times, None for another one."""
    if not plan.uses:
        return None
    try:
        return prove(plan, project)
    except DataCheckError:
        # The sources may have changed since the tables were built.
        state.check()
        raise


def _check_not_empty(plan: JobPlan, project: Project) -> None:
    """Raise DataCheckError for a result without rows if the job makes this an error."""
    if plan.config.input_source.on_empty != "error":
        return
    backend = backend_of(project)
    rows = backend.sql_name(f"{project.target.schema}.{plan.table_name(INPUT_MODEL)}")
    if not backend.query(f"select 1 as found from {rows} limit 1").values:  # noqa: S608 - quoted
        place = plan.config.place.at("input_source", "on_empty")
        problem = place.problem(
            "the source has no row for the job, and `on_empty` is `error`; the sink keeps its content"
        )
        raise DataCheckError(str(problem))


def plan_work(
    plan: TablesPlan, project: Project, *, on_note: Callable[[str], None] = lambda _: None
) -> dict[str, TableWork]:
    """Return what each feature table of a job or a feature group needs, by its name in reports; no table is written.

    A query is not run for this, so the work of its rows is unknown before a run.
    Raises DataCheckError if a value of the source does not parse, EngineError if dbt or the engine fails.
    """
    shown = {node: plan.shown(node) for node in plan.table_nodes}
    if not shown:
        return {}
    if plan.source.query is not None:
        return dict.fromkeys(shown.values(), UNKNOWN_WORK)
    return stored_work(plan, project, on_note=on_note)


def stored_work(
    plan: TablesPlan, project: Project, *, is_compared: bool = False, on_note: Callable[[str], None] = lambda _: None
) -> dict[str, TableWork]:
    """Return what each feature table needs as `plan_work` does; the rows of a query are those of the last run.

    If it is compared, all periods are looked at, also those without newly loaded rows.
    """
    shown = {node: plan.shown(node) for node in plan.table_nodes}
    moves = find_moves(plan, project).tables
    is_known = backend_of(project).shows(moves)
    variables = bring_up_to_date(plan, project, tell=on_note)
    if is_compared or is_uncompared(project, [part.name for part in plan.parts]):
        variables["reconcile"] = True
    works, dbt_run = dbt.find_work(project, plan.name, variables=variables, select=plan.table_nodes)
    _raise_failures(dbt_run, project)
    moved = set() if is_known else {new.removeprefix(f"{project.target.schema}.") for _, new in moves}
    return {name: MOVED_WORK if node in moved else works[node] for node, name in shown.items()}


def plan_warnings(plan: JobPlan, project: Project) -> list[JobWarning]:
    """Return the warnings that the job's source gives before a run; none for a query, whose rows are unknown."""
    of_rows = [] if plan.source.query is not None else source_warnings(plan, project, about_columns=True)
    return [*asking_warnings(plan), *of_rows]


def plan_row_counts(plan: JobPlan, project: Project) -> RowCounts | None:
    """Return the counts of a job that leaves rows out, before a run; None for another one, and for rows that only a run makes."""
    if plan.source.query is not None or plan.source.scoring:
        return None
    backend = backend_of(project)
    relation = backend.source_relation(plan.source, plan.columns, job_name=plan.job_name)
    condition = " and ".join(filter_conditions(plan)) or "true"
    return count_rows(plan, relation, project.target.schema, backend, condition=condition)


def _land_query(plan: JobPlan, project: Project) -> None:
    """Write the rows of a query to the table that the models read; do nothing for other sources."""
    if plan.source.query is None:
        return
    from feature_platform_py.sources.landing import land
    from feature_platform_py.warehouse.session import open_warehouse

    warehouse = open_warehouse(project.target.engine, project.target.warehouse)
    _, schema, table = table_parts(plan.source.location)
    land(query_source(plan.source), warehouse, TableName(schema, table), columns=plan.columns)


def check_is_built(plan: JobPlan, run: DbtRun, project: Project) -> None:
    """Raise EngineError if dbt left out a model, because the sink would be written from an earlier run's tables."""
    if missing := _missing(plan, run):
        raise EngineError(
            f"dbt did not build {ticked(missing)}, which the job needs; the sink was not written. Look for a setting in"
            " `dbt_project.yml` that leaves models out",
            Path(project.shown(run.log_file)),
        )


def _missing(plan: JobPlan, run: DbtRun) -> list[str]:
    built = {node.name for node in run.nodes if node.kind == "model" and node.is_good}
    return [name for node in plan.nodes if (name := plan.shown(node)) not in built]


def _raise_failures(run: DbtRun, project: Project) -> None:
    """Raise the error for the run's outcome: a fault of the source, the registry or the engine, or a failed test."""
    log_file = Path(project.shown(run.log_file))
    errors = [node for node in run.nodes if node.status == "error"]
    backend = backend_of(project)
    messages = [run.error, *(node.message for node in errors)] if run.failure or errors else []
    for fault in (*run.faults, *filter(None, map(backend.fault, messages))) if messages else ():
        _raise_fault_of_data(fault, log_file)
    if unknown := run.unknown_source:
        raise ConfigurationError(
            f"a model reads the source `{unknown}`, which dbt does not know; describe it in the registry and run"
            " `fpjob registry sync`, or correct the model"
        )
    for message in messages:
        if known := backend.explained(message):
            raise EngineError(known, log_file)
    if run.error:
        raise EngineError(run.error, log_file)
    if errors:
        raise EngineError("\n".join(f"{node.kind} `{node.name}`: {node.message}" for node in errors), log_file)
    if failures := [node for node in run.nodes if node.status == "fail"]:
        found = "\n".join(f"test {row}" for row in run.failed_rows)
        found = found or "\n".join(f"test `{node.name}`: {node.message}" for node in failures)
        raise DataCheckError(f"{found}\nThe sink was not written. The tests' SQL, and what failed: {log_file}")


def _raise_fault_of_data(fault: Message, log_file: Path) -> None:
    """Raise the error for a fault of the data: of its files, its amounts or its versions."""
    if fault.code is Code.SOURCE_CHANGED:
        raise InputChangedError
    place = f"\nThe sink was not written. The query: {log_file}" if fault.code in RAISED_BY_SQL else ""
    raise DataCheckError(f"{fault.text}{place}")
