"""Write a result by its periods: those alone that differ from what a sink holds, if that is known."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from pathlib import Path
from typing import TYPE_CHECKING

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.core.spread import Spread
from feature_platform_py.core.sql_text import literal, quoted
from feature_platform_py.sinks.division import (
    NO_PERIOD,
    Division,
    FileStamp,
    HeldPeriod,
    PeriodRows,
    stamps,
)
from feature_platform_py.sinks.results import ResultCounts, SessionResult

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MIN_ROWS = 100_000
"""Results with fewer rows have one period: files of a few rows cost more than they save."""
MAX_PERIODS = 240
"""Results with more months have years as periods, or one period: engines write many files at once slowly."""
_MARK = "p"

StageFiles = Callable[["DataFrame", Path, Sequence[str]], None]
"""Writes a frame below a folder as Parquet files, in folders of the given columns."""


@dataclass(frozen=True)
class Written:
    """What a sink did: the counts of the whole result, the periods that are there now if they are known, and how many it replaced.

    `replaced` is None if it wrote everything.
    """

    counts: ResultCounts
    held: Mapping[str, HeldPeriod] | None = None
    replaced: int | None = None


@dataclass
class DividedResult:
    """A result in periods, for a place that has the files `there`; other files than those that it is known to hold: all is written."""

    result: SessionResult
    there: Mapping[str, FileStamp]
    division: Division
    partition_by: Sequence[str] = ()
    staged: dict[str, PeriodRows] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def held(self) -> Mapping[str, HeldPeriod]:
        """The periods that the place is known to hold; none if all is to be written."""
        held = self.division.held
        if held is None or self.division.stale is None:
            return {}
        known = {name: stamp for each in held.values() for name, stamp in each.files.items()}
        return held if known == self.there else {}

    @cached_property
    def changed(self) -> frozenset[str] | None:
        """The periods to write or to remove; None for all."""
        if not self.held:
            return None
        now, stale = self._now, {self.division.period_of(day) for day in self.division.stale or ()}
        held = {name: each.rows.fingerprint for name, each in self.held.items()}
        differing = {name for name in {*held, *now} if name not in now or held.get(name) != now[name].fingerprint}
        return frozenset(differing | (stale & {*held, *now}))

    @property
    def kept(self) -> dict[str, HeldPeriod]:
        """The periods that stay as they are."""
        return (
            {} if self.changed is None else {name: each for name, each in self.held.items() if name not in self.changed}
        )

    @property
    def removed(self) -> list[str] | None:
        """The names of the files that are replaced, None for all that are there."""
        return (
            None
            if self.changed is None
            else [file for name in self.changed & self.held.keys() for file in self.held[name].files]
        )

    def stage(self, write: StageFiles, folder: Path) -> None:
        """Write the changed periods below an empty folder, and count what is there. Raises DataCheckError for lost or repeated rows.

        The files are in the folders of `partition_by`, and nothing in their names tells which period they hold.
        """
        frame = self.result.frame
        if self.changed is not None:
            frame = frame.where(self.division.condition(self.changed))
        mark = self._mark(frame.columns)
        if self.division.has_periods:
            frame = frame.selectExpr("*", f"concat({literal(_MARK)}, {self.division.period_sql}) as {quoted(mark)}")
        write(frame, folder, [*self.partition_by, *([mark] if self.division.has_periods else [])])
        if any(folder.rglob("*.parquet")):
            self._count(folder, mark)
        self._check_rows()
        if self.staged:
            self._flatten(folder)
            return
        # Writers may leave a file without rows.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    def renamed(self, names: Mapping[str, str]) -> None:
        """Note other names of the staged files, those that they get at their place."""
        self.files = {period: [names[name] for name in files] for period, files in self.files.items()}

    def _count(self, folder: Path, mark: str) -> None:
        there = self.result.frame.sparkSession.read.parquet(str(folder))
        period = f"substring({quoted(mark)}, {len(_MARK) + 1})" if self.division.has_periods else literal(NO_PERIOD)
        if not self.partition_by or self.result.division is None:
            self.staged = self.division.rows_of(there, period, self.result.features, self.result.numeric_features)
            return
        # Readers guess the types of the columns that are folders.
        given = there, period, self.result.features, self.result.numeric_features
        counted = replace(self.division, columns=()).rows_of(*given)
        self.staged = {
            name: replace(rows, fingerprint=self._fingerprint_now(name) or "") for name, rows in counted.items()
        }

    def _flatten(self, folder: Path) -> None:
        """Move the files out of the folders of their periods."""
        for file in sorted(folder.rglob("*.parquet")):
            period, place = NO_PERIOD, file.parent
            if self.division.has_periods:
                period, place = place.name.partition("=")[2].removeprefix(_MARK), place.parent
            named = place / f"part-{uuid.uuid4().hex}.parquet"
            file.rename(named)
            if file.parent != place and not any(file.parent.iterdir()):
                file.parent.rmdir()
            self.files.setdefault(period, []).append(named.relative_to(folder).as_posix())

    def _check_rows(self) -> None:
        self.result.check_rows(self.counts().rows)
        for name in self.changed or ():
            rows = self.staged.get(name)
            if (rows.fingerprint if rows else None) != self._fingerprint_now(name):
                raise DataCheckError(
                    f"the rows of the period {name} are not those of the source. The sink is as it was; run again with"
                    " `--full-refresh`"
                )

    def _fingerprint_now(self, period: str) -> str | None:
        rows = self._now.get(period)
        return rows.fingerprint if rows else None

    def counts(self) -> ResultCounts:
        """Return the counts of the whole result."""
        periods = [*(each.rows for each in self.kept.values()), *self.staged.values()]
        filled = {name: sum(each.filled[name] for each in periods) for name in self.result.features}
        spreads = {
            name: reduce(Spread.with_, (each.spreads[name] for each in periods), Spread(0))
            for name in self.result.numeric_features
            if all(name in each.spreads for each in periods)
        }
        return ResultCounts(sum(each.rows for each in periods), filled, spreads)

    def written(self, folder: Path) -> Written:
        """Return what was written, when the files are at their place below a folder."""
        files = {name: list(each.files) for name, each in self.kept.items()} | self.files
        rows = {name: each.rows for name, each in self.kept.items()} | self.staged
        # A link to a file counts as its change.
        held = {name: HeldPeriod(each, stamps(folder, files.get(name, []))) for name, each in rows.items()}
        replaced = None if self.changed is None else len(self.changed)
        return Written(self.counts(), held if self.result.division else None, replaced)

    @cached_property
    def _now(self) -> dict[str, PeriodRows]:
        return self.division.rows_now(self.result.frame.sparkSession.table(self.division.rows))

    @staticmethod
    def _mark(columns: Iterable[str]) -> str:
        taken, mark = {name.lower() for name in columns}, "period"
        while mark in taken:
            mark += "_"
        return mark


def divided(result: SessionResult, there: Mapping[str, FileStamp], partition_by: Sequence[str] = ()) -> DividedResult:
    """Return the result in periods.

    It has one if it has no division or few rows, or if the folders of other columns than its time would have files for each period.
    """
    division = result.division or Division(rows="", columns=())
    is_by_time = not partition_by or (division.event_time is not None and division.event_time[0] in partition_by)
    unit = _unit(division, result) if is_by_time and result.expected_rows >= MIN_ROWS else None
    division = replace(division, unit=unit) if unit else replace(division, event_time=None, unit=None)
    return DividedResult(result, there, division, partition_by)


def _unit(division: Division, result: SessionResult) -> str | None:
    """Return the length of a period, so that there are not too many; None for one period."""
    if not division.has_periods:
        return None
    rows = result.frame.sparkSession.table(division.rows)
    [[number]] = rows.selectExpr(f"count(distinct {division.month_sql})").collect()
    if division.unit == "month" and number <= MAX_PERIODS:
        return "month"
    return "year" if number <= 12 * MAX_PERIODS else None
