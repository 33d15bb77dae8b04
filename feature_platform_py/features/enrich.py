"""Apply the Python transformers of a job, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.sql_text import quoted
from feature_platform_py.features.catalogue import get_transformer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def enriched(
    rows: DataFrame, transformers: Sequence[Mapping[str, Any]], columns: Sequence[str], project: Path
) -> DataFrame:
    """Return the rows with the columns of the transformers, in the order of `columns`; lazily.

    Each transformer is a mapping of `name` and `params`; `project` is the folder of a project with transformers of its own.
    """
    for each in transformers:
        rows = get_transformer(each["name"], each["params"], project=project).apply(rows)
    return rows.select(*map(quoted, columns))
