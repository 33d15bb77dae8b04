"""Compare the feature tables of a job or a feature group in two schemas: rows, values, and distributions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from feature_platform_py.core.bins import bin_labels
from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import suggestion, ticked
from feature_platform_py.jobs.plan import JobPlan, TablesPlan
from feature_platform_py.runs import diff_sql
from feature_platform_py.runs.diff_sql import Compared, Tables
from feature_platform_py.targets import Backend, backend_of

EXAMPLES = 3
_ROWS_LOOKED_AT = 100
_ONLY_HERE, _ONLY_THERE, _NOWHERE = "only here", "only there", "not there in both"
# The columns that the platform keeps in its tables.
_OWN = frozenset({"_feature_set", "period_start", "_input_fingerprint", "_input_loaded_at"})


@dataclass(frozen=True)
class Side:
    """A feature in one of the tables. Mean and deviation leave out NaN and infinities; they are None for other than numbers."""

    type: str
    rows: int
    nulls: int
    mean: float | None = None
    deviation: float | None = None
    minimum: str | None = None
    maximum: str | None = None

    @property
    def null_share(self) -> float:
        """The part of the rows without a value, from 0 to 1."""
        return self.nulls / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Example:
    """A row of both tables in which a feature differs: its keys, and the values as text."""

    keys: Mapping[str, str | None]
    here: str | None
    there: str | None


@dataclass(frozen=True)
class Bar:
    """A range of numbers, or a value, and the rows that have it in each table."""

    label: str
    here: int
    there: int


@dataclass(frozen=True)
class FeatureDiff:
    """A feature in both tables; a side is None where the table lacks it, and `changed` then too."""

    name: str
    here: Side | None
    there: Side | None
    changed: int | None = None
    changed_share: float | None = None
    examples: tuple[Example, ...] = ()
    bars: tuple[Bar, ...] = ()

    @property
    def note(self) -> str:
        """What is special about it, in words; nothing usually."""
        if self.here is None or self.there is None:
            return "only there" if self.here is None else "only here"
        return "" if self.here.type == self.there.type else f"type {self.there.type} there, {self.here.type} here"


@dataclass(frozen=True)
class TableDiff:
    """A feature table in both schemas. `missing` says where it, or a column of its grain, is not; nothing is counted then.

    Nor if a table has a key more than once: `repeated_here` and `repeated_there` count the rows beyond the first of each key.
    """

    name: str
    here: str
    there: str
    grain: tuple[str, ...]
    missing: str | None = None
    repeated_here: int = 0
    repeated_there: int = 0
    in_both: int = 0
    only_here: int = 0
    only_there: int = 0
    examples_here: tuple[Mapping[str, str | None], ...] = ()
    examples_there: tuple[Mapping[str, str | None], ...] = ()
    features: tuple[FeatureDiff, ...] = field(default_factory=tuple)

    @property
    def is_equal(self) -> bool:
        """Whether both tables have the same rows with the same features."""
        is_same = all(each.changed == 0 and not each.note for each in self.features)
        return self.fault is None and not self.only_here and not self.only_there and is_same

    @property
    def fault(self) -> str | None:
        """Why the tables cannot be compared, in words; None if they are."""
        if self.missing or not (self.repeated_here or self.repeated_there):
            return self.missing
        return (
            f"keys more than once: {self.repeated_here:,} rows too many here, {self.repeated_there:,} there; so rows cannot be"
            " matched. `fpjob run` with `--full-tests` names such keys"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data, for `--format json`."""
        told = asdict(self) | {"is_equal": self.is_equal}
        for each, feature in zip(told["features"], self.features, strict=True):
            for name, side in (("here", feature.here), ("there", feature.there)):
                if side:
                    each[name]["null_share"] = side.null_share
        return told


@dataclass(frozen=True)
class _Table:
    """A feature table of a plan: its name without a schema, its name in reports, its grain, and the column of its rows' time."""

    name: str
    shown: str
    grain: tuple[str, ...]
    time: str | None
    only: frozenset[str] | None = None


