"""Say into which periods a job's result is divided, so that its sink can replace changed ones alone, and when it is written whole."""

from __future__ import annotations

from dataclasses import dataclass

from feature_platform_py.core.data_types import kind_of
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.features.columns import column_named
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.registry.schema import Period


@dataclass(frozen=True)
class ResultPeriods:
    """The periods of a job's result: the column with the rows' time, and the length of a period; neither without one such time.

    `why_unknown` says why nobody can tell what has changed of the result, None if that is known.
    """

    event_time: tuple[str, str] | None = None
    unit: Period | None = None
    why_unknown: str | None = None


def result_periods(plan: JobPlan) -> ResultPeriods:
    """Return the periods of a job's result.

    All feature tables must be looked up by one event time, so that a change of their rows of a period reaches the job's rows of that
    period and no others. A table without periods reaches all of them, whenever it has changed.
    """
    if unknown := _why_unknown(plan):
        return ResultPeriods(why_unknown=unknown)
    times, units = _times(plan), {unit for _, unit in _tables(plan) if unit}
    event_time = column_named(times[0], plan.columns) if len(times) == 1 else None
    # Files of days would be many.
    unit: Period = "year" if "year" in units else "month"
    return ResultPeriods(event_time, unit) if event_time and units else ResultPeriods()


def why_whole(plan: JobPlan) -> str | None:
    """Return when the sink is written whole although few rows have changed, and why; None if never, or if it does not replace rows."""
    if not plan.sink.is_replaced:
        return None
    periods, always = result_periods(plan), "whenever anything has changed: "
    if because := plan.sink.why_whole(periods.event_time) or periods.why_unknown or _why_undivided(plan, periods):
        return always + because
    without = [plan.shown(name) for name, unit in _tables(plan) if unit is None]
    return f"whenever {ticked(without)} has changed, which has no periods" if without else None


def _why_unknown(plan: JobPlan) -> str | None:
    if plan.config.python_transformers:
        return "a transformer in Python may give any row other values"
    if plan.uses or plan.config.asking.split or plan.source.scoring:
        return "its rows ask for features at their own times"
    if unknown := [f"`{name}` is {data_type}" for name, data_type in plan.columns if kind_of(data_type) == "other"]:
        return f"no fingerprint has this type: {', '.join(unknown)}"
    return None


def _why_undivided(plan: JobPlan, periods: ResultPeriods) -> str | None:
    if periods.event_time:
        return None
    times = _times(plan)
    return f"its features have several event times, {ticked(times)}" if times else "its features have no event time"


def _times(plan: JobPlan) -> list[str]:
    """Return the columns with the times at which features are looked up."""
    sets = [each for part in plan.parts for each in part.feature_sets]
    return sorted({each.timestamp_col for each in sets if each.has_time and each.timestamp_col})


def _tables(plan: JobPlan) -> list[tuple[str, Period | None]]:
    """Return the names of the feature tables, with the lengths of their periods."""
    return [(part.table_name(table), part.period(table)) for part in plan.parts for table in part.tables]
