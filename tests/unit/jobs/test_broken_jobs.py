"""Each way in which a job file can be broken gives its message, at its line, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.jobs.jobs import GOOD_JOB, problems

CASES = Path(__file__).with_name("broken_jobs.txt")


def broken_jobs() -> Iterator[tuple[str, str, list[tuple[int, str]]]]:
    """Name, text and expected problems of each case in the file."""
    for case in CASES.read_text(encoding="utf-8").split("\n## ")[1:]:
        header, *lines = case.rstrip("\n").split("\n")
        name, _, start = header.partition(" @")
        old = [line[1:] for line in lines if line.startswith("-")]
        new = [line[1:] for line in lines if line.startswith("+")]
        expected = [(int(found[1]), found[2]) for line in lines if (found := re.match(r"(\d+): (.*)", line))]
        job = GOOD_JOB.splitlines()
        at = slice(int(start) - 1, int(start) - 1 + len(old))
        assert job[at] == old, name
        job[at] = new
        yield name, "\n".join(job) + "\n", expected


def test_the_good_job_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD_JOB) == []


@pytest.mark.parametrize(
    ("text", "expected"), [pytest.param(text, expected, id=name) for name, text, expected in broken_jobs()]
)
def test_a_broken_job_says_where_and_why(tmp_path: Path, text: str, expected: list[tuple[int, str]]) -> None:
    assert expected
    assert problems(tmp_path, text) == expected


def test_there_are_many_broken_jobs() -> None:
    assert len(list(broken_jobs())) > 100


def test_the_file_is_named_with_each_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from feature_platform_py.core.errors import ConfigurationError
    from feature_platform_py.jobs.config import load_job_config

    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(GOOD_JOB.replace("a test", "no"))
    for path in (Path("job.yaml"), tmp_path / "job.yaml"):
        with pytest.raises(ConfigurationError) as raised:
            load_job_config(path)
        assert str(raised.value).startswith("job.yaml:2: `description`: expected a text")


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("job_name: spend", "job_name: Spend")
    text = text.replace("format: delta", "formt: delta").replace("value: debit", "value: 5")
    text = text.replace("timestamp_col: timestamp", "timestamp_col: category").replace("window_days", "window_day")
    text = text.replace("household payment", "'---'").replace("path: output", "mode: append\n    path: data")
    found = problems(tmp_path, text)
    assert [line for line, _ in found] == [1, 7, 9, 16, 22, 26]


def test_a_fault_of_one_transformer_does_not_hide_another_ones_columns(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("window_days: 30", "window_days: 0").replace("category_col: category", "category_col: kind")
    assert [line for line, _ in problems(tmp_path, text)] == [16, 21]


def test_a_key_too_many_does_not_hide_what_is_wrong_beside_it(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("    params:\n", "    params:\n      tags: x\n", 1).replace(
        "window_days: 30", "window_days: 0"
    )
    text = text.replace("  sink_type:", "  retries: 3\n  sink_type:").replace(
        "path: output", "rows: 3\n    mode: append\n    pth: output"
    )
    assert [line for line, _ in problems(tmp_path, text)] == [13, 17, 25, 28, 29, 30]


def test_a_wrong_source_type_does_not_hide_missing_columns(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("databricks_spark", "sparc").replace("category_col: category", "category_col: kind")
    assert [line for line, _ in problems(tmp_path, text)] == [4, 21]


def test_a_misspelled_source_setting_does_not_hide_missing_columns(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("format:", "fromat:").replace("category_col: category", "category_col: kind")
    assert [line for line, _ in problems(tmp_path, text)] == [7, 21]
