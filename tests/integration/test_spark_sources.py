"""Tables and files as sources, and the registry's word on their columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import open_project
from feature_platform_py.files.columns import Reading
from feature_platform_py.sources import DatabricksSparkSource, SparkSource
from feature_platform_py.warehouse.session import open_session

TABLE = "jupiter.mm.fact_mm_transaction"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> SparkSession:
    return open_session("sail", tmp_path_factory.mktemp("warehouse"))


def types(source: SparkSource | DatabricksSparkSource, session: SparkSession) -> dict[str, str]:
    return {column.name: column.dataType.simpleString() for column in source.read(session).schema}


def test_a_file_is_read_with_the_declared_types(session: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("id;price;note\n1;2.50;a\n")
    fields = (("id", "bigint"), ("price", "decimal(12,2)"))
    source = SparkSource("sales.csv", options={"header": "true", "sep": ";"}, fields=fields, folder=tmp_path)
    assert types(source, session) == {"id": "bigint", "price": "decimal(12,2)", "note": "string"}
    assert [tuple(map(str, row)) for row in source.read(session).collect()] == [("1", "2.50", "a")]


def test_a_table_is_read_by_its_name(session: SparkSession) -> None:
    session.sql("create or replace temporary view sold as select 1 as id")
    assert SparkSource("sold", fields=(("id", "int"),)).read(session).count() == 1


def test_every_column_that_a_table_lacks_or_has_with_another_type_is_named(session: SparkSession) -> None:
    session.sql("create or replace temporary view sold as select 1 as id, 'x' as price")
    with pytest.raises(ConfigurationError) as raised:
        SparkSource("sold", fields=(("id", "int"), ("price", "double"), ("at", "date"))).read(session)
    assert str(raised.value).splitlines() == [
        "sold: column `price`: expected double, given string",
        "sold: column `at`: expected date, given no such column",
        "sold: existing columns: `id` int, `price` string",
    ]


def test_a_path_that_does_not_say_its_format_is_an_error(session: SparkSession) -> None:
    with pytest.raises(ConfigurationError) as raised:
        SparkSource("data/sales.dat").read(session)
    assert str(raised.value) == (
        "`data/sales.dat` does not show its format; expected one of delta, parquet, csv and json as `format`"
    )


def test_a_registered_source_is_read_where_the_target_has_it(session: SparkSession, module_project: Path) -> None:
    source = DatabricksSparkSource(TABLE, format="delta", project=open_project(module_project))
    found = types(source, session)
    assert (found["user_id"], found["timestamp"], found["amount"]) == ("bigint", "timestamp", "decimal(12,2)")
    assert source.read(session).count() == 49_102


def test_a_registered_source_without_its_columns_is_one_error(session: SparkSession, project: Path) -> None:
    (project / "data" / "bank").unlink()
    (project / "data" / "bank").mkdir()
    (project / "data" / "bank" / "transactions.csv").write_text("user_id,timestamp\n1,2024-01-01\n")
    with pytest.raises(ConfigurationError) as raised:
        DatabricksSparkSource(TABLE).read(session)
    assert "data/bank/transactions.csv: column `amount` is declared, but the header lacks it" in str(raised.value)
    assert len(str(raised.value).splitlines()) > 1


def test_a_location_that_nobody_has_registered_is_read_as_it_is(session: SparkSession, project: Path) -> None:
    (project / "data" / "other.csv").write_text("a,b\n1,x\n")
    assert types(DatabricksSparkSource("data/other.csv"), session) == {"a": "bigint", "b": "string"}


def test_capitals_of_nested_keys_are_kept(session: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"Who": {"Id": 1, "Tags": [{"aB": "x"}]}, "at": "2024-01-31T10:00:00Z"}\n')
    source = SparkSource("a.json", folder=tmp_path)
    assert types(source, session) == {"Who": "struct<Id:bigint,Tags:array<struct<aB:string>>>", "at": "timestamp"}


def test_how_columns_are_written_can_be_said(session: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Id;amount\n007;1,5\n")
    readings = {"amount": Reading("decimal(9,2)", decimal=","), "Id": Reading(rename="user")}
    source = SparkSource("a.csv", options={"header": "true", "sep": ";"}, readings=readings, folder=tmp_path)
    assert [tuple(map(str, row)) for row in source.read(session).collect()] == [("007", "1.50")]
    assert types(source, session) == {"user": "string", "amount": "decimal(9,2)"}
