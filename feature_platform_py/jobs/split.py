"""Split a job's rows by their time into the parts of a training set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from feature_platform_py.core.document import NOWHERE, Place
from feature_platform_py.core.errors import Problem
from feature_platform_py.features.columns import OutputColumn
from feature_platform_py.jobs.time_values import micros_of
from feature_platform_py.sources.scoring import shown_length, shown_time

SPLIT_COLUMN = OutputColumn(
    "split", "string", description="The part of the training set that the row is in: `train`, `valid` or `test`."
)


@dataclass(frozen=True)
class Part:
    """A part of a split: rows from `start` on, and before `end`; None is without a bound."""

    name: str
    start: date | None
    end: date | None

    @property
    def shown(self) -> str:
        """The part, in words: `valid from 1993-10-01`."""
        return f"{self.name} from {shown_time(self.start)}" if self.start else self.name


@dataclass(frozen=True)
class Split:
    """The first times of the later parts, and for how long before each of them rows are left out in any case."""

    valid_from: date | None
    test_from: date | None
    gap_seconds: int = 0
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts in the order of time."""
        starts = {"train": None, "valid": self.valid_from, "test": self.test_from}
        named = [(name, start) for name, start in starts.items() if start or name == "train"]
        ends = [*(start for _, start in named[1:]), None]
        return tuple(Part(name, start, end) for (name, start), end in zip(named, ends, strict=True))

    def reach_seconds(self, ahead: int) -> int:
        """Return for how long before a later part rows are left out, if targets look `ahead` so many seconds."""
        return max(self.gap_seconds, ahead)

    def shown(self, ahead: int) -> str:
        """Return the split in words."""
        parts = ", ".join(each.shown for each in self.parts)
        reach = self.reach_seconds(ahead)
        return parts + (f"; rows of the {shown_length(reach)} before a later part are left out" if reach else "")

    def problems(self, ahead: int) -> Iterator[Problem]:
        """Yield the problem of a part without any row that stays, if targets look `ahead` so many seconds."""
        reach = self.reach_seconds(ahead)
        for part in self.parts:
            if part.start and part.end and reach * 1_000_000 >= micros_of(part.end) - micros_of(part.start):
                why = "the `gap`" if self.gap_seconds >= ahead else "the windows of the targets"
                length = shown_length((micros_of(part.end) - micros_of(part.start)) // 1_000_000)
                yield self.place.problem(
                    f"`split`: no row would stay in `{part.name}`, which lasts {length}: those of the {shown_length(reach)} before the"
                    f" next part are left out for {why}; move the parts apart"
                )
