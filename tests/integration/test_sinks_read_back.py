"""What a sink has written, every well-known reader reads back: each type, NULL, extremes, and folders of partitions."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import pandas
import polars
import pyarrow
import pyarrow.dataset as ds
import pyarrow.parquet
import pytest
from pyspark.sql import SparkSession

from feature_platform_py.core.errors import DataCheckError, SinkError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.sinks.delta_table import DeltaTable
from feature_platform_py.sinks.parquet_files import ParquetFiles
from feature_platform_py.sinks.results import SessionResult
from feature_platform_py.warehouse.session import open_session

# `FP_SINK_ENGINES=sail,spark` runs them on JVM Spark as well.
ENGINES = os.environ.get("FP_SINK_ENGINES", "sail").split(",")
KINDS: Mapping[str, type[DeltaTable | ParquetFiles]] = {"delta_table": DeltaTable, "parquet_files": ParquetFiles}
Rows = list[tuple[Any, ...]]

UTC = datetime.UTC
TEXTS = [
    *(
        "a=b",
        "50%",
        "%41",
        "a/b",
        "a:b",
        "ü ö",
        "a b",
        " ",
        'it\'s "q"',
        "a\\b",
        "a\nb",
        "😀",
        "e\u0301",
        "a+b",
        "a&b;c",
    ),
    *("007", "1e5", ".", "..", "null", "NaN", "true", "2024-01-01", "a?b#c*[x]{y}", "a^b`~|<>$!@()", "x" * 200),
]
PARTITIONS: Mapping[str, tuple[pyarrow.DataType, list[Any]]] = {
    "string": (pyarrow.string(), TEXTS),
    "boolean": (pyarrow.bool_(), [True, False]),
    "tinyint": (pyarrow.int8(), [-128, 0, 127]),
    "smallint": (pyarrow.int16(), [-(2**15), 0]),
    "int": (pyarrow.int32(), [-(2**31), 0, 2**31 - 1]),
    "bigint": (pyarrow.int64(), [-(2**63), -1, 0, 2**63 - 1]),
    "date": (pyarrow.date32(), [datetime.date(1, 1, 1), datetime.date(1970, 1, 1), datetime.date(9999, 12, 31)]),
}
DELTA_PARTITIONS = {
    **PARTITIONS,
    "decimal(38,0)": (pyarrow.decimal128(38, 0), [Decimal(-3), Decimal(0), Decimal("-" + "9" * 38)]),
    "timestamp": (
        pyarrow.timestamp("us", "UTC"),
        [
            datetime.datetime(1500, 1, 2, 3, 4, 5, tzinfo=UTC),
            datetime.datetime(2024, 1, 2, 3, 4, 5, 123456, tzinfo=UTC),
        ],
    ),
}
_STRUCT = pyarrow.struct([("Street", pyarrow.string()), ("No", pyarrow.decimal128(38, 2))])
TYPES: Mapping[str, tuple[pyarrow.DataType, list[Any]]] = {
    **PARTITIONS,
    "empty text": (pyarrow.string(), ["", " "]),
    "all NULL": (pyarrow.string(), [None]),
    "float": (pyarrow.float32(), [float("-inf"), 0.5, 1.401298464324817e-45]),
    "double": (pyarrow.float64(), [float("nan"), -1.7976931348623157e308, 5e-324, -0.0, 0.1]),
    "decimal(38,0)": (pyarrow.decimal128(38, 0), [Decimal("-" + "9" * 38)]),
    "decimal(12,2)": (pyarrow.decimal128(12, 2), [Decimal("-0.01"), Decimal("9999999999.99")]),
    "decimal(38,10)": (pyarrow.decimal128(38, 10), [Decimal("-" + "9" * 28 + ".0000000001")]),
    "decimal(38,38)": (pyarrow.decimal128(38, 38), [Decimal("-0." + "9" * 38)]),
    "binary": (pyarrow.binary(), [b"", b"\x00\xff\x80"]),
    "timestamp": (
        pyarrow.timestamp("us", "UTC"),
        [
            datetime.datetime(1, 1, 2, tzinfo=UTC),
            datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        ],
    ),
    "timestamp_ntz": (pyarrow.timestamp("us"), [datetime.datetime(1500, 1, 2, 3, 4, 5, 1)]),
    "array": (pyarrow.list_(pyarrow.int32()), [[], [1, None, -3]]),
    "struct": (_STRUCT, [{"Street": "a", "No": Decimal("-1.50")}, {"Street": None, "No": None}]),
    "array of structs": (pyarrow.list_(_STRUCT), [[], [{"Street": "%=", "No": Decimal("0.01")}]]),
}


@pytest.fixture(scope="module")
def opened(module_project: Path) -> Project:
    return open_project(module_project)


@pytest.fixture(scope="module", params=ENGINES)
def session(request: pytest.FixtureRequest, opened: Project) -> SparkSession:
    return open_session(request.param, opened.target.warehouse)


def write(
    session: SparkSession,
    project: Project,
    rows: pyarrow.Table,
    kind: str,
    folder: Path,
    *,
    mode: str = "overwrite",
    **settings: Any,
) -> int:
    sink = KINDS[kind](path=str(folder), mode=mode, **settings)
    pyarrow.parquet.write_table(rows, folder.with_suffix(".rows"))
    frame = session.read.parquet(str(folder.with_suffix(".rows")))
    return sink.write(SessionResult(frame=frame, project=project, expected_rows=rows.num_rows)).rows


def table_of(dtype: pyarrow.DataType, values: Sequence[Any], name: str = "part") -> pyarrow.Table:
    every = [*values, None]
    return pyarrow.table({"id": pyarrow.array(range(len(every)), pyarrow.int64()), name: pyarrow.array(every, dtype)})


def pairs(table: pyarrow.Table, name: str = "part") -> Rows:
    return sorted((row["id"], row[name]) for row in table.to_pylist())


def in_python(value: Any) -> Any:
    """The value as Python has it, whatever the reader's own classes are; text that shows NaN, -0.0 and digits."""
    if isinstance(value, datetime.datetime):
        value = value.replace(tzinfo=None)
    if isinstance(value, dict):
        return {key: in_python(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [in_python(inner) for inner in value]
    return repr(bytes(value) if isinstance(value, bytearray) else value)


def same(found: Rows, expected: Rows) -> None:
    assert [in_python(list(row)) for row in found] == [in_python(list(row)) for row in expected]


def duckdb_type(dtype: pyarrow.DataType) -> str:
    empty = pyarrow.table({"part": pyarrow.array([], dtype)})
    return str(duckdb.from_arrow(empty).types[0])


def by_duckdb(folder: Path, dtype: pyarrow.DataType, name: str = "part") -> Rows:
    types = f"hive_types = {{'{name}': '{duckdb_type(dtype)}'}}"
    query = f"select id, \"{name}\" from read_parquet('{folder}/**/*.parquet', hive_partitioning = true, {types}) order by id"
    return duckdb.sql(query).fetchall()


def by_polars(folder: Path, dtype: pyarrow.DataType, name: str = "part") -> Rows:
    found = polars.from_arrow(pyarrow.array([], dtype)).dtype  # type: ignore[union-attr]
    frame = polars.read_parquet(folder, hive_partitioning=True, hive_schema={name: found})
    return frame.select("id", name).sort("id").rows()


def by_pyarrow(folder: Path, dtype: pyarrow.DataType, name: str = "part") -> Rows:
    typed = ds.partitioning(pyarrow.schema([(name, dtype)]), flavor="hive")
    return pairs(ds.dataset(folder, format="parquet", partitioning=typed).to_table(), name)


def by_pandas(folder: Path, dtype: pyarrow.DataType, name: str = "part") -> Rows:
    typed = ds.partitioning(pyarrow.schema([(name, dtype)]), flavor="hive")
    frame = pandas.read_parquet(folder, partitioning=typed, dtype_backend="pyarrow")
    return pairs(pyarrow.Table.from_pandas(frame[["id", name]]), name)


READERS: tuple[Callable[[Path, pyarrow.DataType, str], Rows], ...] = (by_duckdb, by_polars, by_pyarrow, by_pandas)


@pytest.mark.parametrize("dtype", PARTITIONS)
def test_folders_of_parquet_give_their_values_back(
    session: SparkSession, opened: Project, tmp_path: Path, dtype: str
) -> None:
    arrow_type, values = PARTITIONS[dtype]
    rows = table_of(arrow_type, values)
    assert write(session, opened, rows, "parquet_files", tmp_path / "out", partition_by=["part"]) == rows.num_rows
    assert (tmp_path / "out" / "part=__HIVE_DEFAULT_PARTITION__").is_dir()
    for read in READERS:
        same(read(tmp_path / "out", arrow_type, "part"), pairs(rows))


@pytest.mark.parametrize("name", ["ä ö", "a.b", "Big", "it-s", "a+b", "$x", "漢字"])
def test_names_of_partition_columns_are_kept(session: SparkSession, opened: Project, tmp_path: Path, name: str) -> None:
    rows = table_of(pyarrow.string(), ["x=%", "ü"], name)
    write(session, opened, rows, "parquet_files", tmp_path / "out", partition_by=[name])
    for read in READERS:
        same(read(tmp_path / "out", pyarrow.string(), name), pairs(rows, name))


@pytest.mark.parametrize("dtype", DELTA_PARTITIONS)
def test_partitions_of_delta_give_their_values_back(
    session: SparkSession, opened: Project, tmp_path: Path, dtype: str
) -> None:
    arrow_type, values = DELTA_PARTITIONS[dtype]
    rows = table_of(arrow_type, values)
    assert write(session, opened, rows, "delta_table", tmp_path / "out", partition_by=["part"]) == rows.num_rows
    same(pairs(pyarrow.table(deltalake.DeltaTable(tmp_path / "out").to_pyarrow_table())), pairs(rows))
    same(polars.read_delta(str(tmp_path / "out")).select("id", "part").sort("id").rows(), pairs(rows))
    same(sorted(map(tuple, session.read.format("delta").load(str(tmp_path / "out")).collect())), pairs(rows))


@pytest.mark.parametrize("kind", ["parquet_files", "delta_table"])
def test_every_type_reads_back(session: SparkSession, opened: Project, tmp_path: Path, kind: str) -> None:
    most = max(len(values) for _, values in TYPES.values()) + 1
    columns = {
        name: pyarrow.array([*values, *[None] * (most - len(values))], dtype) for name, (dtype, values) in TYPES.items()
    }
    columns = {name.translate({ord(each): "_" for each in " (),"}): column for name, column in columns.items()}
    rows = pyarrow.table({"id": pyarrow.array(range(most), pyarrow.int64()), **columns})
    folder = tmp_path / "out"
    write(session, opened, rows, kind, folder)
    expected = [tuple(row.values()) for row in rows.to_pylist()]
    if kind == "delta_table":
        found = pyarrow.table(deltalake.DeltaTable(folder).to_pyarrow_table()).sort_by("id")
        same(polars.read_delta(str(folder)).sort("id").rows(), expected)
    else:
        found = ds.dataset(folder).to_table().sort_by("id")
        same(polars.read_parquet(folder).sort("id").rows(), expected)
    same([tuple(row.values()) for row in found.to_pylist()], expected)
    assert [str(field.type).replace("element", "item") for field in found.schema] == [
        str(field.type).replace("element", "item") for field in rows.schema
    ]
    in_duckdb = duckdb.sql(f"select * from read_parquet('{folder}/*.parquet') order by id")
    same(in_duckdb.fetchall(), expected)
    assert (
        dict(zip(in_duckdb.columns, map(str, in_duckdb.types), strict=True))["timestamp"] == "TIMESTAMP WITH TIME ZONE"
    )


def test_any_column_name_reads_back_from_parquet(session: SparkSession, opened: Project, tmp_path: Path) -> None:
    names = ["a=b", "a%b", "a/b", "ä ö", "a:b", "a.b", "A?*[x]{y}", "it's", 'q"q', "漢字", "😀"]
    nested = {"Street Name": "x", "no$": {"Größe=": 1}}
    rows = pyarrow.table({"id": [1], **{name: [name] for name in names}, "nested": [nested]})
    write(session, opened, rows, "parquet_files", tmp_path / "out")
    expected = {"id": 1, **{name: name for name in names}, "nested": nested}
    assert ds.dataset(tmp_path / "out").to_table().to_pylist() == [expected]
    assert polars.read_parquet(tmp_path / "out").to_dicts() == [expected]
    assert duckdb.sql(f"select * from '{tmp_path}/out/*.parquet'").fetchall() == [tuple(expected.values())]


def test_nested_names_of_delta_are_kept(session: SparkSession, opened: Project, tmp_path: Path) -> None:
    nested = {"Street Name": "x", "no$": [{"a,b": 1}]}
    rows = pyarrow.table({"id": [1], "nested": [nested]})
    write(session, opened, rows, "delta_table", tmp_path / "out")
    [row] = session.read.format("delta").load(str(tmp_path / "out")).collect()
    assert row.asDict(recursive=True) == {"id": 1, "nested": nested}


@pytest.mark.parametrize("kind", ["parquet_files", "delta_table"])
@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        (pyarrow.string(), "", r"an empty text in `part`, which would read back as NULL \(1 rows\)"),
        (pyarrow.string(), "__HIVE_DEFAULT_PARTITION__", "`__HIVE_DEFAULT_PARTITION__` in `part`, which means NULL"),
        (pyarrow.date32(), -800_000, "a date outside of the years 1 to 9999 in `part`"),
    ],
)
def test_values_that_no_folder_can_hold_are_refused(
    session: SparkSession, opened: Project, tmp_path: Path, kind: str, dtype: pyarrow.DataType, value: Any, message: str
) -> None:
    good = table_of(dtype, [])
    write(session, opened, good, kind, tmp_path / "out", partition_by=["part"])
    rows = pyarrow.table(
        {"id": [5], "part": pyarrow.array([value], pyarrow.int32() if dtype == pyarrow.date32() else dtype).cast(dtype)}
    )
    with pytest.raises(DataCheckError, match=message):
        write(session, opened, rows, kind, tmp_path / "out", partition_by=["part"])
    assert [row.id for row in session.read.format(kind.split("_")[0]).load(str(tmp_path / "out")).collect()] == [0]


