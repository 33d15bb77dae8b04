"""Give the tables of a job or a feature group that has another name now (`was:` in its file) the new name, so that they stay valid."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project
from feature_platform_py.core.stores.path import StorePath
from feature_platform_py.core.suggestions import not_both, ticked
from feature_platform_py.jobs.find import group_names, jobs_by_name
from feature_platform_py.jobs.names import former_names_in, written_models
from feature_platform_py.jobs.plan import GroupPlan, TablesPlan
from feature_platform_py.runs.input_state import move_note
from feature_platform_py.runs.lock import building_alone, running_alone
from feature_platform_py.targets import backend_of

Tell = Callable[[str], None]
_RECORDS = ("last_run.json", "runs.json", "proof.json")


@dataclass(frozen=True)
class Moves:
    """What a run does with the relations of former names; each has its schema.

    `tables` get new names. Those of `shadowed` do not, because a table has the new name already. Views and sources of a former name
    that has no table any more are `dropped`: the run makes those of the new name.
    """

    tables: tuple[tuple[str, str], ...] = ()
    shadowed: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()


def find_moves(plan: TablesPlan, project: Project) -> Moves:
    """Return what a run of a job or a group would do with the relations of former names; nothing is contacted without a `was`."""
    found = [_of_part(part, project) for part in plan.parts]
    return Moves(
        tuple(each for moves in found for each in moves.tables),
        tuple(each for moves in found for each in moves.shadowed),
        tuple(each for moves in found for each in moves.dropped),
    )


def _moves(part: TablesPlan, kinds: Mapping[str, str], project: Project) -> Moves:
    schema = project.target.schema
    written, there = written_models(project.root), _files(project)
    for former in part.was:
        if file := there.get(former):
            advice = not_both(former, new=part.name, former=former_names_in(file))
            raise ConfigurationError(f"{project.shown(part.file)}: `was`: `{former}` exists still; {advice}")
    tables: dict[str, str] = {}
    shadowed: list[tuple[str, str]] = []
    for new in (part.table_name(model) for model in part.stored_models):
        for former in part.was:
            old = former + new.removeprefix(part.name)
            if kinds.get(f"{schema}.{old}") != "table" or old in written:
                continue
            if f"{schema}.{new}" in kinds or new in tables.values():
                shadowed.append((f"{schema}.{old}", f"{schema}.{new}"))
            else:
                tables[old] = new
    others = {part.name, *there, *written}
    dropped: list[str] = []
    for former in part.was:
        own = [
            name for name in kinds if name.startswith(f"{schema}.") and _is_of(name.split(".", 1)[1], former, others)
        ]
        if not any(kinds[name] == "table" and name.split(".", 1)[1] not in tables for name in own):
            dropped += [name for name in own if kinds[name] == "view"]
            own_input = f"{project.target.sources_schema}.{former}__input"
            dropped += [own_input] if own_input in kinds else []
    moved = tuple((f"{schema}.{old}", f"{schema}.{new}") for old, new in tables.items())
    return Moves(moved, tuple(shadowed), tuple(dropped))


def _is_of(name: str, owner: str, others: Collection[str]) -> bool:
    """Return whether a relation is of a former name; one that begins with a longer name of another is of that."""
    if name in others or not (name == owner or name.startswith(f"{owner}__")):
        return False
    return not any(len(each) > len(owner) and name.startswith(f"{each}__") for each in others)


def move_tables(plan: TablesPlan, project: Project, *, tell: Tell) -> None:
    """Move the tables of former names, each in one step, and what runs keep beside them; a run that was killed here goes on here.

    Must be called under the locks of the plan's parts; takes those of the former names. Raises ConfigurationError for tables that
    cannot be moved, EngineError if a run has a former name.
    """
    for part in plan.parts:
        found = _of_part(part, project)
        for old, new in found.shadowed:
            tell(f"  warning: {new} exists, so {old} is not moved there; `fpjob prune` drops {old}")
        if not (found.tables or found.dropped):
            continue
        with ExitStack() as locks:
            for former in part.was:
                is_group = isinstance(part, GroupPlan)
                locks.enter_context(
                    building_alone(project, former, tell=tell) if is_group else running_alone(project, former)
                )
            _move(part, project, tell)


def _of_part(part: TablesPlan, project: Project) -> Moves:
    return _moves(part, dict(backend_of(project).relations()), project) if part.was else Moves()


def _move(part: TablesPlan, project: Project, tell: Tell) -> None:
    """Move notes before the tables that they are about: a table must not lose the note that it may be wrong."""
    backend, moves = backend_of(project), _of_part(part, project)
    if moves.tables and isinstance(project.target.warehouse, StorePath):
        raise ConfigurationError(
            f"{project.shown(part.file)}: `was`: tables at an object store cannot get another name, given"
            f" {ticked(old for old, _ in moves.tables)}. Remove `was`: a run computes the tables anew, and `fpjob prune` drops these"
        )
    for former in part.was:
        _move_notes(former, part.name, project)
        _move_records(former, part.name, project)
    for old, new in moves.tables:
        backend.rename(old, new)
        tell(f"  moved   {old} to {new}")
    for name in moves.dropped:
        backend.drop(name)
    for former in part.was if project.target.has_session and not moves.shadowed else ():
        for kept in project.notes.glob(f"{former}.*.json"):
            kept.unlink(missing_ok=True)


def _move_notes(old: str, new: str, project: Project) -> None:
    if not project.target.has_session:
        return
    move_note(project, old, new)
    folder = project.notes
    sink, sink_now = folder / f"{old}.sink.json", folder / f"{new}.sink.json"
    if sink.exists() and not sink_now.exists():
        replace_file(sink_now, _with_tables_of(new, old, sink.read_text(encoding="utf-8")))


def _with_tables_of(new: str, old: str, text: str) -> str:
    """Return what is known of a sink with the tables under their new names; as it is if it cannot be read."""
    try:
        kept = json.loads(text)
        tables = {
            f"{new}{name.removeprefix(old)}" if name.startswith(f"{old}__") else name: version
            for name, version in kept["tables"].items()
        }
        return json.dumps(kept | {"tables": tables})
    except (ValueError, KeyError, TypeError, AttributeError):
        return text


def _move_records(old: str, new: str, project: Project) -> None:
    """Move what runs on this machine left, and remove dbt's caches of the former name."""
    folder = project.caches
    for name in _RECORDS if (folder / old).is_dir() else ():
        if (folder / old / name).exists() and not (folder / new / name).exists():
            (folder / new).mkdir(parents=True, exist_ok=True)
            (folder / old / name).replace(folder / new / name)
    shutil.rmtree(folder / old, ignore_errors=True)


def former_names(project: Project) -> dict[str, str]:
    """Return the names of the jobs and groups of the project by the names that they had before."""
    files = _files(project)
    return {each: name for name, path in files.items() for each in former_names_in(path) if each not in files}


def _files(project: Project) -> dict[str, Path]:
    """Return the files of the project's jobs and groups by their names."""
    groups = {name: project.root / "registry" / "feature" / f"{name}.yaml" for name in group_names(project)}
    return {**jobs_by_name(project), **groups}
