"""Feature groups that say what they compute: what their files mean, and each way in which they can be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from feature_platform_py.registry.feature import FeatureGroup
from feature_platform_py.registry.registry import load_registry
from tests.unit.registry.test_json_schemas import is_valid
from tests.unit.registry.test_registry import GOOD, problems, write

SALES = GOOD["source/shop/v1/sales_source.yaml"].replace(
    "locations:",
    "  - {name: shop_id, type: bigint, description: Where.}\n"
    "  - {name: kind, type: string, description: What was sold.}\n"
    "  - {name: weight, type: double, description: How heavy it was.}\n"
    "locations:",
)
GROUP = """\
name: takings
description: What a shop takes.
owner: shop-team
entity: shop
source: shop/sales
features:
  - {name: taken, function: sum, column: price, windows: [7d, lifetime], fill_value: 0, description: Money., tags: [money]}
  - {function: count, windows: [30d], where: [{column: kind, op: equals, value: toy}], owner: toy-team}
  - {function: last, column: kind, windows: [30d]}
"""
FILES = GOOD | {"source/shop/v1/sales_source.yaml": SALES, "feature/takings.yaml": GROUP}
OTHER_KEY = """\
name: buyer
description: Who buys.
version: 1.0.0
is_leaf: true
primary_key: [buyer_id, country]
fields:
  - {name: buyer_id, type: bigint, required: true, description: Identifies the buyer in a country.}
  - {name: country, type: string, required: true, description: Where the buyer lives.}
