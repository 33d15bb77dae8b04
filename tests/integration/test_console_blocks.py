"""Every console block of the README and of docs/ prints what it shows; `--update-golden` pastes what it prints now.

A block whose fence says `console no-run: <reason>` is not run. A command with nothing beneath it only has to succeed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pytest

from tests.conftest import ROOT

WALKTHROUGH = ROOT / "docs/init.md"
# The README builds the tables that the other pages look at.
PAGES = (ROOT / "README.md", *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page != WALKTHROUGH))
_BLOCK = re.compile(r"^ *```console\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^ *```(\S.*)$", re.MULTILINE)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block, with its heredoc, and the output that is printed beneath."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        first, _, rest = part.partition("\n")
        if end := re.search(r"<<'(\w+)'", first):
            document, _, rest = rest.partition(f"\n{end[1]}\n")
            yield f"{first}\n{document}\n{end[1]}", rest
        else:
            yield first, rest


def comparable(output: str) -> list[str]:
    """Return the lines without seconds; models that are built at the same time finish in any order."""
    lines = [re.sub(r" *\d+\.\d+ s\b", " N s", line).rstrip() for line in output.splitlines()]
    grouped = groupby(lines, key=lambda line: line.startswith("  success "))
    return [line for is_model, found in grouped for line in (sorted(found) if is_model else found)]


def run(command: str, folder: Path, note: Path) -> tuple[str, Path]:
    """Run a command as a reader does; return what it prints, and the folder that the next one starts in."""
    environment = {name: value for name, value in os.environ.items() if name != "FP_WAREHOUSE"}
    environment["COLUMNS"] = "120"
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", f"{command}\npwd > '{note}'"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout, Path(note.read_text().strip())


def run_pages(pages: Sequence[Path], folder: Path, note: Path, *, is_updated: bool) -> Path:
    """Run the blocks of the pages, one after the other, and compare what they print; return the folder at the end."""
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for command, expected in [each for block in _BLOCK.finditer(text) for each in commands(block[1])]:
            printed, folder = run(command, folder, note)
            if not expected.strip():
                continue
            if is_updated:
                text = text.replace(f"$ {command}\n{expected}", f"$ {command}\n{printed}")
                page.write_text(text, encoding="utf-8")
            else:
                assert comparable(printed) == comparable(expected), f"{page.name}: {command}"
    return folder


def test_the_pages_show_what_the_commands_print(project: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    # As in a checkout, where plain dbt finds its profiles by this link.
    (project / "profiles.yml").symlink_to("profiles/profiles.yml")
    is_updated = request.config.getoption("--update-golden")
    assert run_pages(PAGES, project, tmp_path / "here", is_updated=is_updated) == project


def test_the_walkthrough_runs_from_an_empty_folder(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    is_updated = request.config.getoption("--update-golden")
    folder = run_pages([WALKTHROUGH], tmp_path, tmp_path / ".here", is_updated=is_updated)
    assert folder == tmp_path / "my-features"


def test_blocks_with_commands_run_or_give_a_reason() -> None:
    fences = {(page.name, fence) for page in (*PAGES, WALKTHROUGH) for fence in _FENCE.findall(page.read_text())}
    shells = {(page, fence) for page, fence in fences if re.match(r"console|sh\b|bash|shell", fence)}
    wrong = {each for each in shells if not re.fullmatch(r"console( no-run: \w.+)?", each[1])}
    assert wrong == set()
    assert len([each for each in shells if each[1] == "console"]) > 3


def test_a_changed_output_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo one; echo 1.5 s\none\n2.5 s\n$ echo two\nthree\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md: echo two"):
        run_pages([page], tmp_path, tmp_path / "here", is_updated=False)
