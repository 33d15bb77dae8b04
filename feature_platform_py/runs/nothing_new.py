"""Know that a run has nothing to do: all that decides a job's result, and all that its last run left, is as it was."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from feature_platform_py.core.dbt_packages import own_macros
from feature_platform_py.core.errors import FeaturePlatformError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project
from feature_platform_py.core.project_files import FOLDERS
from feature_platform_py.dbt_files.job_models import models_folder
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.jobs.work import TableWork
from feature_platform_py.runs.dbt import UNCHANGED, NodeResult
from feature_platform_py.runs.warnings import JobWarning
from feature_platform_py.sinks.results import ResultCounts
from feature_platform_py.sinks.sink import SinkResult
from feature_platform_py.targets import backend_of
from feature_platform_py.warehouse.file_states import FileState, file_state

_FOLDERS = (*(name for name in FOLDERS if name != "configs"), "dbt_packages", "seeds", "snapshots")
_PACKAGE = Path(__file__).parents[1]
_PACKAGES = ("dbt-core", "dbt-spark", "pysail", "pyspark-client", "pyspark", "deltalake", "pyarrow")
_ENVIRONMENT = re.compile(r"env_var\(\s*['\"](\w+)['\"]")


@dataclass(frozen=True)
class Known:
    """What the last good run of a job told: its nodes, sink and warnings."""

    nodes: tuple[NodeResult, ...]
    sink: SinkResult
    warnings: tuple[JobWarning, ...]


class LastRun:
    """The last good run of a job, as a file of the warehouse keeps it.

    The file has two digests: of all that decides the result (the input's files, the definition, the versions of the engines), as it
    was before the run, and of all that the run left (tables, views, sink). If both are those of now, a run would compute, test and
    write the same again. Somebody else's write to any of them is another state, and so is a file that was put back.
    """

    def __init__(self, plan: JobPlan, project: Project, variables: Mapping[str, Any]) -> None:
        self._plan, self._project = plan, project
        self._file = _file(plan, project)
        self._decided_by = _decided_by(plan, project, variables)

    def known(self) -> Known | None:
        """Return what the last run told if nothing has changed since, else None."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            if self._decided_by is None or kept["decided_by"] != self._decided_by or kept["left"] != self._left():
                return None
            return _read(kept["told"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def forget(self) -> None:
        """Remove the file, before a run changes what it describes."""
        self._file.unlink(missing_ok=True)

    def keep(self, told: Known) -> None:
        """Write the file after a good run, if nothing can change without a trace. A file that cannot be written is no failure."""
        if self._decided_by is not None and (left := self._left()) is not None:
            kept = {"decided_by": self._decided_by, "left": left, "told": _as_dict(told)}
            with suppress(OSError):
                replace_file(self._file, json.dumps(kept))

    def _left(self) -> str | None:
        left = _left(self._plan, self._project)
        return None if left is None else _digest(left)


@contextmanager
def known_through_removals(plan: JobPlan, project: Project) -> Iterator[None]:
    """Keep what the last run left known while files that nobody reads are removed from it; not if anything else changes."""
    file, before = _file(plan, project), _left(plan, project)
    kept = _kept(file)
    yield
    after = _left(plan, project)
    if before is None or after is None or _kept(file) != kept or kept.get("left") != _digest(before):
        return
    if all(set(now) <= set(then) for now, then in zip(after, before, strict=True)):
        replace_file(file, json.dumps(kept | {"left": _digest(after)}))


def _file(plan: JobPlan, project: Project) -> Path:
    return project.notes / f"{plan.job_name}.result.json"


def _kept(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _left(plan: JobPlan, project: Project) -> list[list[FileState]] | None:
    """Return the state of the sink and of the tables; None if not all of it can be seen from here."""
    sink, tables = plan.sink.state(project), backend_of(project).tables_state(plan)
    return None if sink is None or tables is None else [sink, tables]


def _decided_by(plan: JobPlan, project: Project, variables: Mapping[str, Any]) -> str | None:
    """Return a digest of what the result depends on; None where not all of it can be seen from here."""
    if not _is_decided(plan):
        return None
    try:
        inputs = backend_of(project).whole_input_state(plan)
    except (FeaturePlatformError, OSError):
        # The run finds it too, and says it.
        return None
    if inputs is None:
        return None
    target = {name: str(value) for name, value in asdict(project.target).items()}
    sink = [plan.sink.kind, {name: str(value) for name, value in plan.sink.settings.items()}]
    read = [(each.location, each.format, dict(each.options)) for each in plan.sources]
    return _digest(
        [inputs, target, dict(variables), sink, read, list(_definition(plan, project, variables)), list(program())]
    )


def _is_decided(plan: JobPlan) -> bool:
    """Return whether inputs and definition decide the result: not the time of the run, nor code or tables of unknown content."""
    is_now = plan.source.scoring is not None and plan.source.scoring.rows.instants.start is None
    reads_models = any(use.source is None for use in plan.uses)
    return not (plan.source.query or is_now or reads_models or plan.config.python_transformers)


def _definition(plan: JobPlan, project: Project, variables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the project's files with digests of their texts, and the variables of the environment that they read.

    Files and models of other jobs are left out.
    """
    own, jobs = project.root / models_folder(plan.job_name), project.root / models_folder(plan.job_name).parent
    folders = [project.root / name for name in (*_FOLDERS, variables.get("job_models", "models"))]
    folders += [own_macros(project.root).resolve(), *plan.dbt_packages.values()]
    found = [file for folder in folders for file in folder.rglob("*")]
    files = [file for file in found if file.is_relative_to(own) or not file.is_relative_to(jobs)]
    files += [*project.root.glob("*.yml"), plan.config.path.resolve()]
    names: set[str] = set()
    for file in sorted(set(files)):
        if file.is_file() and file.suffix != ".pyc":
            content = file.read_bytes()
            if not file.is_relative_to(project.root / "profiles"):
                # What the profile reads is in the target, without the tokens.
                names.update(_ENVIRONMENT.findall(content.decode(errors="replace")))
            yield str(file), sha256(content).hexdigest()
    yield from ((name, os.environ.get(name, "")) for name in sorted(names))


def program() -> Iterator[tuple[object, ...]]:
    """Yield what this package consists of, and the versions of those that compute."""
    yield from (
        file_state(file)[:3] for file in sorted(_PACKAGE.rglob("*")) if file.suffix != ".pyc" and file.is_file()
    )
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, ""


def _as_dict(told: Known) -> dict[str, Any]:
    sink = {"kind": told.sink.kind, "place": told.sink.place, "rows": told.sink.rows}
    counted = told.sink.counts
    counts = {"rows": counted.rows, "filled": dict(counted.filled)} if counted else None
    nodes = [
        {**node.record(), "work": {"of": node.work.of, "unit": node.work.unit} if node.work else None}
        for node in told.nodes
    ]
    return {"nodes": nodes, "sink": sink, "counts": counts, "warnings": [each.as_dict() for each in told.warnings]}


def _read(told: Mapping[str, Any]) -> Known:
    nodes = tuple(map(_node, told["nodes"]))
    counts = ResultCounts(**told["counts"]) if told["counts"] else None
    sink = SinkResult(**told["sink"], why_left="nothing new", counts=counts)
    warnings = [JobWarning(**each) for each in told["warnings"]]
    return Known(nodes, sink, tuple(replace(each, features=tuple(each.features)) for each in warnings))


def _node(told: Mapping[str, Any]) -> NodeResult:
    work = TableWork("skip", None, **told["work"], periods=()) if told["work"] else None
    return NodeResult(told["name"], told["kind"], UNCHANGED, 0.0, told["rows"], work=work)


def _digest(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
