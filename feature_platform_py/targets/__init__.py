"""The backend of a target, beside dbt: a Spark session of this process, or the SQL of a server."""

from __future__ import annotations

from feature_platform_py.core.project import Project
from feature_platform_py.core.rows import Rows
from feature_platform_py.targets.backend import Backend

__all__ = ["Backend", "Rows", "backend_of"]


def backend_of(project: Project) -> Backend:
    """Return the backend of the project's target; it starts and contacts nothing before its first use."""
    if project.target.has_session:
        from feature_platform_py.targets.spark import SparkBackend

        return SparkBackend(project)
    if project.target.has_server_catalog:
        from feature_platform_py.targets.connect_catalog import ConnectCatalogBackend

        return ConnectCatalogBackend(project)
    if project.target.type == "spark":
        from feature_platform_py.targets.thrift import ThriftBackend

        return ThriftBackend(project)
    from feature_platform_py.targets.databricks import DatabricksBackend

    return DatabricksBackend(project)
