"""What dbt is told: tests from the registry's rules, columns from the jobs, and text that stays text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jinja2
import pytest

from feature_platform_py.core.project import Project, open_project
from feature_platform_py.dbt_files.dbt_yaml import (
    as_dbt_reads_it,
    group_name,
    groups_content,
    schema_of_sources,
    source_content,
)
from feature_platform_py.dbt_files.job_yaml import PlannedJob, job_content
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.jobs.plan import SOURCE_TESTS
from feature_platform_py.registry.registry import Registry, load_registry
from tests.unit.registry.test_references import SALES, SHOPS
from tests.unit.registry.test_registry import GOOD, ROOT, write

PLACES = """\
locations:
  local: {location: raw.NoneSold, format: delta}
  connect: {location: /mnt/sales, format: delta}
  databricks: {location: main.shop.sales, format: delta}
"""


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(ROOT)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(ROOT)


@pytest.fixture(scope="module")
def jobs(project: Project) -> list[PlannedJob]:
    paths = sorted(project.jobs.glob("*.yaml"))
    return [PlannedJob(path.relative_to(ROOT), prepare_job(path, project)) for path in paths]


def columns_of(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in content["columns"]}


def sales_content(root: Path, text: str = SALES) -> dict[str, Any]:
    files = {"source/shop/v1/sales_source.yaml": text, "source/shop/v1/shops_source.yaml": SHOPS}
    registry = load_registry(write(root, GOOD | files))
    sales = next(each for each in registry.sources if each.name == "sales")
    [table] = source_content(sales, registry)["sources"][0]["tables"]
    return dict(table)


def test_required_fields_keys_and_relations_are_tests(tmp_path: Path) -> None:
    columns = columns_of(sales_content(tmp_path))
    known = {"relationships": {"arguments": {"to": "source('shop', 'shops')", "field": "shop_id"}}}
    assert columns["sale_id"]["data_tests"] == ["not_null", "unique"]
    assert columns["shop_id"]["data_tests"] == [known]
    assert "data_tests" not in columns["price"]


@pytest.mark.parametrize("name", ["Sale ID", "a.b", "a`b", "größe", "select", "True", "1st", "{{ x }}"])
def test_the_tests_of_a_column_with_an_odd_name_quote_it(tmp_path: Path, name: str) -> None:
    table = sales_content(tmp_path, SALES.replace("sale_id", f'"{name}"'))
    column = "`" + name.replace("`", "``") + "`"
    named = {"arguments": {"column_name": column}}
    assert "data_tests" not in columns_of(table)[name]
    assert table["data_tests"][1:] == [{"not_null": named}, {"unique": named}]
    # dbt renders no name of a column.
    assert as_dbt_reads_it(table)["data_tests"][1] == {"not_null": named}


def test_the_types_of_all_columns_are_one_test(tmp_path: Path) -> None:
    types = {"sale_id": "bigint", "sold_at": "timestamp", "price": "decimal(10,2)", "shop_id": "bigint"}
    assert sales_content(tmp_path)["data_tests"] == [{"declared_types": {"arguments": {"columns": types}}}]


def test_a_key_of_several_columns_is_one_test(tmp_path: Path) -> None:
    text = SALES.replace("primary_key: sale_id", "primary_key: [sale_id, sold_at]")
    table = sales_content(
        tmp_path, text.replace("sold_at, type: timestamp", "sold_at, type: timestamp, required: true")
    )
    assert table["data_tests"][1:] == [{"unique_key": {"arguments": {"columns": ["sale_id", "sold_at"]}}}]
    assert columns_of(table)["sale_id"]["data_tests"] == ["not_null"]


@pytest.mark.parametrize(("line", "column"), [("", "`sold_at`"), ("loaded_at: came_at\n", "`came_at`")])
def test_freshness_asks_for_the_newest_load_else_event(tmp_path: Path, line: str, column: str) -> None:
    came = "  - {name: came_at, type: timestamp, description: When it came.}\nlocations:"
    text = SALES.replace("fields:", f"{line}freshness: {{warn_after: {{count: 2, period: day}}}}\nfields:")
    config = sales_content(tmp_path, text.replace("locations:", came))["config"]
    assert config["loaded_at_field"] == column
    assert config["freshness"] == {"warn_after": {"count": 2, "period": "day"}}


def content_of(name: str, jobs: list[PlannedJob], registry: Registry) -> dict[str, Any]:
    return job_content(next(job for job in jobs if job.plan.job_name == name), registry)


def model_of(content: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [model for model in content["models"] if model["name"] == name]
    return dict(found)


def test_a_table_has_the_columns_of_its_own_job_each_described(jobs: list[PlannedJob], registry: Registry) -> None:
    content = content_of("training_features_v1", jobs, registry)
    columns = columns_of(model_of(content, "training_features_v1__user_spend"))
    windows = [f"user_{days}d_{what}_spend" for days in (1, 7, 30, 365) for what in ("total", "avg")]
    assert list(columns) == ["user_id", "timestamp", *windows, "period_start", "_input_fingerprint"]
    assert all(column["description"] for column in columns.values())
    assert "(t - 365 x 24 h, t]" in columns["user_365d_total_spend"]["description"]
    assert columns["user_365d_total_spend"]["config"]["meta"]["feature"] == "user_<window_days>d_total_spend"
    sample = content_of("financial_features_extraction_v1", jobs, registry)
    assert "user_365d_total_spend" not in str(sample)


def test_a_result_has_the_source_columns_and_the_features(jobs: list[PlannedJob], registry: Registry) -> None:
    content = content_of("training_features_v1", jobs, registry)
    columns = columns_of(model_of(content, "training_features_v1__job_features"))
    assert "transaction_id" in columns
    assert "in the category insurance payment," in columns["user_total_spend_insurance_payment"]["description"]
    profile = content_of("customer_profile_v1", jobs, registry)
    assert {"client_id", "age"} <= set(columns_of(model_of(profile, "customer_profile_v1__job_enriched")))


def test_each_job_is_an_exposure_of_its_own_result(jobs: list[PlannedJob], registry: Registry) -> None:
    exposures = [each for job in jobs for each in job_content(job, registry)["exposures"]]
    assert {each["name"]: each["depends_on"] for each in exposures} == {
        "customer_features_v1": ["ref('customer_features_v1__job_features')"],
        "customer_profile_v1": ["ref('customer_profile_v1__job_enriched')"],
        "financial_features_extraction_v1": ["ref('financial_features_extraction_v1__job_features')"],
        "overdraft_scoring_set_v1": ["ref('overdraft_scoring_set_v1__job_features')"],
        "overdraft_training_set_v1": ["ref('overdraft_training_set_v1__job_features')"],
        "training_features_v1": ["ref('training_features_v1__job_features')"],
    }
    assert [each["config"]["meta"]["sink"] for each in exposures[:4]] == [
        "parquet_files",
        "parquet_files",
        "parquet_files",
        "display",
    ]


def test_owners_are_groups(registry: Registry) -> None:
    assert groups_content(registry) == {"groups": [{"name": "data_platform", "owner": {"name": "data-platform"}}]}
    names = {"Team (Risk & Fraud)": "team_risk_fraud", "数据": "数据", "!": "owner"}
    assert {owner: group_name(owner) for owner in names} == names


def test_owners_whose_group_has_one_name_share_it(registry: Registry) -> None:
    other = replace(registry.feature_groups[0], owner="Data Platform")
    shared = replace(registry, feature_groups=(*registry.feature_groups, other))
    assert [group["name"] for group in groups_content(shared)["groups"]] == ["data_platform"]


@pytest.mark.parametrize(
    "text",
    [
        "{{ env_var('HOME') }}",
        "env_var('HOME')",
        " ref ('{{ a }}')",
        "{% raw %}",
        "{# gone #}",
        "{{ '{{' }}",
        "a {b} c",
        "}}",
    ],
)
def test_text_of_the_registry_is_no_jinja(text: str) -> None:
    content = as_dbt_reads_it({"meta": {"owner": [text]}, text: 1})
    assert jinja2.Template(content["meta"]["owner"][0]).render() == text
    # dbt calls such texts where they are arguments of tests.
    assert not re.match(r"\s*(env_var|ref|var|source|doc)\s*\(.+\)\s*$", content["meta"]["owner"][0])
    assert {jinja2.Template(key).render() for key in content} == {"meta", text}


def test_the_names_of_a_table_depend_on_the_target(registry: Registry) -> None:
    source = next(each for each in registry.sources if each.name == "mm_transaction")
    [content] = as_dbt_reads_it(source_content(source, registry))["sources"]

    assert rendered(content["schema"], target="databricks") == "mm"
    assert rendered(content["tables"][0]["identifier"], target="databricks") == "fact_mm_transaction"
    assert rendered(content["schema"]) == "sources"


def rendered(
    text: str,
    *,
    target: str = "local",
    schema: str = "features",
    environ: Mapping[str, str] = MappingProxyType({}),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A text as dbt renders it for a target with a schema."""
    functions = {
        "env_var": lambda name, default: environ.get(name, default),
        "var": lambda name, default: variables.get(name, default),
    }
    return jinja2.Template(text).render(target={"name": target, "schema": schema}, **functions)


