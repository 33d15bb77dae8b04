"""Generate the files for dbt and for editors from the registry, the jobs and the code, and find stale ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import ConfigurationError, FeaturePlatformError, Problem, problems_of
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project
from feature_platform_py.core.project_files import GENERATED
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.dbt_files.dbt_yaml import AsIs, as_dbt_reads_it, groups_content, source_content
from feature_platform_py.dbt_files.job_models import generated_from, model_texts, models_folder
from feature_platform_py.dbt_files.job_yaml import PlannedJob, group_content, job_content
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.features.built_in.window_aggregator import BOUNDED, LIFETIME
from feature_platform_py.features.columns import OutputColumn
from feature_platform_py.jobs.groups import plan_groups
from feature_platform_py.jobs.names import GROUP_MODELS, model_names, registered_file
from feature_platform_py.jobs.names import job_files as files_of_jobs
from feature_platform_py.jobs.plan import GroupPlan, JobPlan, TablesPlan
from feature_platform_py.jobs.schema import json_schema_text
from feature_platform_py.registry.feature import FeatureGroup
from feature_platform_py.registry.registry import Registry, load_registry, load_source_registry
from feature_platform_py.registry.schema import json_schema_texts
from feature_platform_py.registry.source import RegisteredSource
from feature_platform_py.sources.resolve import ResolvedSource

GROUPS_FILE = Path("models", "groups.yml")
_MARK = re.compile(rf"(?:# |\{{#- ){GENERATED} (.+) by `fpjob ")


def generated_files(project: Project, problems: list[Problem] | None = None) -> dict[Path, str]:
    """Return the text of every generated file by its path below the project's root.

    Raises ConfigurationError with every problem of the registry, else of the jobs (see `planned_jobs`), else of features that a
    job computes and the registry lacks or has with another type.
    """
    registry = load_project_registry(project.root)
    files = dict(_registry_files(registry))
    for group in plan_groups(registry, project, problems):
        files |= group_files(group, registry)
    for job in described_jobs(project, registry, problems):
        files |= job_files(job, registry, folder=models_folder(job.plan.job_name))
    files[Path("configs", "job.schema.json")] = json_schema_text()
    return files | {Path("registry", f"{kind}.schema.json"): text for kind, text in json_schema_texts().items()}


def load_project_registry(root: Path) -> Registry:
    """Return the registry of a project; its feature groups describe tables of transformers, or models of the project."""
    return load_registry(root, models=model_names(root))


def stale_files(project: Project, problems: list[Problem] | None = None) -> dict[Path, tuple[str, str]]:
    """Return the stale files as (present text, wanted text)."""
    wanted = generated_files(project, problems)
    there = {path: _text(project.root / path) for path in wanted}
    left_over = {path: _text(project.root / path) for path in _abandoned(project, wanted)}
    stale = {path: (there[path], text) for path, text in wanted.items() if there[path] != text}
    return stale | {path: (text, "") for path, text in left_over.items()}


def write_files(project: Project, problems: list[Problem] | None = None) -> list[Path]:
    """Write stale files, remove files that nothing generates any more, and return the changed paths."""
    stale = stale_files(project, problems)
    _replace(project.root, {path: text for path, (_, text) in stale.items()})
    return sorted(stale)


def _replace(root: Path, texts: Mapping[Path, str]) -> None:
    """Write files in order, then remove those without a text, and folders that became empty."""
    try:
        for path, text in texts.items():
            if text:
                replace_file(root / path, text)
        for path in [path for path, text in texts.items() if not text]:
            (root / path).unlink()
            if not any((root / path).parent.iterdir()):
                (root / path).parent.rmdir()
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename}: expected a writable file for the models of jobs: {error.strerror}; make the"
            " project's folder writable, or bring it up to date elsewhere with `fpjob registry sync`"
        ) from error


def bring_up_to_date(
    plan: TablesPlan, project: Project, *, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Write the stale dbt files of one job or group, report them to `tell` in one line, and return the dbt variables of its runs.

    The models of a job below `configs/jobs` are part of the project. Those of another job are in a folder that dbt reads only in
    that job's runs. Raises ConfigurationError if a file cannot be written, or if the project's own dbt files are of an earlier
    version.
    """
    _check_version(project.root)
    if not isinstance(plan, JobPlan):
        _bring_groups_up_to_date(plan, project, tell)
        return {}
    registered = registered_file(plan.config.path, plan.job_name, project)
    of_project = models_folder(plan.job_name)
    folder = of_project if registered else (project.caches / plan.job_name / "models").relative_to(project.root)
    wanted = _files_of_job(plan, project, registered or plan.config.path.resolve(), folder)
    # A job that has left `configs/jobs` may have models there still.
    former = [models_folder(name) for name in plan.was]
    left = [*_generated_in(project.root, folder, of_project, *former), *_left_over(project.root, plan.groups)]
    _update(project, wanted, left, {folder, of_project, *former}, tell)
    return {} if registered else {"job_models": folder.as_posix()}


