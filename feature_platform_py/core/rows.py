"""The result of a query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Rows:
    """The result of a query; times are in the session's time zone and carry none."""

    columns: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows as mappings of column names."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.values]


def without_time_zone(value: Any) -> Any:
    """Return a time without its zone, and any other value as it is."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
