# Generated from configs/jobs/sample_customer_profile_job.yaml by `fpjob registry sync`; edit that instead.
"""The job's result: its transformers in Python run on the rows of `customer_profile_v1__job_features`, in the order of the job's file."""

from pathlib import Path

from feature_platform_py.features.enrich import enriched


def model(dbt, session):  # noqa: ARG001, D103 - dbt's own signature
    # dbt finds what a Python model reads of its configuration by reading the code: each is a statement of its own.
    steps = dbt.config.get("python_transformers")
    result = dbt.config.get("result")
    rows = dbt.ref("customer_profile_v1__job_features")
    # dbt changes into the project's folder.
    return enriched(rows, steps, result, Path.cwd())
