"""Find for whom, and at which time, the rows of a job ask for features of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from feature_platform_py.core.data_types import Columns, common_key_type
from feature_platform_py.core.document import Place
from feature_platform_py.core.errors import Problem
from feature_platform_py.core.suggestions import ticked, unknown
from feature_platform_py.features.columns import READABLE, InputColumn, column_named, input_fault, missing_column
from feature_platform_py.jobs.config import Asking, GroupSelection, JobDraft
from feature_platform_py.jobs.point_in_time import Asker
from feature_platform_py.registry.entity import Entity
from feature_platform_py.registry.registry import Registry
from feature_platform_py.sources.resolve import ResolvedSource


@dataclass(frozen=True)
class Asked:
    """What rows ask for: its name for messages, the key columns that it has of its own, and its place in the job's file."""

    shown: str
    entities: Mapping[str, tuple[str, ...]]
    place: Place


@dataclass(frozen=True)
class AskingJob:
    """A job whose rows ask, with the columns of its source."""

    draft: JobDraft
    asking: Asking
    source: ResolvedSource
    columns: Columns
    registry: Registry

    def problems(self, entities: set[str] | None, *, needs_time: bool) -> Iterator[Problem]:
        """Yield what is wrong with the job's own `event_time` and `entities`.

        Its features are about `entities`, None if not all of them are known.
        """
        at = self.draft.place.at("event_time")
        if (needs_time or self.asking.event_time) and (fault := self._time_fault()):
            yield at.problem(fault)
        for name in self.asking.entities:
            place = self.draft.place.at("entities", name)
            yield from self._entity_problems(name, place, self.asking.entities[name], entities)

    def selection_problems(self, selection: GroupSelection, entity: str) -> Iterator[Problem]:
        """Yield what is wrong with the `entities` of one selection, whose group is about `entity`."""
        for name, columns in selection.entities.items():
            yield from self._entity_problems(name, selection.place.at("entities", name), columns, {entity})

    def time(self) -> tuple[str, str] | None:
        """Return the name and the type of the column with the rows' time, None if that is wrong."""
        name = self._time_name()
        return column_named(name, self.columns) if name and not self._time_fault() else None

    def asker(
        self,
        asked: Asked,
        entity: Entity,
        own_keys: Columns,
        problems: list[Problem],
        *,
        needs_time: bool,
    ) -> Asker | None:
        """Return who asks; None, and more `problems`, if the rows cannot.

        `own_keys` are the columns with the entity's key in the rows that count, in the order of its primary key.
        """
        place = self._place(asked, entity.name)
        names = asked.entities.get(entity.name) or self.asking.entities.get(entity.name)
        given = names or entity.primary_key
        found = list(self._key_faults(given, own_keys, entity, asked.shown, is_named=bool(names)))
        problems += [place.problem(f"`{place.name}`: {fault}") for fault in found]
        time = self.time() if needs_time else None
        keys = tuple(column for name in given if (column := column_named(name, self.columns)))
        is_wrong = found or len(keys) != len(own_keys) or (needs_time and time is None)
        return None if is_wrong else Asker(keys, time, self.asking.known_by, self.asking.closed == "left")

    def _place(self, asked: Asked, entity: str) -> Place:
        places = (asked.place.at("entities", entity), self.draft.place.at("entities", entity))
        return next((each for each in places if each.is_there), asked.place)

    def _time_name(self) -> str | None:
        return self.asking.event_time or self.source.event_time

    def _time_fault(self) -> str | None:
        name = self._time_name()
        if name is None:
            return (
                "`event_time` is missing: expected the column with the time at which a row's features must have been known; the"
                " job's source declares none"
            )
        fault = input_fault(
            InputColumn("event time", "event_time", name, READABLE["time"]), self.columns, there="source"
        )
        return f"`event_time`: {fault}" if fault else None

    def _entity_problems(
        self, name: str, place: Place, columns: Sequence[str], wanted: set[str] | None
    ) -> Iterator[Problem]:
        entity = self.registry.entities_by_name.get(name)
        if entity is None:
            yield place.problem(f"`{place.name}`: {unknown('entity', name, known=self.registry.entities_by_name)}")
        elif len(columns) != len(entity.primary_key):
            expected = f"expected a column for each of {ticked(entity.primary_key)}, the primary key of `{name}`"
            yield place.problem(f"`{place.name}`: {expected}, given {ticked(columns)}")
        elif wanted is not None and name not in wanted:
            about = f"the features are about {ticked(sorted(wanted))}"
            yield place.problem(f"`{place.name}`: no feature here is about `{name}`, {about}; remove it")

    def _key_faults(
        self,
        names: Sequence[str],
        own_keys: Columns,
        entity: Entity,
        shown: str,
        *,
        is_named: bool,
    ) -> Iterator[str]:
        if len(names) != len(own_keys):
            return
        for name, (own, own_type) in zip(names, own_keys, strict=True):
            column = column_named(name, self.columns)
            if column is None:
                advice = "" if is_named else f" Say in `entities` which columns hold the key of `{entity.name}`"
                yield missing_column(name, self.columns, there="source") + ("." if advice else "") + advice
            elif fault := input_fault(
                InputColumn("key", "entities", name, READABLE["key"]), self.columns, there="source"
            ):
                yield fault
            elif common_key_type(own_type, column[1]) is None:
                yield (
                    f"column `{column[0]}` is {column[1]}, and the key `{own}` of {shown} is {own_type};"
                    " expected types of one kind, so that equal keys are equal values; cast the column in the source"
                )
