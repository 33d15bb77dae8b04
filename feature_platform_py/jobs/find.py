"""Find jobs and feature groups by what a user calls them: a path, or a name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from feature_platform_py.core.document import read_document
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import nearest, printable, ticked, unknown
from feature_platform_py.jobs.names import job_files

_ENDINGS = (".yaml", ".yml")


def is_path(name: str) -> bool:
    """Return whether a user means a file: it exists, or the text looks like a path."""
    return name.endswith(_ENDINGS) or "/" in name or Path(name).is_file()


def jobs_by_name(project: Project) -> dict[str, Path]:
    """Return the files below `configs/jobs/` by the `job_name` that each gives; files that cannot be read have none."""
    found: dict[str, Path] = {}
    for path in job_files(project):
        try:
            name = read_document(path).values.get("job_name")
        except ConfigurationError:
            continue
        if isinstance(name, str):
            found.setdefault(name, path)
    return found


def group_names(project: Project) -> list[str]:
    """Return the names of the feature groups that have a file, valid or not."""
    return sorted(path.stem for path in (project.root / "registry" / "feature").glob("*.yaml"))


def find_job(name: str, project: Project) -> Path:
    """Return the file of a job that a user names by its path or its `job_name`. Raises ConfigurationError if there is none."""
    if is_path(name):
        return _existing(name, project)
    jobs = jobs_by_name(project)
    if name in jobs:
        return _shown(jobs[name], project)
    if name in group_names(project):
        raise ConfigurationError(
            f"`{name}` is a feature group, expected a job; jobs that read the group compute its tables, and so does"
            f" `dbt build --select {name}`. Jobs here: {ticked(jobs)}"
        )
    raise ConfigurationError(unknown("job", name, known=_names(jobs, project)))


def find_job_or_group(name: str, project: Project) -> Path | str:
    """Return the file of a job, or the name of a feature group. Raises ConfigurationError if a name is neither."""
    folder = (project.root / "registry" / "feature").resolve()
    if Path(name).resolve().is_relative_to(folder):
        return Path(name).stem
    if is_path(name):
        return _existing(name, project)
    jobs, groups = jobs_by_name(project), group_names(project)
    if name in groups:
        return name
    if name in jobs:
        return _shown(jobs[name], project)
    raise ConfigurationError(unknown("job or feature group", name, known=[*_names(jobs, project), *groups]))


def _existing(name: str, project: Project) -> Path:
    if Path(name).exists():
        return Path(name)
    files = [str(_shown(file, project)) for file in job_files(project)]
    called = {**{Path(file).name: file for file in files}, **{file: file for file in files}}
    near = nearest(name, called) or nearest(Path(name).name, called)
    meant = f"Did you mean `{called[near]}`?" if near else ""
    known = f"Jobs here: {ticked(files)}" if files else "`fpjob init job` writes one"
    raise ConfigurationError(
        " ".join(filter(None, [f"{printable(name, 300)}: the file does not exist.", meant, known]))
    )


def _names(jobs: Mapping[str, Path], project: Project) -> list[str]:
    """Return the names of jobs, and of files that have no readable one."""
    unnamed = [str(_shown(path, project)) for path in job_files(project) if path not in jobs.values()]
    return [*jobs, *unnamed]


def _shown(path: Path, project: Project) -> Path:
    """Return the path relative to the working directory if it lies below that."""
    return Path(project.shown(path))
