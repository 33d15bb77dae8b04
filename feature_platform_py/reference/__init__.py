"""Compute every feature a second time: in plain Python, row by row, straight from its definition.

It is slow, because each row looks at all rows of its key, and shares nothing with the SQL that it checks.
"""

from __future__ import annotations

from feature_platform_py.reference.asking import Answers, PointInTime
from feature_platform_py.reference.at_times import (
    reference_features_at,
    reference_targets_at,
    reference_values_by_key,
    reference_versions_at,
)
from feature_platform_py.reference.features import reference_features
from feature_platform_py.reference.scoring import KeySource, reference_scoring_rows
from feature_platform_py.reference.splits import reference_part

__all__ = [
    "Answers",
    "KeySource",
    "PointInTime",
    "reference_features",
    "reference_features_at",
    "reference_part",
    "reference_scoring_rows",
    "reference_targets_at",
    "reference_values_by_key",
    "reference_versions_at",
]
