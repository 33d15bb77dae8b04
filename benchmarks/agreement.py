"""Whether the outputs of several engines hold the same rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.aggregation_cases import Aggregate
from benchmarks.features import Features

_SOURCE = {
    "transaction_id": "bigint",
    "user_id": "bigint",
    "timestamp": "timestamptz",
    "amount": "decimal(38, 2)",
    "category": "varchar",
    "transaction_type": "varchar",
}
_TYPES = {"count": "bigint", "count_distinct": "bigint", "last_k": "decimal(38, 2)[]"}
_EXACT = {"year_month": "varchar", "user_monthly_txn_count": "bigint"}


def disagreements(outputs: Mapping[str, Path], features: Features) -> list[str]:
    """How each output differs from the first: its columns, its rows, or the checksum of a column."""
    return _differences(outputs, lambda connection, path: _checksums(connection, path, features))


def aggregate_disagreements(outputs: Mapping[str, Path], aggregates: Sequence[Aggregate]) -> list[str]:
    """How each output of aggregations differs from the first: its rows, or the checksum of a column."""
    checks = {"rows": "count(*)"}
    for each in aggregates:
        is_floating = each.function in ("avg", "stddev", "variance")
        type_ = _TYPES.get(each.function, "decimal(38, 2)")
        checks[each.name] = f'sum("{each.name}" * (transaction_id % 1009))' if is_floating else _exact(each.name, type_)

    def checksums(connection: Any, path: Path) -> dict[str, Any]:
        values = connection.read_parquet(_files(path)).aggregate(", ".join(checks.values())).fetchall()[0]
        return dict(zip(checks, values, strict=True))

    return _differences(outputs, checksums)


def _differences(outputs: Mapping[str, Path], checksums: Callable[[Any, Path], dict[str, Any]]) -> list[str]:
    import duckdb

    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        sums = {name: checksums(connection, path) for name, path in outputs.items()}
    if not sums:
        return []
    (reference, expected), *others = sums.items()
    return [
        f"{name}: {check} is {found.get(check)}, in {reference} it is {value}"
        for name, found in others
        for check, value in expected.items()
        if not _is_same(found.get(check), value)
    ]


def _checksums(connection: Any, path: Path, features: Features) -> dict[str, Any]:
    """The columns' names, the row count, and a sum over each column that depends on which row has which value."""
    rows = connection.read_parquet(_files(path))
    checks = {"rows": "count(*)"} | {name: _exact(name, type_) for name, type_ in _SOURCE.items()}
    for name in features.columns():
        if name.endswith("_avg_spend"):
            checks |= {name: f'sum("{name}" * (transaction_id % 1009))', f"{name}, values": f'count("{name}")'}
        else:
            checks[name] = _exact(name, _EXACT.get(name, "decimal(38, 2)"))
    values = rows.aggregate(", ".join(checks.values())).fetchall()[0]
    return {"columns": rows.columns, **dict(zip(checks, values, strict=True))}


def _files(path: Path) -> str:
    return str(path / "**/*.parquet") if path.is_dir() else str(path)


def _exact(name: str, type_: str) -> str:
    return f'sum(hash(transaction_id, cast("{name}" as {type_})))'


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)
