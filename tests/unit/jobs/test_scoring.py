"""Jobs whose rows are the keys of an entity: their models, and each way in which they can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from feature_platform_py.dbt_files.job_yaml import PlannedJob, job_content
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.jobs.schema import job_json_schema
from feature_platform_py.registry.registry import load_registry
from feature_platform_py.runs.warnings import result_warnings
from feature_platform_py.sinks.results import ResultCounts
from tests.hostile import ONE_LINE
from tests.unit.jobs.jobs import local_project
from tests.unit.jobs.test_group_features import check, planned, problems
from tests.unit.jobs.test_point_in_time import text
from tests.unit.registry.test_defined_groups import FILES, GROUP, OTHER_KEY
from tests.unit.registry.test_registry import write

SHOPS = """\
name: shops
description: All shops.
owner: shop-team
entity: shop
fields:
  - {name: shop_id, type: bigint, required: true, description: Identifies the shop.}
  - {name: opened, type: date, description: Its first day.}
locations:
  local: {location: data/shops.csv, format: csv}
"""
JOB = """\
job_name: now_v1
input_source: {source_type: entity, config: {CONFIG}}
entities: {shop: shop}
event_time: decided_at
features:
  - takings.taken_lifetime
output_sink: {sink_type: overwrite_parquet, config: {path: output/now}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "configs" / "jobs").mkdir(parents=True)
    return write(tmp_path, FILES | {"source/shop/v1/shops_source.yaml": SHOPS})


def job(config: str = 'entity: shop, at: "2024-01-31"') -> str:
    return JOB.replace("CONFIG", config)


def rows_of(plan: JobPlan) -> str:
    return text(plan, "stg_job_input").removeprefix("{{ scoring_rows( ").removesuffix(", ) }}")


KEYS = "keys={'shop': 'bigint'}, event_time={'decided_at': '%s'}, sources=[%s]"
SHOP = "{'relation': source('shop', 'shops'), 'keys': {'shop': 'shop_id'}}"
ONE = "instants={'start': '%s', 'every_seconds': 1, 'number': 1}"


def test_the_rows_are_the_keys_of_the_entitys_sources(root: Path) -> None:
    plan = planned(root, job())
    assert rows_of(plan) == f"{KEYS % ('date', SHOP)}, {ONE % '2024-01-31'}"
    assert plan.columns == (("shop", "bigint"), ("decided_at", "date"))
    assert [use.name for use in plan.uses] == ["takings"]
    assert plan.source_name == "shop.shops"
    assert [each.location for each in plan.sources] == ["data/shops.csv", "data/sales.csv"]
    assert "source:shop.shops,test_name:not_null" in plan.selected


@pytest.mark.parametrize(
    ("config", "kind", "instants"),
    [
        ("entity: shop, at: 2024-01-31", "date", "'start': '2024-01-31', 'every_seconds': 1, 'number': 1"),
        ("entity: shop", "timestamp", "'every_seconds': 1, 'number': 1"),
        (
            "entity: shop, at: 2024-01-31T12:00:00+02:00",
            "timestamp",
            "'start': '2024-01-31 10:00:00+00:00', 'every_seconds': 1, 'number': 1",
        ),
        (
            "entity: shop, every: 1w, from: 2024-01-01, to: 2024-01-15",
            "date",
            "'start': '2024-01-01', 'every_seconds': 604800, 'number': 3",
        ),
        (
            'entity: shop, every: 6h, from: "2024-01-01T00:00:00Z", to: "2024-01-01T17:59:59Z"',
            "timestamp",
            "'start': '2024-01-01 00:00:00+00:00', 'every_seconds': 21600, 'number': 3",
        ),
    ],
)
def test_the_times_are_one_or_those_of_a_grid(root: Path, config: str, kind: str, instants: str) -> None:
    assert rows_of(planned(root, job(config))) == f"{KEYS % (kind, SHOP)}, instants={{{instants}}}"


