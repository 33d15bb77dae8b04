"""Every transformer that a job may name, in one table."""

from __future__ import annotations

from collections.abc import Mapping

from feature_platform_py.features.financial import FINANCIAL_TRANSFORMERS, FinancialParams

TransformerParams = FinancialParams
"""Validated parameters: frozen dataclasses with `input_columns()` and `output_columns(columns)`."""

TRANSFORMERS: Mapping[str, type[TransformerParams]] = {**FINANCIAL_TRANSFORMERS}