def _bring_groups_up_to_date(plan: TablesPlan, project: Project, tell: Callable[[str], None]) -> None:
    registry = _registry_for_docs(project.root)
    groups = [part for part in plan.parts if isinstance(part, GroupPlan)]
    wanted = _shared_files([group.source for group in groups], registry, project.root)
    for group in groups:
        wanted |= group_files(group, registry)
    _update(project, wanted, _left_over(project.root, groups), set(), tell)


def _update(
    project: Project, wanted: Mapping[Path, str], left: Iterable[Path], folders: set[Path], tell: Callable[[str], None]
) -> None:
    """Write the wanted files that are stale, remove what is left of others, and report both in one line."""
    stale = {path: text for path, text in wanted.items() if _text(project.root / path) != text}
    stale |= {path: "" for path in sorted(set(left)) if path not in wanted}
    if stale:
        _replace(project.root, stale)
        named = dict.fromkeys(path.parent if path.parent in folders else path for path in stale)
        tell(f"  updated from the job and the registry: {', '.join(path.as_posix() for path in named)}")


def _generated_in(root: Path, *folders: Path) -> set[Path]:
    found = [file for folder in folders for file in (root / folder).glob("*")]
    return {file.relative_to(root) for file in found if file.is_file() and _MARK.match(_text(file))}


def _left_over(root: Path, groups: Iterable[GroupPlan]) -> Iterator[Path]:
    """Yield the generated files of these groups, also of tables that they do not have any more."""
    groups = list(groups)
    origins = {_group_origin(group) for group in groups}
    origins |= {f"registry/feature/{name}.yaml" for group in groups for name in group.was}
    for path in _generated_in(root, GROUP_MODELS) if origins else ():
        if _origin(_text(root / path)) in origins:
            yield path


def _check_version(root: Path) -> None:
    if "job_models" not in _text(root / "dbt_project.yml"):
        raise ConfigurationError(
            "dbt_project.yml: expected `job_models` in `model-paths`; the project's dbt files are of an earlier version."
            " Run `fpjob upgrade`; registry, jobs, models of your own and warehouse stay"
        )


def _files_of_job(plan: JobPlan, project: Project, file: Path, folder: Path) -> dict[Path, str]:
    """Return the job's own files, after the files that they refer to: its sources, and the groups of owners."""
    registry = _registry_for_docs(project.root)
    files = _shared_files([*plan.sources, *(group.source for group in plan.groups)], registry, project.root)
    for group in plan.groups:
        files |= group_files(group, registry)
    shown = file.relative_to(project.root) if file.is_relative_to(project.root) else Path(file.name)
    return files | job_files(PlannedJob(shown, plan), registry, folder=folder)


def _shared_files(sources: Iterable[ResolvedSource], registry: Registry, root: Path) -> dict[Path, str]:
    """Return the files that plans share with others: those of their sources, and the groups of owners."""
    named = [
        registered
        for source in sources
        for registered in (source.registered, *(each for reference in source.references for each in reference.sources))
    ]
    files = dict(_source_yaml(source, registry) for source in named if source)
    if registry.feature_groups:
        files[GROUPS_FILE] = _file("registry/feature/", {"groups": _groups(root, registry)})
    return files


def _groups(root: Path, registry: Registry) -> list[dict[str, Any]]:
    """Return the groups of owners, and groups that models of other jobs may still name, because dbt fails without these."""
    import yaml

    groups: list[dict[str, Any]] = groups_content(registry)["groups"]
    names = {group["name"] for group in groups}
    try:
        there = [(each["name"], each["owner"]["name"]) for each in yaml.safe_load(_text(root / GROUPS_FILE))["groups"]]
    except (yaml.YAMLError, TypeError, KeyError):
        there = []
    return groups + [{"name": name, "owner": {"name": AsIs(owner)}} for name, owner in there if name not in names]


def _registry_for_docs(root: Path) -> Registry:
    """Return the whole registry, or if it has faults, only what a job needs; the rest is description."""
    try:
        return load_registry(root)
    except ConfigurationError:
        return load_source_registry(root)


def _abandoned(project: Project, wanted: Mapping[Path, str]) -> Iterator[Path]:
    """Yield the generated files that nothing stands behind any more; the files of a job or group with faults stay as they are."""
    origins = {_origin(text) for text in wanted.values()}
    jobs = {path.relative_to(project.root).as_posix() for path in files_of_jobs(project)}
    groups = {group.file.relative_to(project.root).as_posix() for group in load_registry(project.root).defined_groups}
    for file in (project.root / "models").rglob("*"):
        path = file.relative_to(project.root)
        origin = _origin(_text(file)) if file.suffix in {".yml", ".sql", ".py"} else None
        if origin and path not in wanted and (origin in origins or origin not in jobs | groups):
            yield path