def test_keys_are_active_by_rows_that_were_known(root: Path) -> None:
    late = FILES["source/shop/v1/sales_source.yaml"].replace("event_time:", "available_after: 6h\nevent_time:")
    write(root, {"source/shop/v1/sales_source.yaml": late})
    config = "entity: shop, at: 2024-01-31, active_within: 90d"
    sales = "{ 'relation': source('shop', 'sales'), 'keys': {'shop': 'shop_id'}, 'event_time': {'sold_at': 'timestamp'}"
    found = rows_of(planned(root, job(config) + "closed: left\n"))
    ending = f"{ONE % '2024-01-31'}, active_within=7776000"
    assert (
        found == f"{KEYS % ('date', f' {sales}, {chr(39)}available_after{chr(39)}: 21600}}')}, {ending}, is_open=true"
    )
    found = rows_of(planned(root, job(config) + "known_by: event_time\n"))
    assert found.endswith(f"{{'sold_at': 'timestamp'}}}}], {ending}")


def test_the_columns_are_the_entitys_unless_the_job_names_others(root: Path) -> None:
    plan = planned(root, job().replace("entities: {shop: shop}\nevent_time: decided_at\n", ""))
    assert plan.columns == (("shop_id", "bigint"), ("event_time", "date"))
    content = job_content(PlannedJob(Path("configs/jobs/now.yaml"), plan), load_registry(root))
    staging = content["models"][0]
    assert "sources" not in content
    assert "data_tests" not in staging
    assert (
        staging["description"]
        == "The rows of the job `now_v1`: the keys of shop at 2024-01-31. One row per key and time."
    )
    assert staging["columns"][0]["description"] == load_registry(root).entity("shop").fields[0].description


def test_a_source_may_be_named_with_its_columns(root: Path) -> None:
    composite = {
        "entity/buyer/buyer.yaml": OTHER_KEY,
        "source/shop/v1/sales_source.yaml": FILES["source/shop/v1/sales_source.yaml"].replace(
            "locations:",
            "  - {name: who, type: bigint, description: Who.}\n  - {name: country, type: string, description: Where.}\nlocations:",
        ),
        "feature/buys.yaml": GROUP.replace("takings", "buys").replace(
            "entity: shop", "entity: buyer\nkeys: {buyer_id: who}"
        ),
    }
    write(root, composite)
    text = job("entity: buyer, source: shop/sales, keys: {buyer_id: who}, at: 2024-01-31")
    text = text.replace("{shop: shop}", "{buyer: [whom, Land]}").replace("takings", "buys")
    assert "'keys': {'whom': 'who', 'Land': 'country'}" in rows_of(planned(root, text))
    assert "keys={'whom': 'bigint', 'Land': 'string'}" in rows_of(planned(root, text))


def test_times_of_another_job_are_refused_features_that_look_ahead(root: Path) -> None:
    sums = "feature_transformers: [{name: UserMonthlyTransactionCounter, params: {user_id_col: shop, timestamp_col: event_time}}]\n"
    [found] = problems(root, job().replace("event_time: decided_at\n", "") + sums)
    assert "looks ahead of the row" in found


@pytest.mark.parametrize("name", ONE_LINE)
def test_names_of_columns_are_carried_as_they_are(root: Path, name: str) -> None:
    document: dict[str, Any] = yaml.safe_load(job())
    document["entities"] = {"shop": name.replace("${", "$${")}
    plan = planned(root, yaml.safe_dump(document))
    assert plan.columns[0] == (name, "bigint")


