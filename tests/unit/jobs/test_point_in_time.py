"""A job whose rows ask for features at their own times: its tables, the texts of their models, and what can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.dbt_files.job_models import model_texts
from feature_platform_py.dbt_files.job_yaml import PlannedJob, job_content
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.jobs.schema import job_json_schema
from feature_platform_py.registry.registry import load_registry
from feature_platform_py.runs.warnings import asking_warnings
from tests.unit.jobs.test_group_features import names, planned, problems
from tests.unit.registry.test_defined_groups import FILES, GROUP
from tests.unit.registry.test_registry import write

LABELS = """\
name: labels
description: What became of shops.
owner: label-team
entity: shop
primary_key: label_id
fields:
  - {name: label_id, type: bigint, required: true, description: Identifies the label.}
  - {name: shop, type: int, description: Whom it is about.}
  - {name: rival, type: bigint, description: Another shop.}
  - {name: decided_at, type: date, description: When it was decided.}
  - {name: code, type: string, description: Any text.}
  - {name: share, type: double, description: Any number.}
locations:
  local: {location: data/labels.csv, format: csv}
"""
JOB = """\
job_name: labels_v1
input_source: {source_type: spark, config: {location: data/labels.csv}}
entities: {shop: shop}
event_time: decided_at
features:
  - takings.taken_lifetime
  - {group: takings, features: [count_30d, taken_7d], prefix: shop_}
  - {group: takings, entities: {shop: RIVAL}, features: [taken_7d], prefix: rival_}
