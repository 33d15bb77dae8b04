"""The job's result where it has transformers in Python: they run on the rows of `job_features`, in the order of the job's YAML."""

from pathlib import Path

from feature_platform_py.features.enrich import enriched


def model(dbt, session):  # noqa: ARG001, D103 - dbt's own signature
    # dbt finds out what a Python model asks of its configuration by reading the code: each is a statement of its own.
    steps = dbt.config.get("python_transformers")
    result = dbt.config.get("result")
    rows = dbt.ref("job_features")
    # dbt changes into the project's folder.
    return enriched(rows, steps, result, Path.cwd())
