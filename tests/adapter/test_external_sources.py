"""External sources: what is checked, what is registered, what is inferred."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import FeaturePlatformError
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.external_sources import describe_source, external_source
from feature_platform_py.warehouse.session import open_warehouse
from feature_platform_py.warehouse.warehouse import Warehouse

SOURCE = TableName("sources", "spend")
HEADER = {"header": True}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return open_warehouse("sail", tmp_path_factory.mktemp("sources"))


def register(warehouse: Warehouse, location: str, kind: str = "csv", columns: Columns = (), **options: object) -> list:
    source = external_source(location, kind, options=options, columns=columns, folder=Path.cwd())
    warehouse.register_source(SOURCE, source)
    return [row.asDict() for row in warehouse.spark.table(str(SOURCE)).collect()]


def refusal(warehouse: Warehouse, location: str, kind: str = "csv", columns: Columns = (), **options: object) -> str:
    with pytest.raises(FeaturePlatformError) as raised:
        register(warehouse, location, kind, columns, **options)
    return str(raised.value)


def test_columns_are_found_by_the_header_not_by_position(warehouse: Warehouse, folder: Path) -> None:
    (folder / "a.csv").write_text("note,Amount,id\nx,1.50,7\n")
    rows = register(warehouse, "a.csv", columns=[("id", "bigint"), ("amount", "decimal(12,2)")], **HEADER)
    assert {name: str(value) for name, value in rows[0].items()} == {"note": "x", "Amount": "1.50", "id": "7"}
    assert warehouse.columns(SOURCE) == [("note", "string"), ("Amount", "decimal(12,2)"), ("id", "bigint")]


def test_a_declared_column_must_be_in_the_header(warehouse: Warehouse, folder: Path) -> None:
    (folder / "a.csv").write_text("id,amt\n1,2\n")
    assert refusal(warehouse, "a.csv", columns=[("amount", "int"), ("id", "int"), ("x", "int")], **HEADER) == (
        "a.csv: column `amount` is declared, but the header lacks it. Existing columns: `id`, `amt`\n"
        "a.csv: column `x` is declared, but the header lacks it. Existing columns: `id`, `amt`"
    )


def test_all_files_of_a_folder_have_the_same_header(warehouse: Warehouse, folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_text("id,amount\n1,2\n")
    (folder / "in" / "b.csv").write_text("amount,id\n3,4\n")
    (folder / "in" / "_SUCCESS").write_text("")
    assert refusal(warehouse, "in", columns=[("id", "int")], **HEADER) == (
        "in/b.csv: expected the header of `in/a.csv`, ['id', 'amount'], given ['amount', 'id']"
    )
    (folder / "in" / "b.csv").write_text("id,amount\n4,3\n")
    rows = register(warehouse, "in", columns=[("id", "int"), ("amount", "int")], **HEADER)
    assert sorted(row["id"] for row in rows) == [1, 4]


@pytest.mark.parametrize("header", ["id,ID\n", "\n"])
def test_a_header_has_distinct_names(warehouse: Warehouse, folder: Path, header: str) -> None:
    (folder / "a.csv").write_text(header)
    assert "a.csv: expected a header with distinct names" in refusal(
        warehouse, "a.csv", columns=[("id", "int")], **HEADER
    )


def test_without_a_header_columns_go_by_position(warehouse: Warehouse, folder: Path) -> None:
    (folder / "a.csv").write_text("1|x\n")
    assert register(warehouse, "a.csv", columns=[("id", "int"), ("b", "string")], sep="|") == [{"id": 1, "b": "x"}]


def test_an_empty_folder_is_explained(warehouse: Warehouse, folder: Path) -> None:
    (folder / "in").mkdir()
    assert refusal(warehouse, "in", **HEADER) == "in: expected CSV files in the folder, found none"


def test_a_location_must_exist(warehouse: Warehouse, folder: Path) -> None:
    assert refusal(warehouse, "no.csv") == "no.csv: no such file or folder; expected csv data"


def test_an_unknown_format_is_named_with_the_known_ones(warehouse: Warehouse, folder: Path) -> None:
    assert refusal(warehouse, "a.orc", "orc") == (
        "a.orc: format `orc` is unknown. Known: `csv`, `delta`, `json`, `parquet`"
    )


@pytest.mark.parametrize("dtype", ["int) using csv location '/etc/passwd' --", "money", "struct<a b:int>", ""])
def test_what_is_no_type_never_reaches_a_statement(warehouse: Warehouse, folder: Path, dtype: str) -> None:
    (folder / "a.csv").write_text("id\n1\n")
    assert refusal(warehouse, "a.csv", columns=[("id", dtype)], **HEADER).startswith(f"a.csv: column `id`: `{dtype}`")


def test_names_options_and_paths_are_quoted(warehouse: Warehouse, folder: Path) -> None:
    path = folder / "it's a\\ file.csv"
    path.write_text("i`d) using x --;o'clock\n1;2\n")
    rows = register(warehouse, path.name, columns=[("i`d) using x --", "int")], sep=";", comment="'", **HEADER)
    assert rows == [{"i`d) using x --": 1, "o'clock": "2"}]


def test_an_unchanged_source_costs_nothing(warehouse: Warehouse, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.csv").write_text("id\n1\n")
    register(warehouse, "a.csv", **HEADER)
    written = (warehouse.folder / "catalog.json").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(warehouse, "spark", None)
        warehouse.register_source(SOURCE, external_source("a.csv", "csv", options=HEADER, folder=folder))
    assert (warehouse.folder / "catalog.json").stat().st_mtime_ns == written


def test_a_changed_file_is_registered_anew(warehouse: Warehouse, folder: Path) -> None:
    (folder / "a.csv").write_text("id,amount\n1,2\n")
    register(warehouse, "a.csv", **HEADER)
    warehouse.create_view(TableName("sources", "seen"), f"select * from {SOURCE}")
    (folder / "a.csv").write_text("amount,id,note\n2,1,x\n")
    register(warehouse, "a.csv", **HEADER)
    assert warehouse.spark.table("sources.seen").first().asDict() == {"id": 1, "amount": 2, "note": "x"}


def test_types_are_inferred_from_all_rows(warehouse: Warehouse, folder: Path) -> None:
    lines = [f"{number},{number}.5,2020-01-01 10:00:00,2020-01-01,true," for number in range(3000)]
    (folder / "a.csv").write_text("\n".join(["id,x,t,d,b,nothing", *lines, "x1,9,2020-01-01,2020-01-01,false,"]) + "\n")
    source = external_source("a.csv", "csv", options=HEADER, folder=folder)
    assert describe_source(warehouse.spark, source, copies=warehouse.copies) == [
        ("id", "string"), ("x", "double"), ("t", "timestamp"), ("d", "date"), ("b", "boolean"), ("nothing", "string"),
    ]  # fmt: skip


def test_files_that_differ_are_inferred_to_what_holds_both(warehouse: Warehouse, folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_text("a,b,c\n1,1,2020-01-01\n")
    (folder / "in" / "b.csv").write_text("a,b,c\nx,1.5,2020-01-01 10:00:00\n")
    source = external_source("in", "csv", options=HEADER, folder=folder)
    assert describe_source(warehouse.spark, source, copies=warehouse.copies) == [
        ("a", "string"),
        ("b", "double"),
        ("c", "timestamp"),
    ]


def test_compressed_files_are_read(warehouse: Warehouse, folder: Path) -> None:
    with gzip.open(folder / "a.csv.gz", "wt") as file:
        file.write("id\n1\n")
    assert register(warehouse, "a.csv.gz", columns=[("id", "int")], **HEADER) == [{"id": 1}]


def test_declared_columns_of_parquet_and_delta_are_compared(warehouse: Warehouse, folder: Path) -> None:
    frame = warehouse.spark.sql("select 1 as id, 'x' as note, timestamp_ntz'2020-01-01 00:00:00' as t, 1.50 as amount")
    for kind in ("parquet", "delta"):
        frame.write.format(kind).mode("overwrite").save(str(folder / kind))
        fitting = [("ID", "bigint"), ("t", "timestamp"), ("amount", "decimal(12,2)")]
        assert register(warehouse, kind, kind, fitting)[0]["id"] == 1
        wrong = [("id", "string"), ("x", "int"), ("amount", "decimal(12,4)")]
        assert refusal(warehouse, kind, kind, wrong) == (
            f"{kind}: column `id`: expected string, given int\n"
            f"{kind}: column `x`: expected int, given no such column\n"
            f"{kind}: column `amount`: expected decimal(12,4), given decimal(3,2)\n"
            f"{kind}: existing columns: `id` int, `note` string, `t` timestamp_ntz, `amount` decimal(3,2)"
        )


def test_json_is_read_as_the_declared_types(warehouse: Warehouse, folder: Path) -> None:
    (folder / "a.json").write_text('{"id": 1, "t": "2020-01-01 10:00:00", "amount": 2.5, "more": {"x": [1]}}\n')
    columns = [("t", "timestamp"), ("amount", "decimal(12,2)")]
    register(warehouse, "a.json", "json", columns)
    assert dict(warehouse.columns(SOURCE)) == {
        "id": "bigint", "t": "timestamp", "amount": "decimal(12,2)", "more": "struct<x:array<bigint>>",
    }  # fmt: skip
    assert refusal(warehouse, "a.json", "json", [("more", "date")]) == (
        'a.json:1: column `more`: `{"x": [1]}` is not a date'
    )
