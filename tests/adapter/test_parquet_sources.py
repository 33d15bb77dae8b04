"""Parquet sources: read in place where every engine reads them alike, else from a copy with the same rows."""

from __future__ import annotations

import datetime
import os
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy
import pandas
import pyarrow
import pyarrow.parquet
import pytest

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import FeaturePlatformError
from feature_platform_py.files.parquet_rows import changed_types
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.external_sources import ExternalSource, external_source
from feature_platform_py.warehouse.session import open_warehouse
from feature_platform_py.warehouse.warehouse import Warehouse

SOURCE = TableName("sources", "spend")
# `FP_SINK_ENGINES=sail,spark` runs them on JVM Spark as well.
ENGINES = os.environ.get("FP_SINK_ENGINES", "sail").split(",")
UTC = datetime.UTC
BEFORE_1970 = pyarrow.array([-1, 1_700_000_000_000_000_999, None], pyarrow.int64())
CUT = [
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
    datetime.datetime(2023, 11, 14, 22, 13, 20),
    None,
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, which is the working directory, with a folder `in`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path


@pytest.fixture(scope="module", params=ENGINES)
def warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return open_warehouse(request.param, tmp_path_factory.mktemp("sources"))


def write(path: str, **columns: Any) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def read(warehouse: Warehouse, location: str = "in", columns: Columns = (), **options: object) -> list[dict[str, Any]]:
    warehouse.register_source(SOURCE, source_of(location, columns, **options))
    rows = warehouse.spark.table(str(SOURCE)).collect()
    return sorted((row.asDict(recursive=True) for row in rows), key=lambda row: str(row.get("id")))


def source_of(location: str = "in", columns: Columns = (), **options: object) -> ExternalSource:
    return external_source(location, "parquet", options=options, columns=columns, folder=Path.cwd())


def refusal(warehouse: Warehouse, location: str = "in", columns: Columns = (), **options: object) -> str:
    with pytest.raises(FeaturePlatformError) as raised:
        read(warehouse, location, columns, **options)
    return str(raised.value)


SAME = None
TYPES: dict[str, tuple[pyarrow.Array, str, list[Any] | None]] = {
    "uint8": (pyarrow.array([255, None], pyarrow.uint8()), "smallint", SAME),
    "uint16": (pyarrow.array([65535, None], pyarrow.uint16()), "int", SAME),
    "uint32": (pyarrow.array([2**32 - 1, None], pyarrow.uint32()), "bigint", SAME),
    "uint64": (pyarrow.array([2**64 - 1, None], pyarrow.uint64()), "decimal(20,0)", [Decimal(2**64 - 1), None]),
    "float16": (pyarrow.array([numpy.float16(0.5), None], pyarrow.float16()), "float", SAME),
    "time": (
        pyarrow.array([datetime.time(1, 2, 3, 4), None], pyarrow.time64("us")), "string", ["01:02:03.000004", None],
    ),
    "time of seconds": (pyarrow.array([datetime.time(23, 59, 59)], pyarrow.time32("ms")), "string", ["23:59:59.000"]),
    "duration": (pyarrow.array([datetime.timedelta(1, 2), None], pyarrow.duration("us")), "bigint", [86402000000, None]),
    "category": (pyarrow.array(["a", None, "ü"]).dictionary_encode(), "string", SAME),
    "category of numbers": (pyarrow.array([1, None]).dictionary_encode(), "bigint", SAME),
    "nanoseconds": (BEFORE_1970.cast(pyarrow.timestamp("ns")), "timestamp", CUT),
    "nanoseconds in UTC": (BEFORE_1970.cast(pyarrow.timestamp("ns", "UTC")), "timestamp", CUT),
    "date64": (pyarrow.array([datetime.date(2020, 1, 1), None], pyarrow.date64()), "date", SAME),
    "all NULL": (pyarrow.nulls(2), "string", SAME),
    "empty lists": (pyarrow.array([[], None, [None]], pyarrow.list_(pyarrow.null())), "array<string>", SAME),
    "fixed binary": (pyarrow.array([b"ab", None], pyarrow.binary(2)), "binary", SAME),
    "50 digits": (
        pyarrow.array([Decimal("-" + "9" * 48 + ".25")], pyarrow.decimal256(50, 2)), "string", ["-" + "9" * 48 + ".25"],
    ),
    "uuid": (pyarrow.array([uuid.UUID(int=7).bytes, None], pyarrow.uuid()), "string", [str(uuid.UUID(int=7)), None]),
    "list of unsigned": (pyarrow.array([[2**32 - 1], None], pyarrow.list_(pyarrow.uint32())), "array<bigint>", SAME),
    "struct of categories": (
        pyarrow.StructArray.from_arrays([pyarrow.array(["x", None]).dictionary_encode()], ["Street Name"]),
        "struct<`Street Name`:string>", SAME,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TYPES)
def test_types_that_not_every_engine_has_come_out_as_the_nearest(warehouse: Warehouse, folder: Path, case: str) -> None:
    array, expected_type, expected = TYPES[case]
    write("in/a.parquet", id=range(len(array)), value=array)
    rows = read(warehouse)
    values = [
        value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value
        for value in [row["value"] for row in rows]
    ]
    assert [bytes(value) if isinstance(value, bytearray) else value for value in values] == (
        expected or array.to_pylist()
    )
    assert dict(warehouse.columns(SOURCE))["value"].replace("_ntz", "") == expected_type
    assert source_of().is_copied
    # A footer says of categories of numbers, and of dates in milliseconds, what comes out already.
    told = changed_types(source_of().footers)
    assert [each.split(" comes out as ")[0] for each in told] == [
        f"`value`: {str(array.type).replace('item', 'element')}"
    ] * (case not in {"category of numbers", "date64"})


def test_pandas_defaults_are_read(warehouse: Warehouse, folder: Path) -> None:
    frame = pandas.DataFrame({"id": [1, 2], "at": pandas.to_datetime(["2024-01-01 10:00", None]), "kind": ["a", None]})
    frame["kind"] = frame["kind"].astype("category")
    frame["at"] = frame["at"].astype("datetime64[ns]")
    frame.to_parquet("in/a.parquet")
    rows = read(warehouse)
    assert [(row["at"], row["kind"]) for row in rows] == [(datetime.datetime(2024, 1, 1, 10), "a"), (None, None)]


def test_what_every_engine_has_is_read_in_place(warehouse: Warehouse, folder: Path) -> None:
    struct = {"Street Name": "x", "no$": 1, "Größe": [datetime.date(2020, 1, 1)], "a.b": 5}
    columns = {
        "id": [1, 2],
        "struct": [struct, None],
        "list": [[], [{"A": Decimal("1.50")}]],
        "map": pyarrow.array([[("k", 1.5)], None], pyarrow.map_(pyarrow.string(), pyarrow.float64())),
        "at": pyarrow.array([1, None], pyarrow.timestamp("us", "Europe/Prague")),
        "large": pyarrow.array(["x", None], pyarrow.large_string()),
    }
    for name in ("a.parquet", "b.parquet"):
        write(f"in/{name}", **columns)
    rows = read(warehouse)
    assert not source_of().is_copied
    assert changed_types(source_of().footers) == []
    assert str(folder / "in") in warehouse.definition(SOURCE).sql  # type: ignore[union-attr]
    assert rows[0]["struct"] == struct
    assert [row["list"] for row in rows] == [[], [], [{"A": Decimal("1.50")}], [{"A": Decimal("1.50")}]]


def test_columns_are_those_of_all_files(warehouse: Warehouse, folder: Path) -> None:
    write("in/a.parquet", id=[1], note=pyarrow.nulls(1), tags=[[]])
    for number in range(2, 20):
        write(f"in/b{number:02}.parquet", id=pyarrow.array([number], pyarrow.int32()), note=["x"])
    write("in/c.parquet", late=[Decimal("1.5055")], tags=[["t"]], id=pyarrow.array([20], pyarrow.int16()))
    rows = sorted(read(warehouse), key=lambda row: row["id"])
    assert [row["id"] for row in rows] == list(range(1, 21))
    assert rows[0] == {"id": 1, "note": None, "tags": [], "late": None}
    assert rows[-1] == {"id": 20, "note": None, "tags": ["t"], "late": Decimal("1.5055")}
    assert warehouse.columns(SOURCE)[0] == ("id", "bigint")


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (
            [1.5055],
            [1],
            "in/b.parquet: column `v`: expected double, as in `in/a.parquet`, given int64; write the files",
        ),
        (
            [Decimal("1.5055")],
            [Decimal("1.51")],
            "expected decimal128(5, 4), as in `in/a.parquet`, given decimal128(3, 2)",
        ),
        (["1"], [1], "expected string, as in `in/a.parquet`, given int64"),
        ([{"a": 1}], [{"a": "x"}], "expected struct<a: int64>, as in `in/a.parquet`, given struct<a: string>"),
    ],
)
def test_types_that_differ_are_an_error_with_the_file(
    warehouse: Warehouse, folder: Path, one: list[Any], other: list[Any], message: str
) -> None:
    write("in/a.parquet", v=one)
    write("in/b.parquet", v=other)
    assert message in refusal(warehouse)


