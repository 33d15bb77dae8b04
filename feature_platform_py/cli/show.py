"""`fpjob show`: print rows of a job's result or of a table."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.cli.output import print_json, print_progress, print_table
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.features.catalogue import transformers_of
from feature_platform_py.jobs.config import load_job_config
from feature_platform_py.jobs.plan import ENRICHED_MODEL, JOINED_MODEL
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


def _table_of(name: str, project: Project) -> str:
    if name.endswith((".yaml", ".yml")):
        job = load_job_config(Path(name), transformers=transformers_of(project.root))
        model = ENRICHED_MODEL if job.python_transformers else JOINED_MODEL
        return f"{project.target.schema}.{job.job_name}__{model}"
    return name if "." in name else f"{project.target.schema}.{name}"
