"""Write a table of made-up transactions as Parquet: `python benchmarks/generate.py --out benchmarks/data/rows.parquet`.

The same arguments give the same rows. Rows are in the order of their times, as a ledger is.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

START = "2023-01-01"
CATEGORIES = {
    "groceries": 0.24,
    "household payment": 0.14,
    "restaurants": 0.12,
    "transport": 0.10,
    "insurance payment": 0.05,
    "loan payment": 0.03,
    "old-age pension": 0.02,
    None: 0.30,
}
_WRITE = """
copy (
    select
        row_number() over () as transaction_id,
        user_id,
        to_timestamp(epoch_seconds) as "timestamp",
        cast(cents * 0.01 as decimal(12, 2)) as amount,
        category,
        if(is_debit, 'debit', 'credit') as transaction_type,
    from draws
) to '{path}' (format parquet, compression snappy)
"""


def generate(path: Path, *, rows: int, users: int, months: int, density: float, seed: int) -> None:
    """Write the table, complete or not at all.

    `density` is how unequal the users are, the sigma of a log-normal activity: 0 makes them all alike, and 1 gives
    the busiest of 100,000 users some sixty times the rows of the median one.
    """
    import duckdb

    draws = _draws(rows=rows, users=users, months=months, density=density, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with duckdb.connect() as connection:
        connection.register("draws", draws)
        connection.execute(_WRITE.format(path=str(unfinished).replace("'", "''")))
    unfinished.replace(path)


def _draws(*, rows: int, users: int, months: int, density: float, seed: int) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    random = np.random.default_rng(seed)
    start = np.datetime64(START, "s")
    end = (start.astype("datetime64[M]") + months).astype("datetime64[s]")
    activity = random.lognormal(0, density, users)
    category_names = np.array(list(CATEGORIES), dtype=object)
    return pa.table(
        {
            "user_id": random.choice(users, rows, p=activity / activity.sum()) + 1,
            "epoch_seconds": np.sort(random.integers(start.astype(int), end.astype(int), rows)),
            "cents": np.ceil(random.lognormal(7.5, 1.2, rows)).astype(np.int64),
            "category": pa.array(random.choice(category_names, rows, p=list(CATEGORIES.values())), pa.string()),
            "is_debit": random.random(rows) < 0.8,
        }
    )


def main() -> None:
    """Read the arguments and write the table."""
    parser = argparse.ArgumentParser(description="Write a table of made-up transactions as Parquet.")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--density", type=float, default=1.0, help="how unequal the users are; 0: all alike")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    generate(
        given.out,
        rows=given.rows,
        users=given.users,
        months=given.months,
        density=given.density,
        seed=given.seed,
    )


if __name__ == "__main__":
    main()
