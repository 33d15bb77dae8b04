"""Find the tables and views of a job or feature group, or those that nothing of the project builds any more, and drop them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass

from feature_platform_py.core.document import read_document
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.dbt_files.job_models import models_folder
from feature_platform_py.jobs.environments import check_environment
from feature_platform_py.jobs.find import group_names
from feature_platform_py.jobs.names import GROUP_MODELS, job_files, last_file, written_models
from feature_platform_py.jobs.plan import INPUT_MODEL, JOINED_MODEL
from feature_platform_py.runs.features_at import NAME as FEATURES_AT
from feature_platform_py.runs.lock import running_alone
from feature_platform_py.runs.renames import former_names
from feature_platform_py.targets import backend_of
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.old_copies import bytes_of
from feature_platform_py.warehouse.session import open_warehouse

_GROUP_INPUT = "input"


@dataclass(frozen=True)
class OwnRelation:
    """A table or view, and the job or group that built it; `is_owner_there` if the project still has that."""

    schema: str
    name: str
    kind: str
    owner: str
    is_owner_there: bool
    bytes: int

    @property
    def relation(self) -> str:
        """The name of the relation, with its schema."""
        return f"{self.schema}.{self.name}"

    @property
    def why(self) -> str:
        """Why nothing builds it."""
        return f"`{self.owner}` has no such table now" if self.is_owner_there else f"`{self.owner}` is gone"


def find_orphans(project: Project) -> list[OwnRelation]:
    """Return the relations of jobs and feature groups that are gone, or that have lost the table; no engine is started.

    Relations of a name that a job or group had before (`was`) are none, as long as a run would move them.
    A job outside of `configs/jobs/` is known by the record of its last run, as long as its file is there.
    Raises ConfigurationError for a target without a warehouse folder, and if a job file cannot be read.
    """
    jobs, heirs = _jobs(project), former_names(project)
    found = _own_relations(project, jobs)
    there = {each.relation for each in found}

    def is_kept(each: OwnRelation) -> bool:
        if each.is_owner_there:
            return _is_built(each.name, each.owner, project, is_job=each.owner in jobs)
        heir = heirs.get(each.owner)
        return heir is not None and f"{each.schema}.{heir}{each.name.removeprefix(each.owner)}" not in there

    return [each for each in found if not is_kept(each)]


def find_relations(owner: str, project: Project) -> list[OwnRelation]:
    """Return the relations of a job or a feature group, which may be gone; no engine is started.

    Raises ConfigurationError for a name without any, for a target without a warehouse folder, and if a job file cannot be read.
    """
    every = _own_relations(project, _jobs(project))
    found = [each for each in every if each.owner == owner]
    if not found:
        known = sorted({each.owner for each in every})
        advice = unknown("job or feature group with tables", owner, known=known)
        raise ConfigurationError(f"{advice}, on target `{project.target.name}`" if known else advice)
    return found


def _own_relations(project: Project, jobs: AbstractSet[str]) -> list[OwnRelation]:
    """Return the relations of all jobs and groups that are there, or that have left some."""
    if not project.target.has_session:
        raise ConfigurationError(
            f"target `{project.target.name}`: expected a target with a warehouse folder; list and drop tables there with SQL"
        )
    check_environment(project)
    groups = group_names(project)
    relations = [(*name.split(".", 1), kind) for name, kind in backend_of(project).relations()]
    own = {name: kind for schema, name, kind in relations if schema == project.target.schema}
    owners = sorted({*_owners(own), *jobs, *groups, *former_names(project)}, key=len, reverse=True)
    built = written_models(project.root)
    found = []
    for name, kind in own.items():
        # A name may begin with those of two jobs; the longer one is its own.
        owner = next((each for each in owners if name == each or name.startswith(f"{each}__")), None)
        if owner is not None and name not in built and (name != owner or owner not in jobs):
            found.append((project.target.schema, name, kind, owner))
    for schema, name, kind in relations:
        if schema == project.target.sources_schema and kind == "table" and name.endswith("__input"):
            found.append((schema, name, kind, name.removesuffix("__input")))
    there = {*jobs, *groups}
    return [OwnRelation(*each, is_owner_there=each[-1] in there, bytes=_bytes(project, each)) for each in sorted(found)]


def drop_relations(relations: Sequence[OwnRelation], project: Project) -> None:
    """Drop relations, views first, and what runs keep of jobs that are gone. Raises EngineError if one of these is running."""
    warehouse = open_warehouse(project.target.engine, project.target.warehouse)
    for owner in dict.fromkeys(each.owner for each in relations):
        of_owner = [each for each in relations if each.owner == owner]
        with running_alone(project, owner):
            for each in sorted(of_owner, key=lambda each: each.kind != "view"):
                warehouse.drop(TableName(each.schema, each.name))
            kept_files = project.notes.glob(f"{owner}.*.json")
            for kept in kept_files if not of_owner[0].is_owner_there else ():
                kept.unlink(missing_ok=True)


def _jobs(project: Project) -> set[str]:
    """Return the names of all jobs. Raises ConfigurationError if a file below `configs/jobs/` cannot be read."""
    found = {FEATURES_AT}
    for path in job_files(project):
        name = read_document(path).values.get("job_name")
        if not isinstance(name, str):
            raise ConfigurationError(
                f"{project.shown(path)}: expected a `job_name`, so that its tables are known; correct the file"
            )
        found.add(name)
    folders = [path.name for path in project.caches.glob("*/")]
    return found | {name for name in folders if last_file(project, name)}


def _owners(names: Iterable[str]) -> Iterator[str]:
    """Yield the jobs and groups that left the relations which each of them has."""
    for name in names:
        owner, _, model = name.rpartition("__")
        if owner and model in {INPUT_MODEL, JOINED_MODEL, _GROUP_INPUT}:
            yield owner


def _is_built(name: str, owner: str, project: Project, *, is_job: bool) -> bool:
    """Return whether a model of a job or group that exists builds a relation; in doubt, it does."""
    if name == f"{owner}__{_GROUP_INPUT}" and is_job:
        return True
    if not is_job:
        folder = project.root / GROUP_MODELS
        return not (folder / f"{owner}__{_GROUP_INPUT}.sql").exists() or (folder / f"{name}.sql").exists()
    folder = project.root / models_folder(owner)
    return not folder.is_dir() or any((folder / f"{name}{ending}").exists() for ending in (".sql", ".py"))


def _bytes(project: Project, relation: tuple[str, str, str, str]) -> int:
    schema, name, kind, _ = relation
    if kind != "table":
        return 0
    with suppress(OSError):
        return bytes_of(project.target.warehouse / schema / name)[1]
    return 0
