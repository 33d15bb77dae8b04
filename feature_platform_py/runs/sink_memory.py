"""Remember what a sink holds, by period, and tell which of its periods may differ from the result now."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import astuple
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import FeaturePlatformError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project
from feature_platform_py.core.spread import Spread
from feature_platform_py.files.delta_log import actions, replayed
from feature_platform_py.jobs.changed_periods import result_periods
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.sinks.division import Division, HeldPeriod, PeriodRows
from feature_platform_py.sinks.sink import SinkResult
from feature_platform_py.targets import backend_of
from feature_platform_py.warehouse.catalog_file import CatalogFile, TableName
from feature_platform_py.warehouse.stored_relations import commits

_FORMAT = 2


class SinkMemory:
    """What a job's sink was last written from, as a file of the warehouse keeps it: the definition, the versions of the feature
    tables, and the rows and files of each period.

    The file is written after the sink. If it is lost, or tells of other files than the sink has, the sink is written whole.
    """

    def __init__(self, plan: JobPlan, project: Project) -> None:
        self._plan, self._project = plan, project
        self._file = project.notes / f"{plan.job_name}.sink.json"
        self._definition = _definition(plan, project)
        schema = project.target.schema
        self._tables = {node: table_version(project.target.warehouse / schema / node) for node in plan.table_nodes}

    def division(self) -> Division:
        """Return how the result is divided, with what the sink is known to hold."""
        plan, periods = self._plan, result_periods(self._plan)
        rows = backend_of(self._project).sql_name(f"{self._project.target.schema}.{plan.table_name(plan.result_rows)}")
        division = Division(rows, plan.columns, periods.event_time, periods.unit)
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            if kept["definition"] != self._definition:
                return division
            held = {name: _read_period(told) for name, told in kept["periods"].items()}
            stale = self._stale(kept["tables"])
        except (FeaturePlatformError, OSError, ValueError, KeyError, TypeError):
            return division
        return Division(rows, plan.columns, periods.event_time, periods.unit, held, stale)

    def _stale(self, versions: Mapping[str, Any]) -> frozenset[date] | None:
        """Return the first days of the periods that were replaced in the tables since the given versions; None if it may be all."""
        if versions.keys() != self._tables.keys():
            return None
        stale: set[date] = set()
        for node, now in self._tables.items():
            log = self._project.target.warehouse / self._project.target.schema / node
            replaced = _replaced_between(log, versions[node], now) if now else None
            if replaced is None:
                return None
            stale |= {date.fromisoformat(each) for each in replaced}
        return frozenset(stale)

    def keep(self, held: Mapping[str, HeldPeriod] | None) -> None:
        """Write the file, or remove it if nothing is known of what the sink holds. A file that cannot be written is no failure."""
        with suppress(OSError):
            if held is None:
                self._file.unlink(missing_ok=True)
                return
            periods = {name: _as_list(period) for name, period in held.items()}
            kept = {"definition": self._definition, "tables": self._tables, "periods": periods}
            replace_file(self._file, json.dumps(kept))


def write_sink(plan: JobPlan, project: Project, *, check: Callable[[], None], proof: str | None = None) -> SinkResult:
    """Write a job's result to its sink, or the periods that have changed, and remember what the sink holds.

    The arguments and errors are those of `Backend.write`.
    """
    # The tables of a workspace are not on this machine.
    periods = result_periods(plan)
    is_whole = not plan.sink.is_replaced or plan.sink.why_whole(None) or periods.why_unknown
    memory = SinkMemory(plan, project) if project.target.has_session and not is_whole else None
    division = memory.division() if memory else None
    written = backend_of(project).write(plan, check=check, proof=proof, division=division)
    if memory:
        memory.keep(written.held)
    return written


def _definition(plan: JobPlan, project: Project) -> str:
    """Return a digest of what rows and tables become, and of how the sink writes that."""
    view = (
        CatalogFile(project.target.warehouse)
        .load()
        .get(TableName(project.target.schema, plan.table_name(plan.output_model)))
    )
    sink = {name: str(value) for name, value in plan.sink.settings.items()}
    # The tables of a job that gets another name keep their rows.
    text = view.sql.replace(f"`{plan.name}__", "`__") if view else None
    told = [_FORMAT, text, plan.sink.kind, sink, list(plan.columns), repr(result_periods(plan))]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def table_version(table: Path) -> list[Any] | None:
    """Return the identity of a Delta table and its version; None without one."""
    found = sorted(commits(table))
    return [replayed(table).metadata["id"], int(found[-1].stem)] if found else None


def _replaced_between(table: Path, before: Any, now: list[Any]) -> set[str] | None:
    """Return the values of `period_start` whose rows commits replaced after a version; None if rows of any period may differ."""
    if before is None or before[0] != now[0] or before[1] > now[1]:
        return None
    replaced: set[str] = set()
    for version in range(before[1] + 1, now[1] + 1):
        commit = table / "_delta_log" / f"{version:020}.json"
        if not commit.exists():
            return None
        for action in actions(commit):
            if "metaData" in action or "protocol" in action:
                return None
            changed = action.get("add") or action.get("remove")
            if changed and changed.get("dataChange", True):
                day = (changed.get("partitionValues") or {}).get("period_start")
                if not day:
                    return None
                replaced.add(day)
    return replaced


def _as_list(period: HeldPeriod) -> list[Any]:
    spreads = {name: list(astuple(each)) for name, each in period.rows.spreads.items()}
    return [period.rows.rows, period.rows.fingerprint, dict(period.rows.filled), spreads, dict(period.files)]


def _read_period(told: list[Any]) -> HeldPeriod:
    rows, fingerprint, filled, spreads, files = told
    known = {name: Spread.read(each) for name, each in spreads.items()}
    return HeldPeriod(
        PeriodRows(rows, fingerprint, filled, known),
        {name: (each[0], each[1], each[2]) for name, each in files.items()},
    )
