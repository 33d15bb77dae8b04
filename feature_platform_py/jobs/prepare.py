"""From a job file to its plan: load, find the source, learn its columns, check all, plan."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.core.project import Project
from feature_platform_py.jobs.plan import JobPlan
