"""Show on a terminal that a command is at work: a line on stderr that moves, and that is gone before anything is printed."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_LOCK = threading.RLock()
_LONGEST_START = 30
_SIGNS = "-\\|/"


class _Line:
    """The moving line of this process, and when the process began."""

    bar: Any = None
    begun: float | None = None


def begin() -> None:
    """Note that this process is a command line, whose time counts from the start of the process."""
    _Line.begun = time.monotonic() - _age()


def begun() -> float:
    """Return when the command began, as `time.monotonic()` counts: when its process started, or else now."""
    return time.monotonic() if _Line.begun is None else _Line.begun


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show a line that moves for the time of the context; nothing, unless stderr is a terminal that can show it."""
    _Line.bar = _bar(text)
    if _Line.bar is None:
        yield
        return
    _Line.bar.start()
    try:
        yield
    finally:
        with _LOCK, suppress(OSError):
            bar, _Line.bar = _Line.bar, None
            bar.stop()


def step(text: str) -> None:
    """Show what is done now."""
    if (bar := _Line.bar) is not None:
        bar.update(bar.task_ids[0], description=text)


@contextmanager
def paused() -> Iterator[None]:
    """Take the line away for the time of the context. dbt's threads print too, one after the other."""
    with _LOCK:
        if (bar := _Line.bar) is None:
            yield
            return
        bar.stop()
        try:
            yield
        finally:
            bar.start()


def _bar(text: str) -> Any:
    try:
        if not sys.stderr.isatty():
            return None
    except (AttributeError, ValueError):
        return None
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn
    from rich.text import Text

    class Line(ProgressColumn):
        """One line, whatever the text is: lines above it would be erased with a second one."""

        def render(self, task: Any) -> Text:
            seconds = time.monotonic() - since
            sign, counted = _SIGNS[int(seconds * 10) % len(_SIGNS)], f"{seconds:.0f} s"
            text = Text(f"{sign} {task.description}", no_wrap=True, overflow="ellipsis")
            text.truncate(max(console.width - len(counted) - 2, 1), overflow="ellipsis")
            return text.append(f" {counted}", style="dim")

    since = begun()
    console = Console(stderr=True, highlight=False, emoji=False)
    if not console.is_interactive:
        return None
    # A killed process would leave a terminal without a cursor.
    console.show_cursor = lambda show=True: False  # type: ignore[method-assign]  # noqa: ARG005
    bar = Progress(Line(), console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
    bar.add_task(text, total=None)
    return bar


def _age() -> float:
    """Return for how many seconds this process exists; 0 if `/proc` does not say it, or if the process did other things before."""
    try:
        ticks = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(ticks) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
    return age if 0 < age < _LONGEST_START else 0.0
