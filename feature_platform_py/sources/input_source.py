"""A job's input as its file declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from feature_platform_py.core.document import NOWHERE, Place
from feature_platform_py.files.columns import Readings

FilterValue = str | int | float | bool | date


@dataclass(frozen=True)
class RowFilter:
    """A condition on source rows; `value` is a tuple for `in` and `not_in`, None for a test of NULL."""

    column: str
    op: str
    value: FilterValue | tuple[FilterValue, ...] | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class InputSource:
    """The source of a job's rows: a location, or for `databricks_sql` a query and the values of its parameters."""

    source_type: str
    location: str | None = None
    query: str | None = None
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    filters: tuple[RowFilter, ...] = ()
    place: Place = field(default=NOWHERE, compare=False, repr=False)
    parameters: Mapping[str, FilterValue] = field(default_factory=dict)
    readings: Readings = field(default_factory=dict)
    on_empty: Literal["warn", "error"] = "warn"
