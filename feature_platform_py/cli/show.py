"""`fpjob show`: print rows of a job's result or of a table, or the proof of a result."""

from __future__ import annotations

from pathlib import Path

import click

from feature_platform_py.cli.output import print_json, print_progress, print_table
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.features.catalogue import transformers_of
from feature_platform_py.jobs.config import JobConfig, load_job_config
from feature_platform_py.jobs.plan import ENRICHED_MODEL, JOINED_MODEL
from feature_platform_py.runs.proof import last_proof
from feature_platform_py.targets import backend_of


def show_command(name: str, *, target: str | None, rows: int, output_format: str) -> None:
    """Print the first rows of the job or table `name`."""
    project = open_project(target=target)
    table = _table_of(name, project)
    backend = backend_of(project)
    known = [relation for relation, _ in backend.relations()]
    if table not in known:
        known_as = unknown("table", table, known=known)
        raise ConfigurationError(
            f"{known_as}. Tables of a job and of the feature groups that it reads exist after its first run"
        )
    relation = backend.sql_name(table)
    shown = backend.query(f"select * from {relation} limit {rows}")  # noqa: S608 - quoted
    if output_format == "json":
        print_json(shown.dicts())
        return
    print_table(shown.columns, shown.values, truncate=False)
    [[count]] = backend.query(f"select count(*) as row_count from {relation}").values  # noqa: S608 - quoted
    print_progress(f"{table}: {len(shown.values):,} of {count:,} rows shown")


def proof_command(name: str, *, target: str | None, output_format: str) -> None:
    """Print the proof of the last result of a job, which is named by its file or its `job_name`."""
    project = open_project(target=target)
    job_name = _job(name, project).job_name if name.endswith((".yaml", ".yml")) else name
    proof = last_proof(project, job_name)
    if proof is None:
        raise ConfigurationError(
            f"job `{job_name}` has no proof here; run it first. Jobs have one whose rows ask for features of groups at their own times"
        )
    if output_format == "json":
        print_json(proof.value)
    else:
        click.echo("\n".join(proof.lines()))


def _job(file: str, project: Project) -> JobConfig:
    return load_job_config(Path(file), transformers=transformers_of(project.root))


def _table_of(name: str, project: Project) -> str:
    if name.endswith((".yaml", ".yml")):
        job = _job(name, project)
        model = ENRICHED_MODEL if job.python_transformers else JOINED_MODEL
        return f"{project.target.schema}.{job.job_name}__{model}"
    return name if "." in name else f"{project.target.schema}.{name}"
