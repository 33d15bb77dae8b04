"""Whether the outputs of several engines hold the same rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.features import Features

_SOURCE = {
    "transaction_id": "bigint",
    "user_id": "bigint",
    "timestamp": "timestamptz",
    "amount": "decimal(38, 2)",
    "category": "varchar",
    "transaction_type": "varchar",
}
_EXACT = {"year_month": "varchar", "user_monthly_txn_count": "bigint"}


def disagreements(outputs: Mapping[str, Path], features: Features) -> list[str]:
    """How each output differs from the first: its columns, its rows, or the checksum of a column."""
    import duckdb

    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        sums = {name: _checksums(connection, path, features) for name, path in outputs.items()}
    (reference, expected), *others = sums.items()
    return [
        f"{name}: {check} is {found.get(check)}, in {reference} it is {value}"
        for name, found in others
        for check, value in expected.items()
        if not _is_same(found.get(check), value)
    ]


def _checksums(connection: Any, path: Path, features: Features) -> dict[str, Any]:
    """The columns' names, the row count, and a sum over each column that depends on which row has which value."""
    files = str(path / "**/*.parquet") if path.is_dir() else str(path)
    rows = connection.read_parquet(files)
    checks = {"rows": "count(*)"} | {name: _exact(name, type_) for name, type_ in _SOURCE.items()}
    for name in features.columns():
        if name.endswith("_avg_spend"):
            checks |= {name: f'sum("{name}" * (transaction_id % 1009))', f"{name}, values": f'count("{name}")'}
        else:
            checks[name] = _exact(name, _EXACT.get(name, "decimal(38, 2)"))
    values = rows.aggregate(", ".join(checks.values())).fetchall()[0]
    return {"columns": rows.columns, **dict(zip(checks, values, strict=True))}


def _exact(name: str, type_: str) -> str:
    return f'sum(hash(transaction_id, cast("{name}" as {type_})))'


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)
