"""Where the values are that do not parse."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dbt.adapters.fpspark.connections import explained
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from feature_platform_py.core.catalog_file import TableName
from feature_platform_py.core.csv_diagnosis import find_unparsable, is_parse_failure
from feature_platform_py.core.external_sources import external_source
from feature_platform_py.core.session import open_session, open_warehouse

COLUMNS = [("amount", "decimal(12,2)"), ("id", "bigint"), ("t", "timestamp"), ("d", "date")]
HEADER = "id,note,amount,t,d\n"
GOOD = "1,x,1.50,2020-01-01 00:00:00,2020-01-01\n"


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> SparkSession:
    return open_session("sail", tmp_path_factory.mktemp("diagnosis"))


def found(spark: SparkSession, location: str, text: str = "", **options: object) -> list[str]:
    if text:
        Path(location).write_text(text)
    source = external_source(location, "csv", options={"header": True, **options}, columns=COLUMNS)
    return [str(item) for item in find_unparsable(spark, source)]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_good_data_have_nothing_to_find(spark: SparkSession) -> None:
    assert found(spark, "a.csv", HEADER + GOOD + "2,,,,\n") == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('2,x,"12,50",2020-01-01 00:00:00,2020-01-01', "column `amount`: `12,50` is not a decimal(12,2)"),
        ("2,x,12 EUR,2020-01-01 00:00:00,2020-01-01", "column `amount`: `12 EUR` is not a decimal(12,2)"),
        ("2.5,x,1,2020-01-01 00:00:00,2020-01-01", "column `id`: `2.5` is not a bigint"),
        (
            "99999999999999999999,x,1,2020-01-01 00:00:00,2020-01-01",
            "column `id`: `99999999999999999999` is not a bigint",
        ),
        ("2,x,1,2020-13-01 00:00:00,2020-01-01", "column `t`: `2020-13-01 00:00:00` is not a timestamp"),
        ("2,x,1,2020-01-01 00:00:00,01/02/2020", "column `d`: `01/02/2020` is not a date"),
        # The reader is stricter than `try_cast` here.
        ("2,x, 7,2020-01-01 00:00:00,2020-01-01", "column `amount`: ` 7` is not a decimal(12,2)"),
        ("2,x,1,2020-1-1,2020-01-01", "column `t`: `2020-1-1` is not a timestamp"),
        ("2,x,1", "the row has 3 fields. Expected 5"),
        ("2,x,1,2020-01-01 00:00:00,2020-01-01,y", "the row has 6 fields. Expected 5"),
    ],
)
def test_a_bad_value_is_found_with_its_line(spark: SparkSession, row: str, message: str) -> None:
    assert found(spark, "a.csv", f"{HEADER}{GOOD}{row}\n{GOOD}") == [f"a.csv:3: {message}"]


def test_lines_are_physical_lines(spark: SparkSession) -> None:
    text = HEADER + '1,"two\nlines",1,,\n\n' + "2,x,bad,,\n" + '3,"more\n\nlines",worse,,\n'
    assert found(spark, "a.csv", text) == [
        "a.csv:5: column `amount`: `bad` is not a decimal(12,2)",
        "a.csv:6: column `amount`: `worse` is not a decimal(12,2)",
    ]


def test_only_the_first_five_are_reported(spark: SparkSession) -> None:
    messages = found(spark, "a.csv", HEADER + "".join(f"{number},x,bad{number},,\n" for number in range(9)))
    assert [message.partition(" column")[0] for message in messages] == [f"a.csv:{line}:" for line in range(2, 7)]


def test_a_folder_names_its_file(spark: SparkSession) -> None:
    Path("in").mkdir()
    Path("in/a.csv").write_text(HEADER + GOOD)
    Path("in/b.csv").write_text(HEADER + "2,x,bad,,\n")
    assert found(spark, "in") == ["in/b.csv:2: column `amount`: `bad` is not a decimal(12,2)"]


def test_the_readers_options_are_followed(spark: SparkSession) -> None:
    text = "# a remark\n" + HEADER.replace(",", ";") + '2;"say \\"x;y\\"";"bad";;\n'
    assert found(spark, "a.csv", text, sep=";", comment="#", escape="\\") == [
        "a.csv:3: column `amount`: `bad` is not a decimal(12,2)"
    ]


def test_the_engines_message_tells_a_parse_failure(spark: SparkSession) -> None:
    for row in ("2,x,bad,,", "x,x,1,,", "2,x,1,x,", "2,x,1,,x", "2,x"):
        Path("a.csv").write_text(f"{HEADER}{row}\n")
        types = "id bigint, note string, amount decimal(12,2), t timestamp, d date"
        with pytest.raises(PySparkException) as raised:
            spark.read.schema(types).option("header", "true").csv(str(Path("a.csv").resolve())).collect()
        assert is_parse_failure(str(raised.value))
    assert not is_parse_failure("Cannot cast string 'x' to value of Int32 type")


@pytest.mark.skipif(os.cpu_count() == 1, reason="one core reads a file in one piece")
def test_a_split_inside_quotes_is_told_from_a_bad_value(spark: SparkSession, tmp_path: Path) -> None:
    lines = "\n".join(["a, line"] * 20)
    rows = (f'{number},"{lines}",1,,' for number in range(80_000))
    Path("a.csv").write_text(HEADER + "\n".join(rows) + "\n")
    warehouse = open_warehouse("sail", tmp_path / "split")
    for options in ({}, {"multiLine": True}):
        source = external_source("a.csv", "csv", options={"header": True, **options}, columns=COLUMNS)
        warehouse.register_source(TableName("sources", "spend"), source)
        query = warehouse.spark.sql("select count(amount), count(t), count(id) from sources.spend")
        if options:
            assert query.first()[0] == 80_000
            continue
        with pytest.raises(PySparkException) as raised:
            query.collect()
        assert "needs the option `multiLine: true`" in explained(raised.value, warehouse)
