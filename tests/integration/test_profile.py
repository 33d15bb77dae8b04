"""What the catalogue tells of a table, on the engine."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.core.bins import BINS
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.sync import planned_jobs
from feature_platform_py.docs_site.profile import profile_table
from feature_platform_py.docs_site.site import table_profiles
from feature_platform_py.registry.registry import load_registry
from feature_platform_py.targets.spark import collected
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import open_session, open_warehouse


def test_numbers_have_ranges_and_texts_their_most_frequent_values(tmp_path: Path) -> None:
    session = open_session("sail", tmp_path / "warehouse")
    session.sql("""
        select
            cast(id as decimal(12, 2)) as `a b`,
            if(id % 3 = 0, null, concat('k', id % 2)) as kind,
            cast(null as double) as empty,
            7 as one
        from range(0, 1000)
    """).createOrReplaceTempView("profiled")
    columns = [("a b", "decimal(12,2)"), ("kind", "string"), ("empty", "double"), ("one", "int")]
    found = profile_table(lambda statement: collected(session.sql(statement)), "profiled", columns)
    number = found["a b"]
    assert (number.rows, number.nulls, number.minimum, number.maximum) == (1000, 0, "0.00", "999.00")
    assert len(number.bars) == BINS
    assert sum(rows for _, rows in number.bars) == 1000
    assert len(number.samples) == 5
    assert found["kind"].nulls == 334
    assert found["kind"].bars == (("k0", 333), ("k1", 333))
    assert found["empty"].bars == ()
    assert found["one"].bars == (("7", 1000),)


def test_a_table_older_than_its_job_is_profiled_as_far_as_it_goes(project: Path) -> None:
    opened = open_project(project)
    warehouse = open_warehouse(opened.target.engine, opened.target.warehouse)
    table = TableName(opened.target.schema, "financial_features_extraction_v1__user_spend")
    warehouse.write_table(table, warehouse.spark.sql("select cast(1 as double) as user_30d_avg_spend"))
    profiles = table_profiles(opened, planned_jobs(opened, load_registry(project)))
    assert list(profiles) == [("user_spend", "user_30d_avg_spend")]