def diff_tables(
    plan: TablesPlan,
    project: Project,
    against: Project,
    *,
    tolerance: float = 0.0,
    on_step: Callable[[str], None] = lambda _: None,
) -> list[TableDiff]:
    """Return how each feature table of the project's schema differs from that of another one; nothing is written.

    Doubles whose difference is at most `tolerance` of the larger one count as equal. Raises ConfigurationError for an environment that
    has none of the tables, EngineError if a query fails.
    """
    found = []
    for table in _tables(plan):
        on_step(f"compares {table.shown}")
        found.append(_diff(table, project, against, tolerance))
    for each, missing in ((project, _ONLY_THERE), (against, _ONLY_HERE)):
        if each.target.environment and found and all(diff.missing in (missing, _NOWHERE) for diff in found):
            raise ConfigurationError(_no_environment(plan, each))
    return found


def _no_environment(plan: TablesPlan, project: Project) -> str:
    name, tables = project.target.schema, {table.name for table in _tables(plan)}
    relations = (relation.split(".", 1) for relation, _ in backend_of(project).relations())
    known = sorted({schema for schema, table in relations if table in tables} - {project.target.production})
    listed = f"Known: {ticked(known)}" if known else ""
    advice = "name another one, or run the job there first"
    return " ".join(
        filter(
            None, [f"no environment `{name}` has tables of `{plan.name}`; {advice}.", suggestion(name, known), listed]
        )
    )


def _tables(plan: TablesPlan) -> Iterator[_Table]:
    for part in plan.parts:
        for model in part.tables:
            sets = part.sets_of(model)
            keys = dict.fromkeys(key for each in sets for key in each.keys)
            grain = (*(["_feature_set"] if len(sets) > 1 else []), *keys)
            times = [each.timestamp_col for each in sets if each.timestamp_col in keys]
            name = part.table_name(model)
            yield _Table(name, plan.shown(name), grain, times[0] if times else None)
    if isinstance(plan, JobPlan) and plan.python_sets:
        keys = dict.fromkeys(plan.python_sets[0].keys)
        names = frozenset(column.name for each in plan.python_sets for column in each.features)
        if keys:
            name = plan.table_name(plan.python_sets[0].model)
            yield _Table(name, plan.shown(name), tuple(keys), None, names)


def _diff(table: _Table, project: Project, against: Project, tolerance: float) -> TableDiff:
    backend = backend_of(project)
    names = [f"{each.target.schema}.{table.name}" for each in (project, against)]
    here, there = (backend.columns(name) for name in names)
    missing = _missing(table.grain, here, there)
    diff = TableDiff(table.shown, names[0], names[1], table.grain, missing)
    if missing:
        return diff
    types = dict(here), dict(there)
    features = [
        Compared(name, *(each.get(name) for each in types))
        for name in dict.fromkeys([*types[0], *types[1]])
        if name not in table.grain and name not in _OWN and (table.only is None or name in table.only)
    ]
    order = [*([table.time] if table.time else []), *(key for key in table.grain if key != table.time)]
    relations = [backend.sql_name(name) for name in names]
    tables = Tables(relations[0], relations[1], table.grain, order, features, tolerance)
    return _compared(tables, backend, diff)


def _missing(grain: Sequence[str], here: Columns, there: Columns) -> str | None:
    """Return what is missing for a comparison, in words; None if nothing is."""
    if not here or not there:
        return _NOWHERE if not here and not there else _ONLY_HERE if here else _ONLY_THERE
    lacking = {
        side: [key for key in grain if key not in dict(columns)] for side, columns in (("here", here), ("there", there))
    }
    found = [f"{side} without {', '.join(names)}" for side, names in lacking.items() if names]
    return f"another grain: {'; '.join(found)}" if found else None


