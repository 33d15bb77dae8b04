"""A job's input as its file declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from feature_platform_py.core.document import NOWHERE, Place
from feature_platform_py.features.row_filters import FilterValue, RowFilter
from feature_platform_py.files.columns import Readings
from feature_platform_py.sources.scoring import EntityRows


@dataclass(frozen=True)
class InputSource:
    """The source of a job's rows: a location, a query with its parameters for `databricks_sql`, or the keys of an entity."""

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
    rows: EntityRows | None = None
