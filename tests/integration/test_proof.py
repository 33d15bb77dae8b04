"""A result of rows that ask is proven: facts about it, and random rows computed again in plain Python."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars
import pyarrow.parquet
import pytest

from feature_platform_py import Job
from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.core.project import open_project
from feature_platform_py.core.rows import Rows
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.dbt_files.sync import write_files as sync
from feature_platform_py.runs import recompute
from feature_platform_py.runs.proof import Proof, prove
from feature_platform_py.targets.spark import SparkBackend
from feature_platform_py.testing import PointInTime, reference_features_at
from feature_platform_py.warehouse.session import open_session
from tests.conftest import Fpjob, reword
from tests.integration.test_feature_groups import TYPES, sales, write_files

LABELS = """\
label_id,shop,decided_at
1,1,2024-02-01
2,1,2024-02-01
3,2,2024-01-01
4,3,2024-12-01
5,,2024-02-01
6,1,
7,9,2024-02-10
"""
VERSIONS = """\
select cast(1 as int) as shop_id, timestamp'2024-01-05 00:00:00' as since, 'small' as size, cast(1.50 as decimal(6, 2)) as rent
union all
select 1, timestamp'2024-03-05 00:00:00', 'big', 2.50
"""
VERSION_GROUP = """\
name: shop_sizes
description: How big a shop is.
owner: shop-team
entity: shop
model: shop_sizes
keys: {shop_id: shop_id}
timestamp_col: since
features:
  - {name: size, type: string, description: Its size.}
  - {name: rent, type: 'decimal(6,2)', description: Its rent.}
"""
JOB = """\
job_name: labels_v1
input_source: {source_type: spark, config: {location: data/labels.csv, format: csv, options: {header: true, inferSchema: true}}}
entities: {shop: shop}
event_time: decided_at
features:
  - takings.*
  - {group: shop_sizes, features: [size, rent], prefix: shop_}
output_sink: {sink_type: overwrite_parquet, config: {path: output/labels}}
"""
FILE = "configs/jobs/labels.yaml"
DELIVERIES = """\
name: deliveries
description: Deliveries to shops, some of which are recorded late.
owner: shop-team
entity: shop
event_time: sent_at
loaded_at: recorded_at
primary_key: delivery_id
fields:
  - {name: delivery_id, type: int, required: true, description: Identifies the delivery.}
  - {name: place, type: string, description: Where to.}
  - {name: outlet, type: bigint, description: Which shop.}
  - {name: sent_at, type: timestamp, description: When it was sent.}
  - {name: recorded_at, type: timestamp, description: When it was recorded.}
  - {name: weight, type: double, description: How heavy it is.}
  - {name: kind, type: string, description: What was sent.}
locations:
  local: {location: data/deliveries.csv, format: csv, options: {header: true}}
"""
DELIVERED = """\
name: delivered
description: What a shop gets.
owner: shop-team
entity: shop
source: shop/deliveries
keys: {shop_id: outlet}
filters: [{column: place, op: in, value: [north, south]}]
features:
  - {function: sum, column: weight, windows: [7d, 30d offset 7d], by: {column: kind, values: [toy, board game]}, fill_value: 0}
  - {function: variance, column: weight, windows: [lifetime]}
  - {function: last_k, column: sent_at, k: 3, windows: [lifetime], closed: both}
  - {name: late, function: count, windows: [365d], where: [{column: recorded_at, op: gt, value: "2024-02-01 00:00:00"}]}
  - {function: first, column: kind, windows: [previous month, year], order_by: weight}
"""
LEFT_JOB = """\
job_name: delivered_v1
input_source: {source_type: spark, config: {location: data/moments.csv, format: csv, options: {header: true, inferSchema: true}}}
entities: {shop: shop}
event_time: at
closed: left
features: [delivered.*]
targets:
  - {name: coming, source: shop/deliveries, entity: shop, keys: {shop_id: outlet}, function: count, windows: next 7d}
