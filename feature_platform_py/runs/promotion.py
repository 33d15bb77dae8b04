"""Promote an environment: production's feature tables become the environment's where their definitions differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from feature_platform_py.core.errors import ConfigurationError, DataCheckError, EngineError
from feature_platform_py.core.project import Project, check_schema_is_read
from feature_platform_py.files.delta_links import Replacement, link_table, remove_staged, replacement
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.jobs.work import MOVED_WORK, TableWork
from feature_platform_py.runs.environment import Origin, feature_tables, table_folder
from feature_platform_py.runs.input_state import is_unfinished, note_uncompared
from feature_platform_py.runs.lock import building_alone, running_alone
from feature_platform_py.runs.renames import find_moves
from feature_platform_py.runs.run import stored_work
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.repair import log_fault, remove_uncommitted, table_fault
from feature_platform_py.warehouse.session import open_warehouse
from feature_platform_py.warehouse.stored_relations import commits

Tell = Callable[[str], None]
Change = Literal["new", "replaced", "same", "left"]
BROUGHT = ("new", "replaced")
_FINGERPRINT = "_input_fingerprint"


@dataclass(frozen=True)
class Promoted:
    """A feature table, and whether production's becomes, or would become, the environment's.

    It does if it is `new` there or `replaced`. It does not if it is the `same`, or if it is `left` as it is: the environment's has the
    same definition, but was computed from input that has changed since. Production's may be newer or older than that. All periods are
    compared for this, also those without newly loaded rows.
    """

    name: str
    change: Change

    @property
    def is_brought(self) -> bool:
        """Whether it becomes the environment's."""
        return self.change in BROUGHT

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"table": self.name, "change": self.change}


def promote(
    plan: JobPlan,
    project: Project,
    *,
    is_dry_run: bool = False,
    on_note: Tell = lambda _: None,
    on_step: Tell = lambda _: None,
) -> list[Promoted]:
    """Replace each of production's feature tables that has another definition or input than the environment's, in one commit a table.

    `plan` is the job's in the environment. No row is computed. Raises ConfigurationError if the environment's tables are not those of
    the project's files, or if the target cannot do it, and EngineError if a run is at work or has not ended; nothing is changed then.
    """
    _check_target(plan, project)
    check_schema_is_read(project.production)
    with _alone(plan, project, on_note):
        _check_ended(plan, project)
        on_step("asks whether the environment has the tables of the project's files")
        works = _checked_work(plan, project, on_note)
        found = [(each, _change(each, works[each.shown], project)) for each in feature_tables(plan)]
        for each, change in found:
            if change in BROUGHT:
                _check_files(each, change, project)
        if not is_dry_run:
            on_step("replaces production's tables")
            stale = {each.owner for each, change in found if change in BROUGHT and works[each.shown].action != "skip"}
            # A run that asks only for loaded rows would take the tables for those of its last input.
            uncompared = [part.name for part in plan.parts if part.knows_loads and part.name in stale]
            _replace(found, project, uncompared=uncompared)
    return [Promoted(each.shown, change) for each, change in found]


def _check_target(plan: JobPlan, project: Project) -> None:
    if project.target.environment is None:
        raise ConfigurationError(
            f"`promote`: expected an environment, given production's schema `{project.target.schema}`; name one with `--schema`"
        )
    if not project.target.has_session:
        raise ConfigurationError(
            f"target `{project.target.name}`: expected a target with a warehouse folder, whose tables can share files; on this one"
            f" production computes them: `fpjob run {plan.job_name}`"
        )


@contextmanager
def _alone(plan: JobPlan, project: Project, tell: Tell) -> Iterator[None]:
    """Hold the locks of the job and of its groups, in production and in the environment."""
    with ExitStack() as locks:
        for each in (project.production, project):
            locks.enter_context(running_alone(each, plan.job_name))
            for group in sorted(group.name for group in plan.groups):
                locks.enter_context(building_alone(each, group, tell=tell))
        yield


