"""Join values to labels with Feast, in its own environment: `python feast_labels.py FOLDER VALUES LABELS OUTPUT DAYS`.

`DAYS` is how long a value lasts (Feast's `ttl`); 0 is for ever.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64


def main() -> None:
    """Register a view of the values, look them up at the labels' times, and write the labels with them."""
    folder, values, labels, output, days = sys.argv[1:]
    Path(folder).mkdir(parents=True)
    store = FeatureStore(
        config=RepoConfig(
            project="bank",
            provider="local",
            registry=f"{folder}/registry.db",
            online_store={"type": "sqlite", "path": f"{folder}/online.db"},
            entity_key_serialization_version=3,
        )
    )
    customer = Entity(name="customer", join_keys=["user_id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="spend",
        entities=[customer],
        ttl=timedelta(days=int(days)),
        schema=[Field(name="spend_30d", dtype=Float64)],
        source=FileSource(path=values, timestamp_field="event_timestamp"),
    )
    store.apply([customer, view])
    joined = store.get_historical_features(entity_df=pd.read_parquet(labels), features=["spend:spend_30d"]).to_df()
    joined.to_parquet(output)


main()
