"""Whose key the rows of a source name: what the entities' relations and the sources' primary keys say."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.registry.references import references_of
from feature_platform_py.registry.registry import load_registry
from tests.unit.registry.test_registry import GOOD, write

SHOPS = """\
name: shops
description: Shops.
owner: shop-team
entity: shop
primary_key: shop_id
fields:
  - {name: shop_id, type: bigint, required: true, description: Identifies the shop.}
locations:
  local: {location: data/shops.csv, format: csv}
"""
FIELD = "  - {name: shop_id, type: bigint, description: Where.}\nlocations:"
SALES = GOOD["source/shop/v1/sales_source.yaml"].replace("locations:", FIELD)


def references(root: Path, files: dict[str, str]) -> list[tuple[tuple[str, ...], ...]]:
    registry = load_registry(write(root, GOOD | {"source/shop/v1/sales_source.yaml": SALES} | files))
    sales = next(each for each in registry.sources if each.name == "sales")
    found = references_of(sales, registry)
    return [(each.columns, *(source.dbt_source for source in each.sources)) for each in found]


def test_the_many_side_refers_to_the_source_of_the_one_side(tmp_path: Path) -> None:
    assert references(tmp_path, {"source/shop/v1/shops_source.yaml": SHOPS}) == [(("shop_id",), ("shop", "shops"))]


def test_the_newest_version_is_referred_to(tmp_path: Path) -> None:
    versions = {f"source/shop/v{version}/shops_source.yaml": SHOPS for version in (1, 2)}
    assert references(tmp_path, versions) == [(("shop_id",), ("shop", "shops_v2"))]


def test_an_entity_may_have_several_sources(tmp_path: Path) -> None:
    other = SHOPS.replace("name: shops", "name: new_shops")
    files = {"source/shop/v1/shops_source.yaml": SHOPS, "source/shop/v1/new_shops_source.yaml": other}
    assert references(tmp_path, files) == [(("shop_id",), ("shop", "new_shops"), ("shop", "shops"))]


def test_a_source_without_the_key_cannot_be_referred_to(tmp_path: Path) -> None:
    text = SHOPS.replace("primary_key: shop_id\n", "")
    assert references(tmp_path, {"source/shop/v1/shops_source.yaml": text}) == []


def test_a_source_without_the_column_refers_to_nothing(tmp_path: Path) -> None:
    files = {
        "source/shop/v1/shops_source.yaml": SHOPS,
        "source/shop/v1/sales_source.yaml": GOOD["source/shop/v1/sales_source.yaml"],
    }
    assert references(tmp_path, files) == []


def test_the_one_side_refers_to_nothing(tmp_path: Path) -> None:
    registry = load_registry(write(tmp_path, GOOD | {"source/shop/v1/shops_source.yaml": SHOPS}))
    shops = next(each for each in registry.sources if each.name == "shops")
    assert list(references_of(shops, registry)) == []
