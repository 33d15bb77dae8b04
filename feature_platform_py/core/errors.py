"""The errors that a user of the platform may meet, one tree by cause.

A message says where, what was expected, what was given and what to do, with names in backticks:
``configs/jobs/spend.yaml:9: transformer `UserSpendAgregator` is unknown. Did you mean ...``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class FeaturePlatformError(Exception):
    """Any error that the platform explains; everything else keeps its traceback."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a configuration file, with the place to mend it."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class ConfigurationError(FeaturePlatformError):
    """A job, registry or profile that cannot be used as it is: all of its problems together."""

    def __init__(self, problems: Iterable[Problem] | str) -> None:
        self.problems: tuple[Problem, ...] = () if isinstance(problems, str) else tuple(sorted(problems))
        super().__init__(problems if isinstance(problems, str) else "\n".join(map(str, self.problems)))


def problems_of(error: FeaturePlatformError, file: str) -> tuple[Problem, ...]:
    """Return an error's problems; one with a message only is a problem of the file."""
    problems = error.problems if isinstance(error, ConfigurationError) else ()
    return problems or (Problem(file, 1, str(error).removeprefix(f"{file}: ")),)


class BrokenJobsError(FeaturePlatformError):
    """Some jobs of the project cannot be used, and were left out: what was asked for is done for all others."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        end = "The jobs with these problems are left out; everything else is done"
        super().__init__("\n".join([*map(str, self.problems), end]))


class DataCheckError(FeaturePlatformError):
    """The data breaks a rule: a value that does not parse, a duplicate key, a failed test."""


class EngineError(FeaturePlatformError):
    """dbt, the engine or the connection to it failed."""

    def __init__(self, message: str, log_file: Path | None = None) -> None:
        self.log_file = log_file
        super().__init__(message if log_file is None else f"{message}\nFull log: {log_file}")


class SinkError(FeaturePlatformError):
    """The result could not be written; what the sink held before is still there."""
