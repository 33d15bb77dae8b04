"""Keep a line for each good run of a job: when it ended, its seconds and rows, and how many rows have a value of each feature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project
from feature_platform_py.core.spread import Spread

KEPT_RUNS = 100


@dataclass(frozen=True)
class PastRun:
    """A run that ended well: seconds by the clock, rows of its result, and by feature the rows with a value (empty if not counted).

    `spreads` are those of the features that are numbers.
    """

    finished: str
    seconds: float
    rows: int
    filled: Mapping[str, int]
    spreads: Mapping[str, Spread] = field(default_factory=dict)

    @property
    def null_shares(self) -> dict[str, float]:
        """The part of the rows, from 0 to 1, in which a feature is NULL."""
        return {name: 1 - filled / self.rows for name, filled in self.filled.items()} if self.rows else {}


def remember_run(
    project: Project,
    job_name: str,
    *,
    seconds: float,
    rows: int,
    filled: Mapping[str, int],
    spreads: Mapping[str, Spread] = MappingProxyType({}),
) -> None:
    """Add a run to the job's history, which keeps the last `KEPT_RUNS`. A file that cannot be written is no failure."""
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    runs = [*past_runs(project, job_name), PastRun(finished, round(seconds, 1), rows, dict(filled), dict(spreads))]
    with suppress(OSError):
        replace_file(_file(project, job_name), json.dumps([asdict(each) for each in runs[-KEPT_RUNS:]]))


def past_runs(project: Project, job_name: str) -> list[PastRun]:
    """Return the job's runs on this machine, the newest last; none if they cannot be read."""
    try:
        told: list[dict[str, Any]] = json.loads(_file(project, job_name).read_text(encoding="utf-8"))
        return [
            PastRun(
                str(each["finished"]),
                float(each["seconds"]),
                int(each["rows"]),
                each["filled"],
                {name: Spread(**spread) for name, spread in each.get("spreads", {}).items()},
            )
            for each in told
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _file(project: Project, job_name: str) -> Path:
    return project.caches / job_name / "runs.json"
