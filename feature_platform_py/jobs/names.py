"""Check the names of jobs (two jobs of one name would replace each other's tables), and list those of models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from feature_platform_py.core.document import Place, read_document
from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.project import Project
from feature_platform_py.core.project_files import is_generated
from feature_platform_py.core.suggestions import not_both
from feature_platform_py.features.built_in.window_aggregator import LIFETIME
from feature_platform_py.features.catalogue import BUILT_IN
from feature_platform_py.features.definitions import MODEL as CUSTOM_MODEL
from feature_platform_py.features.sql import SqlTransformer
from feature_platform_py.jobs.config import JobDraft
from feature_platform_py.jobs.last_run import last_run
from feature_platform_py.jobs.plan import ENRICHED_MODEL
from feature_platform_py.registry.definition import is_definition

GROUP_MODELS = Path("models", "features")
"""The folder of the models of feature groups, below a project's root."""
# The last text of `ref('model')` and `ref('package', 'model')`.
_REF = re.compile(r"\bref\(\s*(?:['\"][^'\"]*['\"]\s*,\s*)?['\"]([^'\"]+)['\"]")


def job_files(project: Project) -> list[Path]:
    """Return the job files below `configs/jobs/` in order, each once even if several links lead to it."""
    found: dict[Path, Path] = {}
    for path in sorted(project.jobs.rglob("*")):
        if path.suffix in {".yaml", ".yml"}:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def model_names(root: Path) -> frozenset[str]:
    """Return the names that a feature group may give as `model`: tables of jobs, and the project's own models."""
    # No code of the project has to run for this: what its folder `transformers/` defines has its features in one table.
    tables = {kind.model for kind in BUILT_IN.values() if issubclass(kind, SqlTransformer)}
    return frozenset({*written_models(root), *tables, LIFETIME, CUSTOM_MODEL, ENRICHED_MODEL})


def written_models(root: Path) -> frozenset[str]:
    """Return the names of the models that people wrote."""
    models = root / "models"
    files = [path for kind in ("*.sql", "*.py") for path in models.rglob(kind) if models / "jobs" not in path.parents]
    return frozenset(path.stem for path in files if path.parent != root / GROUP_MODELS or not is_generated(path))


def table_of_a_job(model: str, root: Path) -> str | None:
    """Return a table of a registered job that a model reads, itself or by models that people wrote; None if it reads none."""
    jobs = {path.stem for kind in ("*.sql", "*.py") for path in (root / "models" / "jobs").rglob(kind)}
    files = {path.stem: path for kind in ("*.sql", "*.py") for path in (root / "models").rglob(kind)}
    waiting, seen = [model], {model}
    while waiting:
        read = _refs(files[waiting.pop()])
        if found := sorted(read & jobs):
            return found[0]
        new = (read & written_models(root)) - seen
        waiting += new
        seen |= new
    return None


def _refs(path: Path) -> set[str]:
    """Return the models that a model's file names in `ref`."""
    text = re.sub(r"{#.*?#}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return set(_REF.findall(text))


def group_tables(root: Path) -> frozenset[str]:
    """Return the names of the tables and views of feature groups, as far as their models are written."""
    return frozenset(path.stem for path in (root / GROUP_MODELS).glob("*.sql") if is_generated(path))


def registered_file(path: Path, job_name: str, project: Project) -> Path | None:
    """Return the file below `configs/jobs/` that is this job: the same file by any path, or the original of this copy, or None."""
    files = job_files(project)
    same = [file for file in files if file.resolve() == path.resolve()]
    return next((file for file in (same or files) if _has_name(file, job_name)), None)


def name_problems(draft: JobDraft, project: Project) -> Iterator[Problem]:
    """Yield a problem for each other job with this name, and for a feature group with it.

    The other jobs are files below `configs/jobs/`, and the file elsewhere that ran last under the name. One file by several paths,
    and a copy elsewhere with the same content, is the same job.
    """
    if not draft.job_name:
        return
    if _is_defined_group(project.root / "registry" / "feature" / f"{draft.job_name}.yaml"):
        message = f"`job_name`: `{draft.job_name}` is the name of a feature group too; give the job another name"
        yield draft.place.at("job_name").problem(message)
    yield from _former_name_problems(draft, project)
    own = draft.path.resolve()
    is_registered = own.is_relative_to(project.jobs.resolve())
    others = [path for path in job_files(project) if path.resolve() != own and _has_name(path, draft.job_name)]
    if not is_registered:
        others = [*others, *last_file(project, draft.job_name)]
        others = [path for path in others if path.read_bytes() != own.read_bytes()]
    for other in dict.fromkeys(others):
        message = (
            f"`job_name`: `{draft.job_name}` is the name of the job in `{project.shown(other)}` too, and their tables"
        )
        yield draft.place.at("job_name").problem(f"{message} would replace each other; give one of them another name")


def _former_name_problems(draft: JobDraft, project: Project) -> Iterator[Problem]:
    """Yield a problem for each former name that a job or a feature group still has, and for one that two jobs claim."""
    own, at = draft.path.resolve(), draft.place.at("was")
    for name in draft.was:
        others = [path for path in (*job_files(project), *last_file(project, name)) if path.resolve() != own]
        if name == draft.job_name or _is_defined_group(project.root / "registry" / "feature" / f"{name}.yaml"):
            yield at.problem(f"`was`: `{name}` exists still; expected a name that the job had before, remove it")
        for other in dict.fromkeys(path for path in others if _has_name(path, name)):
            advice = not_both(name, new=draft.job_name, former=former_names_in(other))
            yield at.problem(f"`was`: the job `{name}` exists still, in `{project.shown(other)}`; {advice}")
        for other in dict.fromkeys(path for path in others if _claims(path, name)):
            shown = project.shown(other)
            yield at.problem(f"`was`: `{name}` is in `was` of `{shown}` too; only one job can have its tables")


def _claims(path: Path, name: str) -> bool:
    return name in former_names_in(path)


def former_names_in(path: Path) -> list[str]:
    """Return the names in `was` of the file of a job or a feature group; none of an unreadable file."""
    try:
        was = read_document(path).values.get("was") if path.is_file() and b"was" in path.read_bytes() else None
    except (OSError, ConfigurationError):
        return []
    return [each for each in (was if isinstance(was, list) else [was]) if isinstance(each, str)]


def last_file(project: Project, name: str) -> list[Path]:
    """Return a list with the file that ran last under the name, if it still has that name."""
    found = (last_run(project, name) or {}).get("file")
    path = project.root / found if found else None
    return [path] if path and path.is_file() and _has_name(path, name) else []


def _is_defined_group(path: Path) -> bool:
    try:
        return path.is_file() and is_definition(Place(read_document(path)))
    except ConfigurationError:
        return False


def _has_name(path: Path, name: str) -> bool:
    """Return whether a file is a job of the name; an unreadable file is not."""
    try:
        if not path.is_file():
            return False
        text = path.read_bytes()
        # Reading YAML takes a millisecond, so read only files that may contain the name. An escape may spell it otherwise.
        return (name.encode() in text or b"\\" in text) and read_document(path).values.get("job_name") == name
    except (OSError, ConfigurationError):
        return False
