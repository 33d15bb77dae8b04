"""The platform's own SQL, as dbt compiles it, on JVM Spark with the platform's own settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.features import Features
from benchmarks.peers.jvm_session import run_job

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROWS = "transactions"


def add_features(transactions: DataFrame, features: Features) -> DataFrame:
    """The transactions with the features of all transformers."""
    return transactions.sparkSession.sql(job_query(transactions, features))


def job_query(transactions: DataFrame, features: Features) -> str:
    """The query of all transformers at once, each computed from the transactions, as a job does it; they are the view `ROWS`."""
    from feature_platform_py import get_transformer
    from feature_platform_py.features.compile_macros import features_of_rows
    from feature_platform_py.features.sql import SqlTransformer
    from feature_platform_py.features.transformer import columns_of

    columns = columns_of(transactions)
    transformers = [get_transformer(each["name"], each["params"]) for each in features.transformers()]
    transactions.createOrReplaceTempView(ROWS)
    return features_of_rows(
        ROWS,
        columns,
        [found for each in transformers if isinstance(each, SqlTransformer) for found in each.feature_sets(columns)],
    )


if __name__ == "__main__":
    run_job(add_features)
