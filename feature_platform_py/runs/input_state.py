"""Keep a run to one state of its input, and know whether existing tables can be trusted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project

# No input has this state, so tables with this note are not trusted.
_UNKNOWN = "unknown"
# Not a state: tables were computed from one, but perhaps not from that which a run that asks only for loaded rows takes for granted.
_UNCOMPARED = "uncompared"


class InputChangedError(DataCheckError):
    """The job's input changed while a run read it; the sink keeps its old content."""

    why = "the input was written while the run read it"

    def __init__(self) -> None:
        super().__init__(
            f"{self.why}; the sink is as it was. Run again when no one writes the input, or keep the input as a Delta table, of"
            " which a run reads one version"
        )


class CopyLostError(InputChangedError):
    """A copy of the input was unreadable and was removed; the next run makes it again."""

    why = "a copy of the input was damaged"


class InputState:
    """The state of the input at the start of a run, and notes in the warehouse until the run has checked it at its end.

    A feature table records what it was computed from, by a reading of the input of its own. If the files change between two readings
    of one query, the record is wrong, and a later run would trust it. The job, and each feature group whose tables it builds, has a
    note with the states in which unfinished runs began. Tables are trusted only if there is one such state and the input still has it.
    """

    def __init__(self, project: Project, names: Sequence[str], read: Callable[[], object]) -> None:
        self._read = read
        self._digest = _digest(read())
        self._notes = _notes(project, names) if project.target.has_session else []

    def begin(self) -> bool:
        """Note that tables are about to be written; return whether the existing ones may be wrong."""
        known = {note: _noted(note) for note in self._notes}
        for note, states in known.items():
            _note(note, {*states, self._digest})
        return any(states - {self._digest, _UNCOMPARED} for states in known.values())

    def check(self) -> None:
        """Raise InputChangedError if the state of the input has changed since the start."""
        if _digest(self._read()) != self._digest:
            raise InputChangedError

    def end(self, *, are_all_built: bool = True) -> None:
        """Remove the notes: the tables were computed from one state of the input. Those to compare stay so until all are built."""
        for note in self._notes:
            if _UNCOMPARED in _noted(note) and not are_all_built:
                _note(note, {_UNCOMPARED})
            else:
                note.unlink(missing_ok=True)


def move_note(project: Project, old: str, new: str) -> None:
    """Note of a job or group that gets another name what is noted of it; the new name's own states stay."""
    former, now = _notes(project, [old, new])
    if states := _noted(former):
        _note(now, states | _noted(now))
        former.unlink(missing_ok=True)


@contextmanager
def taking_notes(
    project: Project, to: Project, names: Sequence[str], *, versions: Callable[[], Mapping[str, bytes | None]]
) -> Iterator[None]:
    """Give an environment that gets tables of a project what is noted of these tables, while the project's runs may write them.

    `versions` returns what tells the newest version of each of these tables, None for one that cannot be read.
    """
    # The order makes each interleaving safe. A doubt is noted before the environment has a table, for a process that ends in between.
    # The project's notes are read after that: a run notes itself before it writes, and removes its note when its tables are right.
    # If it did both in between, the versions differ, which are read before and after all that; then the doubt stays.
    before = versions()
    own = {note: _noted(note) for note in _notes(to, names)}
    for note, states in own.items():
        _note(note, {*states, _UNKNOWN})
    yield
    noted = [_noted(note) for note in _notes(project, names)]
    if versions() != before or None in before.values():
        return
    for (note, states), others in zip(own.items(), noted, strict=True):
        if states or others:
            _note(note, states | others)
        else:
            note.unlink(missing_ok=True)


def is_unfinished(project: Project, names: Sequence[str]) -> bool:
    """Return whether a run of the job, or of a feature group, has not checked its input at its end."""
    return any(note.exists() and _noted(note) != {_UNCOMPARED} for note in _notes(project, names))


def note_uncompared(project: Project, names: Sequence[str]) -> None:
    """Note that the next run must compare all periods of these jobs or groups with the input, also those without loaded rows."""
    for note in _notes(project, names):
        _note(note, {*_noted(note), _UNCOMPARED})


def is_uncompared(project: Project, names: Sequence[str]) -> bool:
    """Return whether the next run of a job or a feature group must compare all periods."""
    return project.target.has_session and any(_UNCOMPARED in _noted(note) for note in _notes(project, names))


def _notes(project: Project, names: Sequence[str]) -> list[Path]:
    return [project.notes / f"{name}.unproved.json" for name in names]


def _digest(state: object) -> str:
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()


def _note(note: Path, states: set[str]) -> None:
    # Two noted states cannot both be the present one. Then all rows are computed, and nothing is left to compare.
    replace_file(note, json.dumps(sorted(states - {_UNCOMPARED})[:2] + sorted(states & {_UNCOMPARED})))


def _noted(note: Path) -> set[str]:
    try:
        return {str(each) for each in json.loads(note.read_text(encoding="utf-8"))}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, TypeError):
        return {"unreadable"}
