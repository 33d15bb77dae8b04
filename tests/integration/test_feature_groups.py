"""Feature groups in a project: tables that jobs share, computed once, that equal the definitions in plain Python."""

from __future__ import annotations

import csv
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from feature_platform_py.core.project import Project, open_project
from feature_platform_py.runs.lock import building_alone
from feature_platform_py.testing import assert_features_equal, reference_features
from tests.conftest import Fpjob, reword
from tests.integration.test_job_subgraphs import dbt, files_of

TYPES = {"sale_id": "bigint", "shop_id": "bigint", "sold_at": "timestamp", "price": "decimal(10,2)", "kind": "string"}
SHOP = """\
name: shop
description: A shop.
version: 1.0.0
is_leaf: true
primary_key: shop_id
fields:
  - {name: shop_id, type: bigint, required: true, description: Identifies the shop.}
"""
SALES = """\
name: sales
description: Sales of shops, one row each.
owner: shop-team
entity: shop
event_time: sold_at
primary_key: sale_id
fields:
  - {name: sale_id, type: bigint, required: true, description: Identifies the sale.}
  - {name: shop_id, type: bigint, description: Where it was made.}
  - {name: sold_at, type: timestamp, description: When it was made.}
  - {name: price, type: 'decimal(10,2)', description: What was paid.}
  - {name: kind, type: string, description: What was sold.}
locations:
  local: {location: data/sales.csv, format: csv, options: {header: true}}
"""
TAKINGS = """\
name: takings
description: What a shop takes.
owner: shop-team
entity: shop
source: shop/sales
features:
  - {name: taken, function: sum, column: price, windows: [7d, lifetime], fill_value: 0, description: Money., tags: [money]}
  - {function: count, windows: [30d, month], where: [{column: kind, op: equals, value: toy}]}
  - {function: last, column: kind, windows: [30d], closed: left}
"""
VISITS = """\
name: visits
description: How often a shop sells.
owner: shop-team
entity: shop
source: shop/sales@v1
features:
  - {name: sales, function: count, windows: [7d]}
"""
JOB = """\
job_name: {name}
input_source: {{source_type: spark, config: {{location: data/sales.csv}}}}
features: {features}
{more}
output_sink: {{sink_type: overwrite_parquet, config: {{path: output/{name}}}}}
"""
FEATURES = "[takings.*, {group: visits, features: sales_7d, prefix: shop_}]"
WITH_TRANSFORMERS = """\
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: shop_id, timestamp_col: sold_at, amount_col: price, window_days: 7}}
  - {name: WithGreeting, params: {name_col: kind_last_30d}}
"""


def sales() -> list[dict[str, Any]]:
    """Sales of three shops over four months: at equal times, at window ends, and without a shop, a time, a price or a kind."""
    choice = random.Random(16)
    start = datetime(2024, 1, 20, 12, tzinfo=UTC)
    ats: list[datetime | None] = [start + timedelta(hours=12 * choice.randrange(200)) for _ in range(70)]
    ats += [start, start, start + timedelta(days=7), start + timedelta(days=7, seconds=1), None]
    rows = []
    for number, at in enumerate(ats):
        price = choice.choice([None, Decimal("0.10"), Decimal("19.99"), Decimal("-3.00")])
        shop, kind = choice.choice([1, 1, 2, 3, None]), choice.choice(["toy", "game", None])
        rows.append({"sale_id": number, "shop_id": shop, "sold_at": at, "price": price, "kind": kind})
    return rows


