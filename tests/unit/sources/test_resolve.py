"""From a job's location to what a target reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.jobs.config import load_job_config
from feature_platform_py.registry.registry import Registry, load_source_registry
from feature_platform_py.registry.source import Field, RegisteredSource, SourceLocation
from feature_platform_py.sources.resolve import ResolvedSource, resolve_input
from tests.unit.jobs.jobs import GOOD_JOB, ROOT, local_project

TABLE = "jupiter.mm.fact_mm_transaction"
CSV = "data/bank/transactions.csv"


def resolve(
    folder: Path, config: str, target: str = "local", sources: list[RegisteredSource] | None = None
) -> ResolvedSource:
    path = folder / "job.yaml"
    path.write_text(GOOD_JOB.replace(f"location: {TABLE}\n    format: delta", config))
    job = load_job_config(path, environ={})
    registry = load_source_registry(ROOT) if sources is None else Registry((), tuple(sources), ())
    return resolve_input(job.input_source, registry, local_project(target))


def refusal(
    folder: Path, config: str, target: str = "local", sources: list[RegisteredSource] | None = None
) -> tuple[int, str]:
    with pytest.raises(ConfigurationError) as raised:
        resolve(folder, config, target, sources)
    [problem] = raised.value.problems
    return problem.line, problem.message


@pytest.mark.parametrize("location", [TABLE, TABLE.upper(), CSV, f"./{CSV}", str(ROOT / CSV), f"file://{ROOT / CSV}"])
def test_a_registered_source_is_found_by_its_location_on_any_target(tmp_path: Path, location: str) -> None:
    source = resolve(tmp_path, f"location: {location}")
    assert source.registered is not None
    assert source.registered and source.registered.dbt_source == ("transaction", "mm_transaction")
    assert (source.location, source.format, source.options) == (CSV, "csv", {"header": "true"})
    assert source.shown == f"mm_transaction ({CSV})"


def test_each_target_reads_its_own_location(tmp_path: Path) -> None:
    assert resolve(tmp_path, f"location: {TABLE}", "databricks").location == TABLE
    assert resolve(tmp_path, f"location: {CSV}", "databricks").location == TABLE


@pytest.mark.parametrize("target", ["spark", "connect", "nightly_cluster"])
def test_a_target_over_the_warehouse_folder_reads_the_local_location(tmp_path: Path, target: str) -> None:
    assert resolve(tmp_path, f"location: {TABLE}", target).location == CSV


def test_a_target_without_a_location_is_a_problem(tmp_path: Path) -> None:
    assert refusal(tmp_path, "location: shop.sales", "databricks", [shop_sales(tmp_path / "sales_source.yaml")]) == (
        6,
        "`input_source.config.location`: source `sales` has no location on target `databricks`, "
        "only on `local`; add one in sales_source.yaml",
    )


def test_options_are_those_of_the_location_that_the_job_names(tmp_path: Path) -> None:
    options = "\n    options: {Header: false, sep: ';'}"
    assert resolve(tmp_path, f"location: {CSV}{options}").options == {"Header": "false", "sep": ";"}
    assert resolve(tmp_path, f"location: {TABLE}{options}").options == {"header": "true"}


def shop_sales(file: Path, version: int = 1) -> RegisteredSource:
    return RegisteredSource(
        type="shop",
        version=version,
        name="sales",
        file=file,
        description="",
        owner="",
        entity="sale",
        fields=(Field("at", "date", required=True, description=""),),
        locations={"local": SourceLocation("shop.sales", "delta", {})},
        event_time="at",
    )


def test_the_latest_version_of_a_source_is_read(tmp_path: Path) -> None:
    first, second = (shop_sales(tmp_path, version) for version in (1, 2))
    source = resolve(tmp_path, "location: shop.sales", sources=[second, first])
    assert source.registered == second
    assert source.registered and source.registered.dbt_source == ("shop", "sales_v2")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("location: x/a.csv", ("x/a.csv", "csv", {"header": "true"})),
        ("location: x/a.csv\n    options: {HEADER: false}", ("x/a.csv", "csv", {"HEADER": "false"})),
        ("location: a.csv", ("a.csv", "csv", {"header": "true"})),
        ("location: a.CSV.gz", ("a.CSV.gz", "csv", {"header": "true"})),
        ("location: x/a.parquet/", ("x/a.parquet/", "parquet", {})),
        ("location: x/a.jsonl", ("x/a.jsonl", "json", {})),
        ("location: x/a\n    format: delta", ("x/a", "delta", {})),
        ("location: s3://bucket/x\n    format: parquet", ("s3://bucket/x", "parquet", {})),
        ("location: x/a.csv\n    format: json", ("x/a.csv", "json", {})),
        ("location: shop.sales", ("shop.sales", None, {})),
        ("location: sales\n    format: delta", ("sales", None, {})),
        ("location: main.shop.sales", ("main.shop.sales", None, {})),
    ],
)
def test_an_ad_hoc_source_is_its_location(
    tmp_path: Path, config: str, expected: tuple[str, str, dict[str, str]]
) -> None:
    source = resolve(tmp_path, config)
    assert (source.location, source.format, source.options) == expected
    assert (source.registered, source.columns) == (None, None)
    assert source.shown == expected[0]


@pytest.mark.parametrize("location", ["x/sales", "a.b.c.d", "my-table", "s3://bucket/x"])
def test_a_path_without_ending_needs_a_format(tmp_path: Path, location: str) -> None:
    line, message = refusal(tmp_path, f"location: {location}")
    assert line == 6
    expected = f"`{location}` does not show its format; add `format`: delta, parquet, csv or json"
    assert message == f"`input_source.config.location`: {expected}"