def _compared(tables: Tables, backend: Backend, diff: TableDiff) -> TableDiff:
    sides = {row["side"]: row for row in backend.query(diff_sql.summary(tables)).dicts()}
    [counts] = backend.query(diff_sql.matches(tables)).dicts()
    if _is_repeated(sides, counts):
        repeated = {row["side"]: int(row["repeated"]) for row in backend.query(diff_sql.repeated(tables)).dicts()}
        return replace(diff, repeated_here=repeated["here"], repeated_there=repeated["there"])
    bars = _bars(tables, backend, sides)
    examples = _examples(tables, backend, counts)
    in_both = int(counts["in_both"])
    features = tuple(
        FeatureDiff(
            name=feature.name,
            here=_side(number, feature.here, sides["here"]),
            there=_side(number, feature.there, sides["there"]),
            changed=int(counts[f"changed_{number}"]) if feature.is_in_both else None,
            changed_share=int(counts[f"changed_{number}"]) / in_both if feature.is_in_both and in_both else None,
            examples=tuple(examples.get(number, ())),
            bars=tuple(bars.get(number, ())),
        )
        for number, feature in enumerate(tables.features)
    )
    only = {side: int(counts[f"only_{side}"]) for side in diff_sql.SIDES}
    keys = {side: _keys(tables, backend, side) if count else () for side, count in only.items()}
    return replace(
        diff,
        in_both=in_both,
        only_here=only["here"],
        only_there=only["there"],
        examples_here=keys["here"],
        examples_there=keys["there"],
        features=features,
    )


def _is_repeated(sides: Mapping[str, Mapping[str, Any]], counts: Mapping[str, Any]) -> bool:
    """Return whether a key of both tables is in one of them more than once, so that more pairs of rows match than there are rows."""
    matched = (int(counts["in_both"]) + int(counts[f"only_{side}"]) == int(sides[side]["row_count"]) for side in sides)
    return not all(matched)


def _side(number: int, data_type: str | None, row: Mapping[str, Any]) -> Side | None:
    if data_type is None:
        return None
    mean, deviation = row.get(f"mean_{number}"), row.get(f"deviation_{number}")
    bounds = row.get(f"min_{number}"), row.get(f"max_{number}")
    return Side(data_type, int(row["row_count"]), int(row[f"nulls_{number}"]), mean, deviation, *bounds)


def _bars(tables: Tables, backend: Backend, sides: Mapping[str, Mapping[str, Any]]) -> dict[int, list[Bar]]:
    """Return the bars of each feature by its number: ranges of numbers, or the most frequent values."""
    ranges = dict[int, tuple[float, float]]()
    for number, feature in enumerate(tables.features):
        bounds = [(row.get(f"low_{number}"), row.get(f"high_{number}")) for row in sides.values()]
        known = [(float(low), float(high)) for low, high in bounds if low is not None and high is not None]
        if feature.is_numeric and known:
            ranges[number] = min(low for low, _ in known), max(high for _, high in known)
    statement = diff_sql.distributions(tables, ranges)
    found: dict[int, dict[str, tuple[int, int]]] = {}
    for row in backend.query(statement).dicts() if statement else ():
        found.setdefault(int(row["feature"]), {})[row["label"]] = int(row["here"]), int(row["there"])
    return {
        number: [Bar(label, *counts.get(str(place), (0, 0))) for place, label in enumerate(bin_labels(*ranges[number]))]
        if number in ranges
        else [Bar(label, *each) for label, each in sorted(counts.items(), key=lambda item: (-sum(item[1]), item[0]))]
        for number, counts in found.items()
    }


def _examples(tables: Tables, backend: Backend, counts: Mapping[str, Any]) -> dict[int, list[Example]]:
    """Return the newest rows in which each feature differs, by its number."""
    waiting = {number: feature for number, feature in tables.compared if counts[f"changed_{number}"]}
    found: dict[int, list[Example]] = {}
    while waiting:
        # Each query finds examples of one feature at least, and usually of all.
        rows = backend.query(diff_sql.changed_rows(tables, list(waiting.values()), _ROWS_LOOKED_AT)).dicts()
        for number in list(waiting):
            differing = [row for row in rows if row[f"differs_{number}"]][:EXAMPLES]
            if differing or not rows:
                found[number] = [
                    Example(_key(tables, row), row[f"here_{number}"], row[f"there_{number}"]) for row in differing
                ]
                del waiting[number]
    return found


def _keys(tables: Tables, backend: Backend, side: str) -> tuple[Mapping[str, str | None], ...]:
    return tuple(_key(tables, row) for row in backend.query(diff_sql.only_rows(tables, side, EXAMPLES)).dicts())


def _key(tables: Tables, row: Mapping[str, Any]) -> dict[str, str | None]:
    values = {name: row[f"key_{number}"] for number, name in enumerate(tables.grain)}
    return {name: None if value is None else str(value) for name, value in values.items()}