CASES = {
    "at: 2024-01-31": "2: `input_source.config.entity` is missing; expected the entity whose keys are the rows",
    "entity: shops": "2: `input_source.config.entity`: entity `shops` is unknown. Did you mean `shop`? Known: `sale`, `shop`",
    "entity: shop, att: 2024-01-31": (
        "2: `input_source.config`: key `att` is unknown. Did you mean `at`? Known: `entity`, `at`, `every`, `from`, `to`,"
        " `active_within`, `source`, `keys`, `timestamp_col`"
    ),
    "entity: shop, at: tomorrow": (
        "2: `input_source.config.at`: expected a day such as `2024-01-31`, or a time with its zone such as `2024-01-31T12:00:00Z`,"
        " given `tomorrow`"
    ),
    "entity: shop, at: 2024-01-31 12:00:00": (
        "2: `input_source.config.at`: expected a day such as `2024-01-31`, or a time with its zone such as `2024-01-31T12:00:00Z`;"
        " add the zone, because it decides which rows are before that time, given `2024-01-31 12:00:00`"
    ),
    "entity: shop, at: '2024-02-30'": (
        "2: `input_source.config.at`: expected a day such as `2024-01-31`, or a time with its zone such as `2024-01-31T12:00:00Z`,"
        " given `2024-02-30`"
    ),
    "entity: shop, at: 7": (
        "2: `input_source.config.at`: expected a day such as `2024-01-31`, or a time with its zone such as `2024-01-31T12:00:00Z`,"
        " given `7`"
    ),
    'entity: shop, at: "2024-01-31\' or 1=1 --"': (
        "2: `input_source.config.at`: expected a day such as `2024-01-31`, or a time with its zone such as `2024-01-31T12:00:00Z`,"
        " given `2024-01-31' or 1=1 --`"
    ),
    "entity: shop, at: 2024-01-31, every: 7d": (
        "2: `input_source.config.every`: the rows have one time (`at`), or those of a grid; remove one of them"
    ),
    "entity: shop, every: 7d, from: 2024-01-31": (
        "2: `input_source.config.every`: a grid needs `every`, `from` and `to`; add `to`"
    ),
    "entity: shop, every: 7d, from: 2024-01-31, to: 2024-01-30": (
        "2: `input_source.config.to`: expected a time that is not before `from`, 2024-01-31, given `2024-01-30`"
    ),
    "entity: shop, every: 7d, from: 2024-01-31, to: 2024-02-28T00:00:00Z": (
        "2: `input_source.config.to`: expected two days, or two times with a zone, as `from` and `to`, given `2024-02-28T00:00:00Z`"
    ),
    "entity: shop, every: 36h, from: 2024-01-31, to: 2024-02-28": (
        "2: `input_source.config.every`: expected whole days between days; give `from` and `to` as times with a zone, given `36h`"
    ),
    "entity: shop, every: 1s, from: 2024-01-31T00:00:00Z, to: 2024-02-28T00:00:00Z": (
        "2: `input_source.config.every`: expected a grid of at most 100,000 times, this has 2,419,201, given `1s`"
    ),
    "entity: shop, active_within: 90": (
        "2: `input_source.config.active_within`: expected a text, given `90`, which YAML reads as a whole number; quote it: `'90'`"
    ),
    "entity: shop, keys: {shop_id: id}": (
        "2: `input_source.config.keys`: only a `source` that is named here has columns of other names; add it"
    ),
    "entity: shop, source: shop/sales, timestamp_col: sold_at": (
        "2: `input_source.config.timestamp_col`: only `active_within` looks at the time of rows; add it, or remove this"
    ),
    "entity: shop, source: shop/sails": (
        "2: `input_source.config.source`: source `shop/sails` is unknown. Did you mean `shop/sales`? Known: `shop/sales`, `shop/shops`"
    ),
    "entity: shop, source: shop/shops, active_within: 90d": (
        "2: `timestamp_col` is missing: the source `shop/shops` declares no `event_time`; name the column of the event time"
    ),
    "entity: shop, source: shop/sales, keys: {shop_id: shopid}": "2: `keys`: field `shopid` is unknown. Did you mean `shop_id`?",
    "entity: shop, location: data/sales.csv": (
        "2: `input_source.config`: key `location` is unknown. Known: `entity`, `at`, `every`, `from`, `to`, `active_within`, `source`,"
        " `keys`, `timestamp_col`"
    ),
}