def _check_ended(plan: JobPlan, project: Project) -> None:
    names = [part.name for part in plan.parts]
    for each, option in ((project, f" --schema {project.target.schema}"), (project.production, "")):
        if is_unfinished(each, names):
            raise EngineError(
                f"the last run of `{plan.job_name}` in `{each.target.schema}` has not ended; nothing was changed. Run it first:"
                f" `fpjob run {plan.job_name}{option}`"
            )


def _checked_work(plan: JobPlan, project: Project, tell: Tell) -> dict[str, TableWork]:
    """Return the work on each table of the environment. Raises ConfigurationError if it is not of the project's files."""
    if moves := find_moves(plan, project).tables:
        works = {plan.shown(new.removeprefix(f"{project.target.schema}.")): MOVED_WORK for _, new in moves}
    else:
        works = stored_work(plan, project, is_compared=any(part.knows_loads for part in plan.parts), on_note=tell)
    if other := {name: work.why for name, work in works.items() if work.is_of_another_definition}:
        said = "; ".join(f"`{name}`: {why}" for name, why in other.items())
        raise ConfigurationError(
            f"`{project.target.schema}` does not have the tables of the project's files, and nothing was changed ({said}); run"
            f" `fpjob run {plan.job_name} --schema {project.target.schema}` first"
        )
    return works


def _change(table: Origin, work: TableWork, project: Project) -> Change:
    """Return what becomes of production's table. By the same definition, only a table of today's input replaces it."""
    if not any(commits(table_folder(project.production, table.name))):
        return "new"
    here, there = (_ledger(table, each) for each in (project, project.production))
    if here == there:
        return "same"
    definitions = [{fingerprint.partition(":")[0] for _, fingerprint in each} for each in (here, there)]
    return "replaced" if definitions[0] != definitions[1] or work.action == "skip" else "left"


def _ledger(table: Origin, project: Project) -> frozenset[tuple[str, str]]:
    """Return the periods of a stored table with their fingerprints, which tell the definition and the input."""
    warehouse = open_warehouse(project.target.engine, project.target.warehouse)
    warehouse.refresh()
    name = TableName(project.target.schema, table.name)
    columns = dict(warehouse.columns(name))
    if _FINGERPRINT not in columns:
        return frozenset()
    period = "cast(period_start as string)" if "period_start" in columns else "''"
    query = f"select distinct {period} as period, {_FINGERPRINT} as fingerprint from {name}"  # noqa: S608 - quoted
    return frozenset((str(row[0]), str(row[1])) for row in warehouse.spark.sql(query).collect())


def _check_files(table: Origin, change: Change, project: Project) -> None:
    for each in (project, project.production):
        folder = table_folder(each, table.name)
        # What a killed first write left in production is no table, and has no log.
        is_table = each is project or change == "replaced"
        if fault := table_fault(folder) or (log_fault(folder) if is_table else None):
            raise EngineError(
                f"{fault}; nothing was changed: run the job in `{each.target.schema}` with `--full-refresh`"
            )


def _replace(found: list[tuple[Origin, Change]], project: Project, *, uncompared: list[str]) -> None:
    """Bring all files first, then commit each table. The next run in production compares the uncompared, whichever it is."""
    ready: list[Replacement] = []
    try:
        for each, change in found:
            if change == "replaced":
                folders = (table_folder(one, each.name) for one in (project.production, project))
                ready.append(replacement(*folders))
    except DataCheckError as error:
        raise EngineError(f"{error}; nothing was changed. Run the job in production instead") from error
    note_uncompared(project.production, uncompared)
    for each, change in found:
        if change == "new":
            to = table_folder(project.production, each.name)
            to.parent.mkdir(parents=True, exist_ok=True)
            remove_staged(to.parent, each.name)
            remove_uncommitted(to)
            link_table(table_folder(project, each.name), to)
    for one in ready:
        one.commit()
