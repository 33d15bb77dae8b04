"""The features in Polars: one rolling aggregation a window, on two threads; amounts are whole cents until the end."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from benchmarks.features import Features, peer_arguments, slug

if TYPE_CHECKING:
    import polars as pl

HOURS_PER_DAY = 24


def main() -> None:
    """Run the job; prints its seconds, those of loading the library apart."""
    task = peer_arguments()
    # Polars reads it when it is loaded.
    os.environ["POLARS_MAX_THREADS"] = "2"
    started = time.perf_counter()
    import polars as pl

    ready = time.perf_counter()
    features = add_features(pl.scan_parquet(task.source), task.features)
    features.select(*pl.scan_parquet(task.source).collect_schema(), *task.features.columns()).write_parquet(
        task.output, compression="snappy"
    )
    done = time.perf_counter()
    print(json.dumps({"seconds": done - ready, "start_seconds": ready - started}))


def add_features(transactions: pl.LazyFrame, features: Features) -> pl.DataFrame:
    """The transactions with their features, in the order of users and times."""
    import polars as pl

    rows = (
        transactions.sort("user_id", "timestamp")
        .with_columns(
            cents=(pl.col("amount") * 100).cast(pl.Int64), year_month=pl.col("timestamp").dt.strftime("%Y-%m")
        )
        .collect()
    )
    # Rows of a rolling aggregation are in the order of the rows that they belong to.
    windows = pl.collect_all([_window(rows.lazy(), days) for days in features.windows])
    rows = pl.concat([rows, *windows], how="horizontal")
    return (_as_known_then if features.is_as_of else _of_all_rows)(rows.lazy(), features).collect()


def _window(rows: pl.LazyFrame, days: int) -> pl.LazyFrame:
    """Total and average of the spend in (t - N days, t], rows that share t included."""
    import polars as pl

    period = f"{days * HOURS_PER_DAY}h"
    cents = rows.rolling("timestamp", period=period, closed="right", group_by="user_id").agg(
        total=pl.col("cents").sum(), values=pl.col("cents").count()
    )
    return cents.select(
        _amount("total").alias(f"user_{days}d_total_spend"),
        (pl.col("total") / pl.col("values") / 100).alias(f"user_{days}d_avg_spend"),
    )


def _of_all_rows(rows: pl.LazyFrame, features: Features) -> pl.LazyFrame:
    import polars as pl

    totals = rows.group_by("user_id").agg(
        _in_category(category).sum().alias(_total_name(category)) for category in features.categories
    )
    months = rows.group_by("user_id", "year_month").agg(user_monthly_txn_count=pl.len().cast(pl.Int64))
    joined = rows.join(months, on=["user_id", "year_month"]).join(totals, on="user_id")
    return joined.with_columns(_amount(_total_name(category)) for category in features.categories)


def _as_known_then(rows: pl.LazyFrame, features: Features) -> pl.LazyFrame:
    import polars as pl

    totals = {_total_name(category): _in_category(category) for category in features.categories}
    growing = rows.with_columns(
        pl.int_range(1, pl.len() + 1).over("user_id", "year_month").alias("user_monthly_txn_count"),
        *(cents.fill_null(0).cum_sum().over("user_id").alias(name) for name, cents in totals.items()),
    )
    # Rows that share user and time count for each other: they all have what the last of them has.
    is_last = pl.struct("user_id", "timestamp").ne_missing(pl.struct("user_id", "timestamp").shift(-1))
    of_last = (pl.when(is_last).then(pl.col(name)).backward_fill() for name in ("user_monthly_txn_count", *totals))
    return growing.with_columns(of_last).with_columns(_amount(name) for name in totals)


def _in_category(category: str) -> pl.Expr:
    import polars as pl

    return pl.when(pl.col("category") == category).then("cents")


def _total_name(category: str) -> str:
    return f"user_total_spend_{slug(category)}"


def _amount(cents: str) -> pl.Expr:
    import polars as pl

    return pl.col(cents).cast(pl.Decimal(38, 2)) / 100


if __name__ == "__main__":
    main()
