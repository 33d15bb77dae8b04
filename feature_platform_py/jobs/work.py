"""Describe the work that makes a feature table equal a full refresh: the periods, and why (as dbt's macros report it)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from feature_platform_py.core.messages import Code, Message

_WORDS = {"reached": "reached by a window"}
_SHOWN = 3
_REASONS_OF_INPUT = ("input changed", "the table is empty")


@dataclass(frozen=True)
class PeriodWork:
    """A period to compute: its name (`1994-02`; None for a table without time), the reason, and its present input rows."""

    period: str | None
    change: str
    rows: int


@dataclass(frozen=True)
class TableWork:
    """The work on one table.

    `action` is `rebuild` (replace all rows, for the `reason`), `replace` (replace the rows of `periods`), `skip`, or `unknown` before
    the input exists. `of` is the number of all periods, None if not counted; `unit` is the length of a period.
    """

    action: str
    reason: str | None
    of: int | None
    unit: str | None
    periods: tuple[PeriodWork, ...]

    @property
    def rows(self) -> int | None:
        """The input rows of the periods to compute; None if not counted."""
        return (
            None
            if self.action in {"rebuild", "unknown"} and not self.periods
            else sum(each.rows for each in self.periods)
        )

    @property
    def extent(self) -> str:
        """How much is computed, in words."""
        if self.action == "skip":
            return "nothing"
        if self.action == "unknown":
            return "what has changed"
        if self.action == "rebuild":
            return f"all {self.of} {self.unit}s" if self.of and self.of > 1 and self.unit else "all rows"
        return f"{len(self.periods)} of {self.of} {self.unit}s"

    @property
    def why(self) -> str:
        """Why it is computed, in words: the periods by reason."""
        if self.action == "skip":
            return "nothing new"
        if self.reason:
            return self.reason
        changes = dict.fromkeys(each.change for each in self.periods)
        return ", ".join(f"{self._listed(change)} {_WORDS.get(change, change)}" for change in changes)

    def _listed(self, change: str) -> str:
        names = [str(each.period) for each in self.periods if each.change == change]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return ", ".join(names[:_SHOWN]) + more

    @property
    def is_of_another_definition(self) -> bool:
        """Whether the table is not there, or was computed by another definition than that of now."""
        return self.action == "unknown" or (self.action == "rebuild" and self.reason not in _REASONS_OF_INPUT)

    def as_dict(self) -> dict[str, Any]:
        """Return the work as plain data, for `--format json`."""
        return {
            "action": self.action,
            "reason": self.reason,
            "period": self.unit,
            "rows": self.rows,
            "periods": [{"period": each.period, "change": each.change, "rows": each.rows} for each in self.periods],
        }


MOVED_WORK = TableWork("unknown", "the table is moved first", of=None, unit=None, periods=())
CLONED_WORK = TableWork("unknown", "production's table is cloned first", of=None, unit=None, periods=())
UNKNOWN_WORK = TableWork("unknown", "the query is run first", of=None, unit=None, periods=())


def read_work(message: Message) -> TableWork | None:
    """Return the work that a message reports, or None for another message."""
    if message.code is not Code.FEATURE_TABLE_WORK:
        return None
    told = message.fields
    periods = tuple(PeriodWork(**each) for each in told["periods"])
    return TableWork(told["action"], told["reason"], told["of"], told["unit"], periods)
