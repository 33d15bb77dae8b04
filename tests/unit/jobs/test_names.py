"""Two jobs of one name would replace each other's tables: whatever looks at one of them says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.jobs.checks import load_checked_job
from feature_platform_py.jobs.last_run import record_run
from tests.unit.jobs.jobs import GOOD_JOB, local_project

JOB = GOOD_JOB.replace("jupiter.mm.fact_mm_transaction\n    format: delta", "data.csv")
COLUMNS = [
    ("user_id", "bigint"),
    ("timestamp", "timestamp"),
    ("amount", "double"),
    ("category", "string"),
    ("transaction_type", "string"),
]
OTHER = JOB.replace("window_days: 30", "window_days: 7")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "configs/jobs/team").mkdir(parents=True)
    (root / "data.csv").touch()
    (root / "configs/jobs/spend.yaml").write_text(JOB)
    return root


def said(path: Path, root: Path) -> list[str]:
    try:
        load_checked_job(path, local_project(root=root), columns_of=lambda _: COLUMNS, environ={})
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


def repeated(path: Path, other: Path) -> list[str]:
    return [
        f"{path}:1: `job_name`: `spend` is the name of the job in `{other}` too, and their tables would replace each"
        " other; give one of them another name"
    ]


@pytest.mark.parametrize("name", ["other.yaml", "other.yml", "team/other.yaml"])
def test_two_files_of_the_project_are_named_by_either(root: Path, name: str) -> None:
    first, second = root / "configs/jobs/spend.yaml", root / "configs/jobs" / name
    second.write_text(OTHER)
    assert said(first, root) == repeated(first, second)
    assert said(second, root) == repeated(second, first)


def test_a_copy_in_the_project_is_a_second_job(root: Path) -> None:
    first, second = root / "configs/jobs/spend.yaml", root / "configs/jobs/copy.yaml"
    second.write_text(JOB)
    assert said(first, root) == repeated(first, second)


def test_a_name_that_an_escape_spells_is_the_same_name(root: Path) -> None:
    first, second = root / "configs/jobs/spend.yaml", root / "configs/jobs/other.yaml"
    second.write_text(OTHER.replace("job_name: spend", 'job_name: "sp\\u0065nd"'))
    assert said(first, root) == repeated(first, second)


def test_a_changed_copy_elsewhere_is_another_job(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text(OTHER)
    assert said(copy, root) == repeated(copy, root / "configs/jobs/spend.yaml")
    assert said(root / "configs/jobs/spend.yaml", root) == []


def test_an_equal_copy_elsewhere_is_the_same_job(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text(JOB)
    assert said(copy, root) == []


@pytest.mark.parametrize("link", ["link.yaml", "project/configs/jobs/link.yaml", "project/configs/jobs/a_link.yaml"])
def test_one_file_may_be_reached_by_several_paths(root: Path, tmp_path: Path, link: str) -> None:
    (tmp_path / link).symlink_to(root / "configs/jobs/spend.yaml")
    assert said(tmp_path / link, root) == []
    assert said(root / "configs/jobs/team/../spend.yaml", root) == []


def test_of_two_files_elsewhere_the_one_that_ran_has_the_name(root: Path, tmp_path: Path) -> None:
    (root / "configs/jobs/spend.yaml").unlink()
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(JOB)
    second.write_text(OTHER)
    assert said(second, root) == []
    record_run(local_project(root=root), "spend", [], job_file=first)
    assert said(second, root) == repeated(second, first)
    assert said(first, root) == []
    first.unlink()
    assert said(second, root) == []


@pytest.mark.parametrize("content", ["job_name: [spend", "- spend", "job_name: spending", "# spend", "\xff\x00spend"])
def test_files_that_are_no_job_of_the_name_do_not_count(root: Path, content: str) -> None:
    (root / "configs/jobs/other.yaml").write_bytes(content.encode("latin-1"))
    (root / "configs/jobs/folder.yaml").mkdir()
    (root / "configs/jobs/gone.yaml").symlink_to("nowhere.yaml")
    assert said(root / "configs/jobs/spend.yaml", root) == []
