"""Any frame gets the features of the project's groups at its rows' own times, in its own order, and leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from feature_platform_py import Job, Result, features_at
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.testing import assert_features_equal
from feature_platform_py.warehouse.session import close_warehouse
from tests.conftest import copy_project
from tests.integration.test_training_sets import FILES
from tests.parity.engines import sail_server

ARGUMENTS: dict[str, Any] = {
    "features": ["takings.taken_7d", "profile.*", {"group": "takings", "features": "count_7d", "prefix": "toy_"}],
    "entities": {"shop": "shop"},
    "event_time": "decided_at",
}
# As in the training set, in an order of their own: after an event, before any, at an event's instant (twice), of no shop, of no time.
LABELS = pd.DataFrame(
    {
        "shop": pd.array([1, 2, 1, 1, None, 1], dtype="Int64"),
        "note": pd.Categorical(["b", "d", "a", "a", "e", "g"]),
        "decided_at": pd.to_datetime(
            [
                "2024-01-12 09:59:59",
                "2024-01-02 00:00:00",
                "2024-01-05 10:00:00",
                "2024-01-05 10:00:00",
                "2024-01-05 10:00:00",
                None,
            ]
        ),
    },
    index=[7, 3, 3, 9, 0, 1],
)
EXPECTED = {
    "taken_7d": [Decimal("25.00"), None, Decimal("35.00"), Decimal("35.00"), None, None],
    "region": ["west", "east", "west", "west", None, None],
    "revision": [3, 1, 3, 3, None, None],
    "toy_count_7d": [1, 0, 2, 2, None, None],
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = copy_project(tmp_path_factory.mktemp("project") / "project")
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("FP_WAREHOUSE", raising=False)
        patch.delenv("SPARK_REMOTE", raising=False)
        yield folder


@pytest.fixture(scope="module")
def labels(shop: Path) -> Result:
    return features_at(LABELS, **ARGUMENTS)


def left_behind(shop: Path) -> list[str]:
    """What a reader of the project finds of the calls: models, tables, and sinks."""
    places = (shop / "models", shop / "warehouse" / "features", shop / "warehouse" / "sources", shop / "output")
    files = [path for place in places for path in place.rglob("*features_at*")]
    relations = json.loads((shop / "warehouse" / "catalog.json").read_text())["relations"]
    scratch = [*(shop / "target" / "features_at").iterdir()]
    return [
        *map(str, files),
        *(each["name"] for each in relations if "features_at" in each["name"]),
        *map(str, scratch),
    ]


def test_a_frame_of_pandas_keeps_its_order_index_and_types(shop: Path, labels: Result) -> None:
    found = labels.to_pandas()
    pd.testing.assert_frame_equal(found[list(LABELS.columns)], LABELS)
    added = found[list(EXPECTED)]
    assert {
        name: [None if value is pd.NA or value != value else value for value in added[name]] for name in added
    } == EXPECTED
    assert left_behind(shop) == []


def test_its_result_is_an_arrow_table_and_a_stream(labels: Result) -> None:
    table = labels.to_arrow()
    assert table.select(list(EXPECTED)).to_pydict() == EXPECTED
    assert pl.DataFrame(labels).equals(pl.from_arrow(table))
    assert pa.table(labels).equals(table)
    # Values are not copied on their way.
    assert pa.table(labels).column("toy_count_7d").chunk(0).buffers()[1].address == (
        table.column("toy_count_7d").chunk(0).buffers()[1].address
    )


def test_its_proof_tells_of_its_rows(labels: Result) -> None:
    assert labels.proof
    assert labels.proof.value["rows"] == {"in": 6, "out": 6, "repeated": 1, "nulls": {"shop": 1, "decided_at": 1}}
    again = labels.proof.value["recomputed"]
    assert again["agreed"] == again["values"] == 24


def test_its_result_is_a_frame_of_the_session(labels: Result) -> None:
    assert_features_equal(labels.to_spark(), labels.to_arrow().cast(labels.to_spark().toArrow().schema))


def test_a_frame_of_spark_keeps_all_of_its_columns(shop: Path, labels: Result) -> None:
    rows = labels.to_spark().select("shop", "decided_at", "note")
    found = features_at(rows, **ARGUMENTS)
    wanted = labels.to_arrow().select(["shop", "decided_at", "note", *EXPECTED])
    assert_features_equal(found.to_spark(), wanted.cast(found.to_arrow().schema))
    # It answers for its Spark frame.
    assert found.where("note = 'd'").count() == 1
    assert [Path(each).parent.name for each in left_behind(shop)] == ["features_at"]


def test_a_server_gives_the_same(shop: Path, labels: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    times = LABELS["decided_at"].dt.tz_localize("UTC").astype("datetime64[us, UTC]")
    with sail_server() as port:
        monkeypatch.setenv("SPARK_REMOTE", f"sc://127.0.0.1:{port}")
        found = features_at(pl.from_pandas(LABELS.assign(decided_at=times)), target="connect", **ARGUMENTS)
        assert found.to_arrow().select(list(EXPECTED)).to_pydict() == EXPECTED
        assert left_behind(shop)[1:] == []
        close_warehouse("connect", shop / "warehouse")


def test_a_frame_may_be_empty(labels: Result) -> None:
    found = features_at(pa.table(LABELS.reset_index(drop=True)).slice(0, 0), **ARGUMENTS)
    assert found.to_arrow().column_names == [*LABELS.columns, *EXPECTED]
    assert found.to_arrow().num_rows == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"event_time": "decided"},
            "`event_time`: column `decided` is missing in the frame. Did you mean `decided_at`? Its columns",
        ),
        ({"entities": {"shop": "shp"}}, "`entities.shop`: column `shp` is missing in the frame. Did you mean `shop`?"),
        ({"entities": {"shp": "shop"}}, "`entities.shp`: entity `shp` is unknown. Did you mean `shop`?"),
        ({"features": ["takings.taken_8d"]}, "`features[0]`: feature `taken_8d` is unknown. Did you mean `taken_7d`?"),
        ({"features": [3]}, "`features[0]`: expected `<group>.<feature>`"),
        ({"features": [object()]}, "expected texts, numbers, lists and mappings in the arguments"),
        ({"known_by": "hearsay"}, "`known_by`: value `hearsay` is unknown. Known: `loaded_at`, `event_time`"),
        ({"event_time": None}, "`event_time` is missing; name the frame's column with the time"),
        ({"event_time": "note"}, "expected a date or timestamp column as the event time, `note` is string"),
        ({"entities": {"shop": "${HOME}"}}, "`entities.shop`: column `${HOME}` is missing in the frame"),
    ],
)
def test_what_does_not_fit_is_named(shop: Path, labels: Result, given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        features_at(LABELS, **(ARGUMENTS | given))
    text = str(caught.value)
    assert text.startswith("`features_at`: ")
    assert expected in text
    assert "features_at.yaml" not in text


def test_a_key_that_is_missing_is_looked_for_among_the_frames_columns(shop: Path) -> None:
    frame = LABELS.rename(columns={"shop": "place"})
    with pytest.raises(ConfigurationError) as caught:
        features_at(frame, **(ARGUMENTS | {"entities": None}))
    listed = ", ".join(f"`{name}`" for name in frame.columns)
    assert f"Its columns: {listed}. Say in `entities`" in str(caught.value)


def test_a_column_of_a_features_name_is_refused(shop: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        features_at(LABELS.assign(REGION=1), **ARGUMENTS)
    assert "the frame has columns of the features' names, `region`; rename them there" in str(caught.value)


def test_a_job_has_no_result_before_it_has_run(shop: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Job("configs/jobs/closed.yaml").result()
    assert "the job `closed_v1` has no result on target `local` yet; call `run()` first" in str(caught.value)
