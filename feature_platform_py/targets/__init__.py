"""What the commands need of a target's tables besides dbt: through a Spark session of this process, or as SQL of a workspace."""

from __future__ import annotations

from feature_platform_py.core.project import Project
from feature_platform_py.core.rows import Rows
from feature_platform_py.targets.base import TargetTables

__all__ = ["Rows", "TargetTables", "open_tables"]


def open_tables(project: Project) -> TargetTables:
    """The tables of the project's target; nothing is started or contacted before it is asked for something."""
    if project.target.has_session:
        from feature_platform_py.targets.spark import SparkTables

        return SparkTables(project)
    from feature_platform_py.targets.databricks import DatabricksTables

    return DatabricksTables(project)
