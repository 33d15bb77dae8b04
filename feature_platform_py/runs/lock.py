"""Allow one run of a job at a time on a warehouse folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.project import Project

FOLDER = ".running"


@contextmanager
def running_alone(project: Project, job_name: str) -> Iterator[None]:
    """Hold the lock of a job on a warehouse folder, against other processes and other threads.

    The operating system releases the lock however the process ends. Raises EngineError if the job is running,
    ConfigurationError if the folder is not writable. A target without a folder leaves this to its engine.
    """
    if not project.target.has_session:
        yield
        return
    path = project.target.warehouse / FOLDER / f"{job_name}.lock"
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
        except BlockingIOError as error:
            file.seek(0)
            raise EngineError(
                f"the job `{job_name}` is running already{file.read()}. This run changed nothing; start it when the other has ended"
            ) from error
        file.truncate(0)
        file.write(f", in process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