@pytest.mark.parametrize("config", CASES)
def test_a_wrong_scoring_set_says_where_and_why(root: Path, config: str) -> None:
    [found] = problems(root, job(config))
    assert found.startswith(CASES[config])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{shop: shop}", "{shop: [a, b]}", "3: `entities.shop`: expected a column for each of `shop_id`, the primary key of `shop`"),
        ("{shop: shop}", "{shop: DECIDED_AT}", "4: `event_time`: two columns of the rows would be `decided_at`"),
        ("{shop: shop}", "{shop: _Step}", "3: `entities.shop`: `_Step` is a name that the query of the rows uses"),
        ("taken_lifetime", "taken_lifetim", "6: `features[0]`: feature `taken_lifetim` is unknown. Did you mean"),
        ("output/now", "data/shops.csv", "7: `output_sink.config.path`: `data/shops.csv` is, holds or lies in the job's own input"),
        ("output/now", "data/sales.csv", "7: `output_sink.config.path`: `data/sales.csv` is, holds or lies in the job's own input"),
    ],
)  # fmt: skip
def test_names_that_the_rows_cannot_have_are_refused(root: Path, old: str, new: str, message: str) -> None:
    found = problems(root, job().replace(old, new))
    assert any(each.startswith(message) for each in found), found


def test_rows_of_today_are_not_left_out_for_their_targets(root: Path) -> None:
    target = "{source: shop/sales, entity: shop, function: count, windows: next 30d}"
    dropped = job().replace("features:", f"immature: drop\ntargets: [{target}]\nfeatures:")
    assert planned(root, dropped).config.drops_immature
    [found] = problems(root, dropped.replace(', at: "2024-01-31"', ""))
    assert found == (
        "5: `immature`: at the time of a run no target is known yet, so that `drop` would leave out every row; remove it, or name"
        " a time as `at`"
    )


def test_an_entity_without_sources_says_what_to_name(root: Path) -> None:
    write(root, {"entity/buyer/buyer.yaml": OTHER_KEY})
    [first, *_] = problems(root, job("entity: buyer").replace("{shop: shop}", "{}"))
    assert first == (
        "2: `input_source.config.entity`: no source of `buyer` has the columns `buyer_id`, `country`, its primary key; name one"
        " whose rows have the keys as `source`, and the columns in `keys`"
    )


def test_a_filter_is_of_the_rows_own_columns(root: Path) -> None:
    text = job().replace("entity, config: {", "entity, filters: [{column: SHOP, op: in, value: [1, 2]}], config: {")
    assert "filters=[{'column': 'shop', 'op': 'in'" in rows_of(planned(root, text))
    [found] = problems(root, text.replace("SHOP", "price"))
    assert "column `price` is missing in the source" in found


def test_the_schema_knows_scoring_sets() -> None:
    schema = Draft202012Validator(job_json_schema())
    assert schema.is_valid(yaml.safe_load(job()))
    assert schema.is_valid(yaml.safe_load(job('entity: shop, every: 7d, from: "2024-01-01", to: "2024-02-01"')))
    assert not schema.is_valid(yaml.safe_load(job("entity: shop, location: x")))
    assert not schema.is_valid(yaml.safe_load(job("at: '2024-01-31'")))


def test_the_plan_of_a_checked_file_needs_no_engine(root: Path) -> None:
    assert check(root, job()).source.shown == ("the keys of shop at 2024-01-31, of shops (data/shops.csv)")


def test_a_set_without_rows_is_warned_of(root: Path) -> None:
    plan = planned(root, job("entity: shop, at: 2024-01-31, active_within: 1d"))
    [warning] = result_warnings(plan, local_project(root=root), ResultCounts(0, {}))
    assert (warning.code, warning.line) == ("no_rows", 2)
    said = "the result has no rows: there are none of the keys of shop at 2024-01-31, with a row in the 1d before"
    assert warning.message == said
    assert result_warnings(plan, local_project(root=root), ResultCounts(1, {})) == []
