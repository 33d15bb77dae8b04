"""The page's part on aggregations over windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.aggregation_cases import CASES, K
from benchmarks.engines import OURS
from benchmarks.tables import LABELS, gigabytes, table

MARK = "aggregations"
_NAMES = {
    "count_distinct_few": "`count_distinct` of 8 categories",
    "count_distinct_many": "`count_distinct` of amounts",
    "first_k": f"`first_k`, {K} values",
    "last_k": f"`last_k`, {K} values",
    "sum_left": "`sum`, `closed: left`",
    "sum_offset": "`sum` over `30d offset 30d`",
    "sum_lifetime": "`sum` over `lifetime`",
    "sum_month": "`sum` over `month`",
    "sum_previous_month": "`sum` over `previous month`",
    "sum_five_windows": "`sum` over 1d, 7d, 30d, 90d, 365d",
    "twenty": "20 features: `sum`, `avg`, `count`, `stddev` over these",
    "twenty_with_extremes": "20 features: `sum`, `avg`, `min`, `max` over these",
}
_LABELS = {**LABELS, OURS: "`WindowAggregator`"}


def section(found: Mapping[str, Any]) -> str:
    """The part: our cases in relation to a sum and to sparse users, then some of them beside the peers."""
    sparse, dense = found["tables"]["sparse"], found["tables"]["dense"]
    facts = (
        f"{sparse['rows']:,} rows in {sparse['months']} months, of {sparse['users']:,} sparse or {dense['users']:,} dense users;"
        f" runs of each of our cases: {found['repeats']}, beside peers one, measured on {found['measured']}, {found['machine']}."
    )
    how = (
        "Each run is a process that computes one case for every row, and writes it to Parquet: of `amount`, over `30d` where no other"
        " window is named. The start of the engine is left out, and so is the rendering of our SQL by dbt."
    )
    texts = ["### Aggregations over windows", facts, how, _ours(found["ours"])]
    if "compared" in found:
        beside = "Beside the peers, seconds and in brackets peak memory in GB; an engine that took longer than `>` says was stopped."
        agreement = "The outputs agree." if not found["differences"] else "**The outputs differ.**"
        texts += [f"{beside} {agreement}", _compared(found)]
    return "\n\n".join(texts)


def _ours(cases: Mapping[str, Any]) -> str:
    base = cases["sum"]
    rows = [
        [
            name_of(case),
            f"{of['sparse']['cpu_seconds']:.1f}",
            f"{of['sparse']['cpu_seconds'] / base['sparse']['cpu_seconds']:.2f}",
            f"{of['dense']['cpu_seconds']:.1f}",
            f"{of['dense']['cpu_seconds'] / base['dense']['cpu_seconds']:.2f}",
            f"{of['dense']['cpu_seconds'] / of['sparse']['cpu_seconds']:.2f}",
        ]
        for case, of in cases.items()
    ]
    heads = ["CPU seconds", "sparse", "/ `sum`", "dense", "/ `sum`", "dense / sparse"]
    return table(heads, rows)


def _compared(found: Mapping[str, Any]) -> str:
    engines, limit = found["engines"], found["limit_seconds"]
    rows = [
        [f"{name_of(case)}, {name}", *(_cell(done[each], limit) for each in engines)]
        for case, tables in found["compared"].items()
        for name, done in tables.items()
    ]
    return table(["", *(_LABELS[each] for each in engines)], rows)


def _cell(done: Mapping[str, float] | str, limit: float) -> str:
    if isinstance(done, str):
        return f"> {limit:.0f}" if done == "stopped" else done
    return f"{done['seconds']:.1f} ({gigabytes(done['peak_bytes'])})"


def name_of(case: str) -> str:
    """The name of a case on the page."""
    return _NAMES.get(case, f"`{CASES[case][0].function}`")