def test_folders_hold_columns_and_their_null_is_null(warehouse: Warehouse, folder: Path) -> None:
    write("in/dt=2024-01-31/code=007/a.parquet", id=[1])
    write("in/dt=__HIVE_DEFAULT_PARTITION__/code=7/a.parquet", id=[2])
    write("in/dt=2024-02-01/code=a%3Db%20%C3%BC/a.parquet", id=[3])
    first, second, third = read(warehouse)
    assert first == {"id": 1, "dt": datetime.date(2024, 1, 31), "code": "007"}
    assert second == {"id": 2, "dt": None, "code": "7"}
    assert third["code"] == "a=b ü"
    assert [row["dt"] for row in read(warehouse, columns=[("dt", "string")])] == ["2024-01-31", None, "2024-02-01"]
    assert "column `code`: `a=b ü` is not of type" in refusal(warehouse, columns=[("code", "int")])


def test_plain_folders_endings_in_capitals_and_patterns_are_read(warehouse: Warehouse, folder: Path) -> None:
    write("in/2024/01/a.PARQUET", id=[1])
    write("in/2024/b.snappy.parquet", id=[2])
    write("in/c.parq", id=[3])
    assert [row["id"] for row in read(warehouse)] == [1, 2, 3]
    assert [row["id"] for row in read(warehouse, pathGlobFilter="*.parq*")] == [2, 3]
    assert [row["id"] for row in read(warehouse, "in/2024/01/a.PARQUET")] == [1]


