"""Remember on which state of its data a test passed, so that it looks only at what has changed since."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from feature_platform_py.core.errors import FeaturePlatformError
from feature_platform_py.core.files import replace_file
from feature_platform_py.files.delta_log import replayed
from feature_platform_py.files.folder import data_files
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.file_states import file_state, states_below
from feature_platform_py.warehouse.stored_relations import is_sound

if TYPE_CHECKING:
    from feature_platform_py.warehouse.warehouse import Warehouse

# What tests of these kinds read is known: the table that they look at, or what their SQL names.
OF_TABLES = frozenset({"unique_grain"})
OF_INPUTS = frozenset({"registry_rules", "values_parse", "unique_key", "unique", "not_null", "relationships"})
_PERIOD = "period_start"
_LEAST_NAMES = {"relationships": 2}


@dataclass(frozen=True)
class Seen:
    """What a test sees: a digest of its definition, and one of each part of its data."""

    definition: str
    parts: Mapping[str, str]


@dataclass(frozen=True)
class Look:
    """What a test has to look at: all of its data, nothing, or the rows of some periods."""

    at: Literal["all", "nothing", "periods"]
    periods: tuple[date, ...] = ()


class PassedTests:
    """The tests of a job that passed, as a file of the warehouse keeps them, and those that a run adds.

    That a test passes on a state of its data stays true, so no entry has to be removed. A file of another `program` is of other
    tests or engines, and is not read. With `is_ignored` every test looks at all of its data. Tests of other kinds than the `trusted`
    ones may read anything.
    """

    def __init__(self, file: Path, *, program: str, trusted: Collection[str], is_ignored: bool = False) -> None:
        self.trusted = frozenset(trusted)
        self._file, self._program = file, program
        self._known = {} if is_ignored else _kept(file, program)
        self._seen: dict[str, Seen] = {}

    def look(self, test: str, kind: str, *, of: TableName, sql: str, warehouse: Warehouse) -> Look:
        """Return what a test of a relation must look at, and note what it sees; to be called before the test reads it."""
        seen = _sees(kind, of, sql, warehouse) if kind in self.trusted else None
        if seen is None:
            return Look("all")
        seen = replace(seen, definition=_digest([seen.definition, kind, sql]))
        self._seen[test] = seen
        known = self._known.get(test)
        if known is None or known.definition != seen.definition:
            return Look("all")
        changed = [part for part, digest in seen.parts.items() if known.parts.get(part) != digest]
        return _look_at(changed, of=len(seen.parts))

    def keep(self, passed: Collection[str]) -> None:
        """Write the file, with the noted tests that passed. A file that cannot be written is no failure."""
        if noted := {test: seen for test, seen in self._seen.items() if test in passed}:
            tests = {test: asdict(seen) for test, seen in sorted((_kept(self._file, self._program) | noted).items())}
            with suppress(OSError):
                replace_file(self._file, json.dumps({"program": self._program, "tests": tests}))


def _sees(kind: str, of: TableName, sql: str, warehouse: Warehouse) -> Seen | None:
    """Return what a test sees, None where that is not known."""
    try:
        if kind in OF_INPUTS:
            return _seen_by_query(kind, sql, of, warehouse)
        return _seen_of_table(warehouse.location(of)) if is_sound(warehouse.location(of)) else None
    except (FeaturePlatformError, OSError, ValueError, KeyError):
        # A damaged log: the engine reports it.
        return None


def _seen_of_table(location: Path, *, version: int | None = None) -> Seen:
    """Return the parts of a Delta table, by the first days of periods where it has such partitions; else it is one part."""
    table = replayed(location, version)
    is_by_period = table.metadata["partitionColumns"] == [_PERIOD]
    states: dict[str, list[object]] = {}
    files = sorted(table.files.items())
    found = states_below(location, [unquote(path) for (path, _), _ in files])
    for ((path, deleted), added), state in zip(files, found, strict=True):
        part = str(next(iter(added["partitionValues"].values()))) if is_by_period else ""
        states.setdefault(part, []).append([path, deleted, state])
    return Seen(_digest([table.metadata, table.protocol]), {part: _digest(found) for part, found in states.items()})


def _seen_by_query(kind: str, sql: str, of: TableName, warehouse: Warehouse) -> Seen | None:
    """Return the states of all that a test's SQL names, as one part; of views, only the one that is tested may be among it."""
    names, own = warehouse.named_in(sql), warehouse.definition(of)
    if len(names) < _LEAST_NAMES.get(kind, 1):
        # People may name the table in a way of their own.
        return None
    if own and own.kind == "view":
        names = (names | warehouse.named_in(own.sql)) - {of}
    states = [_state(name, warehouse) for name in sorted(names)]
    return None if None in states else Seen(_digest(own.sql if own else ""), {"": _digest(states)})


def _state(name: TableName, warehouse: Warehouse) -> list[object] | None:
    """Return the state of a table or source as the session reads it; None for a view, and for files of another machine."""
    definition = warehouse.definition(name)
    if definition is None or definition.kind == "view":
        return None
    location = warehouse.location(name) if definition.kind == "table" else Path(definition.location)
    if is_sound(location):
        seen = _seen_of_table(location, version=warehouse.pinned_version(name))
        return [str(name), definition.sql, seen.definition, dict(seen.parts)]
    if not definition.location:
        return None
    return [str(name), definition.sql, [file_state(file.path) for file in data_files(location)]]


def _look_at(changed: Sequence[str], *, of: int) -> Look:
    """Return a look at the changed parts: at some periods, or at everything where that costs no more."""
    if not changed:
        return Look("nothing")
    try:
        periods = tuple(sorted(map(date.fromisoformat, changed)))
    except ValueError:
        return Look("all")
    return Look("periods", periods) if 2 * len(periods) <= of else Look("all")


def _kept(file: Path, program: str) -> dict[str, Seen]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return {test: Seen(**seen) for test, seen in kept["tests"].items()} if kept["program"] == program else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _digest(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


_remembered: list[PassedTests] = []


@contextmanager
def remembering(tests: PassedTests) -> Iterator[None]:
    """Let the tests that dbt runs in this process meanwhile use what is known of them."""
    _remembered.append(tests)
    try:
        yield
    finally:
        _remembered.remove(tests)


def remembered() -> PassedTests | None:
    """Return what the run at work knows of its tests; None under plain dbt."""
    return _remembered[-1] if _remembered else None
