"""The walkthrough of docs/init.md runs as printed, from an empty folder; `--update-golden` pastes what it prints now."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGE = ROOT / "docs/init.md"
_BLOCK = re.compile(r"```console\n(.*?)```\n", re.DOTALL)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a block, its heredoc with it, and the output that is printed beneath."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        first, _, rest = part.partition("\n")
        if end := re.search(r"<<'(\w+)'", first):
            document, _, rest = rest.partition(f"\n{end[1]}\n")
            yield f"{first}\n{document}\n{end[1]}", rest
        else:
            yield first, rest


def _without_seconds(output: str) -> str:
    return re.sub(r"\d+\.\d+ s\b", "N s", output)


def test_the_walkthrough_prints_what_the_page_says(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text, folder = PAGE.read_text(), tmp_path
    environment = {name: value for name, value in os.environ.items() if name != "FP_WAREHOUSE"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    shown = [each for block in _BLOCK.finditer(text) for each in commands(block[1])]
    assert len(shown) > 5
    for command, expected in shown:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", f"{command}\npwd > '{tmp_path}/.here'"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        folder = Path((tmp_path / ".here").read_text().strip())
        if request.config.getoption("--update-golden"):
            text = text.replace(f"$ {command}\n{expected}", f"$ {command}\n{done.stdout}")
            PAGE.write_text(text)
        else:
            assert _without_seconds(done.stdout) == _without_seconds(expected), command
    assert folder == tmp_path / "my-features"
