"""Every transformer that a job may name, in one table."""

from __future__ import annotations

from collections.abc import Mapping

from feature_platform_py.features.financial import FINANCIAL_TRANSFORMERS, FinancialParams

TransformerParams = FinancialParams
"""Validated parameters: a frozen dataclass with `input_columns()`, what it reads, and `output_columns(columns)`, what it adds."""

TRANSFORMERS: Mapping[str, type[TransformerParams]] = {**FINANCIAL_TRANSFORMERS}
