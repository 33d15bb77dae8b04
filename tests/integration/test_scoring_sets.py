"""Scoring sets, whole: the file of a training job with another input gives the same values for the same keys and times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.lineage.load import compile_jobs, lineage_of
from tests.conftest import Fpjob, copy_project
from tests.integration.test_training_sets import FILES, job

TRAINING = "configs/jobs/train.yaml"
TARGETS = """\
entities: {shop: shop}
event_time: decided_at
targets:
  - {source: shop/sales, entity: shop, function: count, windows: [next 7d, next 30d]}
"""
FEATURES = "takings.*; arrived.count_7d; {group: delayed, features: taken_lifetime, prefix: delayed_}; profile.region; place.town"
ALL = job(
    "train_v1",
    FEATURES.replace("takings.*", "takings.taken_7d; {group: takings, features: count_7d, prefix: all_}"),
    TARGETS,
)
INPUT = "input_source: {source_type: spark, config: {location: data/labels.csv}}"
# All of the labels' times but one, and that one.
TIMES = {
    "grid_v1": 'every: 2h, from: "2024-01-02T00:00:00Z", to: "2024-01-31T00:00:00Z"',
    "at_v1": "at: 2024-01-12T10:59:59+01:00",
}


def scoring(name: str, config: str) -> str:
    """The training job's file with another input, and so another name and sink."""
    text = ALL.replace(INPUT, f"input_source: {{source_type: entity, config: {{entity: shop, {config}}}}}")
    assert text != ALL
    return text.replace("train_v1", name)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = copy_project(tmp_path_factory.mktemp("project") / "project")
    jobs = {path: text for path, text in FILES.items() if not path.startswith("configs/jobs/")}
    jobs[TRAINING] = ALL
    jobs |= {f"configs/jobs/{name}.yaml": scoring(name, config) for name, config in TIMES.items()}
    for path, text in jobs.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("FP_WAREHOUSE", raising=False)
        yield folder


def run(fpjob: Fpjob, path: str) -> dict[str, Any]:
    found = fpjob("run", path, "--format", "json")
    assert found.status == 0, found.stderr
    return dict(json.loads(found.stdout))


def rows_of(shop: Path, name: str) -> list[dict[str, Any]]:
    return list(pq.read_table(shop / "output" / name).to_pylist())


def test_each_customer_and_time_has_the_values_of_training(shop: Path, fpjob: Fpjob) -> None:
    for path in (TRAINING, *(f"configs/jobs/{name}.yaml" for name in TIMES)):
        run(fpjob, path)
    scored = {(row["shop"], row["decided_at"]): row for name in TIMES for row in rows_of(shop, name)}
    # 349 times of the grid and one more, of the shops with sales.
    assert len(scored) == 350 * 2 == sum(len(rows_of(shop, name)) for name in TIMES)
    trained = [row for row in rows_of(shop, "train_v1") if row["shop"] in (1, 2) and row["decided_at"]]
    assert len(trained) == 5
    for row in trained:
        features = {name: value for name, value in row.items() if name not in ("label", "rival")}
        assert scored[row["shop"], row["decided_at"]] == features
    assert {row["region"] for row in trained} == {"west", "east"}


def test_nothing_new_is_nothing_computed(shop: Path, fpjob: Fpjob) -> None:
    # It has run in the test before.
    again = run(fpjob, "configs/jobs/at_v1.yaml")
    works = {model["name"]: model["work"]["action"] for model in again["models"] if "work" in model}
    assert set(works.values()) == {"skip"}


def test_a_set_at_the_time_of_the_run_has_only_active_keys(shop: Path, fpjob: Fpjob) -> None:
    path = shop / "configs/jobs/now.yaml"
    path.write_text(scoring("now_v1", "active_within: 36500d, source: shop/sales"))
    before = datetime.now(UTC)
    run(fpjob, path)
    rows = rows_of(shop, "now_v1")
    assert {row["shop"] for row in rows} == {1, 2}
    [time] = {row["decided_at"] for row in rows}
    assert before <= time.replace(tzinfo=UTC) <= datetime.now(UTC)
    assert {row["count_next_7d"] for row in rows} == {None}


def test_the_plan_and_the_lineage_lead_to_the_sources_of_the_keys(shop: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("plan", "configs/jobs/at_v1.yaml")
    lines = [" ".join(line.split()) for line in outcome.stdout.splitlines()]
    sources = ", ".join(f"{name} (data/sales.csv)" for name in ("arrivals", "delays", "sales"))
    assert f"reads the keys of shop at 2024-01-12 09:59:59+00:00, of {sources}" in lines
    project, path = open_project(shop), Path("configs/jobs/at_v1.yaml")
    graph = lineage_of(compile_jobs({path: prepare_job(path, project)}, project, []))
    key = next(each for each in graph.nodes if each.id == "at_v1__stg_job_input.shop")
    inputs = {edge.source.id for edge in graph.inputs(key) if "value" in edge.uses}
    assert inputs == {f"shop.{name}.shop_id" for name in ("arrivals", "delays", "sales")}
