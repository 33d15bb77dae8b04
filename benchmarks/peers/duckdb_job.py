"""The features as one hand-written DuckDB query, on two threads."""

from __future__ import annotations

import json
import time

from benchmarks.features import Features, PeerArguments, peer_arguments, slug

MICROS_PER_DAY = 24 * 60 * 60 * 1_000_000


def main() -> None:
    """Run the query; prints its seconds, those of opening the database apart."""
    task = peer_arguments()
    started = time.perf_counter()
    import duckdb

    connection = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
    connection.execute("set TimeZone = 'UTC'")
    ready = time.perf_counter()
    connection.execute(query(task))
    done = time.perf_counter()
    print(json.dumps({"seconds": done - ready, "start_seconds": ready - started}))


def query(task: PeerArguments) -> str:
    """The query: sliding frames for the windows, and grouped values joined back, or growing ones with `as of`."""
    windows = ",\n    ".join(_windows(task.features))
    columns = ",\n        ".join(_spend(task.features) + _known(task.features))
    joins = "" if task.features.is_as_of else _JOINS
    totals = ",\n        ".join(_totals(task.features))
    return f"""
copy (
    with

    transactions as (
        select *, strftime("timestamp", '%Y-%m') as year_month
        from read_parquet({_text(str(task.source))})
    ),

    monthly as (
        select user_id, year_month, count(*) as user_monthly_txn_count
        from transactions
        group by user_id, year_month
    ),

    categorical as (
        select
            user_id,
            {totals}
        from transactions
        group by user_id
    )

    select
        transactions.* exclude (year_month),
        {columns}
    from transactions{joins}
    window
        {windows}
) to {_text(str(task.output))} (format parquet, compression snappy)
"""


_JOINS = """
    inner join monthly
        on transactions.user_id = monthly.user_id and transactions.year_month = monthly.year_month
    inner join categorical on transactions.user_id = categorical.user_id"""


def _windows(features: Features) -> list[str]:
    by_time = 'transactions.user_id order by epoch_us("timestamp") range between'
    sliding = [
        f"last_{days}d as (partition by {by_time} {days * MICROS_PER_DAY - 1} preceding and current row)"
        for days in features.windows
    ]
    growing = [
        f"until_now as (partition by {by_time} unbounded preceding and current row)",
        f"until_now_in_month as (partition by transactions.year_month, {by_time} unbounded preceding and current row)",
    ]
    return sliding + (growing if features.is_as_of else [])


def _spend(features: Features) -> list[str]:
    return [
        column
        for days in features.windows
        for column in (
            f"sum(amount) over last_{days}d as user_{days}d_total_spend",
            f"avg(amount) over last_{days}d as user_{days}d_avg_spend",
        )
    ]


def _known(features: Features) -> list[str]:
    names = [f"user_total_spend_{slug(category)}" for category in features.categories]
    if not features.is_as_of:
        return ["transactions.year_month", "user_monthly_txn_count", *names]
    totals = [
        f"coalesce(sum(amount) filter (category = {_text(category)}) over until_now, 0) as {name}"
        for category, name in zip(features.categories, names, strict=True)
    ]
    return ["transactions.year_month", "count(*) over until_now_in_month as user_monthly_txn_count", *totals]


def _totals(features: Features) -> list[str]:
    return [
        f"coalesce(sum(amount) filter (category = {_text(category)}), 0) as user_total_spend_{slug(category)}"
        for category in features.categories
    ]


def _text(value: str) -> str:
    quoted = value.replace("'", "''")
    return f"'{quoted}'"


if __name__ == "__main__":
    main()