@pytest.mark.parametrize(("text", "longest"), [("x", 250), ("%", 83), ("ü", 41)])
def test_the_longest_values_of_folders_are_written_and_longer_ones_refused(
    session: SparkSession, opened: Project, tmp_path: Path, text: str, longest: int
) -> None:
    for kind in ("parquet_files", "delta_table"):
        rows = table_of(pyarrow.string(), [text * longest])
        write(session, opened, rows, kind, tmp_path / kind, partition_by=["part"])
        with pytest.raises(DataCheckError, match=r"a text too long for the name of a folder in `part` \(1 rows\)"):
            write(
                session,
                opened,
                table_of(pyarrow.string(), [text * (longest + 1)]),
                kind,
                tmp_path / kind,
                partition_by=["part"],
            )
    same(by_pyarrow(tmp_path / "parquet_files", pyarrow.string()), pairs(rows))


@pytest.mark.parametrize("kind", ["parquet_files", "delta_table"])
@pytest.mark.parametrize(
    "dtype",
    [
        "float",
        "double",
        "decimal(10,2)",
        "binary",
        "array<int>",
        "map<string,int>",
        "struct<a:int>",
        "void",
        "interval",
    ],
)
def test_types_that_make_no_folder_are_refused(kind: str, dtype: str) -> None:
    fault = KINDS[kind].partitions.fault("part", dtype)
    assert fault is not None
    assert fault.startswith(f"column `part` is {dtype}; expected a text, an integer, ")


