"""What messages, help and docs tell a user to type is there: commands, flags, targets of make, and files."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache

import click
import pytest

from feature_platform_py.cli.main import cli
from tests.conftest import ROOT, Fpjob

PACKAGE = ROOT / "feature_platform_py"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FLAG = re.compile(r"(?<![\w/-])--[a-z][\w-]*")
COMMAND = re.compile(r"\bfpjob ((?:[a-z]+ ?)+)")
# Of `spark-submit` and Spark's start scripts; of pytest in this project; of apt, curl and the like in docs.
OTHERS = {"--packages", "--conf", "--master", "--update-golden", "--numprocesses", "--import-mode"}


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(cli))


def options(command: click.Command) -> set[str]:
    return {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}


OWN_FLAGS = {flag for command in (cli, *COMMANDS.values()) for flag in options(command)}


@cache
def texts() -> list[tuple[str, str]]:
    """Where each text of the code stands, docstrings among them, and the text with `{}` for what is filled in."""
    return list(_texts())


def _texts() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
        parts -= {id(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
        for node in ast.walk(tree):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.JoinedStr):
                filled = [str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values]
                yield where, "".join(filled)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                yield where, node.value


def dbt_flags() -> set[str]:
    from dbt.cli.main import cli as dbt

    return {flag for _, command in commands(dbt) for flag in options(command)}


def test_every_flag_in_the_code_is_one_of_a_command() -> None:
    known = OWN_FLAGS | OTHERS | dbt_flags()
    found = [(where, flag) for where, text in texts() for flag in FLAG.findall(text)]
    assert len(found) > 50
    assert [(where, flag) for where, flag in found if flag not in known] == []


def test_no_flag_is_put_together_from_a_name_that_python_uses() -> None:
    """`--{role}` gave `--user_id_col`, which no command has."""
    assert [where for where, text in texts() if "--{}" in text] == []


def words_of(text: str) -> Iterator[list[str]]:
    """The words behind each `fpjob` of a text, up to what ends a command."""
    for found in re.finditer(r"\bfpjob ([^`\n|&;#]*)", text):
        try:
            yield shlex.split(found[1].rstrip("\\"))
        except ValueError:
            yield found[1].split()


def faults(words: list[str]) -> list[str]:
    """What of a command line is not there: its command, or a flag."""
    path: tuple[str, ...] = ()
    while words and words[0] in options(cli):
        words = words[1:]
    while words and (*path, words[0]) in COMMANDS:
        path, words = (*path, words[0]), words[1:]
    if path == ("init",):
        path = ("init", "project")
    if not path:
        # A sentence about the program, such as "fpjob reads", has no command.
        return [flag for flag in words[:1] if flag.startswith("-")]
    known = options(COMMANDS[path])
    return [f"{' '.join(path)} {flag}" for flag in words if re.fullmatch("--[a-z].*", flag) and flag not in known]


def test_command_lines_in_the_code_and_on_the_pages_have_these_flags() -> None:
    lines = [(where, words) for where, text in texts() for words in words_of(text)]
    lines += [(page.name, words) for page in PAGES for words in words_of(page.read_text())]
    assert len(lines) > 80
    assert [(where, fault) for where, words in lines for fault in faults(words)] == []


def test_a_command_that_is_named_is_there() -> None:
    """Between backticks and on console lines `fpjob` is followed by a command, or by a word in capitals that stands for one."""
    told = [(where, text) for where, text in texts()] + [(page.name, page.read_text()) for page in PAGES]
    named = [
        (where, found[1]) for where, text in told for found in re.finditer(r"(?:`|\$ |next: )fpjob ([a-z]+)", text)
    ]
    assert len(named) > 50
    assert [(where, name) for where, name in named if (name,) not in COMMANDS] == []


def test_targets_of_make_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    told = [(page.name, page.read_text()) for page in PAGES] + [(where, text) for where, text in texts()]
    named = [(where, target) for where, text in told for target in re.findall(r"[`$] ?make ([a-z]+)", text)]
    assert named
    assert [each for each in named if not re.search(rf"^{each[1]}:", makefile, re.MULTILINE)] == []


def test_no_message_sends_to_a_page_that_an_installed_package_lacks() -> None:
    assert [(where, text) for where, text in texts() if re.search(r"docs/\w+\.md", text)] == []


def test_no_index_has_this_package() -> None:
    """`pip install feature-platform` would take whatever is called so."""
    told = [(page.name, page.read_text()) for page in PAGES] + [(where, text) for where, text in texts()]
    assert [where for where, text in told if re.search(r"pip install '?feature-platform", text)] == []


@pytest.mark.parametrize(
    ("arguments", "flags"),
    [
        (["entity", "x"], {"--description", "--key"}),
        (["source", "x"], {"--description", "--owner", "--entity", "--location"}),
        (["feature", "x"], {"--description", "--owner", "--entity", "--model", "--feature"}),
        (["job", "x"], {"--description", "--source"}),
        (
            ["job", "x", "--source", "data/bank/customers.csv", "--description", "x"],
            {"--user-id-col", "--timestamp-col", "--amount-col"},
        ),
    ],
)
def test_the_flags_that_init_asks_for_are_its_own(
    fpjob: Fpjob, arguments: list[str], flags: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    outcome = fpjob("init", *arguments)
    assert outcome.status == 2
    assert set(FLAG.findall(outcome.stderr)) == flags
    assert flags <= options(COMMANDS["init", arguments[0]])
