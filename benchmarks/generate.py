"""Write a table of made-up transactions as Parquet: `python -m benchmarks.generate --out benchmarks/data/rows.parquet`.

The same arguments give the same rows. Rows are in the order of their times, as a ledger is; new rows come after all others.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
DEBIT_SHARE = 0.8
LABEL_SHARE = 0.1
BATCH_ROWS = 1_000_000
ROW_GROUP_ROWS = 122_880


@dataclass(frozen=True)
class _Batch:
    """Consecutive rows, with times in [begin, end), in seconds since 1970."""

    number: int
    first_id: int
    rows: int
    begin: int
    end: int


def generate(path: Path, *, rows: int, users: int, months: int, density: float, seed: int, new_rows: int = 0) -> None:
    """Write the table, complete or not at all, a batch at a time.

    `density` is how unequal the users are, the sigma of a log-normal activity: 0 makes them all alike, and 1 gives
    the busiest of 100,000 users some sixty times the rows of the median one. The `new_rows` are in the last month;
    the rows before them are the same with and without them.
    """
    import numpy as np
    import pyarrow.parquet as parquet

    activity = np.random.default_rng(seed).lognormal(0, density, users)
    user_shares = np.cumsum(activity) / activity.sum()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with parquet.ParquetWriter(unfinished, _schema(), compression="snappy") as writer:
        for batch in _batches(rows, months, new_rows, seed):
            random = np.random.default_rng([seed, batch.number])
            writer.write_table(_table(batch, user_shares, random), row_group_size=ROW_GROUP_ROWS)
    unfinished.replace(path)


def generate_labels(path: Path, *, rows: int, users: int, months: int, seed: int) -> None:
    """Write labels of random users at random times of the same months, in the order of their times, complete or not at all."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as parquet

    start = np.datetime64(START, "M")
    random = np.random.default_rng([seed, rows])
    times = np.sort(random.integers(_epoch_seconds(start), _epoch_seconds(start + months), rows)) * 1_000_000
    columns = {
        "label_id": pa.array(np.arange(1, rows + 1)),
        "user_id": pa.array(random.integers(1, users + 1, rows)),
        "decided_at": pa.array(times, pa.timestamp("us", tz="UTC")),
        "outcome": pa.array(random.random(rows) < LABEL_SHARE),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    parquet.write_table(pa.table(columns), unfinished, compression="snappy", row_group_size=ROW_GROUP_ROWS)
    unfinished.replace(path)


def _batches(rows: int, months: int, new_rows: int, seed: int) -> Iterator[_Batch]:
    """Equal parts of the whole time, with the rows that fall into each by chance, then the new rows."""
    import numpy as np

    start = np.datetime64(START, "M")
    number_of_batches = -(-rows // BATCH_ROWS)
    bounds = np.linspace(_epoch_seconds(start), _epoch_seconds(start + months), number_of_batches + 1).astype(int)
    counts = np.random.default_rng([seed, rows]).multinomial(rows, np.full(number_of_batches, 1 / number_of_batches))
    first_ids = np.cumsum(counts) - counts + 1
    for number in range(number_of_batches):
        yield _Batch(number, int(first_ids[number]), int(counts[number]), int(bounds[number]), int(bounds[number + 1]))
    if new_rows:
        yield _Batch(number_of_batches, rows + 1, new_rows, _epoch_seconds(start + months - 1), int(bounds[-1]))


def _epoch_seconds(month: Any) -> int:
    return int(month.astype("datetime64[s]").astype(int))


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        {
            "transaction_id": pa.int64(),
            "user_id": pa.int64(),
            "timestamp": pa.timestamp("us", tz="UTC"),
            "amount": pa.decimal128(12, 2),
            "category": pa.string(),
            "transaction_type": pa.string(),
        }
    )


def _table(batch: _Batch, user_shares: Any, random: Any) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    rows = batch.rows
    times = np.sort(random.integers(batch.begin, batch.end, rows)) * 1_000_000
    cents = np.ceil(random.lognormal(7.5, 1.2, rows)).astype(np.int64)
    categories = random.choice(len(CATEGORIES), rows, p=list(CATEGORIES.values()))
    is_debit = random.random(rows) < DEBIT_SHARE
    users = np.minimum(np.searchsorted(user_shares, random.random(rows), side="right"), len(user_shares) - 1) + 1
    columns = [
        pa.array(np.arange(batch.first_id, batch.first_id + rows)),
        pa.array(users),
        pa.array(times, pa.timestamp("us", tz="UTC")),
        _decimals(cents),
        pa.array(list(CATEGORIES), pa.string()).take(pa.array(categories)),
        pa.array(["credit", "debit"]).take(pa.array(is_debit.astype(np.int8))),
    ]
    return pa.table(columns, schema=_schema())


def _decimals(cents: Any) -> pa.Array:
    """Amounts of so many cents, none of them negative."""
    import numpy as np
    import pyarrow as pa

    # A decimal128 is two little-endian 64-bit words, the low one first.
    words = np.stack([cents, np.zeros_like(cents)], axis=1)
    return pa.Array.from_buffers(pa.decimal128(12, 2), len(cents), [None, pa.py_buffer(words.tobytes())])


def main() -> None:
    """Read the arguments and write the table."""
    parser = argparse.ArgumentParser(description="Write a table of made-up transactions as Parquet.")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--density", type=float, default=1.0, help="how unequal the users are; 0: all alike")
    parser.add_argument("--new-rows", type=int, default=0, help="further rows, all of them in the last month")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    settings = {name: value for name, value in vars(given).items() if name != "out"}
    generate(given.out, **settings)


if __name__ == "__main__":
    main()
