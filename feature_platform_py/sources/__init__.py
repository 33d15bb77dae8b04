"""Read rows from tables and files of Spark, and from queries of a Databricks SQL warehouse."""

from feature_platform_py.sources.base import Source
from feature_platform_py.sources.connector import Patience
from feature_platform_py.sources.databricks_sql import DatabricksSQLSource
from feature_platform_py.sources.spark import DatabricksSparkSource, SparkSource

__all__ = ["DatabricksSQLSource", "DatabricksSparkSource", "Patience", "Source", "SparkSource"]
