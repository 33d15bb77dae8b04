"""Keep what the last run of a job did, in a small file beside the job's caches."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project


def record_run(project: Project, job_name: str, nodes: Sequence[Mapping[str, Any]], *, job_file: Path) -> None:
    """Record the job's file, and the `name`, `kind`, `status` and `rows` of each node, in one step."""
    path = project.caches / job_name / "last_run.json"
    real = job_file.resolve()
    shown = real.relative_to(project.root) if real.is_relative_to(project.root) else real
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    replace_file(path, json.dumps({"finished": finished, "file": str(shown), "nodes": list(nodes)}))


def last_run(project: Project, job_name: str) -> dict[str, Any] | None:
    """Return when the job last ran (`finished`), its `file` and its `nodes`; None if it has no readable record here."""
    path = project.caches / job_name / "last_run.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found
