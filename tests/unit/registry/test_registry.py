"""The rules between the registry's files: each way to break one gives its message, at its file and line, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.registry.feature import Feature
from feature_platform_py.registry.registry import Registry, load_registry

ROOT = Path(__file__).parents[3]
CASES = Path(__file__).with_name("broken_registries.txt")
MODELS = frozenset({"spend", "visits"})
GOOD = {
    "entity/shop/shop.yaml": """\
name: shop
description: A shop.
version: 1.2.0
is_leaf: false
primary_key: shop_id
fields:
  - {name: shop_id, type: bigint, required: true, description: Identifies the shop.}
relations:
  - {to: sale, type: '1:many', description: A shop makes sales.}
""",
    "entity/sale/sale.yaml": """\
name: sale
description: A sale.
version: 1.0.0
is_leaf: true
primary_key: [sale_id]
fields:
  - {name: sale_id, type: bigint, required: true, description: Identifies the sale.}
  - {name: shop_id, type: bigint, required: true, description: Where it was made.}
  - {name: price, type: 'decimal(10,2)', description: What was paid.}
relations:
  - {to: shop, type: 'many:1', description: A sale is made in a shop.}
""",
    "source/shop/v1/sales_source.yaml": """\
name: sales
description: Sales, one row each.
owner: shop-team
entity: sale
event_time: sold_at
primary_key: sale_id
fields:
  - {name: sale_id, type: bigint, required: true, description: Identifies the sale.}
  - {name: sold_at, type: timestamp, description: When it was sold.}
  - {name: price, type: 'decimal(10,2)', description: What was paid.}
locations:
  local: {location: data/sales.csv, format: csv}
""",
    "feature/spend.yaml": """\
name: spend
description: What shops take.
owner: shop-team
entity: shop
model: spend
features:
  - {name: shop_<window_days>d_spend, type: 'decimal(38,<scale>)', description: Taken in <window_days> days.}
  - {name: shop_first_sale, type: date, description: The first sale., owner: history-team, tags: [age, shop]}
""",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "registry" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def problems(root: Path) -> list[str]:
    try:
        load_registry(root, models=MODELS)
    except ConfigurationError as error:
        return [str(each).removeprefix(f"{root}/registry/") for each in error.problems]
    return []


def broken_registries() -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """Name, files and expected problems of each case in the file."""
    for case in CASES.read_text(encoding="utf-8").split("\n## ")[1:]:
        name, *lines = case.rstrip("\n").split("\n")
        files = dict(GOOD)
        expected = []
        for line in lines:
            if found := re.fullmatch(r"in (\S+): (.*) ->(?: (.*))?", line):
                file, old, new = (text.replace("\\n", "\n") for text in found.groups(default=""))
                assert old in files[file], name
                files[file] = files[file].replace(old, new, 1)
            elif found := re.fullmatch(r"move (\S+) to (\S+)", line):
                files[found[2]] = files.pop(found[1])
            elif found := re.fullmatch(r"copy (\S+) to (\S+)", line):
                files[found[2]] = files[found[1]]
            elif line:
                expected.append(line)
        yield name, files, expected


def test_a_good_registry(tmp_path: Path) -> None:
    registry = load_registry(write(tmp_path, GOOD), models=MODELS)
    assert [each.name for each in registry.entities] == ["sale", "shop"]
    assert registry.entity("shop").primary_key == ("shop_id",)
    assert [(each.to, each.type) for each in registry.entity("sale").relations] == [("shop", "many:1")]
    assert [each.name for each in registry.sources] == ["sales"]
    assert [each.owner for each in registry.feature_groups[0].features] == ["shop-team", "history-team"]


@pytest.mark.parametrize(
    ("files", "expected"), [pytest.param(files, expected, id=name) for name, files, expected in broken_registries()]
)
def test_a_broken_registry_says_where_and_why(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    assert expected
    assert problems(write(tmp_path, files)) == expected


def test_there_are_many_broken_registries() -> None:
    assert len(list(broken_registries())) >= 30


def test_a_registry_without_files_is_empty(tmp_path: Path) -> None:
    assert load_registry(tmp_path) == Registry((), (), ())


def test_the_registry_of_the_project_is_right() -> None:
    registry = load_registry(ROOT)
    assert {group.entity for group in registry.feature_groups} == {"customer"}


def test_a_pattern_describes_the_column_of_each_parameter() -> None:
    feature = Feature("shop_<days>d_<kind>", ("int",), "Over <days> days, <kind>, not <other>.", "shop-team", ())
    assert feature.parameters_of("shop_7d_total") == {"days": "7", "kind": "total"}
    assert feature.description_of("shop_7d_total") == "Over 7 days, total, not <other>."
    assert feature.parameters_of("shop_total") is None


def test_a_parameter_that_a_name_has_twice_has_one_value() -> None:
    feature = Feature("from_<days>_to_<days>", ("int",), "", "", ())
    assert feature.parameters_of("from_7_to_7") == {"days": "7"}
    assert feature.parameters_of("from_7_to_8") is None


@pytest.mark.parametrize(
    ("column", "is_one"), [("decimal(38,2)", True), ("double", True), ("decimal(38,x)", False), ("bigint", False)]
)
def test_a_feature_may_have_several_types(column: str, *, is_one: bool) -> None:
    assert Feature("spend", ("decimal(38,<scale>)", "double"), "", "", ()).has_type(column) is is_one


def test_of_two_patterns_the_one_with_fewer_parameters_is_meant(tmp_path: Path) -> None:
    files = dict(GOOD)
    files["feature/spend.yaml"] += "  - {name: shop_<kind>, type: int, description: Any other.}\n"
    [group] = load_registry(write(tmp_path, files)).feature_groups
    found = {name: group.feature_of(name) for name in ("shop_first_sale", "shop_other", "other")}
    assert {name: each and each.name for name, each in found.items()} == {
        "shop_first_sale": "shop_first_sale",
        "shop_other": "shop_<kind>",
        "other": None,
    }
