"""Registered sources: what their files say, and every way in which they can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.registry.source import Field, Freshness, RegisteredSource, SourceLocation, load_sources

ROOT = Path(__file__).parents[3]
GOOD = """\
name: sales
description: Sales of a shop, one row each.
owner: shop-team
entity: sale
event_time: sold_at
primary_key: [sale_id]
fields:
  - {name: sale_id, type: long, required: true, description: Identifies the sale.}
  - {name: sold_at, type: timestamp, description: When it was sold.}
  - name: price
    type: decimal(10, 2)
    description: What was paid.
locations:
  local: {location: data/sales.csv, format: csv, options: {header: true}}
  databricks: {location: main.shop.sales, format: delta}
"""


def write(root: Path, text: str, place: str = "shop/v1/sales_source.yaml") -> Path:
    path = root / "registry" / "source" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def problems(root: Path) -> list[tuple[int, str]]:
    with pytest.raises(ConfigurationError) as raised:
        load_sources(root)
    return [(problem.line, problem.message) for problem in raised.value.problems]


def test_a_source(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert load_sources(tmp_path) == [
        RegisteredSource(
            type="shop",
            version=1,
            name="sales",
            file=path,
            description="Sales of a shop, one row each.",
            owner="shop-team",
            entity="sale",
            fields=(
                Field("sale_id", "bigint", required=True, description="Identifies the sale."),
                Field("sold_at", "timestamp", required=False, description="When it was sold."),
                Field("price", "decimal(10,2)", required=False, description="What was paid."),
            ),
            locations={
                "local": SourceLocation("data/sales.csv", "csv", {"header": "true"}),
                "databricks": SourceLocation("main.shop.sales", "delta", {}),
            },
            event_time="sold_at",
            primary_key=("sale_id",),
        )
    ]


def test_what_a_source_may_say_besides(tmp_path: Path) -> None:
    text = GOOD + "loaded_at: sold_at\nfreshness:\n  warn_after: {count: 12, period: hour}\n"
    write(tmp_path, text.replace("[sale_id]", "sale_id"))
    [source] = load_sources(tmp_path)
    assert source.loaded_at == "sold_at"
    assert source.primary_key == ("sale_id",)
    assert source.freshness == Freshness(warn_after=(12, "hour"))
    assert source.columns == (("sale_id", "bigint"), ("sold_at", "timestamp"), ("price", "decimal(10,2)"))


def test_a_project_without_a_registry_has_no_sources(tmp_path: Path) -> None:
    assert load_sources(tmp_path) == []


def test_sources_come_by_type_name_and_version(tmp_path: Path) -> None:
    for place in ("shop/v10/sales_source.yaml", "shop/v2/sales_source.yaml", "bank/v1/sales_source.yaml"):
        write(tmp_path, GOOD, place)
    assert [(source.type, source.version) for source in load_sources(tmp_path)] == [
        ("bank", 1),
        ("shop", 2),
        ("shop", 10),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("owner: shop-team\n", "", 1, "`owner` is missing; expected who answers for the source"),
        ("owner: shop-team", "owner: ' '", 3, "`owner`: expected a text that is not empty, given ` `"),
        (
            "owner:",
            "ownr:",
            3,
            "key `ownr` is unknown. Did you mean `owner`? Known: `name`, `description`, `owner`, "
            "`entity`, `fields`, `locations`, `event_time`, `loaded_at`, `available_after`, `period`, `primary_key`, `freshness`",
        ),
        (
            "name: sales\n",
            "name: sale\n",
            1,
            "`name`: expected `sales`, as the file is named, given `sale`; rename one of them",
        ),
        (
            "event_time: sold_at",
            "event_time: sold",
            5,
            "`event_time`: field `sold` is unknown. Did you mean `sold_at`? Known: `sale_id`, `sold_at`, `price`",
        ),
        (
            "event_time: sold_at",
            "event_time: price",
            5,
            "`event_time`: expected a date or a timestamp, field `price` is decimal(10,2)",
        ),
        (
            "[sale_id]",
            "[sale]",
            6,
            "`primary_key`: field `sale` is unknown. Did you mean `sale_id`? Known: `sale_id`, `sold_at`, `price`",
        ),
        ("[sale_id]", "[price]", 6, "`primary_key`: field `price` is not required; set `required: true`"),
        (
            "[sale_id]",
            "[no]",
            6,
            "`primary_key[0]`: expected a text, given `no`, which YAML reads as a boolean; quote it: `'no'`",
        ),
        ("name: price", "name: Sale_ID", 10, "field `Sale_ID` is given twice; remove one of them"),
        (
            "decimal(10, 2)",
            "decimal(50, 2)",
            11,
            "`fields[2].type`: `decimal(50, 2)`: expected a decimal of 1 to 38 digits, at most all of them decimals",
        ),
        (
            "decimal(10, 2)",
            "money",
            11,
            "`fields[2].type`: `money` is not a Spark SQL type; expected one of boolean, tinyint, smallint, int, bigint, "
            "decimal, float, double, string, binary, date, timestamp, timestamp_ntz, array<...>, map<...>, struct<...>",
        ),
        (
            "    description: What was paid.\n",
            "",
            10,
            "`fields[2].description` is missing; expected what the values mean",
        ),
        (
            "required: true",
            "required: 'true'",
            8,
            "`fields[0].required`: expected true or false, given the text `true`",
        ),
        (
            "format: delta",
            "format: dleta",
            15,
            "`locations.databricks.format`: value `dleta` is unknown. Did you mean `delta`? "
            "Known: `delta`, `parquet`, `csv`, `json`",
        ),
        (
            "location: main.shop.sales, ",
            "",
            15,
            "`locations.databricks.location` is missing; expected a table name, or a path of the project",
        ),
        (
            "data/sales.csv",
            "'data/*.csv'",
            14,
            "`locations.local.location`: expected a path without `*`, which Spark reads as a pattern; "
            "name the folder itself, given `data/*.csv`",
        ),
    ],
)
def test_a_broken_source_says_where_and_why(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in GOOD
    write(tmp_path, GOOD.replace(old, new))
    assert problems(tmp_path) == [(line, message)]


@pytest.mark.parametrize(
    "place",
    [
        "shop/sales_source.yaml",
        "shop/1/sales_source.yaml",
        "shop/v0/sales_source.yaml",
        "shop/v1/sales.yaml",
        "shop/v1/sales_source.yml",
        "Shop/v1/sales_source.yaml",
    ],
)
def test_a_file_in_the_wrong_place_is_a_problem(tmp_path: Path, place: str) -> None:
    write(tmp_path, GOOD, place)
    expected = "expected the file at `registry/source/<type>/v<N>/<name>_source.yaml`"
    assert problems(tmp_path) == [(1, f"{expected}, given `registry/source/{place}`")]


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("owner:", "ownr:").replace("long", "lng"))
    write(tmp_path, "", "shop/v2/sales_source.yaml")
    write(tmp_path, GOOD.replace("entity: sale", "entity: sale\nentity: other"), "shop/v3/sales_source.yaml")
    assert [line for line, _ in problems(tmp_path)] == [3, 8, 1, 5]


def test_the_bank_data_is_registered() -> None:
    [source] = [source for source in load_sources(ROOT) if source.name == "mm_transaction"]
    header = (ROOT / source.locations["local"].location).read_text().partition("\n")[0]
    assert [each.name for each in source.fields] == header.split(",")
    assert source.locations["databricks"].location == "jupiter.mm.fact_mm_transaction"
    assert source.primary_key == ("transaction_id",)
