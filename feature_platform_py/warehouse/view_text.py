"""Create views whose text Sail would read back differently.

Sail keeps a view as text without the backticks of its identifiers: `select `a b` from t` comes back as
`select a b from t`, which means something else. Such a view is created from its analysed plan instead.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_QUOTED = re.compile(r"`((?:[^`]|``)+)`|'(?:[^'\\]|\\.)*'", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Without backticks these words are values or functions, which would silently replace a column.
_VALUES = frozenset(
    [
        "null",
        "true",
        "false",
        "default",
        "user",
        "current_user",
        "session_user",
        "current_date",
        "current_time",
        "current_timestamp",
        "current_catalog",
        "current_database",
        "current_schema",
        "localtimestamp",
    ]
)


def survives_as_text(select: str) -> bool:
    """Return whether every identifier in backticks has the same meaning without them."""
    names = [match[1] for match in _QUOTED.finditer(select) if match[1] is not None]
    return all(_PLAIN.fullmatch(name) and name.lower() not in _VALUES for name in names)


def create_as_plan(spark: SparkSession, view: str, *, frame: DataFrame, plan: str) -> None:
    """Create the view over a temporary view `plan` with the frame's plan; it does not see later writes."""
    frame.createOrReplaceTempView(plan)
    spark.sql(f"create or replace view {view} as select * from `{plan}`")  # noqa: S608 - both are quoted names