@pytest.mark.parametrize(
    ("environ", "schema", "variables", "expected"),
    [
        # A command tells.
        ({"FP_SOURCES_SCHEMA": "sources", "FP_SCHEMA": "features"}, "features", {}, "sources"),
        ({"FP_SOURCES_SCHEMA": "sources__dev", "FP_SCHEMA": "dev"}, "dev", {}, "sources__dev"),
        # Plain dbt: the schema is that of the profile, of FP_SCHEMA, or another one than the project says.
        ({}, "features", {}, "sources"),
        ({"FP_SCHEMA": ""}, "features", {}, "sources"),
        ({"FP_SCHEMA": "dev"}, "dev", {}, "sources__dev"),
        ({"FP_SCHEMA": "dev"}, "features", {}, "sources"),
        ({}, "dev", {"production_schema": "features"}, "sources__dev"),
        ({"FP_SCHEMA": "features"}, "features", {"production_schema": "features"}, "sources"),
    ],
)
def test_an_environment_registers_sources_in_a_schema_of_its_own(
    environ: dict[str, str], schema: str, variables: dict[str, str], expected: str
) -> None:
    assert rendered(schema_of_sources(), schema=schema, environ=environ, variables=variables) == expected


def test_a_target_without_a_location_reads_the_local_table(tmp_path: Path) -> None:
    text = SALES.partition("locations:\n")[0] + PLACES
    files = {"source/shop/v1/sales_source.yaml": text, "source/shop/v1/shops_source.yaml": SHOPS}
    registry = load_registry(write(tmp_path, GOOD | files))
    sales = next(each for each in registry.sources if each.name == "sales")
    [content] = as_dbt_reads_it(source_content(sales, registry))["sources"]
    [table] = content["tables"]

    def name_on(target: str) -> list[str]:
        parts = (content["database"], content["schema"], table["identifier"])
        return [rendered(part, target=target) for part in parts]

    assert name_on("local") == name_on("spark") == ["None", "raw", "NoneSold"]
    assert name_on("connect") == ["None", "sources", "sales"]
    assert name_on("databricks") == ["main", "shop", "sales"]


def test_a_run_knows_every_kind_of_test_that_a_source_has(registry: Registry) -> None:
    keyed = [replace(each, primary_key=tuple(name for name, _ in each.columns[:2])) for each in registry.sources]
    contents = [source_content(each, registry) for each in (*registry.sources, *keyed)]
    tables = [content["sources"][0]["tables"][0] for content in contents]
    tests = [test for table in tables for part in (table, *table["columns"]) for test in part.get("data_tests", [])]
    assert {test if isinstance(test, str) else next(iter(test)) for test in tests} == set(SOURCE_TESTS)
