"""Say into which periods a job's result is divided, so that its sink can replace changed ones alone; or why it is written whole."""

from __future__ import annotations

from dataclasses import dataclass

from feature_platform_py.core.data_types import kind_of
from feature_platform_py.features.columns import column_named
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.registry.schema import Period

_UNITS: tuple[Period, ...] = ("day", "month", "year")


@dataclass(frozen=True)
class ResultPeriods:
    """The periods of a job's result: the column with the rows' time, and the length of a period; neither without such a time.

    `why_whole` says why the sink is always written whole, None if it replaces what has changed.
    """

    event_time: tuple[str, str] | None = None
    unit: Period | None = None
    why_whole: str | None = None


def result_periods(plan: JobPlan) -> ResultPeriods:
    """Return the periods of a job's result.

    All feature tables must be looked up by one event time, so that a change of their rows of a period reaches the job's rows of that
    period and no others. A table without periods reaches all of them, whenever it has changed.
    """
    if whole := _why_whole(plan):
        return ResultPeriods(why_whole=whole)
    sets = [each for part in plan.parts for each in part.feature_sets]
    times = {each.timestamp_col for each in sets if each.has_time and each.timestamp_col}
    units = {unit for part in plan.parts for table in part.tables if (unit := part.period(table))}
    event_time = column_named(times.pop(), plan.columns) if len(times) == 1 else None
    return ResultPeriods(event_time, max(units, key=_UNITS.index)) if event_time and units else ResultPeriods()


def _why_whole(plan: JobPlan) -> str | None:
    """Return why what has changed of a result cannot be told by its rows and the feature tables."""
    if plan.config.python_transformers:
        return "transformers in Python may give any row other values"
    if plan.uses or plan.config.asking.split or plan.source.scoring:
        return "its rows ask for features at their own times"
    if unknown := [f"`{name}` is {data_type}" for name, data_type in plan.columns if kind_of(data_type) == "other"]:
        return f"no fingerprint has this type: {', '.join(unknown)}"
    return None
