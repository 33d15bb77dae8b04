"""Find what is known of a job's tests: on which data they passed, and what they may read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from feature_platform_py.core.project import Project, template
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.runs.nothing_new import program
from feature_platform_py.warehouse.passed_tests import OF_INPUTS, OF_TABLES, PassedTests

_QUALITY = Path("macros", "quality")
_DEFINES_TEST = re.compile(r"\btest\s+(\w+)|(?:\b|__)test_(\w+)\s*\(")


def known_tests(plan: JobPlan, project: Project, *, is_ignored: bool) -> PassedTests:
    """Return what the warehouse knows of the job's tests. With `is_ignored` all are to look at everything."""
    digest = sha256(json.dumps([project.target.engine, list(program())]).encode()).hexdigest()
    file = project.notes / f"{plan.job_name}.tests.json"
    return PassedTests(file, program=digest, trusted=_trusted(plan, project), is_ignored=is_ignored)


def _trusted(plan: JobPlan, project: Project) -> frozenset[str]:
    """Return the kinds of tests that read nothing but what they are given: the platform's as it comes with them, and dbt's own."""
    if not _is_as_shipped(project, _QUALITY):
        return frozenset()
    is_now = plan.source.scoring is not None and plan.source.scoring.rows.instants.start is None
    kinds = OF_TABLES if is_now else OF_TABLES | OF_INPUTS
    redefined = set(_redefined(plan, project))
    return frozenset(kind for kind in kinds if kind not in redefined)


def _is_as_shipped(project: Project, part: Path) -> bool:
    ours, theirs = template() / part, project.root / part
    return all(_text(theirs / file.name) == file.read_bytes() for file in sorted(ours.glob("*.sql")))


def _redefined(plan: JobPlan, project: Project) -> Iterator[str]:
    """Yield the kinds of tests that the project defines otherwise than it came with."""
    folders = [project.root / name for name in ("macros", "tests/dbt", "dbt_packages")]
    for folder in (*folders, *plan.dbt_packages.values()):
        for file in folder.rglob("*.sql"):
            ours = template() / file.relative_to(project.root) if file.is_relative_to(project.root) else file
            text = _text(file)
            if ours == file or text != _text(ours):
                yield from (found[1] or found[2] for found in _DEFINES_TEST.finditer(text.decode(errors="replace")))


def _text(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
