"""Write the folder of the docs site: the feature catalogue, dbt's own docs, and the picture of the entities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from feature_platform_py.core.dbt_settings import dbt_settings
from feature_platform_py.core.errors import ConfigurationError, EngineError, Problem
from feature_platform_py.core.files import is_leftover, replace_file
from feature_platform_py.core.project import Project
from feature_platform_py.dbt_files.job_yaml import PlannedJob
from feature_platform_py.dbt_files.sync import described_jobs, write_files
from feature_platform_py.docs_site.catalogue import Findings, catalogue_content
from feature_platform_py.docs_site.page import data_script, write_dbt_page
from feature_platform_py.docs_site.profile import ColumnProfile, profile_table
from feature_platform_py.features.catalogue import transformers_of
from feature_platform_py.jobs.groups import plan_groups
from feature_platform_py.jobs.last_run import last_run
from feature_platform_py.jobs.plan import GroupPlan
from feature_platform_py.jobs.run_history import past_runs
from feature_platform_py.lineage.load import CompiledJob, compile_jobs, lineage_of, plans_to_compile
from feature_platform_py.registry.diagram import DIAGRAM, dot_text, drawn
from feature_platform_py.registry.registry import Registry
from feature_platform_py.runs.dbt import generate_docs
from feature_platform_py.runs.proof import last_proof
from feature_platform_py.targets import backend_of

DEFAULT_FOLDER = Path("target", "docs")
# This file marks a folder as a docs site, so it is written first.
_FIRST = "catalogue.js"


def build_site(
    project: Project, registry: Registry, folder: Path, *, problems: list[Problem], tell: Callable[[str], None]
) -> dict[str, Any]:
    """Write the site into `folder` and return the catalogue's content; report each step to `tell`.

    Leaves out broken jobs and adds their problems to `problems`. Raises ConfigurationError if the folder holds something else,
    EngineError if dbt or the engine fails.
    """
    check_folder(folder)
    for path in write_files(project, problems):
        tell(f"synced {path}")
    planned = described_jobs(project, registry, [])
    groups = plan_groups(registry, project, [])
    compiled = compile_jobs(plans_to_compile({job.path: job.plan for job in planned}, groups), project, problems)
    jobs = [job for job in planned if job.plan in [each.plan for each in compiled]]
    tell(f"compiled {len(jobs)} jobs and {len(groups)} feature groups")
    found = _findings(project, jobs, groups, compiled)
    content = catalogue_content(
        registry, jobs, found, groups, transformers_of(project.root), project_name=_name(project)
    )
    picture = _picture(registry, project)
    content |= {"diagram": picture is not None}
    tell(f"profiled {sum(each['profile'] is not None for each in content['features'])} features")
    write_catalogue(folder, content)
    if picture is None:
        (folder / "entities.svg").unlink(missing_ok=True)
    else:
        replace_file(folder / "entities.svg", picture)
    if jobs or groups:
        _write_dbt_docs(project, [job.plan.job_name for job in jobs], folder)
        tell("wrote dbt's docs")
    return content


def _name(project: Project) -> str:
    """Return the name of the dbt project, which is part of the ids in dbt's docs."""
    return str(dbt_settings(project.root).get("name", ""))


def _picture(registry: Registry, project: Project) -> bytes | None:
    """Return the picture of the entities as SVG: without Graphviz that of the project, None if there is none."""
    # The other pages need no Graphviz.
    with suppress(ConfigurationError):
        return drawn(dot_text(registry.entities), "svg")
    of_project = project.root / DIAGRAM.with_suffix(".svg")
    return of_project.read_bytes() if of_project.exists() else None


def check_folder(folder: Path) -> None:
    """Raise ConfigurationError if the folder holds something other than a docs site."""
    found = {path.name for path in folder.iterdir() if not is_leftover(path)} if folder.exists() else set()
    if found and _FIRST not in found:
        raise ConfigurationError(
            f"{folder}: expected an empty folder or a docs site, found other files; name another folder"
        )


def write_catalogue(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the page of the catalogue, which needs no server, no network and only the files beside it."""
    static = resources.files("feature_platform_py.docs_site") / "static"
    for name in (_FIRST, "index.html", "catalogue.css"):
        replace_file(folder / name, (static / name).read_bytes())
    for file in (static / "vendor").iterdir():
        replace_file(folder / "vendor" / file.name, file.read_bytes())
    # A script and not JSON, because browsers fetch nothing for a page that is opened from a file.
    replace_file(folder / "data.js", data_script("CATALOGUE", content))


def _findings(
    project: Project, jobs: Sequence[PlannedJob], groups: Sequence[GroupPlan], compiled: Sequence[CompiledJob]
) -> Findings:
    return Findings(
        profiles=table_profiles(project, jobs, groups),
        sql={model.name: model.sql.strip() for each in compiled for model in each.models},
        runs={job.plan.job_name: run for job in jobs if (run := last_run(project, job.plan.job_name))},
        past={job.plan.job_name: past_runs(project, job.plan.job_name) for job in jobs},
        proofs={
            job.plan.job_name: proof
            for job in jobs
            if job.plan.uses and (proof := last_proof(project, job.plan.job_name))
        },
        lineage=lineage_of(compiled),
    )


def table_profiles(
    project: Project, jobs: Sequence[PlannedJob], groups: Sequence[GroupPlan] = ()
) -> dict[tuple[str, str], ColumnProfile]:
    """Return the profiles of features with a built table, from the first job that has one; a group's are under its name."""
    backend = backend_of(project)
    profiles: dict[tuple[str, str], ColumnProfile] = {}
    of_groups = [(group.name, group, table) for group in groups for table in group.tables]
    of_jobs = [(model, job.plan, model) for job in jobs for model in job.plan.models if job.plan.sets_of(model)]
    for name, plan, model in (*of_groups, *of_jobs):
        table = f"{project.target.schema}.{plan.table_name(model)}"
        wanted = {column.name: column.type or "string" for each in plan.sets_of(model) for column in each.features}
        # The job may have gained columns since the table was built, or the table may not exist yet.
        there = {column for column, _ in backend.columns(table)}
        columns = [each for each in wanted.items() if each[0] in there and (name, each[0]) not in profiles]
        if columns:
            found = profile_table(backend.query, backend.sql_name(table), columns)
            profiles |= {(name, column): replace(each, table=plan.table_name(model)) for column, each in found.items()}
    return profiles


def _write_dbt_docs(project: Project, job_names: Sequence[str], folder: Path) -> None:
    built, run = generate_docs(project, job_names)
    if run.error or not (built / "index.html").exists():
        raise EngineError(run.error or "dbt wrote no docs", Path(project.shown(run.log_file)))
    write_dbt_page(folder, built)