"""


def defined(root: Path, files: Mapping[str, str] = FILES) -> FeatureGroup:
    [group] = load_registry(write(root, dict(files))).defined_groups
    return group


def test_the_defaults_are_the_entitys_key_and_the_sources_event_time(tmp_path: Path) -> None:
    group = defined(tmp_path)
    assert group.definition
    assert dict(group.definition.keys) == {"shop_id": "shop_id"}
    assert group.definition.aggregator.grain() == ("shop_id", "sold_at")
    assert group.model == "takings"


def test_each_column_is_a_feature_with_its_type_and_text(tmp_path: Path) -> None:
    features = {each.name: each for each in defined(tmp_path).features}
    assert {name: each.types for name, each in features.items()} == {
        "taken_7d": ("decimal(38,2)",),
        "taken_lifetime": ("decimal(38,2)",),
        "count_30d": ("bigint",),
        "kind_last_30d": ("string",),
    }
    assert features["taken_7d"].description == "Sum of `price` over (t - 7 d, t]; 0 over no rows. Money."
    assert features["count_30d"].description == "Number of rows over (t - 30 d, t] where kind = 'toy'; 0 over no rows."
    assert [features[name].owner for name in ("taken_7d", "count_30d")] == ["shop-team", "toy-team"]
    assert features["taken_lifetime"].tags == ("money",)


def test_rows_at_one_time_are_in_the_order_of_the_sources_primary_key(tmp_path: Path) -> None:
    definition = defined(tmp_path).definition
    assert definition
    assert definition.aggregator.features[2].order_by == ("sale_id",)


def test_the_newest_version_of_the_source_is_read_or_the_named_one(tmp_path: Path) -> None:
    two = FILES | {"source/shop/v2/sales_source.yaml": SALES}
    for number, (source, version) in enumerate({"shop/sales": 2, "shop/sales@v1": 1}.items()):
        files = two | {"feature/takings.yaml": GROUP.replace("shop/sales", source)}
        definition = defined(tmp_path / str(number), files).definition
        assert definition
        assert definition.source.version == version


def test_keys_may_have_other_names_in_the_source(tmp_path: Path) -> None:
    key = "  - {name: who, type: bigint, description: Who.}\n  - {name: country, type: string, description: Where.}\n"
    group = GROUP.replace("entity: shop", "entity: buyer\nkeys: {buyer_id: who}\ntimestamp_col: sold_at")
    files = FILES | {
        "entity/buyer/buyer.yaml": OTHER_KEY,
        "source/shop/v1/sales_source.yaml": SALES.replace("locations:", f"{key}locations:"),
        "feature/takings.yaml": group,
    }
    definition = defined(tmp_path, files).definition
    assert definition
    assert dict(definition.keys) == {"buyer_id": "who", "country": "country"}
    assert definition.aggregator.grain() == ("who", "country", "sold_at")


def test_columns_are_spelled_as_in_the_source_and_features_as_in_the_group(tmp_path: Path) -> None:
    text = GROUP.replace("{function: last, column: kind", "{function: last, column: Kind")
    group = defined(tmp_path, FILES | {"feature/takings.yaml": text})
    assert group.definition
    assert group.definition.aggregator.features[2].column == "kind"
    assert group.features[3].name == "Kind_last_30d"


def test_a_group_that_describes_a_model_may_declare_keys_and_time(tmp_path: Path) -> None:
    text = GOOD["feature/spend.yaml"].replace("model: spend", "model: spend\nkeys: {shop_id: shop}\ntimestamp_col: day")
    assert problems(write(tmp_path, GOOD | {"feature/spend.yaml": text})) == []


COLUMNS = "Its columns: `sale_id`, `sold_at`, `price`, `shop_id`, `kind`, `weight`"
BROKEN = {
    "source_unknown": (
        "source: shop/sales",
        "source: shop/sale",
        ["5: `source`: source `shop/sale` is unknown. Did you mean `shop/sales`? Known: `shop/sales`"],
    ),
    "source_malformed": (
        "source: shop/sales",
        "source: sales",
        [
            "5: `source`: expected `<type>/<name>`, or `<type>/<name>@v1` for one version, given `sales`",
        ],
    ),
    "version_unknown": (
        "source: shop/sales",
        "source: shop/sales@v3",
        ["5: `source`: version v3 of `shop/sales` is unknown. Known: `@v1`"],
    ),
    "source_missing": (
        "source: shop/sales\n",
        "",
        [
            "1: `source` is missing; expected the source, as `<type>/<name>`, the newest version, or `<type>/<name>@v1`",
        ],
    ),
    "model_beside_a_source": (
        "source: shop/sales",
        "source: shop/sales\nmodel: spend",
        [
            "6: key `model` is unknown. Known: `name`, `description`, `owner`, `entity`, `keys`, `timestamp_col`, `features`, `was`,"
            " `source`, `filters`, `time_zone`",
        ],
    ),
    "key_unknown": (
        "source: shop/sales",
        "source: shop/sales\nkeys: {shop: shop_id}",
        ["6: `keys`: field `shop` is unknown. Did you mean `shop_id`? Known: `shop_id`, the primary key of `shop`"],
    ),
    "key_column_unknown": (
        "source: shop/sales",
        "source: shop/sales\nkeys: {shop_id: shopid}",
        [
            "6: `keys`: field `shopid` is unknown. Did you mean `shop_id`? Known: `sale_id`, `sold_at`, `price`, `shop_id`, `kind`,"
            " `weight`",
        ],
    ),
    "key_of_another_type": (
        "source: shop/sales",
        "source: shop/sales\nkeys: {shop_id: kind}",
        ["6: `keys`: `kind` of the source is string, and `shop_id` of `shop` is bigint; give both one type"],
    ),
    "time_unknown": (
        "source: shop/sales",
        "source: shop/sales\ntimestamp_col: sold",
        [
            f"6: `timestamp_col`: column `sold` is missing in the source. Did you mean `sold_at`? {COLUMNS}",
        ],
    ),
    "time_of_another_type": (
        "source: shop/sales",
        "source: shop/sales\ntimestamp_col: price",
        [
            "6: `timestamp_col`: expected a date or timestamp column as the event time, `price` is decimal(10,2)",
        ],
    ),
    "filter_unknown_column": (
        "source: shop/sales",
        "source: shop/sales\nfilters: [{column: kid, op: equals, value: toy}]",
        [
            f"6: `filters[0].column`: column `kid` is missing in the source. Did you mean `kind`? {COLUMNS}",
        ],
    ),
    "filter_value_of_another_type": (
        "source: shop/sales",
        "source: shop/sales\nfilters: [{column: price, op: gt, value: much}]",
        ["6: `filters[0].value`: column `price` is decimal(10,2); expected a number, given `much`"],
    ),
    "time_zone_unknown": (
        "source: shop/sales",
        "source: shop/sales\ntime_zone: Europe/Brno",
        ["6: `time_zone`: `Europe/Brno` is not a time zone; expected a name such as `Europe/Prague`"],
    ),
    "function_unknown": (
        "function: sum",
        "function: summ",
        [
            "7: `features[0].function`: function `summ` is unknown. Did you mean `sum`? Known: `count`, `sum`, `avg`, `min`, `max`,"
            " `stddev`, `variance`, `count_distinct`, `first`, `last`, `first_k`, `last_k`, `seconds_since_first`,"
            " `seconds_since_last`",
        ],
    ),
    "column_unknown": (
        "column: price",
        "column: prize",
        [
            f"7: `features[0].column`: column `prize` is missing in the source. Did you mean `price`? {COLUMNS}",
        ],
    ),
    "column_of_another_type": (
        "column: price",
        "column: kind",
        [
            "7: `features[0].column`: expected a numeric column as the column of `sum`, `kind` is string",
        ],
    ),
    "key_of_a_feature_misspelled": (
        "description: Money.",
        "descripton: Money.",
        [
            "7: `features[0]`: key `descripton` is unknown. Did you mean `description`? Known: `function`, `windows`, `column`,"
            " `name`, `where`, `by`, `closed`, `fill_value`, `k`, `order_by`, `description`, `owner`, `tags`",
        ],
    ),
    "feature_without_function": (
        "{function: count, ",
        "{",
        [
            "8: `features[1].function` is missing; expected a function: `count`, `sum`, `avg`, `min`, `max`, `stddev`, `variance`,"
            " `count_distinct`, `first`, `last`, `first_k`, `last_k`, `seconds_since_first`, `seconds_since_last`",
        ],
    ),
    "two_features_of_one_name": (
        "{function: count, windows: [30d]",
        "{name: Taken, function: count, windows: [7d]",
        [
            "6: `features`: two features would be called `Taken_7d`; give one of them a `name`",
        ],
    ),
    "named_like_a_column": (
        "{function: count, windows: [30d]",
        "{name: a, function: count, windows: [7d], by: {column: kind, values: [b]}",
        [
            "8: `features[1]` adds the column `a_b_7d`, which is already a column of the source; give the feature another `name`",
        ],
    ),
    "named_like_tables": (
        "name: takings",
        "name: shop__takings",
        [
            "1: `name`: expected a name without `__`, which stands between a job's or a group's name and those of its tables, given"
            " `shop__takings`",
        ],
    ),
    "named_like_a_model_of_the_project": (
        "name: takings",
        "name: visits",
        ["1: `name`: the project has a model `visits` that this group does not build; give one another name"],
    ),
    "several_at_once": (
        "source: shop/sales",
        "source: shop/sales\nkeys: {shop: shop_id}\ntimestamp_col: price\nfilters: [{column: kid, op: is_null}]",
        [
            "6: `keys`: field `shop` is unknown. Did you mean `shop_id`? Known: `shop_id`, the primary key of `shop`",
            "7: `timestamp_col`: expected a date or timestamp column as the event time, `price` is decimal(10,2)",
            f"8: `filters[0].column`: column `kid` is missing in the source. Did you mean `kind`? {COLUMNS}",
        ],
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_broken_group_says_where_and_why(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    assert old in GROUP
    text = GROUP.replace(old, new, 1)
    name = next(line for line in text.splitlines() if line.startswith("name: ")).removeprefix("name: ")
    sales = SALES.replace("locations:", "  - {name: a_b_7d, type: int, description: One.}\nlocations:")
    files = FILES | {f"feature/{name}.yaml": text}
    files |= {"source/shop/v1/sales_source.yaml": sales} if "a_b_7d" in expected[0] else {}
    if name != "takings":
        del files["feature/takings.yaml"]
    assert problems(write(tmp_path, files)) == [f"feature/{name}.yaml:{each}" for each in expected]


def test_a_source_without_event_time_needs_a_timestamp_col(tmp_path: Path) -> None:
    files = FILES | {"source/shop/v1/sales_source.yaml": SALES.replace("event_time: sold_at\n", "")}
    assert problems(write(tmp_path, files)) == [
        "feature/takings.yaml:1: `timestamp_col` is missing: the source `shop/sales` declares no `event_time`; name the column of the"
        " event time"
    ]


def test_without_a_key_in_the_source_the_group_says_which_column_holds_it(tmp_path: Path) -> None:
    files = FILES | {"source/shop/v1/sales_source.yaml": SALES.replace("name: shop_id", "name: at_shop")}
    assert problems(write(tmp_path, files)) == [
        "feature/takings.yaml:1: `keys`: field `shop_id` is unknown. Known: `sale_id`, `sold_at`, `price`, `at_shop`, `kind`,"
        " `weight`; say in `keys` which column holds `shop_id` of `shop`"
    ]


def test_without_a_primary_key_a_last_value_needs_an_order(tmp_path: Path) -> None:
    files = FILES | {"source/shop/v1/sales_source.yaml": SALES.replace("primary_key: sale_id\n", "")}
    assert problems(write(tmp_path, files)) == [
        "feature/takings.yaml:9: `features[2].order_by`: `last` needs an order of rows at one time; name a column in `order_by`, or"
        " declare the source's primary key"
    ]


@pytest.mark.parametrize("file", ["source/shop/v1/sales_source.yaml", "entity/shop/shop.yaml"])
def test_a_fault_of_what_a_group_names_is_not_one_of_the_group(tmp_path: Path, file: str) -> None:
    found = problems(write(tmp_path, FILES | {file: FILES[file].replace("description:", "descripton:", 1)}))
    assert found
    assert not [each for each in found if each.startswith("feature/")]


def test_an_editor_knows_both_kinds_of_groups() -> None:
    assert is_valid("feature", GROUP)
    for old, new in [
        ("function: sum", "function: summ"),
        ("tags: [money]", "tag: [money]"),
        ("source: shop/sales\n", ""),
        ("source:", "model: spend\nsource:"),
        ("op: equals", "op: equal"),
    ]:
        assert old in GROUP
        assert not is_valid("feature", GROUP.replace(old, new, 1)), new
