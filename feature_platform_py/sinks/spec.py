"""Where a job writes its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from feature_platform_py.core.document import NOWHERE, Place

SinkKind = Literal["display", "delta_table", "parquet_files"]


@dataclass(frozen=True)
class SinkSpec:
    """Where the result goes.

    `config` has `num_rows` and `truncate` for `display`; `path`, `partition_by` and `options` for the others,
    whose `mode` is one of overwrite, append, error and ignore.
    """

    kind: SinkKind
    mode: str | None
    config: Mapping[str, Any]
    place: Place = field(default=NOWHERE, compare=False, repr=False)