def test_files_without_rows_keep_their_columns(warehouse: Warehouse, folder: Path) -> None:
    write("in/a.parquet", id=pyarrow.array([], pyarrow.uint32()))
    assert read(warehouse) == []
    assert warehouse.columns(SOURCE) == [("id", "bigint")]


def test_old_timestamps_of_96_bits_keep_their_value(warehouse: Warehouse, folder: Path) -> None:
    at = datetime.datetime(1500, 1, 2, 3, 4, 5, 6)
    table = pyarrow.table({"id": [1], "at": pyarrow.array([at], pyarrow.timestamp("us"))})
    pyarrow.parquet.write_table(table, "in/a.parquet", use_deprecated_int96_timestamps=True)
    for extra in ({}, {"extra": pyarrow.nulls(1)}):
        table = pyarrow.table({"id": [1], "at": pyarrow.array([at], pyarrow.timestamp("us")), **extra})
        pyarrow.parquet.write_table(table, "in/a.parquet", use_deprecated_int96_timestamps=True)
        assert [row["at"].replace(tzinfo=None) for row in read(warehouse)] == [at]


def test_files_that_are_not_read_are_named(warehouse: Warehouse, folder: Path) -> None:
    assert refusal(warehouse) == "in: expected Parquet files in the folder, found none"
    write("in/a.parquet", id=[1])
    Path("in/b.parquet").write_bytes(b"")
    assert refusal(warehouse) == (
        "in/b.parquet: expected a Parquet file, given an empty file. Remove the file, or write it anew"
    )
    Path("in/b.parquet").write_bytes(Path("in/a.parquet").read_bytes()[:-20])
    assert refusal(warehouse).startswith("in/b.parquet: expected a Parquet file, given ")
    Path("in/b.parquet").rename("in/_b.parquet")
    assert refusal(warehouse).startswith("in/_b.parquet: a name that begins with `_` says that the file is not data")


def test_columns_of_one_name_or_none_are_named(warehouse: Warehouse, folder: Path) -> None:
    twice = pyarrow.table([pyarrow.array([1]), pyarrow.array([2])], names=["amount", "amount"])
    pyarrow.parquet.write_table(twice, "in/a.parquet")
    assert refusal(warehouse).startswith("in/a.parquet: more than one column is called `amount`, in any case")
    write("in/a.parquet", id=[1], **{"": [2]})
    assert refusal(warehouse) == "in/a.parquet: column 2 has no name; give it one"
    Path("in/a.parquet").unlink()
    write("in/ID=1/a.parquet", id=[1])
    assert refusal(warehouse).startswith("in/ID=1/a.parquet: more than one column is called `id`")


def test_options_of_parquet_are_honoured_or_refused(warehouse: Warehouse, folder: Path) -> None:
    write("in/a.parquet", id=[1])
    assert read(warehouse, mergeSchema=True) == [{"id": 1}]
    assert "option `mergeSchema`: expected true, the only way" in refusal(warehouse, mergeSchema=False)
    assert "option `pathGlobFiler` is unknown. Did you mean `pathGlobFilter`?" in refusal(warehouse, pathGlobFiler="x")


def test_a_second_run_writes_no_second_copy(warehouse: Warehouse, folder: Path) -> None:
    write("in/a.parquet", id=pyarrow.array([1], pyarrow.uint8()))
    read(warehouse)
    copy = Path(warehouse.definition(SOURCE).location)  # type: ignore[union-attr]
    before = copy.stat().st_mtime_ns
    read(warehouse)
    assert copy.stat().st_mtime_ns == before
    write("in/a.parquet", id=pyarrow.array([1, 2], pyarrow.uint8()))
    assert [row["id"] for row in read(warehouse)] == [1, 2]
