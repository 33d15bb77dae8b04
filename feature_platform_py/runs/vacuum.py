"""Remove old files of the tables and sinks of jobs: when it is asked for, and after runs."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError, FeaturePlatformError
from feature_platform_py.core.locations import table_parts
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import printable
from feature_platform_py.files.delta_expiry import UNNAMED_FOR, expired, is_due, kept_by
from feature_platform_py.files.delta_upkeep import join_small_files, small_files, write_checkpoint
from feature_platform_py.jobs.plan import JobPlan, TablesPlan
from feature_platform_py.runs.lock import cleaning_alone
from feature_platform_py.runs.nothing_new import known_through_removals
from feature_platform_py.sinks.stored import StoredSink
from feature_platform_py.warehouse.old_copies import bytes_of, old_copies
from feature_platform_py.warehouse.repair import log_fault, table_fault, throw_away

logger = logging.getLogger(__name__)

# Sinks are what others read, for as long as they like.
KEPT_OF_SINKS = timedelta(days=7)
KEPT_OF_TABLES = "1h"
RETENTION = "FP_RETENTION"
_INTERVAL = re.compile(r"(\d{1,6})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Cleaned:
    """What was removed from a place: files and their bytes, how many small files became few; or why it was left as it is."""

    place: Path
    files: int = 0
    bytes: int = 0
    joined: int = 0
    why_left: str | None = None


@dataclass(frozen=True)
class _Table:
    """The folder of a Delta table, for how long its old versions can be read, and whether rows are only added to it."""

    folder: Path
    kept_for: timedelta
    is_added_to: bool = False


def interval(text: str, *, given_by: str) -> timedelta:
    """Return an interval such as `12h`, `7d` or `2w`. Raises ConfigurationError for another text."""
    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise ConfigurationError(
            f"`{given_by}`: expected hours, days or weeks such as `12h`, `7d` or `2w`, given `{printable(text)}`"
        )
    return int(found[1]) * _UNITS[found[2]]


def kept_of_tables() -> timedelta:
    """Return for how long old versions of feature tables can be read. Raises ConfigurationError for a wrong setting."""
    return interval(os.environ.get(RETENTION) or KEPT_OF_TABLES, given_by=RETENTION)


def check_target(project: Project) -> None:
    """Raise ConfigurationError for a target without a warehouse folder."""
    if not project.target.has_session:
        raise ConfigurationError(
            f"target `{project.target.name}`: expected a target with a warehouse folder; a workspace removes old files itself, with"
            " `vacuum` and predictive optimization"
        )


def vacuum(
    plans: Sequence[TablesPlan],
    project: Project,
    *,
    retention: timedelta | None = None,
    is_dry_run: bool = False,
    is_whole: bool = False,
    tell: Tell = lambda _: None,
) -> list[Cleaned]:
    """Remove the files that no version within the retention needs from the tables and sinks of jobs and groups, and return them.

    Without a retention, each kind of table has its own. If it `is_whole`, copies of sources that nobody reads go too. A dry run
    removes nothing. Raises ConfigurationError for a target without a warehouse folder.
    """
    check_target(project)
    parts = {part.name: part for plan in plans for part in plan.parts}
    found = []
    with ExitStack() as stack:
        for plan in plans if not is_dry_run else ():
            stack.enter_context(known_through_removals(plan, project) if isinstance(plan, JobPlan) else nullcontext())
        for part in parts.values():
            with nullcontext() if is_dry_run else cleaning_alone(project, part.name, tell=tell):
                tables = [table for table in _tables(part, project) if (table.folder / "_delta_log").exists()]
                found += [
                    _cleaned(table, table.kept_for if retention is None else retention, is_dry_run=is_dry_run)
                    for table in tables
                ]
    copies = _clean_copies(project, retention or UNNAMED_FOR, is_dry_run=is_dry_run) if is_whole else ()
    return [*found, *copies]


def clean_up(plan: JobPlan, project: Project) -> None:
    """Remove the old files of a job's tables and sink if that pays. The caller holds the locks of the job and its groups.

    A table that cannot be cleaned is left as it is; `fpjob vacuum` says why.
    """
    if not project.target.has_session:
        return
    for table in [table for part in plan.parts for table in _tables(part, project)]:
        try:
            is_wanted = is_due(table.folder, retention=table.kept_for, now=time.time())
            if is_wanted or (table.is_added_to and small_files(table.folder)):
                _clean(table, table.kept_for)
        except (FeaturePlatformError, OSError) as error:
            logger.debug("%s was not cleaned up: %s", table.folder, error)


def _tables(part: TablesPlan, project: Project) -> Iterator[_Table]:
    """Yield the tables that runs write for a job or a group, and the job's sink."""
    warehouse, kept_for = project.target.warehouse, kept_of_tables()
    for model in part.stored_models:
        yield _Table(warehouse / project.target.schema / part.table_name(model), kept_for)
    if part.source.query is not None:
        _, schema, name = table_parts(part.source.location)
        yield _Table(warehouse / schema / name, kept_for)
    if isinstance(part, JobPlan):
        is_added_to = isinstance(part.sink, StoredSink) and part.sink.mode == "append"
        for folder, properties in part.sink.delta_tables(project).items():
            yield _Table(folder, kept_by(properties) or KEPT_OF_SINKS, is_added_to)


def _cleaned(table: _Table, retention: timedelta, *, is_dry_run: bool) -> Cleaned:
    try:
        if fault := table_fault(table.folder) or log_fault(table.folder):
            return Cleaned(table.folder, why_left=fault.reason)
        return _expected(table, retention) if is_dry_run else _clean(table, retention)
    except FeaturePlatformError as error:
        return Cleaned(table.folder, why_left=str(error))


def _expected(table: _Table, retention: timedelta) -> Cleaned:
    """Return what cleaning would remove."""
    old = expired(table.folder, retention=retention, now=time.time())
    return Cleaned(table.folder, old.files, old.bytes, small_files(table.folder) if table.is_added_to else 0)


def _clean(table: _Table, retention: timedelta) -> Cleaned:
    joined = small_files(table.folder) if table.is_added_to else 0
    if joined:
        join_small_files(table.folder)
    write_checkpoint(table.folder)
    old = expired(table.folder, retention=retention, now=time.time())
    old.remove()
    return Cleaned(table.folder, old.files, old.bytes, joined)


def _clean_copies(project: Project, retention: timedelta, *, is_dry_run: bool) -> Iterator[Cleaned]:
    before = time.time() - max(retention, UNNAMED_FOR).total_seconds()
    for copy in old_copies(project.target.warehouse, before=before):
        files, size = bytes_of(copy)
        if not is_dry_run:
            throw_away(copy)
        yield Cleaned(copy, files, size)
