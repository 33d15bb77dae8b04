"""A SQL-first feature platform on dbt: exact point-in-time features, readable as SQL.

The public names for notebooks and packages; each is imported on its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from feature_platform_py.core.data_types import Columns as Columns
    from feature_platform_py.core.errors import FeaturePlatformError as FeaturePlatformError
    from feature_platform_py.core.fields import ColumnName as ColumnName
    from feature_platform_py.features.built_in.financial import *  # noqa: F403
    from feature_platform_py.features.built_in.generic import *  # noqa: F403
    from feature_platform_py.features.built_in.window_aggregator import WindowAggregator as WindowAggregator
    from feature_platform_py.features.catalogue import TRANSFORMER_REGISTRY as TRANSFORMER_REGISTRY
    from feature_platform_py.features.catalogue import get_transformer as get_transformer
    from feature_platform_py.features.catalogue import register_transformer as register_transformer
    from feature_platform_py.features.columns import InputColumn as InputColumn
    from feature_platform_py.features.columns import OutputColumn as OutputColumn
    from feature_platform_py.features.columns import Reads as Reads
    from feature_platform_py.features.sql import SqlTransformer as SqlTransformer
    from feature_platform_py.features.transformer import FeatureTransformer as FeatureTransformer
    from feature_platform_py.runs.features_at import features_at as features_at
    from feature_platform_py.runs.job import Job as Job
    from feature_platform_py.runs.result import Result as Result
    from feature_platform_py.sessions.databricks import DatabricksConnectionConfig as DatabricksConnectionConfig
    from feature_platform_py.sources import DatabricksSparkSource as DatabricksSparkSource
    from feature_platform_py.sources import DatabricksSQLSource as DatabricksSQLSource
    from feature_platform_py.sources import Source as Source
    from feature_platform_py.sources import SparkSource as SparkSource
    from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager as SparkSessionManager

_MODULES = {
    "core.data_types": ("Columns",),
    "sessions.databricks": ("DatabricksConnectionConfig",),
    "core.errors": ("FeaturePlatformError",),
    "core.fields": ("ColumnName",),
    "warehouse.spark_session_manager": ("SparkSessionManager",),
    "features.catalogue": ("TRANSFORMER_REGISTRY", "get_transformer", "register_transformer"),
    "features.columns": ("InputColumn", "OutputColumn", "Reads"),
    "features.sql": ("SqlTransformer",),
    "features.transformer": ("FeatureTransformer",),
    "runs.features_at": ("features_at",),
    "runs.job": ("Job",),
    "runs.result": ("Result",),
    "sources": ("DatabricksSQLSource", "DatabricksSparkSource", "Source", "SparkSource"),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return [*_PLACES, *_built_in()]
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    if not name.startswith("_") and name in (built_in := _built_in()):
        return built_in[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_PLACES, *_built_in()])


def _built_in() -> Mapping[str, Any]:
    """Return the package's own transformers by their names."""
    from feature_platform_py.features.catalogue import BUILT_IN

    return BUILT_IN
