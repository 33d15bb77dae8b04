"""Compute every feature a second time: in plain Python, row by row, straight from its definition.

It is slow, because each row looks at all rows of its key, and shares nothing with the SQL that it checks.
"""

from __future__ import annotations

from feature_platform_py.reference.features import reference_features

__all__ = ["reference_features"]
