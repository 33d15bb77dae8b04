"""The help names each command with what it does and an example, and answers at once."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from feature_platform_py.cli.main import cli
from tests.conftest import ROOT, Fpjob

_HEAVY = {"dbt", "pyspark", "pydantic", "yaml", "rich", "pandas", "pyarrow", "sqlglot", "jinja2"}


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_each_command_has_a_sentence_and_an_example(fpjob: Fpjob, arguments: list[str]) -> None:
    outcome = fpjob(*arguments)
    lines = (outcome.stdout or outcome.stderr).splitlines()
    for name in cli.commands:
        at = next(index for index, line in enumerate(lines) if line.startswith(f"  {name} "))
        assert lines[at].rstrip().endswith("."), lines[at]
        assert lines[at + 1].strip().startswith(f"fpjob {name}"), lines[at + 1]


def test_the_help_fits_into_eighty_columns(monkeypatch: pytest.MonkeyPatch, fpjob: Fpjob) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, fpjob("--help").stdout.splitlines())) <= 80


def test_every_command_opens_with_an_example() -> None:
    def commands(group: click.Group) -> list[click.Command]:
        found = list(group.commands.values())
        return [*found, *(each for inner in found if isinstance(inner, click.Group) for each in commands(inner))]

    assert [each.name for each in commands(cli) if not (each.help or "").startswith("\b\n  fpjob ")] == []


@pytest.mark.parametrize("arguments", [[], ["--help"], ["run", "--help"], ["runn"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        f"import sys; sys.argv = ['fpjob', *{arguments!r}]\n"
        "from feature_platform_py.cli.main import main\n"
        f"try: main()\nexcept SystemExit: print(sorted({_HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_objects_are_not_visited_once_more_before_the_process_ends() -> None:
    program = (
        "import atexit, gc, sys; atexit.register(lambda: print(gc.get_freeze_count() > 0)); sys.argv = ['fpjob', '--version']\n"
        "from feature_platform_py.cli.main import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"
