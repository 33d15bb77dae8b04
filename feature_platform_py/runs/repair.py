"""Handle damaged files of a warehouse: a full refresh removes what it cannot read, another run reports it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from feature_platform_py.core.errors import DataCheckError, EngineError, FeaturePlatformError
from feature_platform_py.core.project import Project
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.jobs.plan import JobPlan, TablesPlan
from feature_platform_py.warehouse.catalog_file import CatalogFile, TableName
from feature_platform_py.warehouse.repair import (
    Fault,
    catalog_fault,
    is_damaged_copy,
    log_fault,
    place_faults,
    table_fault,
    throw_away,
)
from feature_platform_py.warehouse.warehouse import copies_folder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from feature_platform_py.warehouse.warehouse import Warehouse

Tell = Callable[[str], None]


def repair_warehouse(project: Project, *, is_full_refresh: bool, tell: Tell) -> None:
    """Check what all jobs of a warehouse share before opening it: the catalog, the locks, the folders.

    A full refresh removes what does not belong there, and reports it. Otherwise raises EngineError that names it.
    """
    target, folder = project.target, project.target.warehouse
    if not target.has_session or not folder.is_dir():
        return
    for copy in remove_damaged_copies(project, is_deep=False):
        tell(f"  thrown away: {project.shown(copy)}: a copy of a source that cannot be read")
    catalog = CatalogFile(folder)
    schemas = [folder / target.schema, folder / target.sources_schema, copies_folder(folder)]
    files = [catalog.path, catalog.lock_path, *project.notes.glob("*")]
    faults = place_faults(folders=[*schemas, project.notes], files=files)
    if catalog.path not in {fault.path for fault in faults} and (fault := catalog_fault(folder)):
        faults.append(fault)
    _settle(faults, "JOB", project, is_full_refresh=is_full_refresh, tell=tell)


def remove_damaged_copies(project: Project, *, is_deep: bool) -> list[Path]:
    """Remove unreadable copies of sources, which the next reader makes again; with `is_deep`, read all rows."""
    if not project.target.has_session:
        return []
    copies = copies_folder(project.target.warehouse)
    if not copies.is_dir():
        return []
    damaged = [copy for copy in copies.glob("*/*/*") if is_damaged_copy(copy, is_deep=is_deep)]
    for copy in damaged:
        throw_away(copy.parent)
    return damaged


def repair_tables(plan: JobPlan, project: Project, *, is_full_refresh: bool, tell: Tell) -> None:
    """Check the files of the job's tables; a full refresh also checks their logs, which it must read.

    A full refresh removes what is damaged, and reports it. Otherwise raises EngineError that names it.
    """
    if not project.target.has_session:
        return
    faults = []
    for table, _, _ in _tables(plan, project):
        fault = table_fault(table)
        if fault is None and is_full_refresh:
            fault = log_fault(table) or _log_unread(table, project)
        if fault:
            faults.append(Fault(table if is_full_refresh else fault.path, _within(fault, table)))
    _settle(faults, plan.config.path.name, project, is_full_refresh=is_full_refresh, tell=tell)


def explain_damage(plan: JobPlan, project: Project, failure: Exception) -> None:
    """Raise EngineError if unreadable tables of the job may be the cause of a failure; read all their rows."""
    if project.target.has_session and not isinstance(failure, DataCheckError) and _is_engine_there(project):
        faults = [
            fault
            for table, part, model in _tables(plan, project)
            if (fault := table_fault(table) or log_fault(table) or _rows_unread(model, table, part, project))
        ]
        if faults:
            raise EngineError(_advice(faults, plan.config.path.name, project)) from failure


def _tables(plan: JobPlan, project: Project) -> list[tuple[Path, TablesPlan, str]]:
    """Return the folder of each table that a run builds, with its plan and its model there."""
    schema = project.target.warehouse / project.target.schema
    return [(schema / part.table_name(model), part, model) for part in plan.parts for model in part.stored_models]


def _log_unread(table: Path, project: Project) -> Fault | None:
    """Return why the engine cannot read the table's log, which it needs to replace the table."""
    if not table.exists():
        return None
    warehouse = _warehouse(project)
    return _failure(table, lambda: _frame(table, warehouse).limit(0).collect())


def _rows_unread(model: str, table: Path, plan: TablesPlan, project: Project) -> Fault | None:
    """Return why the engine cannot read the table's rows, or which columns have another type than in the model."""
    if not table.exists():
        return None
    warehouse = _warehouse(project)
    if fault := _failure(table, lambda: _read_all(_frame(table, warehouse))):
        return fault
    expected = {column.name: column.type for each in plan.sets_of(model) for column in each.features if column.type}
    keys = {key for each in plan.sets_of(model) for key in each.keys}
    expected |= {name: kind for name, kind in plan.columns if name in keys} | {"_input_fingerprint": "string"}
    given = dict(_frame(table, warehouse).dtypes)
    differing = [f"`{name}` is {given[name]}" for name, kind in expected.items() if given.get(name, kind) != kind]
    return (
        Fault(table, f"columns have other types than the job gives them: {', '.join(differing)}") if differing else None
    )


def _warehouse(project: Project) -> Warehouse:
    """Return the open warehouse. An engine that does not start raises its own error: it says nothing about a table."""
    from feature_platform_py.warehouse.session import open_warehouse

    return open_warehouse(project.target.engine, project.target.warehouse)


def _is_engine_there(project: Project) -> bool:
    try:
        _warehouse(project)
    except (FeaturePlatformError, ImportError):
        return False
    return True


def _frame(table: Path, warehouse: Warehouse) -> DataFrame:
    return warehouse.spark.read.format("delta").load(str(warehouse.location(TableName(table.parent.name, table.name))))


def _read_all(frame: DataFrame) -> None:
    frame.selectExpr(*[f"count({quoted(name)})" for name in frame.columns]).collect()


def _failure(table: Path, read: Callable[[], object]) -> Fault | None:
    try:
        read()
    except Exception as error:
        reason = str(error).strip().partition("\n")[0][:300]
        return Fault(table, f"the engine cannot read it: {reason}")
    return None


def _settle(faults: list[Fault], job: str, project: Project, *, is_full_refresh: bool, tell: Tell) -> None:
    if faults and not is_full_refresh:
        raise EngineError(_advice(faults, job, project))
    for fault in faults:
        throw_away(fault.path)
        tell(f"  thrown away: {project.shown(fault.path)}: {fault.reason}")


def _advice(faults: list[Fault], job: str, project: Project) -> str:
    listed = "\n".join(f"{project.shown(fault.path)}: {fault.reason}" for fault in faults)
    return f"{listed}\nThe warehouse is damaged. `fpjob run {job} --full-refresh` throws that away and builds the job's tables anew"


def _within(fault: Fault, table: Path) -> str:
    return fault.reason if fault.path == table else f"`{fault.path.relative_to(table)}`: {fault.reason}"
