"""A warehouse whose one result is too large to hold, made while it is fetched; run as a program, it serves until its input ends.

It is a process of its own, so that the memory of a client can be measured without the server's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from random import Random

import pyarrow as pa

from tests.databricks.server import FakeWarehouse, Rows, Statement

ROWS = 1_000_000
ROWS_OF_BATCH = 10_000
BYTES_OF_TEXT = 700
SCHEMA = pa.schema({"id": pa.int64(), "amount": pa.decimal128(12, 2), "text": pa.string()})


def batches() -> Iterator[pa.RecordBatch]:
    """The rows: their number, an amount of as many cents, and a long text."""
    random = Random(0)
    for start in range(0, ROWS, ROWS_OF_BATCH):
        numbers = pa.array(range(start, start + ROWS_OF_BATCH), pa.int64())
        amounts = pa.array(numbers.to_numpy() / 100).cast(pa.decimal128(12, 2))
        texts = pa.array([random.randbytes(BYTES_OF_TEXT // 2).hex() for _ in range(ROWS_OF_BATCH)])
        yield pa.record_batch([numbers, amounts, texts], schema=SCHEMA)


def answer(statement: Statement) -> Rows:
    """The wide rows, or only their columns."""
    return Rows(SCHEMA, () if "limit 0" in statement.text else batches())


if __name__ == "__main__":
    with FakeWarehouse(answer) as warehouse:
        print(warehouse.url, flush=True)  # noqa: T201 - the client reads it
        sys.stdin.read()
