"""Test transformers and SQL: a session, a warehouse, rows that break naive code, a comparison that explains, a reference."""

from __future__ import annotations

from feature_platform_py.reference import (
    Answers,
    KeySource,
    PointInTime,
    reference_features,
    reference_features_at,
    reference_part,
    reference_scoring_rows,
    reference_targets_at,
    reference_values_by_key,
    reference_versions_at,
)
from feature_platform_py.testing.comparison import assert_features_equal
from feature_platform_py.testing.edge_cases import EdgeCases, edge_case_frame, edge_case_rows

__all__ = [
    "Answers",
    "EdgeCases",
    "KeySource",
    "PointInTime",
    "assert_features_equal",
    "edge_case_frame",
    "edge_case_rows",
    "reference_features",
    "reference_features_at",
    "reference_part",
    "reference_scoring_rows",
    "reference_targets_at",
    "reference_values_by_key",
    "reference_versions_at",
]


def __dir__() -> list[str]:
    return sorted(__all__)
