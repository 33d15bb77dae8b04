"""Running a command and watching what its process tree uses."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAMPLE_SECONDS = 0.1
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Line:
    """A line on stderr, and when it came."""

    at: float
    text: str


@dataclass(frozen=True)
class Sample:
    """The resident memory of a process tree at a time; memory that two of its processes share counts twice."""

    at: float
    memory_bytes: int


@dataclass(frozen=True)
class Finished:
    """A command that ended well; times are of `time.monotonic`."""

    started: float
    ended: float
    cpu_seconds: float
    report: Mapping[str, Any]
    progress: Sequence[Line]
    samples: Sequence[Sample]

    @property
    def seconds(self) -> float:
        """Wall seconds of the whole process."""
        return self.ended - self.started

    def peak_bytes(self, *, since: float | None = None, until: float | None = None) -> int | None:
        """The most memory in a time, of the whole run by default; None for a time too short for a sample."""
        since, until = since or self.started, until or self.ended
        return max((each.memory_bytes for each in self.samples if since <= each.at <= until), default=None)


class TimeLimitError(RuntimeError):
    """A command took longer than it may; `cpu_seconds` is what it had used when it was stopped."""

    def __init__(self, message: str, *, cpu_seconds: float) -> None:
        super().__init__(message)
        self.cpu_seconds = cpu_seconds


@dataclass
class _Usage:
    samples: list[Sample] = field(default_factory=list)
    cpu_by_process: dict[int, float] = field(default_factory=dict)
    is_over_limit: bool = False


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    limit_seconds: float | None = None,
) -> Finished:
    """Run a command whose stdout is one JSON object.

    RuntimeError with the end of its stderr if it fails, TimeLimitError if it was stopped at the limit.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    usage, progress = _Usage(), list[Line]()
    watchers = [
        threading.Thread(target=_watch, args=(process, usage, started + (limit_seconds or math.inf))),
        threading.Thread(target=_read_lines, args=(process, progress)),
    ]
    for watcher in watchers:
        watcher.start()
    try:
        output = process.stdout.read() if process.stdout else ""
        process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        ended = time.monotonic()
        for watcher in watchers:
            watcher.join()
    cpu_seconds = sum(usage.cpu_by_process.values())
    if usage.is_over_limit:
        raise TimeLimitError(f"{' '.join(command)} was stopped after {limit_seconds} s", cpu_seconds=cpu_seconds)
    if process.returncode:
        last_lines = "\n".join(line.text for line in progress[-20:])
        raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}:\n{last_lines}")
    return Finished(started, ended, cpu_seconds, json.loads(output), progress, usage.samples)


def _read_lines(process: subprocess.Popen[str], lines: list[Line]) -> None:
    lines.extend(Line(time.monotonic(), text.rstrip()) for text in process.stderr or ())


def _watch(process: subprocess.Popen[str], usage: _Usage, until: float) -> None:
    while process.poll() is None:
        if time.monotonic() > until:
            usage.is_over_limit = True
            os.killpg(process.pid, signal.SIGKILL)
        memory = 0
        for process_id, fields in _session(process.pid):
            memory += int(fields[21]) * _PAGE_BYTES
            # The last sample of a process stands for its whole life.
            usage.cpu_by_process[process_id] = (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
        usage.samples.append(Sample(time.monotonic(), memory))
        time.sleep(SAMPLE_SECONDS)


def session_cpu_seconds(session_id: int) -> float:
    """CPU seconds that the processes of a session have used so far, those that have ended left out."""
    return sum((int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND for _, fields in _session(session_id))


def _session(session_id: int) -> Iterator[tuple[int, list[str]]]:
    """The processes of a session, each with the fields of its /proc stat file after the command's name."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session_id:
            yield int(entry.name), fields
