"""What is written from the registry, the jobs and the code, for dbt and for editors, and what of it is stale."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import ConfigurationError, FeaturePlatformError, Problem, problems_of
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.dbt_files.dbt_yaml import (
    PlannedJob,
    as_dbt_reads_it,
    enriched_columns,
    exposures_content,
    groups_content,
    input_columns,
    model_content,
    result_columns,
    source_content,
)
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.features.columns import OutputColumn
from feature_platform_py.jobs.names import job_files
from feature_platform_py.jobs.plan import ENRICHED_MODEL, INPUT_MODEL, JOINED_MODEL, job_variable
from feature_platform_py.jobs.schema import json_schema_text
from feature_platform_py.registry.feature import FeatureGroup
from feature_platform_py.registry.models import model_files
from feature_platform_py.registry.registry import Registry, load_registry
from feature_platform_py.registry.schema import json_schema_texts
from feature_platform_py.registry.source import RegisteredSource

SAMPLE_JOB = Path("configs/jobs/sample_financial_features_job.yaml")

_HEADER = "# Generated from {origin} by `fpjob registry sync`; edit that instead.\n"
_GENERATED_FILES = ("models/sources/*__v*__*.yml", "models/*/*.yml", "models/*.yml")
_BLOCK = re.compile(r"(?P<first>(?P<indent> *)# >>> generated .*\n)(?:.*\n)*?(?P<last> *# <<< generated\n)")


def generated_files(project: Project, problems: list[Problem] | None = None) -> dict[Path, str]:
    """Return the text of every generated file by its path below the project's root.

    Raises ConfigurationError with every problem of the registry, else of the jobs (see `planned_jobs`), else of features that
    are in a job and not, or not so, in the registry.
    """
    models = model_files(project.root)
    registry = load_registry(project.root, models=frozenset(models))
    jobs = described_jobs(project, registry, problems)
    files = dict(_whole_files(registry, jobs, models)) | dict(_files_with_blocks(project, jobs, registry, models))
    files[Path("configs", "job.schema.json")] = json_schema_text()
    return files | {Path("registry", f"{kind}.schema.json"): text for kind, text in json_schema_texts().items()}


def stale_files(project: Project, problems: list[Problem] | None = None) -> dict[Path, tuple[str, str]]:
    """Return the files whose text differs from what it should be, as (what is there, what should be)."""
    wanted = generated_files(project, problems)
    there = {path: _text(project.root / path) for path in wanted}
    left_over = {path: _text(project.root / path) for path in _generated_before(project.root) if path not in wanted}
    stale = {path: (there[path], text) for path, text in wanted.items() if there[path] != text}
    return stale | {path: (text, "") for path, text in left_over.items()}


def write_files(project: Project, problems: list[Problem] | None = None) -> list[Path]:
    """Write what is stale, remove what no registry entry stands behind, and return the paths changed."""
    stale = stale_files(project, problems)
    for path, (_, text) in stale.items():
        if text:
            replace_file(project.root / path, text)
        else:
            (project.root / path).unlink()
    return sorted(stale)


def _generated_before(root: Path) -> set[Path]:
    first_words = _HEADER.partition("{")[0]
    found = {path for pattern in _GENERATED_FILES for path in root.glob(pattern)}
    return {path.relative_to(root) for path in found if _text(path).startswith(first_words)}


def planned_jobs(project: Project, registry: Registry, problems: list[Problem] | None = None) -> list[PlannedJob]:
    """Return every job of the project.

    If `problems` is given, it grows by those of broken jobs, and the others are returned. Raises ConfigurationError with all
    problems if it is not given, or if no job is good.
    """
    jobs: list[PlannedJob] = []
    found: list[Problem] = []
    for path in job_files(project):
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
    """Return the jobs whose features the registry describes; with `problems` and the others as in `planned_jobs`."""
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
    """Yield the features that a job computes, and that the registry does not know, or not with this type."""
    for model, column in _outputs(job):
        if problem := _drift_of(job, model, column, registry.feature_group(model)):
            yield problem


def _outputs(job: PlannedJob) -> Iterator[tuple[str, OutputColumn]]:
    for feature_set in (*job.plan.feature_sets, *job.plan.python_sets):
        for column in feature_set.features:
            yield feature_set.model, column


def _drift_of(job: PlannedJob, model: str, column: OutputColumn, group: FeatureGroup | None) -> Problem | None:
    computed = f"the job `{job.plan.job_name}` computes `{column.name}` in `{model}`"
    if group is None:
        return Problem(
            job.path.as_posix(), 1, f"{computed}, which has no feature group; add `registry/feature/{model}.yaml`"
        )
    feature = group.feature_of(column.name)
    if feature is None:
        known = ticked([each.name for each in group.features])
        return group.place.at("features").problem(
            f"{computed}, which is no feature of the group; add it. Its features: {known}"
        )
    if column.type and not feature.has_type(column.type):
        wanted = f"feature `{feature.name}` is {' or '.join(feature.types)}, and {computed} as {column.type}"
        return feature.place.at("type").problem(f"{wanted}; give both one type")
    return None


def _whole_files(
    registry: Registry, jobs: Sequence[PlannedJob], models: Mapping[str, Path]
) -> Iterator[tuple[Path, str]]:
    for source in registry.sources:
        name = f"{source.type}__v{source.version}__{source.name}.yml"
        yield Path("models", "sources", name), _file(_source_origin(source), source_content(source, registry))
    # People write the file of the model in Python, which has a block that is generated.
    for group in [each for each in registry.feature_groups if each.model != ENRICHED_MODEL]:
        path = models[group.model].with_name(f"{group.model}.yml")
        origin = f"registry/feature/{group.file.name} and configs/jobs/"
        yield path, _file(origin, model_content(group, jobs, registry))
    if jobs:
        yield Path("models", "jobs", "exposures.yml"), _file("configs/jobs/", exposures_content(jobs, registry))
    if registry.feature_groups:
        yield Path("models", "groups.yml"), _file("registry/feature/", groups_content(registry))


def default_job(jobs: Sequence[PlannedJob]) -> PlannedJob | None:
    """The job of plain dbt: the default of the variable `job` in `dbt_project.yml` is made of it."""
    return next((job for job in jobs if job.path == SAMPLE_JOB), None)


def _source_origin(source: RegisteredSource) -> str:
    return f"registry/source/{source.type}/v{source.version}/{source.file.name}"


def _files_with_blocks(
    project: Project, jobs: Sequence[PlannedJob], registry: Registry, models: Mapping[str, Path]
) -> Iterator[tuple[Path, str]]:
    """The files that people write, with a block that is generated."""
    if default := default_job(jobs):
        yield _with_block(project.root, Path("dbt_project.yml"), {"job": job_variable(default.plan)})
    contents = {
        INPUT_MODEL: input_columns(jobs),
        JOINED_MODEL: result_columns(jobs, registry),
        ENRICHED_MODEL: enriched_columns(jobs, registry),
    }
    for model, content in contents.items():
        yield _with_block(project.root, models[model].with_suffix(".yml"), as_dbt_reads_it(content))


def _with_block(root: Path, path: Path, content: Mapping[str, Any]) -> tuple[Path, str]:
    text = _text(root / path)
    if not (block := _BLOCK.search(text)):
        raise ConfigurationError(
            f"{path}: the lines `# >>> generated ...` and `# <<< generated` are missing; put them where the generated keys belong"
        )
    lines = "".join(f"{block['indent']}{line}\n" for line in _as_yaml(content).splitlines())
    return path, text[: block.start()] + block["first"] + lines + block["last"] + text[block.end() :]


def _file(origin: str, content: Mapping[str, Any]) -> str:
    return _HEADER.format(origin=origin) + _as_yaml(as_dbt_reads_it(content))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _as_yaml(value: Any) -> str:
    import yaml

    # The dumper of libyaml, where it is there, is ten times faster.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=130))
