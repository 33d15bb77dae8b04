"""Allow one run of a job, and one build of a feature group, at a time on a warehouse."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.project import Project
from feature_platform_py.core.stores.lease import Holder, leased
from feature_platform_py.core.stores.path import StorePath

_VACUUM = ", by `fpjob vacuum`"


@contextmanager
def running_alone(project: Project, job_name: str) -> Iterator[Callable[[], None]]:
    """Hold the lock of a job on a warehouse, against other processes and other threads; yield the check that it is still held.

    The operating system releases the lock of a folder however the process ends; a lease at a store expires. Raises EngineError if
    the job is running, ConfigurationError if the folder is not writable. A target without a folder leaves this to its engine.
    """

    def refuse(holder: str) -> None:
        if _VACUUM in holder:
            return  # it ends soon
        said = f"the job `{job_name}` is running already{holder}"
        raise EngineError(f"{said}. This run changed nothing; start it when the other has ended")

    with _locked(project, job_name, refuse) as check:
        yield check


@contextmanager
def building_alone(project: Project, group: str, *, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a feature group, which the runs of several jobs may build; while another has it, report that and wait."""
    with _locked(
        project, group, lambda holder: tell(f"  waits for the feature group `{group}`, which is built{holder}")
    ):
        yield


@contextmanager
def cleaning_alone(project: Project, name: str, *, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a job or a feature group while old files are removed; while a run has it, report that and wait."""
    with _locked(project, name, lambda holder: tell(f"  waits for `{name}`, which is in use{holder}"), by=_VACUUM):
        yield


@contextmanager
def _locked(project: Project, name: str, taken: Callable[[str], None], *, by: str = "") -> Iterator[Callable[[], None]]:
    """Hold the lock of a name. If another run has it, call `taken` with which one, and wait unless that raises.

    Yields a function that raises EngineError if the lock has been lost, as one at a store can be.
    """
    if not project.target.has_session:
        yield _held
        return
    path = project.notes / f"{name}.lock"
    if isinstance(path, StorePath):
        with leased(
            path, by + _holder(f" on {socket.gethostname()}"), taken=lambda holder: taken(_told(holder))
        ) as lease:
            yield lease.check
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"profiles/profiles.yml: expected a `warehouse` folder that can be written to, given `{project.target.warehouse}`:"
            f" {error.strerror}; name another there, or with `FP_WAREHOUSE`"
        ) from error
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            taken(file.read())
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(by + _holder())
        file.flush()
        try:
            yield _held
        finally:
            file.truncate(0)


def _holder(machine: str = "") -> str:
    return f", in process {os.getpid()}{machine} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _told(holder: Holder) -> str:
    return f"{holder.text} (if that process has been killed, until {holder.until:%H:%M:%S} UTC)"


def _held() -> None:
    """Do nothing: the operating system keeps the lock for as long as the process lives."""