def _origin(text: str) -> str | None:
    """Return what a generated file was generated from; None for a file that people wrote."""
    found = _MARK.match(text)
    return found[1] if found else None


def planned_jobs(project: Project, registry: Registry, problems: list[Problem] | None = None) -> list[PlannedJob]:
    """Return every job of the project.

    If `problems` is given, add those of broken jobs to it and return the others. Raises ConfigurationError with all problems if
    it is not given, or if no job is valid.
    """
    jobs: list[PlannedJob] = []
    found: list[Problem] = []
    for path in files_of_jobs(project):
        try:
            jobs.append(PlannedJob(path.relative_to(project.root), prepare_job(path, project, registry=registry)))
        except FeaturePlatformError as error:
            found += problems_of(error, project.shown(path))
    if found and (problems is None or not jobs):
        raise ConfigurationError(found)
    if problems is not None:
        problems += found
    return jobs


def described_jobs(project: Project, registry: Registry, problems: list[Problem] | None = None) -> list[PlannedJob]:
    """Return the jobs whose features the registry describes; `problems` is as in `planned_jobs`."""
    jobs = planned_jobs(project, registry, problems)
    drift = {job.path: set(_drift(job, registry)) for job in jobs}
    found = set().union(*drift.values())
    described = [job for job in jobs if not drift[job.path]]
    if found and (problems is None or not described):
        raise ConfigurationError(found)
    if problems is not None:
        problems += found
    return described


def _drift(job: PlannedJob, registry: Registry) -> Iterator[Problem]:
    """Yield features that a job computes and that the registry lacks or has with another type."""
    for model, column in _outputs(job):
        # Definitions of aggregations describe themselves; a group may say more about those of a job.
        if model in {BOUNDED, LIFETIME} and registry.feature_group(model) is None:
            continue
        if problem := _drift_of(job, model, column, registry.feature_group(model)):
            yield problem


def _outputs(job: PlannedJob) -> Iterator[tuple[str, OutputColumn]]:
    for feature_set in (*job.plan.own_sets, *job.plan.python_sets):
        for column in feature_set.features:
            yield feature_set.model, column


def _drift_of(job: PlannedJob, model: str, column: OutputColumn, group: FeatureGroup | None) -> Problem | None:
    computed = f"the job `{job.plan.job_name}` computes `{column.name}` in `{model}`"
    if group is None and model in (BOUNDED, LIFETIME):
        # Their definition in the job's file describes them.
        return None
    if group is None:
        return Problem(
            job.path.as_posix(), 1, f"{computed}, which has no feature group; add `registry/feature/{model}.yaml`"
        )
    feature = group.feature_of(column.name)
    if feature is None:
        known = ticked([each.name for each in group.features])
        return group.place.at("features").problem(
            f"{computed}, which is not a feature of the group; add it. Its features: {known}"
        )
    if column.type and not feature.has_type(column.type):
        wanted = f"feature `{feature.name}` is {' or '.join(feature.types)}, and {computed} as {column.type}"
        return feature.place.at("type").problem(f"{wanted}; give both one type")
    return None


def _registry_files(registry: Registry) -> Iterator[tuple[Path, str]]:
    for source in registry.sources:
        yield _source_yaml(source, registry)
    if registry.feature_groups:
        yield GROUPS_FILE, _file("registry/feature/", groups_content(registry))


def _source_yaml(source: RegisteredSource, registry: Registry) -> tuple[Path, str]:
    path = Path("models", "sources", f"{source.type}__v{source.version}__{source.name}.yml")
    origin = f"registry/source/{source.type}/v{source.version}/{source.file.name}"
    return path, _file(origin, source_content(source, registry))


def job_files(job: PlannedJob, registry: Registry, *, folder: Path) -> dict[Path, str]:
    """Return the texts of a job's dbt files in a folder; a file comes after those that it refers to."""
    origin = job.path.as_posix()
    files = {folder / name: text for name, text in model_texts(job.plan, origin)}
    content = _as_yaml(as_dbt_reads_it(job_content(job, registry)))
    return files | {folder / f"{job.plan.job_name}.yml": f"# {generated_from(origin)}\n{content}"}


def group_files(plan: GroupPlan, registry: Registry) -> dict[Path, str]:
    """Return the texts of a feature group's dbt files; a file comes after those that it refers to."""
    origin = _group_origin(plan)
    files = {GROUP_MODELS / name: text for name, text in model_texts(plan, origin)}
    return files | {GROUP_MODELS / f"{plan.name}.yml": _file(origin, group_content(plan, registry))}


def _group_origin(plan: GroupPlan) -> str:
    return f"registry/feature/{plan.file.name}"


def _file(origin: str, content: Mapping[str, Any]) -> str:
    return f"# {generated_from(origin)}\n{_as_yaml(as_dbt_reads_it(content))}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _as_yaml(value: Any) -> str:
    import yaml

    # The dumper of libyaml, if installed, is ten times faster.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=130))
