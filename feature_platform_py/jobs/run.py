"""Running a planned job: dbt builds the tables and tests them, then the sink is written from the same session."""

from __future__ import annotations

import re
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import DataCheckError, EngineError
from feature_platform_py.core.project import Project
from feature_platform_py.jobs import dbt
from feature_platform_py.jobs.dbt import DbtRun, NodeResult
from feature_platform_py.jobs.last_run import record_run
from feature_platform_py.jobs.plan import INPUT_MODEL, OUTPUT_MODEL, JobPlan, job_variable
from feature_platform_py.jobs.work import TableWork
from feature_platform_py.sinks.write import SinkResult, check_sink, write_result


@dataclass(frozen=True)
class RunReport:
    """What a run did: each dbt node, the sink, and the seconds of each phase."""

    nodes: tuple[NodeResult, ...]
    sink: SinkResult
    phases: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Wall seconds of all phases."""
        return sum(self.phases.values())


def run_job(
    plan: JobPlan,
    project: Project,
    *,
    is_full_refresh: bool = False,
    is_reconciled: bool = False,
    on_node: Callable[[NodeResult], None] = lambda _: None,
) -> RunReport:
    """Build the plan's models and write its sink.

    A full refresh computes every row of the tables anew; reconciling looks at all periods, also at those in which nothing was loaded.
    Raises DataCheckError if a test fails or a value does not parse, EngineError if dbt or the engine fails, SinkError if the
    result cannot be written; in each case the sink holds what it held before.
    """
    check_sink(plan.sink, project)
    started = time.monotonic()
    dbt_run = dbt.build(
        project,
        plan.job_name,
        variables=_variables(plan, is_reconciled=is_reconciled),
        select=plan.models,
        # The sink counts the rows that it is about to hold: the same check, without computing the result twice.
        exclude=["test_name:one_row_per_source_row"],
        is_full_refresh=is_full_refresh,
        on_node=on_node,
    )
    record_run(project, plan.job_name, dbt_run)
    _raise_failures(dbt_run, project)
    built = time.monotonic()
    sink = _write(plan, project)
    phases = {"dbt": built - started, "sink": time.monotonic() - built}
    return RunReport(nodes=dbt_run.nodes, sink=sink, phases=phases)


def plan_work(plan: JobPlan, project: Project) -> dict[str, TableWork]:
    """Return what each feature table of the plan needs, by its model's name; nothing is written.

    Raises DataCheckError if a value of the source does not parse, EngineError if dbt or the engine fails.
    """
    variables = _variables(plan, is_reconciled=False)
    works, dbt_run = dbt.find_work(project, plan.job_name, variables=variables, select=plan.tables)
    _raise_failures(dbt_run, project)
    return {name: works[name] for name in plan.tables}


def _variables(plan: JobPlan, *, is_reconciled: bool) -> dict[str, Any]:
    # Only where it is asked for: dbt parses the project anew when a variable changes.
    return {"job": job_variable(plan), **({"reconcile": True} if is_reconciled else {})}


def _write(plan: JobPlan, project: Project) -> SinkResult:
    from feature_platform_py.core.session import open_session

    session = open_session(project.target.engine, project.target.warehouse)
    source_rows = session.table(f"{project.target.schema}.{plan.table_name(INPUT_MODEL)}").count()
    result = session.table(f"{project.target.schema}.{plan.table_name(OUTPUT_MODEL)}")
    return write_result(session, result, plan.sink, project, expected_rows=source_rows)


def _raise_failures(run: DbtRun, project: Project) -> None:
    """Raise what the run's outcome means: the source's fault, the engine's, or a failed test's."""
    log_file = Path(project.shown(run.log_file))
    errors = [node for node in run.nodes if node.status == "error"]
    for message in (run.error, *(node.message for node in errors)):
        if fault := _SOURCE_FAULT.search(message):
            raise DataCheckError(textwrap.dedent(fault[0]))
    if run.error:
        raise EngineError(run.error, log_file)
    if errors:
        raise EngineError("\n".join(f"{node.kind} `{node.name}`: {node.message}" for node in errors), log_file)
    if failures := [node for node in run.nodes if node.status == "fail"]:
        found = "\n".join(f"test {row}" for row in run.failed_rows)
        found = found or "\n".join(f"test `{node.name}`: {node.message}" for node in failures)
        raise DataCheckError(f"{found}\nThe sink was not written. The tests' SQL, and what failed: {log_file}")


# How the adapter begins what it says of a source that is not as declared.
_SOURCE_FAULT = re.compile(r"source `\S+`(: | does not parse:).*", re.DOTALL)
