"""What a job wants of one feature table, as data: the arguments of its macro, its keys and its features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from feature_platform_py.features.columns import OutputColumn

# A transformer that is used twice, with these alone differing, takes one pass over the data.
LISTED_PARAMS = ("window_days", "target_category_value")


@dataclass(frozen=True)
class FeatureSet:
    """Features of one model that share their keys and inputs; `params` are the arguments of the macro.

    `reach_days` says for how many days after its event time a source row counts, beyond its own period; None: for ever.
    """

    model: str
    macro: str
    keys: tuple[str, ...]
    features: tuple[OutputColumn, ...]
    timestamp_col: str | None
    reach_days: int | None
    params: Mapping[str, Any]

    @property
    def has_time(self) -> bool:
        """Whether a row of the features stands for a time, not for a user's whole history."""
        return "year_month" in self.keys or self.timestamp_col in self.keys

    @property
    def identity(self) -> tuple[object, ...]:
        """What two feature sets have in common that are computed in one pass."""
        shared = [(name, value) for name, value in self.params.items() if name not in LISTED_PARAMS]
        return self.model, self.macro, self.keys, repr(shared)

    def merged(self, other: FeatureSet) -> FeatureSet:
        """This feature set and another of its identity as one."""
        listed = {name: self.params[name] + other.params[name] for name in LISTED_PARAMS if name in self.params}
        reaches = (self.reach_days, other.reach_days)
        return replace(
            self,
            features=self.features + other.features,
            reach_days=None if None in reaches else max(reach for reach in reaches if reach is not None),
            params={**self.params, **listed},
        )

    def variable(self) -> dict[str, Any]:
        """What dbt's macros are told of the set, as plain values."""
        return {
            "macro": self.macro,
            "keys": list(self.keys),
            "features": [column.name for column in self.features if column.name not in self.keys],
            "params": {name: value for name, value in self.params.items() if value is not None},
        }
