"""Which tests of a project may be left out, because it is known what they read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.runs.known_tests import known_tests
from feature_platform_py.scaffold.files import KEPT
from feature_platform_py.warehouse.passed_tests import OF_INPUTS, OF_TABLES
from tests.conftest import reword

JOB = Path("configs/jobs/training_features_job.yaml")
ALL = OF_TABLES | OF_INPUTS


def define(file: str, text: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)

    return change


CHANGES: dict[str, tuple[Callable[[Path], object], frozenset[str]]] = {
    "nothing": (lambda _: None, ALL),
    "a test of another name": (define("tests/dbt/generic/own.sql", "{% test own(model) %}select 1{% endtest %}"), ALL),
    "one of the platform's tests": (
        lambda root: reword(root / "macros/generic_tests/values_parse.sql", "{% endtest %}", " {% endtest %}"),
        ALL - {"values_parse"},
    ),
    "one of dbt's tests": (
        define("macros/own.sql", "{%- macro default__test_unique(model, column_name) -%}select 1{%- endmacro -%}"),
        ALL - {"unique"},
    ),
    "one of dbt's tests, in a package": (
        define("dbt_packages/one/macros/own.sql", "{% test not_null(model, column_name) %}select 1{% endtest %}"),
        ALL - {"not_null"},
    ),
    "the macros of the tests": (
        lambda root: reword(root / "macros/quality/broken_rules.sql", "job_rows.", "job_rows . "),
        frozenset(),
    ),
}


def make_thin(root: Path) -> None:
    """Take the macros from the package, as a new project does."""
    shutil.rmtree(root / "macros")
    shutil.copy(KEPT / "dbt_project.yml", root)


@pytest.mark.parametrize("change", ["nothing", "one of dbt's tests", "one of dbt's tests, in a package"])
def test_a_project_that_takes_the_macros_from_the_package_trusts_its_tests(project: Path, change: str) -> None:
    make_thin(project)
    make, trusted = CHANGES[change]
    make(project)
    opened = open_project(project)
    assert known_tests(prepare_job(JOB, opened), opened, is_ignored=False).trusted == trusted


@pytest.mark.parametrize("change", CHANGES)
def test_tests_that_the_project_defines_otherwise_are_not_trusted(project: Path, change: str) -> None:
    make, trusted = CHANGES[change]
    make(project)
    opened = open_project(project)
    assert known_tests(prepare_job(JOB, opened), opened, is_ignored=False).trusted == trusted
