"""The features as most people write them in PySpark: one window specification a feature, on two local cores."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from benchmarks.features import Features, peer_arguments, slug

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SECONDS_PER_DAY = 24 * 60 * 60


def main() -> None:
    """Run the job; prints its seconds, those of the session's start apart."""
    task = peer_arguments()
    started = time.perf_counter()
    spark = open_session()
    ready = time.perf_counter()
    features = add_features(spark.read.parquet(str(task.source)), task.features)
    features.write.mode("overwrite").option("compression", "snappy").parquet(str(task.output))
    done = time.perf_counter()
    spark.stop()
    print(json.dumps({"seconds": done - ready, "start_seconds": ready - started}))


def open_session() -> SparkSession:
    """A session on two cores; with 4, 8 or 16 shuffle partitions instead of the default the job is no faster."""
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "12g")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )


def add_features(transactions: DataFrame, features: Features) -> DataFrame:
    """The transactions with their features; every window is within a user, so Spark shuffles the rows once."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812 - its usual name

    user = Window.partitionBy("user_id")
    by_time = user.orderBy(F.col("timestamp").cast("long"))
    month = Window.partitionBy("user_id", "year_month")
    if features.is_as_of:
        user = by_time.rangeBetween(Window.unboundedPreceding, Window.currentRow)
        month = month.orderBy("timestamp").rangeBetween(Window.unboundedPreceding, Window.currentRow)

    result = transactions
    for days in features.windows:
        # Times are whole seconds: the second after t - N days is the first that counts.
        window = by_time.rangeBetween(1 - days * SECONDS_PER_DAY, Window.currentRow)
        result = result.withColumn(f"user_{days}d_total_spend", F.sum("amount").over(window))
        result = result.withColumn(f"user_{days}d_avg_spend", F.avg(F.col("amount").cast("double")).over(window))
    result = result.withColumn("year_month", F.date_format("timestamp", "yyyy-MM"))
    result = result.withColumn("user_monthly_txn_count", F.count("*").over(month))
    for category in features.categories:
        amount = F.when(F.col("category") == category, F.col("amount"))
        total = F.coalesce(F.sum(amount).over(user), F.lit(0))
        result = result.withColumn(f"user_total_spend_{slug(category)}", total)
    return result


if __name__ == "__main__":
    main()