def write_sales(project: Path, rows: list[dict[str, Any]]) -> None:
    with (project / "data" / "sales.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(TYPES))
        writer.writeheader()
        for row in rows:
            at = row["sold_at"] and f"{row['sold_at']:%Y-%m-%d %H:%M:%S}"
            writer.writerow({**row, "sold_at": at})


def write_files(project: Path) -> None:
    for path, text in {
        "registry/entity/shop/shop.yaml": SHOP,
        "registry/source/shop/v1/sales_source.yaml": SALES,
        "registry/feature/takings.yaml": TAKINGS,
        "registry/feature/visits.yaml": VISITS,
        "configs/jobs/sales.yaml": JOB.format(name="sales_v1", features=FEATURES, more=""),
        "configs/jobs/more.yaml": JOB.format(
            name="more_v1", features="[takings.kind_last_30d]", more=WITH_TRANSFORMERS
        ),
    }.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    # Commands that look at all jobs and groups would compile those of the bank example too.
    for other in sorted((project / "configs" / "jobs").glob("*_job.yaml")):
        other.unlink()
    (project / "models" / "unit_tests.yml").unlink()
    for other in ("customer_spend", "customer_activity"):
        (project / "registry" / "feature" / f"{other}.yaml").unlink()
    write_sales(project, sales())


@pytest.fixture(scope="module")
def shop(module_project: Path) -> Path:
    """The project with a source of sales, two groups over it, and two jobs that read them."""
    write_files(module_project)
    from feature_platform_py.dbt_files.sync import write_files as sync

    sync(open_project(module_project))
    return module_project


@pytest.fixture(autouse=True)
def _restored(shop: Path) -> Iterator[None]:
    """The project's files are afterwards as they were; its warehouse is shared."""
    kept = {path: path.read_bytes() for path in files_of(shop)}
    yield
    for path in files_of(shop):
        if path not in kept:
            path.unlink()
    for path, content in kept.items():
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def params(definition: str) -> dict[str, Any]:
    features = yaml.safe_load(definition)["features"]
    return {"keys": "shop_id", "timestamp_col": "sold_at", "features": features}


def assert_equals_definitions(project: Path, rows: list[dict[str, Any]], takings: str = TAKINGS) -> None:
    """The sink of the first job has one row per sale, with the features as plain Python computes them."""
    import pyarrow.parquet as pq

    expected = reference_features(rows, params(takings), types=TYPES, primary_key="sale_id")
    visits = params(VISITS) | {"prefix": "shop_"}
    expected = reference_features(expected.rows, visits, types=expected.types)
    assert_features_equal(pq.read_table(project / "output" / "sales_v1"), expected, keys="sale_id")


def run(fpjob: Fpjob, job: str) -> dict[str, Any]:
    """The work of each feature table in a run of a job."""
    outcome = fpjob("run", job, "--format", "json")
    assert outcome.status == 0, outcome.stderr
    models = json.loads(outcome.stdout)["models"]
    return {each["name"]: each["work"] for each in models if "work" in each}


def actions(works: dict[str, Any]) -> dict[str, str]:
    return {name: work["action"] for name, work in works.items()}


def test_a_job_has_its_rows_with_the_groups_features(shop: Path, fpjob: Fpjob) -> None:
    works = run(fpjob, "configs/jobs/sales.yaml")
    assert actions(works) == dict.fromkeys(("takings__window", "takings__lifetime", "visits"), "rebuild")
    assert_equals_definitions(shop, sales())


def test_another_job_finds_the_groups_tables_computed(shop: Path, fpjob: Fpjob) -> None:
    import pyarrow.parquet as pq

    run(fpjob, "configs/jobs/sales.yaml")
    works = run(fpjob, "configs/jobs/more.yaml")
    assert actions(works) == {"takings__window": "skip", "takings__lifetime": "skip", "user_spend": "rebuild"}
    rows = pq.read_table(shop / "output" / "more_v1").to_pylist()
    assert list(rows[0])[-4:] == ["kind_last_30d", "user_7d_total_spend", "user_7d_avg_spend", "greeting"]
    greetings = {None: "Hello, World!", "toy": "Hello, toy", "game": "Hello, game"}
    # A transformer in Python reads what a group computes.
    assert {(row["kind_last_30d"], row["greeting"]) for row in rows} <= set(greetings.items())


def test_a_change_of_the_source_recomputes_the_months_that_it_reaches(shop: Path, fpjob: Fpjob) -> None:
    run(fpjob, "configs/jobs/sales.yaml")
    late = {
        "sale_id": 900,
        "shop_id": 1,
        "sold_at": datetime(2024, 2, 3, tzinfo=UTC),
        "price": Decimal(5),
        "kind": "toy",
    }
    rows = [*sales(), late]
    write_sales(shop, rows)
    planned = json.loads(fpjob("plan", "takings", "--format", "json").stdout)["work"]
    works = run(fpjob, "configs/jobs/sales.yaml")
    assert planned == {name: works[name] for name in planned}
    months = {name: [each["period"] for each in work["periods"]] for name, work in works.items()}
    # `month` and 30 days reach the next month, 7 days too from its own last week, and a lifetime all later ones.
    assert months["takings__window"] == ["2024-02", "2024-03"]
    assert months["takings__lifetime"] == ["2024-02", "2024-03", "2024-04"]
    assert_equals_definitions(shop, rows)
    write_sales(shop, sales())


def test_a_group_gains_and_loses_a_table(shop: Path, fpjob: Fpjob) -> None:
    group = shop / "registry/feature/takings.yaml"
    bounded = TAKINGS.replace("[7d, lifetime]", "[7d]")
    lifetime = TAKINGS.replace("[7d, lifetime]", "[lifetime]").rpartition("  - {function: count")[0]
    for definition, tables in (
        (TAKINGS, {"takings__window", "takings__lifetime"}),
        (bounded, {"takings"}),
        (TAKINGS, {"takings__window", "takings__lifetime"}),
        (lifetime, {"takings"}),
    ):
        group.write_text(definition)
        works = run(fpjob, "configs/jobs/sales.yaml")
        assert set(works) == {*tables, "visits"}
        assert_equals_definitions(shop, sales(), definition)
        written = {path.stem for path in (shop / "models/features").glob("takings*.sql")}
        assert written == {"takings", "takings__input", *tables}


def test_plain_dbt_builds_a_group_and_its_inputs(shop: Path, fpjob: Fpjob) -> None:
    run(fpjob, "configs/jobs/sales.yaml")
    names = ("ls", "--output", "name", "--resource-types", "model", "--select")
    nodes = {"takings__input", "takings__window", "takings__lifetime", "takings"}
    assert set(dbt(*names, "tag:takings")) == set(dbt(*names, "+takings")) == nodes
    assert set(dbt(*names, "takings+")) == {
        "takings",
        "sales_v1__job_features",
        "more_v1__job_features",
        "more_v1__job_enriched",
    }
    log = sorted((shop / "warehouse/features/takings__window/_delta_log").iterdir())
    dbt("build", "--select", "+takings", "--exclude-resource-type", "unit_test")
    # A run of a job has built it, and plain dbt sees that.
    assert sorted((shop / "warehouse/features/takings__window/_delta_log").iterdir()) == log


def test_plain_dbt_builds_a_group_that_no_run_has_built(shop: Path, fpjob: Fpjob) -> None:
    (shop / "registry/feature/fresh.yaml").write_text(VISITS.replace("name: visits", "name: fresh"))
    assert fpjob("registry", "sync").status == 0
    dbt("build", "--select", "+fresh", "--exclude-resource-type", "unit_test")
    shown = json.loads(fpjob("show", "fresh", "--rows", "1000", "--format", "json").stdout)
    rows = reference_features(sales(), params(VISITS), types=TYPES).rows
    grain = {(row["shop_id"], row["sold_at"]) for row in rows if row["shop_id"] and row["sold_at"]}
    assert len(shown) == len(grain)


def test_a_changed_definition_is_a_modified_model(shop: Path, fpjob: Fpjob) -> None:
    dbt("parse", "--no-partial-parse", "--target-path", "target/before")
    (shop / "registry/feature/takings.yaml").write_text(TAKINGS.replace("[7d, lifetime]", "[8d, lifetime]"))
    assert fpjob("registry", "sync").status == 0
    kinds = ("--resource-types", "model", "exposure")
    changed = dbt("ls", "--output", "name", *kinds, "--select", "state:modified", "--state", "target/before")
    assert set(changed) == {"takings__window", "takings", "sales_v1__job_features", "sales_v1"}


def test_sync_removes_the_models_of_a_group_that_is_gone(shop: Path, fpjob: Fpjob) -> None:
    (shop / "registry/feature/visits.yaml").unlink()
    job = shop / "configs/jobs/sales.yaml"
    reword(job, ", {group: visits, features: sales_7d, prefix: shop_}", "")
    removed = fpjob("registry", "sync")
    assert removed.status == 0, removed.stderr
    assert "removed models/features/visits.sql" in removed.stdout
    assert not list((shop / "models/features").glob("visits*"))
    assert (shop / "models/features/takings.sql").is_file()


def test_plan_show_and_list_know_groups(shop: Path, fpjob: Fpjob) -> None:
    run(fpjob, "configs/jobs/sales.yaml")
    plan = fpjob("plan", "takings")
    assert plan.status == 0, plan.stderr
    lines = [line.split() for line in plan.stdout.splitlines()]
    assert lines[0] == ["takings", "on", "target", "local", "(sail)"]
    assert [
        "takings__window",
        "shop_id,",
        "sold_at",
        "taken_7d,",
        "count_30d,",
        "count_month,",
        "kind_last_30d",
    ] in lines
    assert ["takings__lifetime", "nothing", "nothing", "new"] in lines
    assert fpjob("plan", "registry/feature/takings.yaml").stdout == plan.stdout
    [row] = json.loads(fpjob("show", "takings", "--rows", "1", "--format", "json").stdout)
    assert list(row) == [
        "shop_id",
        "sold_at",
        "taken_7d",
        "taken_lifetime",
        "count_30d",
        "count_month",
        "kind_last_30d",
    ]
    listed = {each["name"]: each for each in json.loads(fpjob("list", "--format", "json").stdout)["feature groups"]}
    assert listed["visits"] == {"name": "visits", "entity": "shop", "computes": "sales_7d from shop.sales v1"}
    assert listed["user_spend"]["computes"].startswith("in user_spend: user_<window_days>d_total_spend")
    unknown = fpjob("plan", "taking")
    assert unknown.status == 2
    assert "feature group `taking` is unknown. Did you mean `takings`?" in unknown.stderr


def test_the_lineage_of_a_groups_feature_goes_from_the_source_to_the_jobs(shop: Path, fpjob: Fpjob) -> None:
    graph = json.loads(fpjob("lineage", "takings.taken_7d", "--format", "json").stdout)
    ids = {node["id"] for node in graph["nodes"]}
    assert {"shop.sales.price", "takings__window.taken_7d", "sales_v1__job_features.taken_7d", "job:sales_v1"} <= ids
    assert not [each for each in ids if "lifetime" in each or "more_v1" in each or each.endswith(".kind")]


def test_a_run_that_may_have_left_wrong_tables_is_known_to_other_jobs(shop: Path, fpjob: Fpjob) -> None:
    run(fpjob, "configs/jobs/sales.yaml")
    note = shop / "warehouse/.running/takings.unproved.json"
    note.write_text('["another state of the input"]')
    works = run(fpjob, "configs/jobs/more.yaml")
    assert works["takings__window"]["reason"] == "full refresh"
    assert not note.exists()


def test_a_build_of_a_group_waits_for_another_one(shop: Path) -> None:
    project, told = open_project(shop), []
    with ThreadPoolExecutor(1) as other:
        with building_alone(project, "takings", tell=told.append):
            waiting = other.submit(_built, project, told)
            while not told:
                time.sleep(0.01)
            assert not waiting.done()
        assert waiting.result(timeout=60) == "built"
    [said] = told
    assert said.startswith("  waits for the feature group `takings`, which is built, in process ")


def _built(project: Project, told: list[str]) -> str:
    with building_alone(project, "takings", tell=told.append):
        return "built"


def test_init_group_writes_a_group_that_can_be_planned(shop: Path, fpjob: Fpjob) -> None:
    about = ("--entity", "shop", "--source", "shop/sales", "--owner", "shop-team", "--description", "Prices.")
    made = fpjob("init", "group", "prices", *about)
    assert made.status == 0, made.stderr
    assert made.stdout.startswith("wrote registry/feature/prices.yaml\n")
    assert fpjob("registry", "sync").status == 0
    planned = json.loads(fpjob("plan", "prices", "--format", "json").stdout)
    features = [each["name"] for each in planned["columns"]][2:]
    counts = ["count_7d", "count_30d", "count_lifetime"]
    assert features == [*counts, "price_sum_7d", "price_sum_30d", "price_avg_7d", "price_avg_30d"]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (
            ["--feature", "sum:prise:7d"],
            "`features[0].column`: column `prise` is missing in the source. Did you mean `price`?",
        ),
        (
            ["--feature", "sum"],
            "feature `sum`: expected `function:column:windows`, such as `sum:amount:7d,30d`, or `count:30d`",
        ),
        (["--key", "shop_id"], "key `shop_id`: expected `field:column`, such as `user_id:payee_id`"),
        (["--key", "shop_id:kind"], "`keys`: `kind` of the source is string, and `shop_id` of `shop` is bigint"),
        (["--timestamp-col", "price"], "`timestamp_col`: expected a date or timestamp column as the event time"),
    ],
)
def test_init_group_writes_nothing_that_is_wrong(shop: Path, fpjob: Fpjob, flags: list[str], expected: str) -> None:
    about = ("--entity", "shop", "--source", "shop/sales", "--owner", "shop-team", "--description", "Prices.")
    outcome = fpjob("init", "group", "prices", *about, *flags)
    assert outcome.status == 2
    assert expected in outcome.stderr
    assert not (shop / "registry/feature/prices.yaml").exists()


def test_a_group_with_another_name_computes_nothing(shop: Path, fpjob: Fpjob) -> None:
    run(fpjob, "configs/jobs/sales.yaml")
    file, now = shop / "registry/feature/takings.yaml", shop / "registry/feature/income.yaml"
    now.write_text(file.read_text().replace("name: takings\n", "name: income\nwas: takings\n"))
    file.unlink()
    for job in ("sales", "more"):
        reword(shop / f"configs/jobs/{job}.yaml", "takings.", "income.")
    works = run(fpjob, "configs/jobs/sales.yaml")
    assert actions(works) == dict.fromkeys(("income__window", "income__lifetime", "visits"), "skip")
    tables = {path.name for path in (open_project().target.warehouse / "features").iterdir()}
    assert {"income__window", "income__lifetime"} <= tables
    assert not any(name.startswith("takings") for name in tables)
    assert fpjob("registry", "sync", "--check").status == 2, "the models of the other job"
    assert not list((shop / "models/features").glob("takings*"))