output_sink: {sink_type: overwrite_parquet, config: {path: output/delivered}}
"""
LEFT_FILE = "configs/jobs/delivered.yaml"


def deliveries() -> Iterator[str]:
    """Yield deliveries as lines of a CSV file: at equal times, late ones, unrecorded ones, and of other places."""
    choice = random.Random(1)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    yield "delivery_id,place,outlet,sent_at,recorded_at,weight,kind"
    for number in range(300):
        sent = start + timedelta(hours=6 * choice.randrange(600))
        recorded = choice.choice([sent, sent, sent + timedelta(days=choice.randrange(20)), None])
        place, kind = choice.choice(["north", "south", "west", ""]), choice.choice(["toy", "board game", ""])
        weight = choice.choice([0.1, 0.2, 1 / 3, ""])
        yield f"{number},{place},{choice.randrange(1, 4)},{sent:%F %T},{recorded or start:%F %T},{weight},{kind}"


def moments() -> Iterator[str]:
    """Yield rows that ask, at times at which something was sent or recorded, and between."""
    choice = random.Random(2)
    yield "shop,at"
    for _ in range(400):
        at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=2 * choice.randrange(2000))
        yield f"{choice.randrange(1, 5)},{at:%F %T}"


@pytest.fixture(scope="module")
def built(module_project: Path) -> Path:
    """The project with sales, labels, and the result of a job whose labels ask for what shops take, and how big they are."""
    write_files(module_project)
    for path, text in {
        "data/labels.csv": LABELS,
        "models/shop_sizes.sql": VERSIONS,
        "registry/feature/shop_sizes.yaml": VERSION_GROUP,
        FILE: JOB,
        "registry/source/shop/v1/deliveries_source.yaml": DELIVERIES,
        "registry/feature/delivered.yaml": DELIVERED,
        "data/deliveries.csv": "\n".join(deliveries()),
        "data/moments.csv": "\n".join(moments()),
        LEFT_FILE: LEFT_JOB,
    }.items():
        (module_project / path).write_text(text)
    sync(open_project(module_project))
    Job(module_project / FILE).run()
    return module_project


def proof_of(fpjob: Fpjob) -> dict[str, Any]:
    outcome = fpjob("show", FILE, "--proof", "--format", "json")
    assert outcome.status == 0, outcome.stderr
    return dict(json.loads(outcome.stdout))


def test_a_proof_has_the_facts(built: Path, fpjob: Fpjob) -> None:
    proof = proof_of(fpjob)
    assert proof["rows"] == {"in": 7, "out": 7, "repeated": 1, "nulls": {"shop": 1, "decided_at": 1}}
    assert proof["recomputed"] | {"seed": ""} == {
        "seed": "", "asked_for": 200, "rows": 7, "values": 49, "agreed": 49, "disagreements": [],
    }  # fmt: skip
    features = proof["features"]
    # Shops 1 (three rows, one without a time) and 9 are asked about in 2024; only shop 1 has versions, from January 5 on.
    assert features["shop_size"]["null_share"] == pytest.approx(5 / 7)
    days = [27 * 86_400.0] * 3
    assert list(features["shop_size"]["age_seconds"].values()) == days
    assert all(fact["age_seconds"] is None or fact["age_seconds"]["min"] >= 0 for fact in features.values())
    assert all(fact["is_recomputed"] for fact in features.values())
    assert proof["look_ahead"] == []
    assert {"python", "pysail", "dbt-core"} <= proof["versions"].keys()
    assert proof["tables"].keys() == {"takings", "shop_sizes"}
    assert json.loads((built / "target" / "jobs" / "labels_v1" / "proof.json").read_text()) == proof


def test_a_proof_is_printed(built: Path, fpjob: Fpjob) -> None:
    lines = fpjob("show", "labels_v1", "--proof").stdout.splitlines()
    assert lines[:2] == [
        "job       labels_v1",
        "rows      7 in, 7 out; 1 ask the same as another row; 1 with NULL `shop`; 1 with NULL `decided_at`",
    ]
    assert "shop_size        71.4%  27.0 d to 27.0 d, median 27.0 d" in lines
    assert "count_month      28.6%  nothing counted" in lines


def test_the_result_is_what_the_reference_says(built: Path) -> None:
    labels = [
        {"label_id": 1, "shop": 1, "decided_at": datetime(2024, 2, 1, tzinfo=UTC)},
        {"label_id": 4, "shop": 3, "decided_at": datetime(2024, 12, 1, tzinfo=UTC)},
    ]
    at = PointInTime(keys={"shop_id": "shop"}, event_time=("sold_at", "decided_at"))
    taken = {"name": "taken", "function": "sum", "column": "price", "windows": ["7d", "lifetime"], "fill_value": 0}
    expected = reference_features_at(labels, sales(), [taken], at=at, types=TYPES)
    found = {row["label_id"]: row for row in pyarrow.parquet.read_table(built / "output" / "labels").to_pylist()}
    for row in expected.rows:
        assert {name: found[row["label_id"]][name] for name in ("taken_7d", "taken_lifetime")} == {
            name: row[name] for name in ("taken_7d", "taken_lifetime")
        }


@pytest.fixture(scope="module")
def proof_of_deliveries(built: Path) -> Proof:
    proof = Job(built / LEFT_FILE).run().proof
    assert proof
    return proof


def test_every_part_of_a_definition_is_read_again(built: Path, proof_of_deliveries: Proof) -> None:
    again = proof_of_deliveries.value["recomputed"]
    assert again["rows"] == 200
    assert again["agreed"] == again["values"] == 200 * 10
    plan, project = prepare_job(built / LEFT_FILE, open_project(built)), open_project(built)
    for other in ({"closed": None}, {"known_by": "event_time"}):
        changed = replace(plan, config=replace(plan.config, asking=replace(plan.config.asking, **other)))
        # What the tables were computed from is not what this plan says.
        with pytest.raises(DataCheckError, match="by its definition and the source's rows"):
            prove(changed, project)


@pytest.mark.usefixtures("proof_of_deliveries")
def test_source_of_several_tables_is_read_once_for_the_sampled_rows(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, project = prepare_job(built / LEFT_FILE, open_project(built)), open_project(built)
    statements: list[str] = []
    query = SparkBackend.query

    def noting(backend: SparkBackend, statement: str) -> Rows:
        statements.append(statement)
        return query(backend, statement)

    monkeypatch.setattr(SparkBackend, "query", noting)
    prove(plan, project)
    assert len(plan.uses) == 2
    of_source = [each for each in statements if "`deliveries`" in each]
    # The other reading is that of the newest time, up to which targets are known.
    assert ["max(unix_micros" in each for each in of_source] == [False, True]


def test_what_a_proof_says_of_features_is_short() -> None:
    facts = {"null_share": 0.5, "age_seconds": None, "is_recomputed": True}
    ages = {"min": 0.0, "median": 90.0, "max": 5400.0}
    features = {
        "spend": facts | {"age_seconds": ages},
        "later": facts,
        "empty": facts,
        "greeting": facts | {"is_recomputed": False},
    }
    again = {"asked_for": 200, "rows": 5, "seed": "a", "values": 15, "agreed": 14, "disagreements": ["row 1"]}
    value = {
        "job": "a_job", "rows": {"in": 5, "out": 5, "repeated": 0, "nulls": {"who": 0}}, "known_by": "event_time", "closed": "left",
        "recomputed": again, "look_ahead": ["month"], "immature": {"later": 2}, "features": features, "tables": {},
        "sources": [{"name": "sales", "delta_version": 3}], "versions": {"python": "3.11"},
    }  # fmt: skip
    assert Proof(value).lines() == [
        "job       a_job",
        "rows      5 in, 5 out; 0 ask the same as another row",
        "known by  event_time; source rows at a row's own time do not count",
        "computed again in plain Python: 5 of 200 random rows (seed a), 14 of 15 values agree",
        "  disagrees: row 1",
        "look ahead of the row: month",
        "not known yet: later of 2 rows",
        "",
        "feature     NULL  age of the newest row that counted (of the rows computed again)",
        "spend      50.0%  0 s to 1.5 h, median 1.5 min",
        "later      50.0%  a target: looks ahead of the row",
        "empty      50.0%  nothing counted",
        "greeting   50.0%  not computed again",
        "",
        "source    sales, version 3",
        "versions  python 3.11",
    ]


def files_of(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def test_a_folder_of_parquet_files_has_the_proof_beside_it(built: Path, fpjob: Fpjob) -> None:
    folder, beside = built / "output" / "labels", built / "output" / "labels.proof.json"
    assert fpjob("run", FILE).status == 0
    proof, files = json.loads(beside.read_text()), files_of(folder)
    assert proof == proof_of(fpjob) | {"files": files}
    assert polars.read_parquet(folder).height == 7
    # Another run writes other files, and another proof.
    assert fpjob("run", FILE).status == 0
    again = json.loads(beside.read_text())["files"]
    assert again == files_of(folder)
    assert not files.keys() & again.keys()
    # A proof that tells of other files is not about these: after a kill between the two, say.
    assert sorted(path.name for path in (built / "output").iterdir() if "labels" in path.name) == [
        "labels",
        "labels.proof.json",
    ]


def test_an_appended_result_is_proven_by_its_own_files(built: Path) -> None:
    job = built / "configs" / "jobs" / "labels_more.yaml"
    sink = "{sink_type: append_parquet, config: {path: output/more}}"
    job.write_text(JOB.replace("labels_v1", "labels_more_v1").replace(JOB.splitlines()[-1].partition(" ")[2], sink))
    folder = built / "output" / "more"
    shutil.copytree(built / "output" / "labels", folder)
    there = files_of(folder)
    Job(job).run()
    added = json.loads((built / "output" / "more.proof.json").read_text())["files"]
    assert added
    assert not added.keys() & there.keys()
    assert there | added == files_of(folder)
    job.unlink()


def test_a_delta_table_keeps_the_proof(built: Path) -> None:
    job = built / "configs" / "jobs" / "labels_delta.yaml"
    sink = "{sink_type: overwrite_delta, config: {path: output/labels_delta}}"
    text = JOB.replace("labels_v1", "labels_delta_v1").replace(JOB.splitlines()[-1].partition(" ")[2], sink)
    job.write_text(text)
    report = Job(job).run()
    (commit,) = (built / "output" / "labels_delta" / "_delta_log").glob("*.json")
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    (info,) = [each["commitInfo"] for each in actions if "commitInfo" in each]
    assert report.proof is not None
    assert json.loads(info["userMetadata"]) == report.proof.value
    job.unlink()


def test_keys_with_very_many_rows_shorten_the_sample(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recompute, "MAX_EVALUATIONS", 1)
    plan, project = prepare_job(built / FILE, open_project(built)), open_project(built)
    again = prove(plan, project).value["recomputed"]
    # Rows whose keys have no source rows cost nothing.
    assert 1 <= again["rows"] < 7
    assert again["agreed"] == again["values"] == again["rows"] * 7
    assert prove(plan, project, rows=3).value["recomputed"]["asked_for"] == 3


def test_a_disagreement_ends_the_run_and_keeps_the_sink(built: Path, fpjob: Fpjob) -> None:
    before = sorted(path.name for path in (built / "output" / "labels").iterdir())
    plan, project = prepare_job(built / FILE, open_project(built)), open_project(built)
    table = f"{project.target.schema}.{plan.table_name('takings')}"
    session = open_session(project.target.engine, project.target.warehouse)
    frame = session.table(table)
    changed = frame.withColumn("taken_7d", (frame["taken_7d"] + 1).cast(frame.schema["taken_7d"].dataType)).toArrow()
    session.createDataFrame(changed).write.mode("overwrite").insertInto(table)
    with pytest.raises(DataCheckError, match=r"feature `taken_7d` is [0-9.-]+, expected [0-9.-]+ by its definition"):
        prove(plan, project)
    outcome = fpjob("run", FILE)
    assert outcome.status == 1
    assert "The sink was not written" in outcome.stderr
    assert sorted(path.name for path in (built / "output" / "labels").iterdir()) == before
    assert fpjob("run", FILE, "--full-refresh").status == 0


def test_a_job_without_rows_that_ask_has_no_proof(built: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("show", "sales_v1", "--proof")
    assert outcome.status == 2
    assert "job `sales_v1` has no proof here; run it first" in outcome.stderr


def test_other_data_choose_other_rows(built: Path, fpjob: Fpjob) -> None:
    seed = proof_of(fpjob)["recomputed"]["seed"]
    reword(built / "data" / "labels.csv", "7,9,2024-02-10", "7,9,2024-02-11")
    assert fpjob("run", FILE).status == 0
    assert proof_of(fpjob)["recomputed"]["seed"] != seed
    reword(built / "data" / "labels.csv", "7,9,2024-02-11", "7,9,2024-02-10")
