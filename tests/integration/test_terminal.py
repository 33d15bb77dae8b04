"""At a terminal a command shows at once that it is at work, fits the window, and leaves nothing but its output behind."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

WIDTH = 80
_MOVING = re.compile(r"\r\x1b\[2K[-\\|/] ")


def at_a_terminal(*arguments: str, **environment: str) -> str:
    """Run the command line in a window, and return all that it writes to it."""
    return _in_a_window([str(Path(sys.executable).with_name("fpjob")), *arguments], **environment)


def _in_a_window(command: list[str], **environment: str) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
    variables = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR", "TERM"}}
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=variables | {"TERM": "xterm"} | environment)
    os.close(theirs)
    written = b""
    while chunk := _read(ours):
        written += chunk
    os.close(ours)
    assert process.wait() == 0, written
    return written.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        # The other side is closed.
        return b""


def _what_stays(written: str) -> list[str]:
    """Return the lines that a window shows in the end: it obeys line feeds, and what erases a line or goes one up."""
    lines, at = [""], 0
    for part in re.findall(r"\r|\n|\x1b\[[0-9;?]*[a-zA-Z]|[^\r\n\x1b]+", written):
        if part == "\n":
            at += 1
            lines += [""] * (at == len(lines))
        elif part == "\x1b[1A":
            at -= 1
        elif part == "\x1b[2K":
            lines[at] = ""
        elif part[0] not in "\r\x1b":
            lines[at] += part
    return lines


def test_a_line_moves_while_a_command_is_at_work_and_is_gone_at_the_end(project: Path) -> None:
    written = at_a_terminal("list")
    assert "reads the project" in written
    assert _MOVING.search(written)
    stays = _what_stays(written)
    assert stays[0] == "jobs:"
    assert "reads the project" not in "\n".join(stays)
    assert "\x1b[?25l" not in written, "a killed command would leave no cursor"


def test_lines_are_broken_between_names_in_a_window(project: Path) -> None:
    stays = _what_stays(at_a_terminal("list"))
    assert max(map(len, stays)) <= WIDTH
    assert any(line.strip().startswith("UserCategoricalSpendAggregator") for line in stays)


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}], ids=["dumb terminal"])
def test_a_terminal_that_cannot_move_gets_plain_lines(project: Path, environment: dict[str, str]) -> None:
    written = at_a_terminal("list", **environment)
    assert "reads the project" not in written
    assert "\x1b" not in written


def test_colours_are_left_out_where_they_are_not_wanted(project: Path) -> None:
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", at_a_terminal("list", NO_COLOR="1"))


def test_lines_that_are_printed_meanwhile_stay_whatever_the_moving_line_says() -> None:
    program = """
import time
from feature_platform_py.cli.output import print_progress
from feature_platform_py.cli.signs import step, working
with working("starts"):
    for number in range(3):
        step("computes " + "a_table, " * 40)
        time.sleep(0.15)
        print_progress(f"line {number}\\n  goes on")
"""
    stays = _what_stays(_in_a_window([sys.executable, "-c", program]))
    printed = [text for number in range(3) for text in (f"line {number}", "  goes on")]
    assert [line for line in stays if line] == printed
