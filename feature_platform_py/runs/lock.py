"""Allow one run of a job, and one build of a feature group, at a time on a warehouse folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.project import Project

FOLDER = ".running"
_VACUUM = ", by `fpjob vacuum`"


@contextmanager
def running_alone(project: Project, job_name: str) -> Iterator[None]:
    """Hold the lock of a job on a warehouse folder, against other processes and other threads.

    The operating system releases the lock however the process ends. Raises EngineError if the job is running,
    ConfigurationError if the folder is not writable. A target without a folder leaves this to its engine.
    """

    def refuse(holder: str) -> None:
        if _VACUUM in holder:
            return  # it ends soon
        said = f"the job `{job_name}` is running already{holder}"
        raise EngineError(f"{said}. This run changed nothing; start it when the other has ended")

    with _locked(project, job_name, refuse):
        yield


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
def _locked(project: Project, name: str, taken: Callable[[str], None], *, by: str = "") -> Iterator[None]:
    """Hold the lock of a name. If another run has it, call `taken` with which one, and wait unless that raises."""
    if not project.target.has_session:
        yield
        return
    path = project.target.warehouse / FOLDER / f"{name}.lock"
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
        file.write(f"{by}, in process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
