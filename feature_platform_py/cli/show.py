"""`fpjob show`: print rows of a job's result or of a table, or the proof of a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from feature_platform_py.cli.output import print_csv, print_json, print_progress, print_table, print_text
from feature_platform_py.cli.run import leading_columns
from feature_platform_py.cli.signs import step
from feature_platform_py.core.errors import ConfigurationError, EngineError, FeaturePlatformError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.suggestions import printable, ticked, unknown
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.features.catalogue import transformers_of
from feature_platform_py.jobs.config import JobConfig, load_job_config
from feature_platform_py.jobs.find import find_job, group_names, is_path, jobs_by_name
from feature_platform_py.jobs.plan import ENRICHED_MODEL, JOINED_MODEL
from feature_platform_py.runs.proof import last_proof
from feature_platform_py.targets import Backend, backend_of


def show_command(name: str, *, target: str | None, rows: int, output_format: str) -> None:
    """Print the first rows of what a user names: a job's result by its file or name, a feature group, or a table."""
    project = open_project(target=target)
    backend = backend_of(project)
    file = _file_of_job(name, project)
    table = _result_table(file, project) if file else _table_named(name, project, backend)
    if table not in _known(backend):
        raise ConfigurationError(_unknown(name, table, project, backend))
    step(f"reads {table}")
    relation = backend.sql_name(table)
    with _explained(table, project, backend):
        shown = backend.query(f"select * from {relation} limit {rows}")  # noqa: S608 - quoted
    if output_format == "json":
        print_json(shown.dicts())
        return
    if output_format == "csv":
        print_csv(shown.columns, shown.values)
        return
    [[count]] = backend.query(f"select count(*) as row_count from {relation}").values  # noqa: S608 - quoted
    print_table(shown.columns, shown.values, truncate=False, first=_leading(file, project) if file else ())
    print_progress(f"{table}: {len(shown.values):,} of {count:,} rows shown")


def proof_command(name: str, *, target: str | None, output_format: str) -> None:
    """Print the proof of the last result of a job, which is named by its file or its `job_name`."""
    project = open_project(target=target)
    job_name = _job(find_job(name, project), project).job_name if is_path(name) else name
    proof = last_proof(project, job_name)
    if proof is None:
        if not is_path(name):
            find_job(name, project)
        raise ConfigurationError(
            f"job `{job_name}` has no proof here; run it first. Jobs have one whose rows ask for features of groups at their own times"
        )
    if output_format == "json":
        print_json(proof.value)
    else:
        print_text("\n".join(proof.lines()))


def _file_of_job(name: str, project: Project) -> Path | None:
    return find_job(name, project) if is_path(name) else jobs_by_name(project).get(name)


def _job(file: Path, project: Project) -> JobConfig:
    return load_job_config(file, transformers=transformers_of(project.root))


def _result_table(file: Path, project: Project) -> str:
    job = _job(file, project)
    model = ENRICHED_MODEL if job.python_transformers else JOINED_MODEL
    return f"{project.target.schema}.{job.job_name}__{model}"


def _table_named(name: str, project: Project, backend: Backend) -> str:
    """Return the full name of a table. Without its schema it is one of features, and without its job too if only one job has it."""
    if "." in name:
        return name
    known, table = _known(backend), f"{project.target.schema}.{name}"
    of_jobs = [each for each in known if each.startswith(f"{project.target.schema}.") and each.endswith(f"__{name}")]
    if table in known or not of_jobs:
        return table
    if len(of_jobs) > 1:
        raise ConfigurationError(f"`{name}` is a table of several jobs; expected one of {ticked(of_jobs)}")
    return of_jobs[0]


def _unknown(name: str, table: str, project: Project, backend: Backend) -> str:
    advice = "Tables of a job and of the feature groups that it reads exist after its first run"
    jobs = jobs_by_name(project)
    if name in jobs or name in group_names(project) or is_path(name):
        kind = "feature group" if name in group_names(project) else "job"
        return f"{kind} `{name}` has no table on target `{project.target.name}` yet. {advice}"
    schema = f"{project.target.schema}."
    known = [each.removeprefix(schema) for each in _known(backend)]
    return f"{unknown('job or table', table.removeprefix(schema), known=[*jobs, *known])}. {advice}"


@contextmanager
def _explained(table: str, project: Project, backend: Backend) -> Iterator[None]:
    """Say what to do about a view that does not fit its tables, as a run or a promotion that has not ended leaves it."""
    try:
        yield
    except Exception as error:
        from pyspark.errors import AnalysisException

        if not isinstance(error.__cause__ or error, AnalysisException) or (table, "view") not in backend.relations():
            raise
        schema, name = table.split(".", 1)
        owner = max((each for each in jobs_by_name(project) if name.startswith(f"{each}__")), key=len, default=None)
        option = "" if schema == (project.target.production or project.target.schema) else f" --schema {schema}"
        advice = f"`fpjob run {owner}{option}`" if owner else "run a job that builds it"
        said = printable(" ".join(str(error).split()), 200)
        raise EngineError(
            f"the view `{table}` does not fit the tables that it reads, because a run or a promotion has not ended: {advice} ({said})"
        ) from error


def _known(backend: Backend) -> list[str]:
    return [relation for relation, _ in backend.relations()]


def _leading(file: Path, project: Project) -> Sequence[str]:
    """Return the columns of a job's result that matter most; none if the job has changed and is not valid now."""
    with suppress(FeaturePlatformError):
        return leading_columns(prepare_job(file, project))
    return ()
