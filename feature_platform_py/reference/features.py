"""Compute WindowAggregator's features of the rows that it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from feature_platform_py.reference.definitions import (
    all_features,
    as_list,
    by_key,
    place_of,
    source_of,
    type_of,
    value_of,
)
from feature_platform_py.reference.tables import Row, Table, as_table


def reference_features(
    rows: Any,
    params: Mapping[str, Any],
    *,
    types: Mapping[str, str] | None = None,
    primary_key: str | Sequence[str] = (),
) -> Table:
    """Return the rows with the features that WindowAggregator defines, in a form that `assert_features_equal` takes.

    `rows` is a DataFrame of Spark, pandas or Polars, an Arrow table or a list of dicts, and `params` are WindowAggregator's, as a job
    gives them. `types` are the Spark SQL types of columns of a list of dicts, as far as they matter. `primary_key` orders
    ties of `first` and `last` without `order_by`. The result has the columns and the order of the rows, then the
    features, and their types if those of the rows are known; its `rows` are dicts.

    Raises ValueError for parameters without a meaning, and OverflowError for a sum that has no room in its type.
    """
    table = as_table(rows, "rows")
    if table.columns is None and not types:
        return table
    source = source_of(table, params, types=types or {}, primary_key=as_list(primary_key))
    features = all_features(params["features"], source, prefix=params.get("prefix") or "")
    rows_of = by_key(source)
    found: list[Row] = []
    for row in source.rows:
        place = place_of(row, source)
        events = rows_of[place[0]] if place else []
        values = {each.name: value_of(each, events, place[1], source).value if place else None for each in features}
        found.append({**row, **values})
    added = {each.name: data_type for each in features if (data_type := type_of(each, source))}
    return Table((*source.columns, *(each.name for each in features)), {**source.types, **added}, found)