output_sink: {sink_type: overwrite_parquet, config: {path: output/labels}}
"""
OF_SALES = """\
job_name: sales_v1
input_source: {source_type: spark, config: {location: data/sales.csv}}
features: [takings.count_30d]
output_sink: {sink_type: overwrite_parquet, config: {path: output/sales}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name in ("labels", "sales"):
        (tmp_path / "data" / f"{name}.csv").write_text("label_id\n")
    (tmp_path / "configs" / "jobs").mkdir(parents=True)
    return write(tmp_path, FILES | {"source/label/v1/labels_source.yaml": LABELS})


def text(plan: JobPlan, model: str) -> str:
    """A model's text on one line, between the marks of the job."""
    found = dict(model_texts(plan, "configs/jobs/sales.yaml"))[f"{plan.name}__{model}.sql"]
    return (
        " ".join(found.partition("-%}\n")[2].removesuffix("\n{%- endif %}\n").split())
        .replace(", }", "}")
        .replace(", ]", "]")
    )


def test_each_choice_of_keys_is_a_table_and_a_view_of_its_rows(root: Path) -> None:
    plan = planned(root, JOB)
    assert names(plan) == ["taken_lifetime", "shop_count_30d", "shop_taken_7d", "rival_taken_7d"]
    tables = ["takings_rows", "takings", "takings_2_rows", "takings_2"]
    assert list(plan.models) == ["stg_job_input", *tables, "job_features"]
    assert plan.table_nodes == ("labels_v1__takings", "labels_v1__takings_2")
    assert plan.stored_models == plan.tables == ("takings", "takings_2")
    assert [part.name for part in plan.parts] == ["labels_v1"]
    assert [source.location for source in plan.sources] == ["data/labels.csv", "data/sales.csv", "data/sales.csv"]


def test_a_view_has_the_rows_that_count_and_those_that_ask(root: Path) -> None:
    plan = planned(root, JOB)
    assert text(plan, "takings_rows") == (
        "{{ point_in_time_rows( asking=ref('labels_v1__stg_job_input'), keys={'shop_id': 'shop'}, event_time={'sold_at':"
        " 'decided_at'}, relation=source('shop', 'sales'), columns={ 'shop_id': 'bigint', 'sold_at': 'timestamp', 'price':"
        " 'decimal(10,2)', 'kind': 'string'}, ) }}"
    )
    assert "keys={'shop_id': 'rival'}" in text(plan, "takings_2_rows")
    # Only a bounded window's rows need to be read so far back.
    assert "reach_days=7, ) }}" in text(plan, "takings_2_rows")


def test_a_table_has_only_the_named_features_and_no_periods(root: Path) -> None:
    assert text(planned(root, JOB), "takings_2") == (
        "{{ feature_table( input=ref('labels_v1__takings_2_rows'), feature_sets=[ { 'keys': ['shop_id', 'sold_at'], 'features':"
        " {'taken_7d': 'decimal(38,2)'}, 'reads': { 'shop_id': 'bigint', 'sold_at': 'timestamp', 'price': 'decimal(10,2)', '_asks':"
        " 'boolean'}, 'timestamp_col': 'sold_at', 'query': aggregate( 'input_rows', keys=['shop_id'], event_time='sold_at', features=["
        " { 'function': 'sum', 'column': 'price', 'windows': {'7d': 'taken_7d'}, 'fill_value': '0'}], types={'sold_at': 'timestamp',"
        " 'price': 'decimal(10,2)'}, asking='_asks', )}], ) }}"
    )


def test_the_result_joins_tables_by_the_columns_of_the_rows(root: Path) -> None:
    found = text(planned(root, JOB), "job_features")
    time = "'sold_at': {'column': 'decided_at', 'type': 'timestamp'}"
    for name, column in {"takings": "shop", "takings_2": "rival"}.items():
        joined = f"'row_columns': {{'shop_id': {{'column': '{column}', 'type': 'bigint'}}, {time}}}"
        relation = f"'relation': ref('labels_v1__{name}'), 'keys': ['shop_id', 'sold_at']"
        assert f"{{ 'name': '{name}', {relation}, {joined}}}" in found
    assert found.endswith(
        "features={ 'taken_lifetime': 'takings', 'shop_count_30d': {'table': 'takings', 'column': 'count_30d'}, 'shop_taken_7d':"
        " {'table': 'takings', 'column': 'taken_7d'}, 'rival_taken_7d': {'table': 'takings_2', 'column': 'taken_7d'}}, ) }}"
    )


def test_times_that_are_both_dates_stay_dates(root: Path) -> None:
    dated = FILES["source/shop/v1/sales_source.yaml"].replace("sold_at, type: timestamp", "sold_at, type: date")
    write(root, {"source/shop/v1/sales_source.yaml": dated})
    assert "'sold_at': 'date'" in text(planned(root, JOB), "takings_rows")


@pytest.mark.parametrize(
    ("group", "reach"),
    [
        (GROUP.replace("7d, lifetime", "7d, month"), "reach_days=32"),
        (GROUP.replace("7d, lifetime", "7d, previous year"), "reach_days=733"),
        (GROUP.replace("7d, lifetime", "7d, 12h offset 30d"), "reach_days=31"),
        (GROUP, ""),
    ],
)
def test_rows_are_read_as_far_back_as_they_count(root: Path, group: str, reach: str) -> None:
    write(root, {"feature/takings.yaml": group})
    job = JOB.replace("takings.taken_lifetime", "takings.*").replace("  - {group: takings, features", "  # ")
    assert text(planned(root, job), "takings_rows").endswith(f"{reach}, ) }}}}" if reach else "}, ) }}")


def test_the_columns_of_a_groups_filters_are_read_too(root: Path) -> None:
    filtered = GROUP.replace("source: shop/sales", "source: shop/sales\nfilters: [{column: weight, op: gt, value: 2}]")
    write(root, {"feature/takings.yaml": filtered})
    found = text(planned(root, JOB), "takings_2_rows")
    assert (
        "'weight': 'double'}, filters=[{'column': 'weight', 'op': 'gt', 'literals': [{'text': '2.0', 'type': 'double'}]}]"
        in found
    )


@pytest.mark.parametrize(
    ("asks", "changed"),
    [
        (False, {}),
        (True, {"features: [": "event_time: sold_at\nfeatures: ["}),
        (True, {"features: [": "entities: {shop: shop_id}\nfeatures: ["}),
        (True, {"[takings.count_30d]": "[{group: takings, features: count_30d, entities: {shop: sale_id}}]"}),
    ],
)
def test_rows_of_the_groups_own_source_ask_only_if_the_job_says_so(
    root: Path, *, asks: bool, changed: dict[str, str]
) -> None:
    job = OF_SALES
    for old, new in changed.items():
        job = job.replace(old, new)
    plan = planned(root, job)
    assert [use.name for use in plan.uses] == (["takings"] if asks else [])
    # Each model and feature of a job looks for its use: found anew, they would take the square of their number.
    assert plan.uses is plan.uses
    assert [group.name for group in plan.groups] == ([] if asks else ["takings"])


def test_a_job_of_one_unknown_feature_says_so(root: Path) -> None:
    [found] = problems(
        root, OF_SALES.replace("count_30d", "count_31d").replace("features", "event_time: sold_at\nfeatures")
    )
    assert found.startswith("4: `features[0]`: feature `count_31d` is unknown. Did you mean `count_30d`?")


def test_names_of_tables_avoid_those_of_the_job(root: Path) -> None:
    files = {
        f"feature/{name}.yaml": GROUP.replace("name: takings", f"name: {name}") for name in ("takings_rows", "final")
    }
    write(root, files)
    job = JOB.replace(
        "features:\n", "features:\n  - takings_rows.count_30d\n  - {group: final, features: count_30d, prefix: f_}\n"
    )
    assert list(planned(root, job).tables) == ["takings_rows", "final_2", "takings_2", "takings_3"]


def test_the_docs_of_the_tables_have_the_groups_words(root: Path) -> None:
    content = job_content(PlannedJob(Path("configs/jobs/sales.yaml"), planned(root, JOB)), load_registry(root))
    models = {model["name"]: model for model in content["models"]}
    table = models["labels_v1__takings_2"]
    assert table["data_tests"] == [{"unique_grain": {"name": "unique_grain_labels_v1__takings_2"}}]
    assert [column["name"] for column in table["columns"]] == ["shop_id", "sold_at", "taken_7d", "_input_fingerprint"]
    assert table["columns"][2]["description"] == "Sum of `price` over (t - 7 d, t]; 0 over no rows. Money."
    assert table["config"]["meta"] | table["config"] == table["config"]["meta"] | {
        "tags": ["window", "labels_v1"],
        "group": "shop_team",
        "meta": {"job": "labels_v1", "entity": "shop", "entity_version": "1.2.0", "feature_group": "takings"},
    }
    rows = models["labels_v1__takings_2_rows"]
    assert [column["name"] for column in rows["columns"]] == ["shop_id", "sold_at", "price", "_asks"]
    assert models["labels_v1__job_features"]["columns"][-1]["description"].startswith("Sum of `price`")
    [exposure] = content["exposures"]
    assert exposure["owner"]["name"] == "shop-team"


PROFILE = """\
name: profile
description: What is known of a shop.
owner: shop-team
entity: shop
model: shop_profile
keys: {shop_id: id}
timestamp_col: valid_from
order_by: revision
features:
  - {name: region, type: string, description: Where it is.}
  - {name: size, type: int, description: How large it is., owner: size-team}
  - {name: revision, type: bigint, description: Which revision.}
"""
OF_PROFILE = """\
job_name: labels_v1
input_source: {source_type: spark, config: {location: data/labels.csv}}
entities: {shop: shop}
event_time: decided_at
features:
  - {group: profile, features: [size, region], max_age: 52w}
output_sink: {sink_type: overwrite_parquet, config: {path: output/labels}}
"""


def with_profile(root: Path, profile: str = PROFILE) -> Path:
    (root / "models").mkdir(exist_ok=True)
    (root / "models" / "shop_profile.sql").write_text("select 1 as id")
    return write(root, {"feature/profile.yaml": profile})


def test_versions_of_a_model_are_found_by_key_and_time(root: Path) -> None:
    plan = planned(with_profile(root), OF_PROFILE)
    assert text(plan, "profile_rows") == (
        "{{ point_in_time_rows( asking=ref('labels_v1__stg_job_input'), keys={'id': 'shop'}, event_time={'valid_from': 'decided_at'},"
        " relation=ref('shop_profile'), columns={ 'id': 'bigint', 'valid_from': 'timestamp', 'region': 'string', 'size': 'int',"
        " 'revision': 'bigint'}, reach_days=364, ) }}"
    )
    assert text(plan, "profile") == (
        "{{ feature_table( input=ref('labels_v1__profile_rows'), feature_sets=[ { 'keys': ['id', 'valid_from'], 'features': {'region':"
        " 'string', 'size': 'int'}, 'reads': { 'id': 'bigint', 'valid_from': 'timestamp', 'region': 'string', 'size': 'int',"
        " 'revision': 'bigint', '_asks': 'boolean'}, 'timestamp_col': 'valid_from', 'query': latest_version( 'input_rows',"
        " keys=['id'], event_time='valid_from', columns=['region', 'size'], types={ 'valid_from': 'timestamp', 'region': 'string',"
        " 'size': 'int', 'revision': 'bigint'}, order_by=['revision'], max_age_days=364, asking='_asks', )}], ) }}"
    )
    assert (
        "'row_columns': {'id': {'column': 'shop', 'type': 'bigint'}, 'valid_from': {'column': 'decided_at', 'type': 'timestamp'}}"
        in (text(plan, "job_features"))
    )
    assert names(plan) == ["size", "region"]
    assert plan.selected == (*plan.nodes, "+shop_profile")
    assert [source.location for source in plan.sources] == ["data/labels.csv"]


def test_rows_without_a_time_are_found_by_key_alone(root: Path) -> None:
    timeless = PROFILE.replace("timestamp_col: valid_from\norder_by: revision\n", "")
    job = OF_PROFILE.replace(", max_age: 52w", "").replace("event_time: decided_at\n", "")
    plan = planned(with_profile(root, timeless), job)
    assert text(plan, "profile_rows") == (
        "{{ point_in_time_rows( asking=ref('labels_v1__stg_job_input'), keys={'id': 'shop'}, relation=ref('shop_profile'),"
        " columns={'id': 'bigint', 'region': 'string', 'size': 'int'}, ) }}"
    )
    assert text(plan, "profile") == (
        "{{ feature_table( input=ref('labels_v1__profile_rows'), feature_sets=[ { 'keys': ['id'], 'features': {'region': 'string',"
        " 'size': 'int'}, 'reads': {'id': 'bigint', 'region': 'string', 'size': 'int'}, 'query': one_row_per_key( 'input_rows',"
        " keys=['id'], columns=['region', 'size'], )}], ) }}"
    )
    assert "'keys': ['id'], 'row_columns': {'id': {'column': 'shop', 'type': 'bigint'}}" in text(plan, "job_features")


def test_versions_of_several_ages_are_tables_of_their_own(root: Path) -> None:
    job = OF_PROFILE.replace(
        "output_sink",
        "  - {group: profile, features: size, max_age: 7d, prefix: new_}\n  - profile.revision\noutput_sink",
    )
    plan = planned(with_profile(root), job)
    assert [(use.name, use.reach_days) for use in plan.uses] == [
        ("profile", 364),
        ("profile_2", 7),
        ("profile_3", None),
    ]


def test_groups_of_both_kinds_serve_one_job(root: Path) -> None:
    job = JOB.replace("output_sink", "  - profile.size\noutput_sink")
    plan = planned(with_profile(root), job)
    assert list(plan.tables) == ["takings", "takings_2", "profile"]
    content = job_content(PlannedJob(Path("configs/jobs/sales.yaml"), plan), load_registry(root))
    [size] = [each for each in content["models"][-1]["columns"] if each["name"] == "size"]
    assert size["config"]["meta"] == {"feature": "size", "owner": "size-team"}


@pytest.mark.parametrize(
    ("files", "is_read"),
    [
        ({"shop_profile": "select * from {{ ref('other_v1__job_features') }}"}, True),
        ({"shop_profile": "select * from {{ ref( 'feature_platform' , \"other_v1__job_features\" ) }}"}, True),
        (
            {
                "shop_profile": "select * from {{ ref('more') }}",
                "more": "-- {{ ref('other_v1__job_features') }}\nselect 1",
            },
            True,
        ),
        ({"shop_profile": "select * from {{ ref('more') }}", "more": "select * from {{ ref('shop_profile') }}"}, False),
        ({"shop_profile": "{# ref('other_v1__job_features') #} select 'other_v1__job_features' as id"}, False),
    ],
)
def test_a_model_that_reads_tables_of_a_job_serves_no_other_job(
    root: Path, files: dict[str, str], *, is_read: bool
) -> None:
    with_profile(root)
    (root / "models" / "jobs" / "other_v1").mkdir(parents=True)
    (root / "models" / "jobs" / "other_v1" / "other_v1__job_features.sql").write_text("select 1 as id")
    for name, sql in files.items():
        (root / "models" / f"{name}.sql").write_text(sql)
    if not is_read:
        assert planned(root, OF_PROFILE).selected
        return
    [found] = problems(root, OF_PROFILE)
    assert found == (
        "6: `features[0]`: the feature group `profile` is of `shop_profile`, which reads `other_v1__job_features`, a table of a job; a"
        " run builds no tables of other jobs. Register the files or the table that the job writes as a source, and read that"
    )


SOURCE = FILES["source/shop/v1/sales_source.yaml"]
LATE = SOURCE.replace("event_time: sold_at", "event_time: sold_at\nloaded_at: loaded").replace(
    "locations:", "  - {name: loaded, type: timestamp, description: When it came.}\nlocations:"
)
DELAYED = SOURCE.replace("event_time: sold_at", "event_time: sold_at\navailable_after: 6h")


@pytest.mark.parametrize(
    ("source", "given", "known"),
    [
        (LATE, "", "loaded_at='loaded'"),
        (LATE, "known_by: loaded_at\n", "loaded_at='loaded'"),
        (LATE, "known_by: event_time\n", None),
        (SOURCE, "", None),
    ],
)
def test_rows_count_from_when_they_were_there(root: Path, source: str, given: str, known: str | None) -> None:
    write(root, {"source/shop/v1/sales_source.yaml": source})
    plan = planned(root, JOB.replace("features:", f"{given}features:", 1))
    rows, table = text(plan, "takings_2_rows"), text(plan, "takings_2")
    assert rows.endswith(f"reach_days=7, {known + ', ' if known else ''}) }}}}")
    keys = "['shop_id', '_known_at']" if known else "['shop_id']"
    assert f"aggregate( 'input_rows', keys={keys}, event_time='sold_at'" in table
    assert ("'_asks': 'boolean', '_known_at': 'bigint'}" in table) == bool(known)
    # It is not part of the table's grain.
    assert "'keys': ['shop_id', 'sold_at'], 'features'" in table


@pytest.mark.parametrize(
    ("windows", "is_moved"),
    [
        ("7d", True),
        ("lifetime", True),
        ("6h", False),
        ("1h offset 6h", True),
        ("month", False),
        ("previous day", False),
    ],
)
def test_a_delay_moves_the_end_of_windows_that_outlast_it(root: Path, windows: str, *, is_moved: bool) -> None:
    group = GROUP.replace("windows: [7d, lifetime]", f"windows: [{windows}]")
    assert group != GROUP
    write(root, {"source/shop/v1/sales_source.yaml": DELAYED, "feature/takings.yaml": group})
    slug = windows.replace(" ", "_")
    features = f"features:\n  - {{group: takings, features: [count_30d, taken_{slug}]}}\noutput"
    plan = planned(root, f"{JOB.partition('features:')[0]}{features}{JOB.partition('output')[2]}")
    rows, table = text(plan, "takings_rows"), text(plan, "takings")
    assert ("available_after=21600" in table) == is_moved
    assert ("available_after=21600" in rows) != is_moved
    assert ("'_known_at'" in table) != is_moved


def test_rows_at_the_time_asked_for_may_not_count(root: Path) -> None:
    windows = "windows: [7d, lifetime]"
    closed = GROUP.replace("windows: [30d], where", "windows: [30d], closed: both, where").replace(
        "{function: last, column: kind,", "{function: last, column: kind, closed: left,"
    )
    assert windows in closed
    write(root, {"feature/takings.yaml": closed})
    job = JOB.replace("event_time:", "closed: left\nevent_time:").replace("takings.taken_lifetime", "takings.*")
    plan = planned(with_profile(root), job.replace("output_sink", "  - profile.size\noutput_sink"))
    found = text(plan, "takings")
    assert found.count("'closed': 'none'") == 1
    assert found.count("'closed': 'left'") == 2
    assert "closed='left', asking='_asks'" in text(plan, "profile")
    assert plan.features[0].description == "Sum of `price` over (t - 7 d, t); 0 over no rows."


BROKEN_TIMES = {
    "no_load_time": (
        {},
        "known_by: loaded_at",
        "5: `known_by`: `sales` declares no time at which a row was there; add `loaded_at` or `available_after` to the source's entry,"
        " or remove `known_by`",
    ),
    "known_by_unknown": (
        {},
        "known_by: loaded",
        "5: `known_by`: value `loaded` is unknown. Did you mean `loaded_at`? Known: `loaded_at`, `event_time`",
    ),
    "closed_unknown": (
        {},
        "closed: both",
        "5: `closed`: value `both` is unknown. Known: `right`, `left`",
    ),
    "both_kinds_of_load_times": (
        {"source/shop/v1/sales_source.yaml": LATE.replace("loaded_at:", "available_after: 6h\nloaded_at:")},
        "",
        "6: `available_after`: `loaded` says when each row was there (`loaded_at`); remove one of them",
    ),
    "delay_that_is_none": (
        {"source/shop/v1/sales_source.yaml": DELAYED.replace("6h", "6 hours")},
        "",
        "6: `available_after`: expected a length in s, m, h, d or w of at most 36500 days, such as `6h`, given `6 hours`",
    ),
    "column_named_like_one_of_the_platform": (
        {
            "source/shop/v1/sales_source.yaml": SOURCE.replace("name: weight", "name: _ASKS"),
            "feature/takings.yaml": GROUP.replace(
                "{function: last, column: kind", "{name: asks, function: last, column: _ASKS"
            ),
        },
        "",
        "7: `features[0]`: the rows of the group `takings` have a column `_ASKS`, a name that feature tables use for a column of their"
        " own; rename it there",
    ),
}


@pytest.mark.parametrize(("files", "given", "expected"), BROKEN_TIMES.values(), ids=BROKEN_TIMES)
def test_what_is_wrong_with_what_was_known(root: Path, files: dict[str, str], given: str, expected: str) -> None:
    write(root, files)
    job = JOB.replace("features:", f"{given}\nfeatures:", 1).replace("takings.taken_lifetime", "takings.*")
    assert problems(root, job) == [expected]


@pytest.mark.parametrize(
    ("given", "feature", "is_warned"),
    [
        ("event_time: sold_at\n", "taken_7d", True),
        ("event_time: sold_at\nclosed: left\n", "taken_7d", False),
        ("event_time: sold_at\nclosed: right\n", "taken_7d", False),
        ("event_time: sold_at\n", "kind_last_30d", False),
        ("event_time: sold_at\n", "count_30d", False),
        ("entities: {shop: sale_id}\n", "taken_7d", True),
        # Without a word about it, each row has the features of the group's own table, in which it counts.
        ("", "taken_7d", False),
    ],
)
def test_a_row_that_counts_for_itself_is_worth_a_warning(
    root: Path, given: str, feature: str, *, is_warned: bool
) -> None:
    group = GROUP.replace("column: kind, windows", "column: kind, closed: none, windows").replace(
        "windows: [30d], where", "windows: [30d offset 1d, previous month, 30d], closed: left, where"
    )
    write(root, {"feature/takings.yaml": group})
    plan = planned(root, OF_SALES.replace("features: [takings.count_30d]", f"{given}features: [takings.{feature}]"))
    warnings = asking_warnings(plan)
    assert [each.code for each in warnings] == (["row_counts_for_itself"] if is_warned else [])
    if is_warned:
        assert "rows of `sales`, which `takings` reads too" in warnings[0].message
        assert warnings[0].line == 4


BROKEN_PROFILES = {
    "only_described": (
        PROFILE,
        "keys: {shop_id: id}\ntimestamp_col: valid_from\norder_by: revision\n",
        "",
        "6: `features[0]`: the feature group `profile` only describes features of `shop_profile`; so that jobs can read them, its"
        " file needs the `keys` by which rows of `shop_profile` are found, and the `timestamp_col` if they are valid from a time on",
    ),
    "model_of_a_transformer": (
        PROFILE,
        "model: shop_profile",
        "model: user_spend",
        "6: `features[0]`: the feature group `profile` is of `user_spend`, which is not a model of the project's `models/` folder;"
        " name one there",
    ),
    "age_without_time": (
        PROFILE,
        "timestamp_col: valid_from\norder_by: revision\n",
        "",
        "6: `features[0].max_age`: only versions have an age; `profile` has none, its rows have no `timestamp_col`, and so no age;"
        " remove it",
    ),
    "age_of_windows": (
        OF_PROFILE,
        "{group: profile, features: [size, region],",
        "{group: takings,",
        "6: `features[0].max_age`: only versions have an age; `takings` has none, its windows say which rows count; remove it",
    ),
    "age_that_is_none": (
        OF_PROFILE,
        "max_age: 52w",
        "max_age: 12h",
        "6: `features[0].max_age`: expected a length in days or weeks of at most 36500 days, such as `365d`, given `12h`",
    ),
    "age_too_long": (
        OF_PROFILE,
        "max_age: 52w",
        "max_age: 40000d",
        "6: `features[0].max_age`: expected a length in days or weeks of at most 36500 days, such as `365d`, given `40000d`",
    ),
    "feature_unknown": (
        OF_PROFILE,
        "[size, region]",
        "[sise]",
        "6: `features[0].features[0]`: feature `sise` is unknown. Did you mean `size`? Known: `region`, `size`, `revision` in the"
        " group `profile`",
    ),
    "time_missing": (
        OF_PROFILE,
        "event_time: decided_at\n",
        "",
        "1: `event_time` is missing: expected the column with the time at which a row's features must have been known; the job's"
        " source declares none",
    ),
    **{
        kind: (
            PROFILE,
            old,
            new,
            f"6: `features[0]`: `{name}` of the group `profile` has several names or types; jobs read features that are one column of"
            " one type; give it one, or name other features",
        )
        for kind, old, new, name in (
            ("pattern", "name: region", "name: region_<days>d", "region_<days>d"),
            ("types", "type: string", "type: [string, int]", "region"),
            ("scale", "type: string", "type: 'decimal(38,<scale>)'", "region"),
        )
    },
    "key_unknown": (
        PROFILE,
        "keys: {shop_id: id}",
        "keys: {shop: id}",
        "6: `keys`: field `shop` is unknown. Did you mean `shop_id`? Known: `shop_id`, the primary key of `shop`",
    ),
    "time_is_a_key": (
        PROFILE,
        "timestamp_col: valid_from",
        "timestamp_col: ID",
        "7: `timestamp_col`: `ID` is a key too; expected the column with the time from which a row is valid",
    ),
    "feature_is_a_key": (
        PROFILE,
        "name: region",
        "name: id",
        "10: `features[0]`: `id` is a key or the time of the group's rows, and no feature of them; remove it",
    ),
    "entity_unknown": (
        PROFILE,
        "entity: shop",
        "entity: shp",
        "6: `features[0]`: entity `shp` is unknown. Did you mean `shop`? Known: `sale`, `shop`, of which the feature group `profile`"
        " has features",
    ),
    "order_unknown": (
        PROFILE,
        "order_by: revision",
        "order_by: revison",
        "8: `order_by`: feature `revison` is unknown. Did you mean `revision`? Known: `region`, `size`, `revision`",
    ),
    "order_without_time": (
        PROFILE,
        "timestamp_col: valid_from\n",
        "",
        "7: `order_by`: rows without a time are one for each key; name the `timestamp_col`, or remove `order_by`",
    ),
}


@pytest.mark.parametrize(("where", "old", "new", "expected"), BROKEN_PROFILES.values(), ids=BROKEN_PROFILES)
def test_what_is_wrong_with_versions(root: Path, where: str, old: str, new: str, expected: str) -> None:
    assert old in where
    broken = where.replace(old, new, 1)
    with_profile(root, broken if where == PROFILE else PROFILE)
    job = broken if where == OF_PROFILE else OF_PROFILE
    # Every feature is named, whatever its name is.
    job = job.replace("features: [size, region], ", "") if "several names or types" in expected else job
    assert problems(root, job) == [expected]


TARGETS = """\
job_name: labels_v1
input_source: {source_type: spark, config: {location: data/labels.csv}}
entities: {shop: shop}
event_time: decided_at
features: [takings.count_30d]
targets:
  - {name: taken, source: shop/sales, entity: shop, function: sum, column: price, windows: [next 30d, next 30d offset 7d]}
  - {source: shop/sales, entity: shop, function: count, windows: next 30d, where: [{column: kind, op: equals, value: toy}]}
feature_transformers:
  - {name: WithGreeting, params: {name_col: code}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/labels}}
"""


def test_targets_are_a_table_for_each_horizon(root: Path) -> None:
    plan = planned(root, TARGETS)
    # The result has features first, then what transformers add, then targets.
    assert names(plan) == ["count_30d", "greeting", "taken_next_30d", "taken_next_30d_offset_7d", "count_next_30d"]
    assert [column.looks_ahead for column in plan.features] == [False, False, True, True, True]
    assert list(plan.tables) == ["takings", "targets", "targets_2"]
    assert text(plan, "targets_rows") == (
        "{{ point_in_time_rows( asking=ref('labels_v1__stg_job_input'), keys={'shop_id': 'shop'}, event_time={'sold_at':"
        " 'decided_at'}, relation=source('shop', 'sales'), columns={ 'shop_id': 'bigint', 'sold_at': 'timestamp', 'price':"
        " 'decimal(10,2)', 'kind': 'string'}, reach_days=0, ahead_seconds=2592000, ) }}"
    )
    assert "reach_days=0, ahead_seconds=3196800, ) }}" in text(plan, "targets_2_rows")
    table = text(plan, "targets")
    assert "'features': {'taken_next_30d': 'decimal(38,2)', 'count_next_30d': 'bigint'}" in table
    assert "'windows': {'next 30d': 'taken_next_30d'}" in table
    assert plan.features[2].description == "Sum of `price` over (t, t + 30 d]; NULL over no rows."
    content = job_content(PlannedJob(Path("configs/jobs/sales.yaml"), plan), load_registry(root))
    described = {
        each["name"]: each["description"] for each in content["models"][-1]["columns"] if "description" in each
    }
    assert described["taken_next_30d"] == plan.features[2].description


def test_targets_count_rows_by_their_event_time_whenever_they_arrived(root: Path) -> None:
    write(root, {"source/shop/v1/sales_source.yaml": LATE})
    plan = planned(root, TARGETS.replace("features: [", "closed: left\nfeatures: ["))
    assert "loaded_at='loaded'" in text(plan, "takings_rows")
    assert text(plan, "targets_rows").endswith("reach_days=0, ahead_seconds=2592000, newest_of='loaded', ) }}")
    assert "closed" not in text(plan, "targets")
    assert "_known_at" not in text(plan, "targets")


def test_rows_whose_targets_are_not_known_may_be_left_out(root: Path) -> None:
    write(root, {"source/shop/v1/sales_source.yaml": LATE})
    plan = planned(root, TARGETS.replace("targets:", "immature: drop\ntargets:"))
    assert list(plan.models)[-3:] == ["mature_rows", "job_features", "job_enriched"]
    assert "mature_rows" not in plan.stored_models
    assert text(plan, "mature_rows") == (
        "{{ mature_rows( input=ref('labels_v1__stg_job_input'), columns={ 'label_id': 'bigint', 'shop': 'int', 'rival': 'bigint',"
        " 'decided_at': 'date', 'code': 'string', 'share': 'double'}, targets=[ { 'relation': source('shop', 'sales'), 'newest_of':"
        " 'loaded', 'event_time': 'decided_at', 'ahead_seconds': 2592000}, { 'relation': source('shop', 'sales'), 'newest_of':"
        " 'loaded', 'event_time': 'decided_at', 'ahead_seconds': 3196800}], ) }}"
    )
    assert text(plan, "job_features").startswith("{{ job_features( input=ref('labels_v1__mature_rows'),")
    content = job_content(PlannedJob(Path("configs/jobs/sales.yaml"), plan), load_registry(root))
    [test] = next(each for each in content["models"] if each["name"].endswith("job_features"))["data_tests"]
    assert str(test["one_row_per_source_row"]["arguments"]["input"]) == "ref('labels_v1__mature_rows')"


def test_only_targets_may_be_immature(root: Path) -> None:
    assert problems(root, JOB.replace("features:", "immature: drop\nfeatures:", 1)) == [
        "5: `immature`: only targets may not be known yet, and the job has none; remove it"
    ]


def test_a_job_may_have_targets_alone(root: Path) -> None:
    job = TARGETS.replace("features: [takings.count_30d]\n", "").replace(
        "feature_transformers:\n  - {name: WithGreeting, params: {name_col: code}}\n", ""
    )
    assert list(planned(root, job).tables) == ["targets", "targets_2"]


BROKEN_TARGETS = {
    "window_of_the_past": (
        "windows: next 30d,",
        "windows: 30d,",
        "8: `targets[1].windows`: window `30d`: expected one ahead of the row, `next` and a length in s, m, h, d or w such as `next"
        " 30d` or `next 30d offset 7d`",
    ),
    "source_unknown": (
        "{name: taken, source: shop/sales",
        "{name: taken, source: shop/sale",
        "7: `targets[0].source`: source `shop/sale` is unknown. Did you mean `shop/sales`? Known: `label/labels`, `shop/sales`",
    ),
    "entity_unknown": (
        "shop/sales, entity: shop, function: count",
        "shop/sales, entity: shp, function: count",
        "8: `targets[1].entity`: entity `shp` is unknown. Did you mean `shop`? Known: `sale`, `shop`",
    ),
    "column_missing": (
        "column: price",
        "column: prise",
        "7: `targets[0].column`: column `prise` is missing in the source. Did you mean `price`? Its columns: `sale_id`, `sold_at`,"
        " `price`, `shop_id`, `kind`, `weight`",
    ),
    "closed": (
        "windows: next 30d,",
        "windows: next 30d, closed: left,",
        "8: `targets[1].closed`: the window of a target is (t, t + N]; remove it, or give the window an offset",
    ),
    "named_like_a_feature": (
        "{name: WithGreeting, params: {name_col: code}}",
        "{name: WithGreeting, params: {greeting_col_name: count_next_30d}}",
        "8: a target adds the column `count_next_30d`, which transformer `WithGreeting` of line 10 already adds; remove one of them",
    ),
    "keys_that_the_entity_lacks": (
        "function: count,",
        "function: count, keys: {shop: shop_id},",
        "8: `keys`: field `shop` is unknown. Did you mean `shop_id`? Known: `shop_id`, the primary key of `shop`",
    ),
    "text_for_a_number": (
        "entities: {shop: shop}",
        "entities: {shop: code}",
        "3: `entities.shop`: column `code` is string, and the key `shop_id` of the target of line 7 is bigint; expected types of one"
        " kind, so that equal keys are equal values; cast the column in the source",
    ),
    "a_transformer_that_looks_ahead": (
        "{name: WithGreeting, params: {name_col: code}}",
        "{name: SimpleAgeCalculator, params: {birthdate_col: decided_at}}",
        "10: transformer `SimpleAgeCalculator` adds `age`, which looks ahead of the row, and the job has `targets`; have it know no"
        " more than the row's time (`as_of`, `as_of_col`), remove it, or say `allow_look_ahead: true`",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), BROKEN_TARGETS.values(), ids=BROKEN_TARGETS)
def test_what_is_wrong_with_targets(root: Path, old: str, new: str, expected: str) -> None:
    assert old in TARGETS
    assert expected in problems(root, TARGETS.replace(old, new, 1))


@pytest.mark.parametrize(
    ("given", "is_good"),
    [
        ("event_time: decided_at\n", False),
        ("event_time: decided_at\nallow_look_ahead: true\n", True),
        ("event_time: SOLD_AT\n", True),
    ],
)
def test_features_that_look_ahead_of_other_times_are_refused(root: Path, given: str, *, is_good: bool) -> None:
    counter = "{name: SimpleAgeCalculator, params: {birthdate_col: TIME}}"
    is_own = "SOLD_AT" in given
    job = (OF_SALES if is_own else JOB.replace("event_time: decided_at\n", "")).replace(
        "features:", f"{given}features:", 1
    )
    time = "sold_at" if is_own else "decided_at"
    job = job.replace("output_sink", f"feature_transformers: [{counter.replace('TIME', time)}]\noutput_sink")
    if is_good:
        assert names(planned(root, job))[-1] == "age"
    else:
        [problem] = problems(root, job)
        assert "adds `age`, which looks ahead of the row, and the job's rows are known as of `decided_at`" in problem


TYPES = "so that equal keys are equal values; cast the column in the source"
COLUMNS = "Its columns: `label_id`, `shop`, `rival`, `decided_at`, `code`, `share`"
BROKEN = {
    "column_missing": (
        "entities: {shop: shop}",
        "entities: {shop: shp}",
        [f"3: `entities.shop`: column `shp` is missing in the source. Did you mean `shop`? {COLUMNS}"] * 2,
    ),
    "no_column_named": (
        "entities: {shop: shop}\n",
        "",
        [
            f"{line}: `features[{position}]`: column `shop_id` is missing in the source. Did you mean `shop`? {COLUMNS}. Say in"
            " `entities` which columns hold the key of `shop`"
            for line, position in ((5, 0), (6, 1))
        ],
    ),
    "entity_unknown": (
        "{shop: shop}",
        "{shop: shop, shp: shop}",
        ["3: `entities.shp`: entity `shp` is unknown. Did you mean `shop`? Known: `sale`, `shop`"],
    ),
    "entity_without_features": (
        "{shop: shop}",
        "{shop: shop, sale: label_id}",
        ["3: `entities.sale`: no feature here is about `sale`, the features are about `shop`; remove it"],
    ),
    "entity_of_another_group": (
        "{shop: RIVAL}",
        "{sale: label_id}",
        ["8: `features[2].entities.sale`: no feature here is about `sale`, the features are about `shop`; remove it"],
    ),
    "more_columns_than_the_key_has": (
        "{shop: shop}",
        "{shop: [shop, rival]}",
        [
            "3: `entities.shop`: expected a column for each of `shop_id`, the primary key of `shop`, given `shop`, `rival`",
        ],
    ),
    "text_for_a_number": (
        "{shop: RIVAL}",
        "{shop: code}",
        [
            "8: `features[2].entities.shop`: column `code` is string, and the key `shop_id` of the feature group `takings` is bigint;"
            f" expected types of one kind, {TYPES}"
        ],
    ),
    "feature_unknown": (
        "takings.taken_lifetime",
        "takings.taken_lifetim",
        [
            "6: `features[0]`: feature `taken_lifetim` is unknown. Did you mean `taken_lifetime`? Known: `taken_7d`,"
            " `taken_lifetime`, `count_30d`, `kind_last_30d` in the group `takings`"
        ],
    ),
    "floating_key": (
        "{shop: RIVAL}",
        "{shop: share}",
        [
            "8: `features[2].entities.shop`: column `share` is double, and the key `shop_id` of the feature group `takings` is bigint;"
            f" expected types of one kind, {TYPES}"
        ],
    ),
    "no_time": (
        "event_time: decided_at\n",
        "",
        [
            "1: `event_time` is missing: expected the column with the time at which a row's features must have been known; the job's"
            " source declares none"
        ],
    ),
    "time_that_is_none": (
        "event_time: decided_at",
        "event_time: code",
        ["4: `event_time`: expected a date or timestamp column as the event time, `code` is string"],
    ),
    "time_missing": (
        "event_time: decided_at",
        "event_time: decided",
        [f"4: `event_time`: column `decided` is missing in the source. Did you mean `decided_at`? {COLUMNS}"],
    ),
    "entities_that_are_no_mapping": (
        "{shop: shop}",
        "[shop]",
        ["3: `entities`: expected a mapping (`key: value`), given a list"],
    ),
    "several_at_once": (
        "entities: {shop: shop}\nevent_time: decided_at",
        "entities: {shop: code}\nevent_time: share",
        [
            "3: `entities.shop`: column `code` is string, and the key `shop_id` of the feature group `takings` is bigint; expected"
            f" types of one kind, {TYPES}",
            "4: `event_time`: expected a date or timestamp column as the event time, `share` is double",
        ],
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_with_keys_and_times(root: Path, old: str, new: str, expected: list[str]) -> None:
    assert old in JOB
    assert problems(root, JOB.replace(old, new, 1)) == list(dict.fromkeys(expected))


def test_keys_and_times_without_features_are_refused(root: Path) -> None:
    transformers = "feature_transformers: [{name: WithGreeting, params: {name_col: code}}]\n"
    job = JOB[: JOB.index("features:")] + transformers + JOB[JOB.index("output_sink") :]
    said = "only `features` of feature groups and `targets` are as of a time, and the job has neither; remove it, or name some"
    assert problems(root, job) == [f"3: `entities`: {said}", f"4: `event_time`: {said}"]


def test_a_composite_key_is_in_the_order_of_the_entity(root: Path) -> None:
    entity = (
        FILES["entity/shop/shop.yaml"]
        .replace("primary_key: shop_id", "primary_key: [shop_id, kind]")
        .replace("fields:\n", "fields:\n  - {name: kind, type: string, required: true, description: Which kind.}\n")
    )
    sale = FILES["entity/sale/sale.yaml"].replace(
        "fields:\n", "fields:\n  - {name: kind, type: string, required: true, description: Which kind.}\n"
    )
    write(root, {"entity/shop/shop.yaml": entity, "entity/sale/sale.yaml": sale})
    job = JOB.replace("entities: {shop: shop}", "entities: {shop: [shop, code]}").replace(
        "shop: RIVAL", "shop: [rival, code]"
    )
    plan = planned(root, job)
    assert [dict(use.keys) for use in plan.uses] == [
        {"shop_id": "shop", "kind": "code"},
        {"shop_id": "rival", "kind": "code"},
    ]
    said = problems(root, JOB)
    assert said[0] == (
        "3: `entities.shop`: expected a column for each of `shop_id`, `kind`, the primary key of `shop`, given `shop`"
    )


def test_an_editor_knows_keys_and_times() -> None:
    import yaml
    from jsonschema import Draft202012Validator

    schema = Draft202012Validator(job_json_schema())
    assert schema.is_valid(yaml.safe_load(JOB))
    for old, new in [("event_time: d", "event_times: d"), ("{shop: shop}", "{shop: []}"), ("{shop: shop}", "shop")]:
        assert not schema.is_valid(yaml.safe_load(JOB.replace(old, new, 1))), new


OF_TARGETS = """\
job_name: labels_v1
input_source: {source_type: spark, config: {location: data/labels.csv}}
entities: {shop: shop}
event_time: decided_at
targets:
  - {name: paid, source: shop/sales, entity: shop, function: max, column: price, windows: next 7d}
output_sink: {sink_type: overwrite_parquet, config: {path: output/labels}}
"""


def renamed(text: str, old: str, new: str) -> str:
    return text.replace(f"name: {old},", f"name: {new},").replace(f": {old}", f": {new}")


@pytest.mark.parametrize(
    ("column", "name", "source"),
    [("price", "_asks", SOURCE), ("price", "Period_Start", SOURCE), ("sold_at", "_input_fingerprint", SOURCE),
     ("price", "_arrival", LATE), ("sold_at", "_known_at", LATE)],
)  # fmt: skip
def test_names_that_the_queries_use_are_refused_of_groups(root: Path, column: str, name: str, source: str) -> None:
    group = GROUP.replace("column: price", f"column: {name}") if column == "price" else GROUP
    write(root, {"source/shop/v1/sales_source.yaml": renamed(source, column, name), "feature/takings.yaml": group})
    found = problems(root, JOB)
    said = f"the rows of the group `takings` have a column `{name}`, a name that feature tables use for a column of their own"
    assert f"6: `features[0]`: {said}; rename it there" in found


@pytest.mark.parametrize(("column", "name"), [("price", "_asks"), ("sold_at", "period_start")])
def test_names_that_the_queries_use_are_refused_of_targets(root: Path, column: str, name: str) -> None:
    write(
        root,
        {
            "source/shop/v1/sales_source.yaml": renamed(SOURCE, column, name),
            "feature/takings.yaml": GROUP.replace("price", name),
        },
    )
    [found] = problems(
        root, OF_TARGETS.replace("column: price", f"column: {name}" if column == "price" else "column: price")
    )
    said = f"the rows of the source `sales` have a column `{name}`, a name that feature tables use for a column of their own"
    assert found == f"6: `targets[0]`: {said}; rename it there"


@pytest.mark.parametrize(
    ("old", "new"), [("shop_id: id", "shop_id: _first"), ("name: size", "name: _version"), ("valid_from", "_micros")]
)
def test_names_that_the_queries_use_are_refused_of_versions(root: Path, old: str, new: str) -> None:
    profile = PROFILE.replace(old, new)
    job = OF_PROFILE.replace("[size, region]", "[_version, region]") if "_version" in new else OF_PROFILE
    [found] = problems(with_profile(root, profile), job)
    assert "a name that feature tables use for a column of their own; rename it there" in found


def test_names_that_no_query_uses_stay(root: Path) -> None:
    # Only beside keys, and only of rows that arrive late.
    write(
        root,
        {
            "source/shop/v1/sales_source.yaml": renamed(SOURCE, "price", "_first"),
            "feature/takings.yaml": GROUP.replace("price", "_first"),
        },
    )
    assert planned(root, JOB).features
