"""Describe features of one feature table as data: the arguments of the macro, the keys and the features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from feature_platform_py.core.data_types import Columns
from feature_platform_py.features.columns import OutputColumn


@dataclass(frozen=True)
class FeatureSet:
    """Features of one table that share their keys and inputs; `params` are the arguments of the macro.

    `reads` are the source's columns that the features depend on, with their types. A source row counts for `reach_days` days
    after its event time, and for the calendar periods of `reach_periods`, its own included; `reach_days` None means for ever.
    `month_key` is the key with the month of the event time. With `is_by_month` a row counts in its calendar month, which no
    period may divide. `tag` is that of the dbt models.
    """

    model: str
    macro: str
    keys: tuple[str, ...]
    features: tuple[OutputColumn, ...]
    reads: Columns
    timestamp_col: str | None
    reach_days: int | None
    params: Mapping[str, Any]
    month_key: str | None = None
    is_by_month: bool = False
    reach_periods: Mapping[str, int] = field(default_factory=dict)
    tag: str = ""

    @property
    def has_time(self) -> bool:
        """Whether a row of the features belongs to a time, and not to a user's whole history."""
        return self.timestamp_col is not None and (self.timestamp_col in self.keys or self.month_key is not None)

    @property
    def identity(self) -> tuple[object, ...]:
        """The common part of feature sets that one pass computes; lists of windows and categories may differ."""
        united = self._united()
        shared = [(name, value) for name, value in self.params.items() if name not in united]
        return self.model, self.macro, self.keys, repr([each for each in shared if each[0] != "types"])

    def merged(self, other: FeatureSet) -> FeatureSet:
        """Return this feature set and another one with its identity as one."""
        united = {name: values + other.params[name] for name, values in self._united().items()}
        types = {**self.params.get("types", {}), **other.params.get("types", {})}
        reaches = (self.reach_days, other.reach_days)
        return replace(
            self,
            features=self.features + other.features,
            reads=tuple(dict.fromkeys([*self.reads, *other.reads])),
            reach_days=None if None in reaches else max(reach for reach in reaches if reach is not None),
            reach_periods=longest_periods([self.reach_periods, other.reach_periods]),
            params={**self.params, **united} | ({"types": types} if types else {}),
        )

    def variable(self) -> dict[str, Any]:
        """Return the set as plain values for dbt's macros."""
        return {
            "macro": self.macro,
            "keys": list(self.keys),
            "features": {column.name: column.type for column in self.features},
            "reads": dict(self.reads),
            "timestamp_col": self.timestamp_col,
            "month_key": self.month_key,
            "params": {name: value for name, value in self.params.items() if value is not None},
        }

    def _united(self) -> dict[str, Any]:
        """Return the parameters that are united: lists of windows, categories and features."""
        return {name: value for name, value in self.params.items() if isinstance(value, list) and name != "keys"}


def longest_periods(each: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return for each calendar period the largest of the given numbers."""
    found = list(each)
    return {unit: max(one.get(unit, 0) for one in found) for one in found for unit in one}
