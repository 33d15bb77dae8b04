"""Find what is known of a job's tests: on which data they passed, and what they may read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from feature_platform_py.core.dbt_packages import own_macros, own_package
from feature_platform_py.core.project import Project
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.runs.nothing_new import program
from feature_platform_py.warehouse.passed_tests import OF_INPUTS, OF_TABLES, PassedTests

_QUALITY = "quality"
# Where projects with copies of the macros have the platform's generic tests, and where its package has them.
_TESTS_OF_COPIES, _TESTS = Path("tests", "dbt", "generic"), "generic_tests"
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


def _is_as_shipped(project: Project, part: str) -> bool:
    ours, theirs = own_package() / part, own_macros(project.root) / part
    return all(_text(theirs / file.name) == file.read_bytes() for file in sorted(ours.glob("*.sql")))


def _redefined(plan: JobPlan, project: Project) -> Iterator[str]:
    """Yield the kinds of tests that the project defines otherwise than it came with."""
    folders = [project.root / name for name in ("macros", "tests/dbt", "dbt_packages")]
    for folder in dict.fromkeys((*folders, own_macros(project.root).resolve(), *plan.dbt_packages.values())):
        for file in folder.rglob("*.sql"):
            text, ours = _text(file), _shipped(file, project.root)
            if ours is None or text != _text(ours):
                yield from (found[1] or found[2] for found in _DEFINES_TEST.finditer(text.decode(errors="replace")))


def _shipped(file: Path, root: Path) -> Path | None:
    """Return the platform's own file that a project's may be a copy of."""
    for folder, ours in (
        (own_macros(root).resolve(), own_package()),
        (own_macros(root), own_package()),
        (root / _TESTS_OF_COPIES, own_package() / _TESTS),
    ):
        if file.is_relative_to(folder):
            return ours / file.relative_to(folder)
    return None


def _text(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
