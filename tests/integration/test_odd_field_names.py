"""Registered fields may have any name: what `registry sync` writes for dbt compiles, passes on good rows and fails on bad ones."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.artifacts.schemas.results import TestStatus
from dbt.cli.main import dbtRunner

from tests.conftest import Fpjob

KEY, SHOP, TIME, AMOUNT = "Order ID", "{{ shop }}", "größe `wann`", "a.b"
NAMES = (
    *(KEY, SHOP, TIME, AMOUNT, 'a"b', "a`b", "it's", "select", "null", "true", "current_date", "1st", "1", "None"),
    *(
        "a,b",
        "{% raw %}",
        "{# x #}",
        "back\\slash",
        "日本 語",
        "-- x",
        "/* x */",
        "$1",
        "%s",
        "source('a', 'b')",
        "[1]",
    ),
)
TYPES = {KEY: "bigint", SHOP: "bigint", TIME: "timestamp", AMOUNT: "decimal(12,2)"}
GOOD = [
    [1, 7, "2024-01-01 00:00:00", "1.50", *["x"] * (len(NAMES) - 4)],
    [2, 7, "2024-01-02 00:00:00", "2.50", *["y"] * (len(NAMES) - 4)],
]


@pytest.fixture(scope="module")
def shop(module_project: Path) -> Path:
    """A project with orders and shops, whose fields have odd names, and a job over the orders."""
    fields = [
        {"name": name, "type": TYPES.get(name, "string"), "required": True, "description": name} for name in NAMES
    ]
    shop_fields = [each for each in fields if each["name"] == SHOP]
    to_shop = {"to": "shop", "type": "many:1", "description": "Sold by a shop."}
    to_sale = {"to": "sale", "type": "1:many", "description": "A shop sells."}
    for name, key, columns, relation in (("sale", KEY, fields, to_shop), ("shop", SHOP, shop_fields, to_sale)):
        about = {"name": name, "description": f"A {name}.", "primary_key": key, "fields": columns}
        entity = about | {"version": "1.0.0", "is_leaf": name == "sale", "relations": [relation]}
        write(module_project / f"registry/entity/{name}/{name}.yaml", entity)
        place = {"local": {"location": f"data/{name}s.csv", "format": "csv", "options": {"header": True}}}
        source = about | {"name": f"{name}s", "owner": "shop", "entity": name, "locations": place}
        if name == "sale":
            source |= {"event_time": TIME, "freshness": {"warn_after": {"count": 1, "period": "day"}}}
        write(module_project / f"registry/source/{name}/v1/{name}s_source.yaml", source)
    write_rows(module_project / "data/shops.csv", [SHOP], [[7]])
    columns = {"user_id_col": SHOP, "timestamp_col": TIME, "amount_col": AMOUNT}
    job = {
        "job_name": "odd_sales",
        "input_source": {"source_type": "spark", "config": {"location": "data/sales.csv", "format": "csv"}},
        "feature_transformers": [
            {"name": "UserSpendAggregator", "params": {**columns, "window_days": 30}},
            {"name": "UserMonthlyTransactionCounter", "params": {"user_id_col": SHOP, "timestamp_col": TIME}},
        ],
        "output_sink": {"sink_type": "display", "config": {"num_rows": 5}},
    }
    write(module_project / "configs/jobs/odd_sales.yaml", job)
    return module_project


def write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, allow_unicode=True))


def write_rows(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])


def dbt(*arguments: str) -> list[tuple[str, str]]:
    """Run dbt in this process, and return the name and status of each node but hooks."""
    outcome = dbtRunner().invoke([*arguments, "--profiles-dir", "profiles", "--quiet"])
    assert outcome.exception is None
    return [(each.node.name, each.status) for each in outcome.result if each.node.resource_type != "operation"]


def test_the_tests_of_a_source_compile_and_pass(shop: Path, fpjob: Fpjob) -> None:
    write_rows(shop / "data/sales.csv", NAMES, GOOD)
    outcome = fpjob("registry", "sync")
    assert outcome.status == 0, outcome.stderr
    statuses = dbt("test", "--select", "source:sale", "source:shop")
    # A value in each field of both, both keys, the relation, the types of both.
    assert len(statuses) == (len(NAMES) + 1) + 2 + 1 + 2
    assert {status for _, status in statuses} == {TestStatus.Pass}
    assert dbt("source", "freshness", "--select", "source:sale") == [("sales", "warn")]


def test_the_tests_of_a_source_find_what_is_wrong(shop: Path, fpjob: Fpjob) -> None:
    bad = [[1, 8, *[None] * (len(NAMES) - 2)], [1, None, *GOOD[0][2:]], [None, *GOOD[0][1:]]]
    write_rows(shop / "data/sales.csv", NAMES, [*GOOD, *bad])
    statuses = dbt("test", "--select", "source:sale")
    # Each field is NULL somewhere, two orders have one number, and there is no shop 8; the types are as declared.
    assert [name for name, status in statuses if status != TestStatus.Fail] == [
        name for name, _ in statuses if "declared_types" in name
    ]
    assert len(statuses) == len(NAMES) + 3


def test_a_job_over_such_fields_runs_with_its_tests(shop: Path, fpjob: Fpjob) -> None:
    write_rows(shop / "data/sales.csv", NAMES, GOOD)
    outcome = fpjob("run", "configs/jobs/odd_sales.yaml")
    assert outcome.status == 0, outcome.stderr
    assert "tests passed" in outcome.stderr
    shown = outcome.stdout.splitlines()
    assert sorted(line.split()[-4:] for line in shown if " 7 " in line) == [
        ["1.50", "1.5", "2024-01", "2"], ["4.00", "2.0", "2024-01", "2"],
    ]  # fmt: skip
