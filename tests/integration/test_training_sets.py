"""Jobs over any rows, whole: labels get the features of groups at their own time, with values that were computed by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars
import pyarrow.parquet as pq
import pytest

from feature_platform_py import Job
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.lineage.load import compile_jobs, lineage_of
from feature_platform_py.testing import assert_features_equal
from tests.compiled import compiled_models
from tests.conftest import Fpjob, copy_project
from tests.integration.test_feature_groups import SHOP
from tests.integration.test_golden_sql import GOLDEN, check

SALES_CSV = """\
sale_id,shop_id,sold_at,price,kind,loaded
1,1,2024-01-01 10:00:00,10.00,toy,2024-01-01 10:00:00
2,1,2024-01-05 10:00:00,20.00,game,2024-01-20 00:00:00
3,1,2024-01-05 10:00:00,5.00,toy,2024-01-05 11:00:00
4,2,2024-01-03 00:00:00,7.00,toy,2024-01-03 00:00:00
5,,2024-01-03 00:00:00,99.00,toy,2024-01-03 00:00:00
6,2,,50.00,toy,2024-01-03 00:00:00
7,2,2024-02-20 00:00:00,1.00,game,2024-02-20 00:00:00
"""
# Labels at an event's instant (twice), between events, long after one, before any; of no shop, of one without events, without a time.
LABELS_CSV = """\
label,shop,rival,decided_at
a,1,2,2024-01-05 10:00:00
a,1,2,2024-01-05 10:00:00
b,1,2,2024-01-12 09:59:59
c,1,1,2024-01-31 00:00:00
d,2,1,2024-01-02 00:00:00
e,,1,2024-01-05 10:00:00
f,3,2,2024-01-04 00:00:00
g,1,2,
"""
SALES = """\
name: {name}
description: Sales of shops, one row each.
owner: shop-team
entity: shop
event_time: sold_at
primary_key: sale_id
{more}fields:
  - {{name: sale_id, type: bigint, required: true, description: Identifies the sale.}}
  - {{name: shop_id, type: bigint, description: Where it was made.}}
  - {{name: sold_at, type: timestamp, description: When it was made.}}
  - {{name: price, type: 'decimal(10,2)', description: What was paid.}}
  - {{name: kind, type: string, description: What was sold.}}
  - {{name: loaded, type: timestamp, description: When the row came.}}
locations:
  local: {{location: data/sales.csv, format: csv, options: {{header: true}}}}
"""
LABELS = """\
name: labels
description: What became of shops.
owner: label-team
entity: shop
fields:
  - {name: label, type: string, required: true, description: Which label.}
  - {name: shop, type: int, description: Whom it is about.}
  - {name: rival, type: bigint, description: Another shop.}
  - {name: decided_at, type: timestamp, description: When it was decided.}
locations:
  local: {location: data/labels.csv, format: csv, options: {header: true}}
"""
TAKINGS = """\
name: {name}
description: What a shop takes.
owner: shop-team
entity: shop
source: shop/{source}
features:
  - {{name: taken, function: sum, column: price, windows: [7d, lifetime], description: Money.}}
  - {{function: count, windows: [7d], where: [{{column: kind, op: equals, value: toy}}]}}
"""
PROFILE_SQL = """\
select * from values
    (cast(1 as bigint), timestamp'2024-01-01 00:00:00', 'north', 1),
    (cast(1 as bigint), timestamp'2024-01-05 10:00:00', 'south', 2),
    (cast(1 as bigint), timestamp'2024-01-05 10:00:00', 'west', 3),
    (cast(2 as bigint), timestamp'2023-01-01 00:00:00', 'east', 1)
as versions (id, valid_from, region, revision)
"""
PROFILE = """\
name: profile
description: What is known of a shop.
owner: shop-team
entity: shop
model: shop_versions
keys: {shop_id: id}
timestamp_col: valid_from
order_by: revision
features:
  - {name: region, type: string, description: Where it is.}
  - {name: revision, type: int, description: Which revision.}
"""
PLACE = """\
name: place
description: Where a shop is.
owner: shop-team
entity: shop
model: shop_places
keys: {shop_id: id}
features:
  - {name: town, type: string, description: Its town.}
