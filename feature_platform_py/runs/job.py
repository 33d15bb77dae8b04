"""Use a job from notebooks and programs: its plan, its work, a run, and the result as a DataFrame."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.jobs.describe import plan_html, plan_lines
from feature_platform_py.jobs.find import find_job, is_path
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.jobs.work import TableWork
from feature_platform_py.runs.proof import last_proof
from feature_platform_py.runs.repair import repair_warehouse
from feature_platform_py.runs.result import StoredResult
from feature_platform_py.runs.run import RunReport, plan_work, run_job
from feature_platform_py.targets import backend_of
from feature_platform_py.warehouse.session import open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Job:
    """The job of a YAML file in its project: `Job("configs/jobs/sample_financial_features_job.yaml")`.

    A notebook shows its plan. The project is the one around the file; `target` defaults to that of the profile. Instead of the file,
    a `job_name` of the project around the working directory may be given; ConfigurationError for an unknown one.
    """

    def __init__(self, path: Path | str, *, target: str | None = None) -> None:
        is_file = isinstance(path, Path) or is_path(path)
        self.project: Project = open_project(Path(path).resolve().parent if is_file else None, target=target)
        self.path = (Path(path) if is_file else find_job(str(path), self.project)).resolve()

    @cached_property
    def plan(self) -> JobPlan:
        """What the job does: its source, tables, features and sink.

        Raises ConfigurationError with every problem of the file.
        """
        return prepare_job(self.path, self.project)

    @property
    def session(self) -> SparkSession:
        """The session over the project's warehouse; ConfigurationError on a target that is reached with SQL."""
        if not self.project.target.has_session:
            raise ConfigurationError(
                f"target `{self.project.target.name}` has no Spark session in this process; use `SparkSessionManager` to connect to"
                " a cluster, or another target"
            )
        return open_session(self.project.target.engine, self.project.target.warehouse)

    def work(self) -> Mapping[str, TableWork]:
        """Return what a run would compute in each feature table and why, by the models' names, without writing."""
        with backend_of(self.project).unchanged():
            return plan_work(self.plan, self.project)

    def run(self, *, full_refresh: bool = False, reconcile: bool = False, full_tests: bool = False) -> RunReport:
        """Build the job's tables, test them and write its sink, as `fpjob run` does: nothing, if all is as its last run left it.

        Raises DataCheckError, EngineError or SinkError; the sink then keeps its old content.
        """
        repair_warehouse(self.project, is_full_refresh=full_refresh, tell=lambda _: None)
        return run_job(
            self.plan, self.project, is_full_refresh=full_refresh, is_reconciled=reconcile, is_tested=full_tests
        )

    def result(self) -> StoredResult:
        """Return the source's rows with their features from the last run; rows are read when they are asked for.

        Raises ConfigurationError before the first run.
        """
        backend, name = (
            backend_of(self.project),
            f"{self.project.target.schema}.{self.plan.table_name(self.plan.output_model)}",
        )
        if name not in dict(backend.relations()):
            raise ConfigurationError(
                f"the job `{self.plan.job_name}` has no result on target `{self.project.target.name}` yet; call `run()` first"
            )
        return StoredResult(
            arrow=lambda: backend.arrow(f"select * from {backend.sql_name(name)}"),  # noqa: S608 - quoted
            spark=lambda: self.session.table(name),
            proof=last_proof(self.project, self.plan.job_name) if self.plan.uses else None,
            shown=f"job {self.plan.job_name}",
        )

    def __repr__(self) -> str:
        return "\n".join(plan_lines(self.plan, self.project.target))

    def _repr_html_(self) -> str:
        return plan_html(self.plan, self.project.target)
