"""The names of jobs, which their tables carry, so that two jobs of one name would replace each other's; and those of models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from feature_platform_py.core.document import read_document
from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.project import Project
from feature_platform_py.features.catalogue import transformers_of
from feature_platform_py.features.definitions import MODEL as CUSTOM_MODEL
from feature_platform_py.features.sql import SqlTransformer
from feature_platform_py.jobs.config import JobDraft
from feature_platform_py.jobs.last_run import last_run
from feature_platform_py.jobs.plan import ENRICHED_MODEL


def job_files(project: Project) -> list[Path]:
    """Return what is a job below `configs/jobs/` by its name, in order, each file once however many links lead to it."""
    found: dict[Path, Path] = {}
    for path in sorted(project.jobs.rglob("*")):
        if path.suffix in {".yaml", ".yml"}:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def model_names(root: Path) -> frozenset[str]:
    """Return the names that feature groups may have as `model`: tables that a job may have, and models of the project's own."""
    own = {path.stem for kind in ("*.sql", "*.py") for path in (root / "models").rglob(kind) if "__" not in path.stem}
    tables = {kind.model for kind in transformers_of(root).values() if issubclass(kind, SqlTransformer)}
    return frozenset({*own, *tables, CUSTOM_MODEL, ENRICHED_MODEL})


def registered_file(path: Path, job_name: str, project: Project) -> Path | None:
    """Return the file below `configs/jobs/` that is this job: the file itself by any path, or one of which it is a copy; else None."""
    files = job_files(project)
    same = [file for file in files if file.resolve() == path.resolve()]
    return next((file for file in (same or files) if _has_name(file, job_name)), None)


def name_problems(draft: JobDraft, project: Project) -> Iterator[Problem]:
    """Yield a problem for each other file that is another job of this name.

    These are the files below `configs/jobs/`. Of two files elsewhere, the one that ran last has the name. A file may be reached by
    several paths, and a copy elsewhere with the same content is the same job.
    """
    if not draft.job_name:
        return
    own = draft.path.resolve()
    is_registered = own.is_relative_to(project.jobs.resolve())
    others = [path for path in job_files(project) if path.resolve() != own and _has_name(path, draft.job_name)]
    if not is_registered:
        others = [*others, *_last_file(project, draft.job_name)]
        others = [path for path in others if path.read_bytes() != own.read_bytes()]
    for other in dict.fromkeys(others):
        message = (
            f"`job_name`: `{draft.job_name}` is the name of the job in `{project.shown(other)}` too, and their tables"
        )
        yield draft.place.at("job_name").problem(f"{message} would replace each other; give one of them another name")


def _last_file(project: Project, name: str) -> list[Path]:
    """The file that the last run of the name was of, if it is still a job of that name; a list of it."""
    found = (last_run(project, name) or {}).get("file")
    path = project.root / found if found else None
    return [path] if path and path.is_file() and _has_name(path, name) else []


def _has_name(path: Path, name: str) -> bool:
    """Whether a file is a job of the name; one that cannot be read is none."""
    try:
        if not path.is_file():
            return False
        text = path.read_bytes()
        # Reading YAML takes a millisecond: only files that may hold the name are read. An escape can spell it in other letters.
        return (name.encode() in text or b"\\" in text) and read_document(path).values.get("job_name") == name
    except (OSError, ConfigurationError):
        return False