"""
JOB = """\
job_name: {name}
input_source: {{source_type: spark, config: {{location: {location}}}}}
{asking}features:
{features}
output_sink: {{sink_type: overwrite_parquet, config: {{path: output/{name}}}}}
"""


def job(
    name: str,
    features: str,
    asking: str = "entities: {shop: shop}\nevent_time: decided_at\n",
    location: str = "data/labels.csv",
) -> str:
    listed = "\n".join(f"  - {each}" for each in features.split("; "))
    return JOB.format(name=name, features=listed, asking=asking, location=location)


FILES = {
    "data/sales.csv": SALES_CSV,
    "data/labels.csv": LABELS_CSV,
    "registry/entity/shop/shop.yaml": SHOP,
    "registry/source/shop/v1/sales_source.yaml": SALES.format(name="sales", more=""),
    "registry/source/shop/v1/arrivals_source.yaml": SALES.format(name="arrivals", more="loaded_at: loaded\n"),
    "registry/source/shop/v1/delays_source.yaml": SALES.format(name="delays", more="available_after: 1d\n"),
    "registry/source/label/v1/labels_source.yaml": LABELS,
    "registry/feature/takings.yaml": TAKINGS.format(name="takings", source="sales"),
    "registry/feature/arrived.yaml": TAKINGS.format(name="arrived", source="arrivals"),
    "registry/feature/delayed.yaml": TAKINGS.format(name="delayed", source="delays"),
    "registry/feature/profile.yaml": PROFILE,
    "registry/feature/place.yaml": PLACE,
    "models/shop_versions.sql": PROFILE_SQL,
    "models/shop_places.sql": "select cast(1 as bigint) as id, 'Brno' as town",
    "configs/jobs/late.yaml": job(
        "late_v1",
        "arrived.taken_lifetime; arrived.count_7d; {group: delayed, features: taken_lifetime, prefix: delayed_}",
    ),
    "configs/jobs/targets.yaml": job(
        "targets_v1",
        "takings.taken_lifetime",
        asking=(
            "entities: {shop: shop}\nevent_time: decided_at\ntargets:\n"
            "  - {name: taken, source: shop/sales, entity: shop, function: sum, column: price, windows: [next 7d, next 30d]}\n"
            "  - {source: shop/sales, entity: shop, function: count, windows: [next 7d, next 30d, next 7d offset 40d]}\n"
        ),
    ),
    "configs/jobs/mature.yaml": job(
        "mature_v1",
        "takings.taken_lifetime",
        asking=(
            "entities: {shop: shop}\nevent_time: decided_at\nimmature: drop\ntargets:\n"
            "  - {source: shop/sales, entity: shop, function: count, windows: [next 30d, next 45d]}\n"
        ),
    ),
    "configs/jobs/closed.yaml": job(
        "closed_v1",
        "takings.taken_lifetime; profile.region",
        asking="entities: {shop: shop}\nevent_time: decided_at\nclosed: left\n",
    ),
    "configs/jobs/labels.yaml": job(
        "labels_v1",
        "takings.*; {group: takings, entities: {shop: rival}, features: [taken_lifetime], prefix: rival_};"
        " profile.region; {group: profile, features: region, max_age: 4w, prefix: new_}; place.town",
    ),
}


def write_files(root: Path) -> None:
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = copy_project(tmp_path_factory.mktemp("project") / "project")
    write_files(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("FP_WAREHOUSE", raising=False)
        yield folder


def run(fpjob: Fpjob, path: str) -> dict[str, Any]:
    """The work of each table in a run."""
    found = fpjob("run", path, "--format", "json")
    assert found.status == 0, found.stderr
    return {model["name"]: model["work"] for model in json.loads(found.stdout)["models"] if "work" in model}


def rows_of(shop: Path, name: str) -> list[dict[str, Any]]:
    rows = pq.read_table(shop / "output" / name).to_pylist()
    return sorted(rows, key=lambda row: str(row["label"]))


def column(shop: Path, name: str, feature: str) -> dict[str, Any]:
    """A feature by label."""
    return {row["label"]: row[feature] for row in rows_of(shop, name)}


def D(value: str) -> Decimal:  # noqa: N802 - amounts are to read well
    return Decimal(value)


def test_labels_get_the_features_at_their_own_time(shop: Path, fpjob: Fpjob) -> None:
    planned = json.loads(fpjob("plan", "configs/jobs/labels.yaml", "--format", "json").stdout)
    assert planned["work"]["takings"]["reason"] == "first run"
    works = run(fpjob, "configs/jobs/labels.yaml")
    assert set(works) == {"takings", "takings_2", "profile", "profile_2", "place"}
    rows = rows_of(shop, "labels_v1")
    assert [row["label"] for row in rows] == ["a", "a", "b", "c", "d", "e", "f", "g"]
    assert (
        rows[0]
        == rows[1]
        == {
            "label": "a",
            "shop": 1,
            "rival": 2,
            "decided_at": rows[0]["decided_at"],
            "taken_7d": D("35.00"),
            "taken_lifetime": D("35.00"),
            "count_7d": 2,
            "rival_taken_lifetime": D("7.00"),
            "region": "west",
            "new_region": "west",
            "town": "Brno",
        }
    )
    assert rows[0]["decided_at"].replace(tzinfo=None) == datetime(2024, 1, 5, 10)
    # One second before a week is over; the window of the last event's own time would hold 35 for both.
    assert column(shop, "labels_v1", "taken_7d") == dict(
        zip("abcdefg", [D("35.00"), D("25.00"), None, None, None, None, None], strict=True)
    )
    assert column(shop, "labels_v1", "taken_lifetime") == dict(
        zip("abcdefg", [D("35.00"), D("35.00"), D("35.00"), None, None, None, None], strict=True)
    )
    assert column(shop, "labels_v1", "count_7d") == {"a": 2, "b": 1, "c": 0, "d": 0, "e": None, "f": 0, "g": None}
    assert column(shop, "labels_v1", "rival_taken_lifetime")["e"] == D("35.00")
    assert column(shop, "labels_v1", "region") == dict(
        zip("abcdefg", ["west", "west", "west", "east", None, None, None], strict=True)
    )
    assert column(shop, "labels_v1", "new_region")["d"] is None
    assert column(shop, "labels_v1", "town") == dict(
        zip("abcdefg", ["Brno", "Brno", "Brno", None, None, None, "Brno"], strict=True)
    )


def test_nothing_is_computed_again_unless_rows_that_count_have_changed(shop: Path, fpjob: Fpjob) -> None:
    with (shop / "data/sales.csv").open("a") as file:
        # Of a shop that no label asks about, and of one after the last of its labels.
        file.write(
            "8,9,2024-01-05 10:00:00,3.00,toy,2024-01-05 10:00:00\n9,1,2024-03-01 00:00:00,3.00,toy,2024-03-01 00:00:00\n"
        )
    assert {work["action"] for work in run(fpjob, "configs/jobs/labels.yaml").values()} == {"skip"}
    with (shop / "data/sales.csv").open("a") as file:
        file.write("10,2,2024-01-01 00:00:00,2.00,toy,2024-01-01 00:00:00\n")
    works = run(fpjob, "configs/jobs/labels.yaml")
    assert {name: work["action"] for name, work in works.items()} == {
        "takings": "rebuild",
        "takings_2": "rebuild",
        "profile": "skip",
        "profile_2": "skip",
        "place": "skip",
    }
    assert column(shop, "labels_v1", "taken_lifetime")["d"] == D("2.00")
    (shop / "data/sales.csv").write_text(SALES_CSV)


def test_rows_count_from_when_they_were_there(shop: Path, fpjob: Fpjob) -> None:
    run(fpjob, "configs/jobs/late.yaml")
    rows = {row["label"]: row for row in rows_of(shop, "late_v1")}
    found = {
        label: [row[name] for name in ("taken_lifetime", "count_7d", "delayed_taken_lifetime")]
        for label, row in rows.items()
    }
    assert found == {
        "a": [D("10.00"), 1, D("10.00")],
        "b": [D("15.00"), 1, D("35.00")],
        "c": [D("35.00"), 0, D("35.00")],
        "d": [None, 0, None],
        "e": [None, None, None],
        "f": [None, 0, None],
        "g": [None, None, None],
    }


def test_rows_at_the_very_time_do_not_count_if_the_job_says_so(shop: Path, fpjob: Fpjob) -> None:
    run(fpjob, "configs/jobs/closed.yaml")
    assert column(shop, "closed_v1", "taken_lifetime") == dict(
        zip("abcdefg", [D("10.00"), D("35.00"), D("35.00"), None, None, None, None], strict=True)
    )
    assert column(shop, "closed_v1", "region") == dict(
        zip("abcdefg", ["north", "west", "west", "east", None, None, None], strict=True)
    )


def test_python_reads_the_result_of_a_run(shop: Path) -> None:
    result = Job("configs/jobs/closed.yaml").result()
    assert result.proof is not None
    assert result.proof.value == json.loads((shop / "target/jobs/closed_v1/proof.json").read_text())
    rows = result.to_pandas().sort_values(["label", "decided_at"])
    assert rows["label"].tolist() == ["a", "a", "b", "c", "d", "e", "f", "g"]
    assert rows["taken_lifetime"].tolist()[:3] == [D("10.00"), D("10.00"), D("35.00")]
    assert_features_equal(result.to_spark(), result)
    assert polars.DataFrame(result).height == result.where("label <> ''").count() == 8


def test_targets_are_known_where_their_future_has_come(shop: Path, fpjob: Fpjob) -> None:
    run(fpjob, "configs/jobs/targets.yaml")
    rows = {row["label"]: row for row in rows_of(shop, "targets_v1")}
    # The newest sale is of the 20th of February. A row at the time itself does not count; a shop without sales has counts of 0.
    assert {label: row["taken_next_7d"] for label, row in rows.items()} == dict.fromkeys("abcefg") | {"d": D("7.00")}
    counts = {
        label: tuple(row[f"count_next_{window}"] for window in ("7d", "30d", "7d_offset_40d"))
        for label, row in rows.items()
    }
    assert counts == {
        "a": (0, 0, None),
        "b": (0, 0, None),
        "c": (0, None, None),
        "d": (1, 1, 0),
        "e": (None, None, None),
        "f": (0, 0, 0),
        "g": (None, None, None),
    }
    assert rows["a"]["taken_lifetime"] == D("35.00")
    proof = json.loads((shop / "target/jobs/targets_v1/proof.json").read_text())
    windows = {
        "taken_next_7d": 0,
        "taken_next_30d": 1,
        "count_next_7d": 0,
        "count_next_30d": 1,
        "count_next_7d_offset_40d": 5,
    }
    assert proof["immature"] == windows
    assert set(windows) < {name for name, fact in proof["features"].items() if fact["is_recomputed"]}
    assert proof["look_ahead"] == []


def test_rows_whose_targets_are_not_known_yet_may_be_left_out(shop: Path, fpjob: Fpjob) -> None:
    run(fpjob, "configs/jobs/mature.yaml")
    # 45 days after the labels `b` and `c`, the newest sale lies behind. A label without a time is never known, and stays.
    found = [(row["label"], row["count_next_30d"], row["count_next_45d"]) for row in rows_of(shop, "mature_v1")]
    assert found == [("a", 0, 0), ("a", 0, 0), ("d", 1, 1), ("e", None, None), ("f", 0, 0), ("g", None, None)]
    proof = json.loads((shop / "target/jobs/mature_v1/proof.json").read_text())
    assert (proof["rows"]["in"], proof["rows"]["out"]) == (8, 6)
    assert proof["immature"] == {"count_next_30d": 1, "count_next_45d": 2}


def test_a_plan_says_whose_rows_are_read(shop: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("plan", "configs/jobs/late.yaml")
    assert outcome.status == 0, outcome.stderr
    lines = [" ".join(line.split()) for line in outcome.stdout.splitlines()]
    source = "arrivals (data/sales.csv) any time before, loaded by then, as loaded says"
    assert f"arrived shop as shop_id decided_at {source}" in lines
    assert "arrived shop_id, sold_at taken_lifetime, count_7d" in lines
    assert "arrived nothing nothing new" in lines


def test_the_lineage_leads_from_both_sources_to_the_job(shop: Path) -> None:
    project, path = open_project(shop), Path("configs/jobs/labels.yaml")
    graph = lineage_of(compile_jobs({path: prepare_job(path, project)}, project, []))
    node = next(each for each in graph.nodes if each.id == "labels_v1__job_features.rival_taken_lifetime")
    ids = {each.id for each in graph.around(node).nodes}
    assert {"shop.sales.price", "label.labels.rival", "labels_v1__takings_2.taken_lifetime", "job:labels_v1"} <= ids
    assert "shop.sales.kind" not in ids
    region = next(each for each in graph.nodes if each.id == "labels_v1__job_features.region")
    assert "shop_versions.region" in {each.id for each in graph.around(region).nodes}


def test_a_source_whose_rows_count_is_tested_before_the_sink_is_written(shop: Path, fpjob: Fpjob) -> None:
    assert fpjob("run", "configs/jobs/labels.yaml").status == 0
    before = rows_of(shop, "labels_v1")
    sales = shop / "data/sales.csv"
    kept = sales.read_text()
    try:
        sales.write_text(kept + kept.splitlines()[1] + "\n")
        outcome = fpjob("run", "configs/jobs/labels.yaml")
    finally:
        sales.write_text(kept)
    assert outcome.status == 1
    assert "test `source_unique_shop_sales_sale_id`: " in outcome.stderr
    assert rows_of(shop, "labels_v1") == before


KEPT = {
    "labels": {"takings_rows", "takings", "profile_rows", "profile", "place_rows", "place", "job_features"},
    "late": {"arrived_rows", "arrived"},
    "mature": {"targets_rows", "targets", "mature_rows"},
}


def test_sql_of_rows_that_ask_is_as_kept(project: Path, request: pytest.FixtureRequest) -> None:
    write_files(project)
    for name, kept in KEPT.items():
        models = compiled_models(project, project / f"configs/jobs/{name}.yaml")
        for model in kept:
            check(request, GOLDEN / "asking" / name / f"{model}.sql", models[model])
