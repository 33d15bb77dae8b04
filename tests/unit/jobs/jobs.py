"""A job that is right, at known lines, and a project to check jobs in."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project, Target
from feature_platform_py.jobs.checks import CheckedJob, load_checked_job

ROOT = Path(__file__).parents[3]

GOOD_JOB = """\
job_name: spend
description: a test
input_source:
  source_type: databricks_spark
  config:
    location: jupiter.mm.fact_mm_transaction
    format: delta
  filters:
    - {column: transaction_type, op: equals, value: debit}
feature_transformers:
  - name: UserSpendAggregator
    params:
      user_id_col: user_id
      timestamp_col: timestamp
      amount_col: amount
      window_days: 30
  - name: UserCategoricalSpendAggregator
    params:
      user_id_col: user_id
      amount_col: amount
      category_col: category
      target_category_value: household payment
output_sink:
  sink_type: overwrite_parquet
  config:
    path: output/features
"""


def local_project(target: str = "local", root: Path = ROOT) -> Project:
    """The project on a target, without a look at its profile."""
    kind = "databricks" if target == "databricks" else "fpspark"
    return Project(root, Target(name=target, type=kind, engine="sail", warehouse=root / "warehouse", schema="features"))


def check(folder: Path, text: str | bytes, environ: dict[str, str] | None = None) -> CheckedJob:
    """The job of a text, checked on the local target."""
    path = folder / "job.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_checked_job(path, local_project(), environ=environ or {})


def problems(folder: Path, text: str | bytes, environ: dict[str, str] | None = None) -> list[tuple[int, str]]:
    """The lines and messages of all that is wrong with a job."""
    try:
        check(folder, text, environ)
    except ConfigurationError as error:
        assert error.problems
        return [(problem.line, problem.message) for problem in error.problems]
    return []