def test_a_type_known_at_last_is_refused_then(session: SparkSession, opened: Project, tmp_path: Path) -> None:
    rows = table_of(pyarrow.float64(), [0.5])
    with pytest.raises(SinkError, match=r"partition_by: column `part` is double; expected a text"):
        write(session, opened, rows, "parquet_files", tmp_path / "out", partition_by=["part"])
    assert ParquetFiles.partitions.fault("part", "timestamp") is not None
    assert ParquetFiles.partitions.fault("part", "decimal(10,0)") is not None


@pytest.mark.parametrize("name", ["a=b", "a%b", "a/b", "a:b", "a'b", 'a"b', "a\\b", "a*", "a#", "_a", ".a"])
def test_names_that_make_no_folder_are_refused(name: str) -> None:
    assert "choose another column" in str(ParquetFiles.partitions.fault(name, "string"))


def test_rows_are_appended_to_a_partitioned_result_without_rows(
    session: SparkSession, opened: Project, tmp_path: Path
) -> None:
    rows = table_of(pyarrow.string(), ["x", "y"])
    assert write(session, opened, rows.slice(0, 0), "parquet_files", tmp_path / "out", partition_by=["part"]) == 0
    assert write(session, opened, rows, "parquet_files", tmp_path / "out", mode="append", partition_by=["part"]) == 3
    for read in READERS:
        same(read(tmp_path / "out", pyarrow.string(), "part"), pairs(rows))


@pytest.mark.parametrize(("before", "after"), [(["part"], []), ([], ["part"]), (["part"], ["other"])])
def test_appending_with_other_partitions_is_refused(
    session: SparkSession, opened: Project, tmp_path: Path, before: list[str], after: list[str]
) -> None:
    rows = pyarrow.table({"id": [1], "part": ["x"], "other": ["y"]})
    write(session, opened, rows, "parquet_files", tmp_path / "out", partition_by=before)
    with pytest.raises(SinkError, match=r"cannot append to `.*`, it is partitioned by"):
        write(session, opened, rows, "parquet_files", tmp_path / "out", mode="append", partition_by=after)


def test_many_partitions_make_a_file_each(session: SparkSession, opened: Project, tmp_path: Path) -> None:
    rows = pyarrow.table({"id": list(range(3000)), "part": [number % 1500 for number in range(3000)]})
    assert write(session, opened, rows, "parquet_files", tmp_path / "out", partition_by=["part"]) == 3000
    if session.catalog.currentCatalog() == "sail":
        assert len(list((tmp_path / "out").rglob("*.parquet"))) == 1500
