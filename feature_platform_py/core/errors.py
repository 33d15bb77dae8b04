"""The errors that a user of the platform may see, one tree by cause.

A message says where, what was expected, what was given and what to do, with names in backticks:
``configs/jobs/spend.yaml:9: transformer `UserSpendAgregator` is unknown. Did you mean ...``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class FeaturePlatformError(Exception):
    """Any error that the platform explains; other exceptions keep their traceback."""


@dataclass(frozen=True, order=True)
class Problem:
    """One fault of a configuration file, and its line."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class ConfigurationError(FeaturePlatformError):
    """A job, registry or profile is invalid; holds all of its problems."""

    def __init__(self, problems: Iterable[Problem] | str) -> None:
        self.problems: tuple[Problem, ...] = () if isinstance(problems, str) else tuple(sorted(problems))
        super().__init__(problems if isinstance(problems, str) else "\n".join(map(str, self.problems)))


def problems_of(error: FeaturePlatformError, file: str) -> tuple[Problem, ...]:
    """Return an error's problems; an error with only a message becomes one problem of the file."""
    problems = error.problems if isinstance(error, ConfigurationError) else ()
    return problems or (Problem(file, 1, str(error).removeprefix(f"{file}: ")),)


class BrokenJobsError(FeaturePlatformError):
    """Some jobs of the project are invalid and were left out; the command did its work for all others."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        end = "Jobs with these problems were left out; everything else was done"
        super().__init__("\n".join([*map(str, self.problems), end]))


class DataCheckError(FeaturePlatformError):
    """The data breaks a rule: a value that does not parse, a duplicate key, a failed test."""


class EngineError(FeaturePlatformError):
    """dbt, the engine or the connection to it failed."""

    def __init__(self, message: str, log_file: Path | None = None) -> None:
        self.log_file = log_file
        super().__init__(message if log_file is None else f"{message}\nFull log: {log_file}")


class SinkError(FeaturePlatformError):
    """The result could not be written; the sink keeps its old content."""
