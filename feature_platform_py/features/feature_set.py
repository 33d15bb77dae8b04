"""Describe features of one feature table as data: the arguments of the macro, the keys and the features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from feature_platform_py.core.data_types import Columns
from feature_platform_py.features.columns import OutputColumn


@dataclass(frozen=True)
class FeatureSet:
    """Features of one table that share their keys and inputs; `params` are the arguments of the macro.

    `reads` are the source's columns that the features depend on, with their types. `reach_days` is the number of days after its
    event time for which a source row counts, beyond its own period; None means for ever. `month_key` is the key with the month of
    the event time. With `is_by_month` a row counts in its calendar month, which no period may divide. `tag` is that of the dbt models.
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
    tag: str = ""

    @property
    def has_time(self) -> bool:
        """Whether a row of the features belongs to a time, and not to a user's whole history."""
        return self.timestamp_col is not None and (self.timestamp_col in self.keys or self.month_key is not None)

    @property
    def identity(self) -> tuple[object, ...]:
        """The common part of feature sets that one pass computes; lists of windows and categories may differ."""
        listed = self._listed()
        shared = [(name, value) for name, value in self.params.items() if name not in listed]
        return self.model, self.macro, self.keys, repr(shared)

    def merged(self, other: FeatureSet) -> FeatureSet:
        """Return this feature set and another one with its identity as one."""
        listed = {name: values + other.params[name] for name, values in self._listed().items()}
        reaches = (self.reach_days, other.reach_days)
        return replace(
            self,
            features=self.features + other.features,
            reach_days=None if None in reaches else max(reach for reach in reaches if reach is not None),
            params={**self.params, **listed},
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

    def _listed(self) -> dict[str, list[Any]]:
        return {name: value for name, value in self.params.items() if isinstance(value, list)}
