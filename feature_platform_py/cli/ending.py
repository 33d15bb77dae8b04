"""End a command with one message and an exit status, whatever stops it."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import click

from feature_platform_py.cli.screen import fitted, width_of
from feature_platform_py.core.errors import (
    BrokenJobsError,
    ConfigurationError,
    DataCheckError,
    EngineError,
    FeaturePlatformError,
    SinkError,
)
from feature_platform_py.core.files import DISK_REFUSALS

_EXIT_CODES: dict[type[FeaturePlatformError], int] = {
    BrokenJobsError: 1,
    DataCheckError: 1,
    ConfigurationError: 2,
    EngineError: 3,
    SinkError: 3,
}
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
# Refusals of the machine, not faults of a command: a traceback does not help.
_REFUSALS = (*DISK_REFUSALS, errno.EACCES, errno.EPERM, errno.EIO)


class OutputError(EngineError):
    """The standard output is closed or full; the output is lost."""


class Stopped(KeyboardInterrupt):
    """A signal that ends the process, with the same clean-up as Ctrl-C, dbt's threads included."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


def end(call: Callable[[], object]) -> int:
    """Call a command and return its exit status; report an error on stderr in one message."""
    _open_standard_streams()
    try:
        with _stopped_by_signals():
            code = call()
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        return _interrupted(error.__cause__)
    except KeyboardInterrupt as error:
        return _interrupted(error)
    except OSError as error:
        return _failed(explained(error))
    except Exception as error:
        return _failed(error)
    return code if isinstance(code, int) else 0


def _interrupted(cause: BaseException | None) -> int:
    if not isinstance(cause, KeyboardInterrupt):
        _say("Aborted: the input ended before all questions were answered.")
        return 2
    number = cause.number if isinstance(cause, Stopped) else int(signal.SIGINT)
    _say(f"stopped by {signal.Signals(number).name}; unfinished results were discarded. Start it again")
    return 128 + number


def _failed(error: Exception) -> int:
    if isinstance(error, OutputError):
        # Python flushes the output when it ends, and would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, FeaturePlatformError):
        _say(str(error))
        return status_of(error)
    with suppress(OSError):
        traceback.print_exception(error)
    # Python's own status, 1, would mean a failed check of the data.
    return 3


def status_of(error: FeaturePlatformError) -> int:
    """Return the exit status that an error means."""
    return next(code for kind, code in _EXIT_CODES.items() if isinstance(error, kind))


def _say(text: str) -> None:
    with suppress(OSError):
        click.echo(fitted(text, width_of(sys.stderr)), err=True)


def explained(error: OSError) -> Exception:
    """Return an error that explains what the machine refused, or the error itself."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    is_output = bool(frames) and frames[-1].f_code in (click.echo.__code__, end.__code__)
    if is_output:
        return OutputError(f"standard output: {error.strerror}; the output is lost")
    if error.errno in _REFUSALS:
        place = f"`{error.filename}`: " if error.filename else ""
        advice = "make room" if error.errno in DISK_REFUSALS else "give this user the right to it"
        return EngineError(f"{place}{error.strerror}. Unfinished results were discarded; {advice}, and start it again")
    return error


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the command as Ctrl-C does, unless the caller ignores them, as `nohup` does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        for number in _SIGNALS:
            if kept[number] == signal.SIG_DFL:
                signal.signal(number, _stop)
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _stop(number: int, _: FrameType | None) -> None:
    # A second signal would end the clean-up.
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(number)


def _open_standard_streams() -> None:
    """Open closed streams on the null device; otherwise the next opened file would take their number and the output."""
    if sys.stdout is None:
        sys.stdout = os.fdopen(_take(1, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(_take(2, os.O_WRONLY), "w")


def _take(number: int, flags: int) -> int:
    opened = os.open(os.devnull, flags)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    return number
