"""Count a job's rows: those that stay, in each part of a split, and those that are left out, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from feature_platform_py.core.sql_text import quoted
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.jobs.split import Part
from feature_platform_py.jobs.time_values import micros_of
from feature_platform_py.runs.recompute import newest_time
from feature_platform_py.sources.scoring import shown_time
from feature_platform_py.targets import Backend


@dataclass(frozen=True)
class PartCount:
    """How many rows of a part stay, and how many are purged: left out because a later part can be seen from them."""

    start: date | None
    rows: int
    purged: int

    def as_dict(self) -> dict[str, str | int | None]:
        """Return the counts as plain data."""
        return {
            "from": shown_time(self.start) if self.start else None,
            "rows": self.rows,
            "purged": self.purged,
        }


@dataclass(frozen=True)
class RowCounts:
    """How many rows a job has, how many of them are left out for a target that is not known yet, and those of each part.

    Without a split there are no parts. Rows without a time stay, in no part.
    """

    rows: int
    immature: int
    parts: Mapping[str, PartCount]

    @property
    def purged(self) -> int:
        """The rows that are left out because a later part can be seen from them."""
        return sum(each.purged for each in self.parts.values())

    @property
    def kept(self) -> int:
        """The rows that the result has."""
        return self.rows - self.immature - self.purged

    @property
    def shown(self) -> str:
        """The counts, in words."""
        parts = [f"{each.rows:,} {name}" for name, each in self.parts.items()]
        timeless = self.kept - sum(each.rows for each in self.parts.values())
        parts += [f"{timeless:,} without a time"] if self.parts and timeless else []
        left_out = [f"{self.purged:,} purged"] if self.parts else []
        left_out += [f"{self.immature:,} with a target that is not known yet"] if self.immature else []
        return "; ".join(filter(None, [", ".join(parts), ", ".join(["left out: " + left_out[0], *left_out[1:]])]))

    def as_dict(self) -> dict[str, object]:
        """Return the counts as plain data."""
        parts = {name: each.as_dict() for name, each in self.parts.items()}
        return {"in": self.rows, "kept": self.kept, "immature": self.immature, "purged": self.purged, "parts": parts}


def count_rows(
    plan: JobPlan, relation: str, schema: str, backend: Backend, *, condition: str = "true"
) -> RowCounts | None:
    """Return the counts of the rows of a relation that meet a condition; None for a job that leaves none out."""
    split = plan.config.asking.split
    if plan.event_time is None or not (split or plan.config.drops_immature):
        return None
    dropped = " or ".join(_immature(plan, schema, backend)) or "false"
    parts = split.parts if split else ()
    reach = split.reach_seconds(plan.ahead_seconds) * 1_000_000 if split else 0
    cases = [dropped]
    for part in parts:
        of_part, purged = f"not ({dropped}) and {_is_in(part, _micros(plan))}", _is_purged(part, _micros(plan), reach)
        cases += [f"{of_part} and not ({purged})", f"{of_part} and {purged}"]
    counts = ", ".join(f"count(case when {case} then 1 end)" for case in cases)
    [[rows, immature, *found]] = backend.query(
        f"select count(*), {counts} from {relation} where {condition}"  # noqa: S608 - quoted
    ).values
    pairs = zip(parts, found[::2], found[1::2], strict=True)
    return RowCounts(
        int(rows), int(immature), {part.name: PartCount(part.start, int(kept), int(lost)) for part, kept, lost in pairs}
    )


def _micros(plan: JobPlan) -> str:
    name, data_type = plan.event_time or ("", "")
    if data_type == "date":
        return f"unix_date({quoted(name)}) * 86400000000"
    return f"unix_micros(cast({quoted(name)} as timestamp))"


def _immature(plan: JobPlan, schema: str, backend: Backend) -> Iterator[str]:
    """Yield the conditions that a target of a row is not known yet, where such rows are left out."""
    for use in plan.uses if plan.config.drops_immature else ():
        if use.ahead_seconds is not None:
            newest = newest_time(use, plan, schema, backend)
            end = f"{_micros(plan)} + {use.ahead_seconds * 1_000_000}"
            yield f"coalesce({end} > {newest}, false)" if newest is not None else f"{_micros(plan)} is not null"


def _is_in(part: Part, micros: str) -> str:
    bounds = [f"{micros} is not null"]
    bounds += [f"{micros} >= {micros_of(part.start)}"] if part.start else []
    bounds += [f"{micros} < {micros_of(part.end)}"] if part.end else []
    return " and ".join(bounds)


def _is_purged(part: Part, micros: str, reach: int) -> str:
    return f"{micros} + {reach} >= {micros_of(part.end)}" if part.end else "false"
