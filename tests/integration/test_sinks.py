"""Every sink in every mode, on the real engine and real files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from pyspark.sql import DataFrame, SparkSession

from feature_platform_py.core.errors import DataCheckError, EngineError, SinkError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.sinks import delta_table, sinks_by_type
from feature_platform_py.sinks.display import Display
from feature_platform_py.sinks.results import SessionResult
from feature_platform_py.sinks.sink import Sink, SinkResult
from feature_platform_py.warehouse.session import open_session

KINDS = ("delta_table", "parquet_files")
ROWS = "select id, cast(id * 1.5 as decimal(10, 2)) as amount, concat('g', id % 2) as kind from range({start}, {end})"


@pytest.fixture(scope="module")
def opened(module_project: Path) -> Project:
    return open_project(module_project)


@pytest.fixture(scope="module")
def session(opened: Project) -> SparkSession:
    return open_session(opened.target.engine, opened.target.warehouse)


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    return f"output/{request.node.name}".replace("[", "_").replace("]", "")


def _sink(kind: str, path: str, mode: str, **settings: Any) -> Sink:
    return sinks_by_type()[kind](path=path, mode=mode, **settings)


def write_result(result: DataFrame, sink: Sink, project: Project, **rows: int) -> SinkResult:
    expected_rows = rows["expected_rows"] if rows else result.count()
    return sink.write(SessionResult(frame=result, project=project, expected_rows=expected_rows))


def check_sink(sink: Sink, project: Project) -> None:
    sink.check(project, None)


def _rows(session: SparkSession, start: int, end: int) -> DataFrame:
    return session.sql(ROWS.format(start=start, end=end))


def _ids(session: SparkSession, kind: str, path: str, project: Project) -> list[int]:
    frame = session.read.format(kind.split("_")[0]).load(str(project.root / path))
    return sorted(row.id for row in frame.select("id").collect())


@pytest.mark.parametrize("kind", KINDS)
def test_overwrite_replaces_and_append_adds(session: SparkSession, opened: Project, path: str, kind: str) -> None:
    def write(mode: str, start: int, end: int) -> SinkResult:
        return write_result(_rows(session, start, end), _sink(kind, path, mode), opened)

    assert write("overwrite", 0, 3).rows == 3
    assert write("append", 3, 5).rows == 5
    assert _ids(session, kind, path, opened) == [0, 1, 2, 3, 4]
    assert write("overwrite", 7, 9).rows == 2
    assert _ids(session, kind, path, opened) == [7, 8]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_equal_values_reads_back_as_it_was_written(
    session: SparkSession, opened: Project, path: str, kind: str
) -> None:
    exact = "725340.9488961539"
    write_result(
        session.sql(f"select cast('{exact}' as decimal(38, 10)) as amount"),
        _sink(kind, path, "overwrite"),
        opened,
    )
    frame = session.read.format(kind.split("_")[0]).load(str(opened.root / path))
    assert [str(row.amount) for row in frame.collect()] == [exact]


@pytest.mark.parametrize("kind", KINDS)
def test_ignore_leaves_what_is_there(session: SparkSession, opened: Project, path: str, kind: str) -> None:
    sink = _sink(kind, path, "ignore")
    assert write_result(_rows(session, 0, 2), sink, opened).is_written
    second = write_result(_rows(session, 5, 9), sink, opened)
    assert (second.is_written, second.rows) == (False, 2)
    assert _ids(session, kind, path, opened) == [0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_error_refuses_before_anything_runs(session: SparkSession, opened: Project, path: str, kind: str) -> None:
    sink = _sink(kind, path, "error")
    check_sink(sink, opened)
    write_result(_rows(session, 0, 2), sink, opened)
    with pytest.raises(SinkError, match="holds data already and the mode is `error`"):
        check_sink(sink, opened)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_a_failing_query_leaves_what_was_there(
    session: SparkSession, opened: Project, path: str, kind: str, mode: str
) -> None:
    write_result(_rows(session, 0, 2), _sink(kind, path, "overwrite"), opened)
    broken = session.sql(
        "select id, cast(if(id = 99999, raise_error('boom'), 1) as decimal(10, 2)) as amount, 'g' as kind"
        " from range(100000)"
    )
    with pytest.raises(SinkError, match="is as it was before"):
        write_result(broken, _sink(kind, path, mode), opened, expected_rows=100000)
    assert _ids(session, kind, path, opened) == [0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_appending_other_columns_is_refused(session: SparkSession, opened: Project, path: str, kind: str) -> None:
    write_result(_rows(session, 0, 2), _sink(kind, path, "overwrite"), opened)
    other = session.sql("select id, 'text' as amount, 'more' as extra from range(2)")
    with pytest.raises(SinkError) as raised:
        write_result(other, _sink(kind, path, "append"), opened)
    assert "`amount` is decimal(10,2) there, string here" in str(raised.value)
    assert "`extra` is absent there, string here" in str(raised.value)
    assert "`kind` is string there, absent here" in str(raised.value)
    assert _ids(session, kind, path, opened) == [0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_partitions_and_options_are_used(session: SparkSession, opened: Project, path: str, kind: str) -> None:
    options: Mapping[str, str] = {"compression": "zstd"} if kind == "parquet_files" else {}
    sink = _sink(kind, path, "overwrite", partition_by=("kind",), options=options)
    write_result(_rows(session, 0, 4), sink, opened)
    folders = {folder.name for folder in (opened.root / path).iterdir() if folder.name.startswith("kind=")}
    assert folders == {"kind=g0", "kind=g1"}
    if options:
        file = next((opened.root / path).rglob("*.parquet"))
        assert pyarrow.parquet.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd"])
@pytest.mark.parametrize("partition_by", [(), ("kind",)])
def test_every_compression_is_used(
    session: SparkSession, opened: Project, tmp_path: Path, codec: str, partition_by: tuple[str, ...]
) -> None:
    options = {"compression": codec}
    sink = _sink("parquet_files", str(tmp_path / "out"), "overwrite", partition_by=partition_by, options=options)
    write_result(_rows(session, 0, 2), sink, opened)
    for file in (tmp_path / "out").rglob("*.parquet"):
        used = pyarrow.parquet.ParquetFile(file).metadata.row_group(0).column(0).compression
        assert used == {"none": "UNCOMPRESSED"}.get(codec, codec.upper())


def test_properties_are_set_when_a_table_is_made_and_not_ignored_later(
    session: SparkSession, opened: Project, tmp_path: Path
) -> None:
    options = {"delta.checkpointInterval": "5", "userMetadata": "nightly"}
    sink = _sink("delta_table", str(tmp_path / "out"), "overwrite", options=options)
    for _ in range(2):
        check_sink(sink, opened)
        write_result(_rows(session, 0, 2), sink, opened)
    commits = [path.read_text() for path in sorted((tmp_path / "out" / "_delta_log").glob("*.json"))]
    assert '"delta.checkpointInterval":"5"' in commits[0]
    assert ['"userMetadata":"nightly"' in commit for commit in commits] == [True, True]
    for mode in ("overwrite", "append"):
        other = _sink("delta_table", str(tmp_path / "out"), mode, options={"delta.checkpointInterval": "7"})
        with pytest.raises(
            SinkError, match=r"is there already, and `delta\.checkpointInterval` is 5; properties are set when"
        ):
            check_sink(other, opened)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["cast(7 as bigint)", "date'2020-01-01'", "'1993-02'"])
def test_appending_goes_on_with_partitions(
    session: SparkSession, opened: Project, kind: str, value: str, tmp_path: Path
) -> None:
    rows = session.sql(f"select id, {value} as part from range(2)")
    for expected, mode in ((2, "overwrite"), (4, "append"), (6, "append")):
        sink = _sink(kind, str(tmp_path / "out"), mode, partition_by=["part"])
        assert write_result(rows, sink, opened).rows == expected


def test_rows_that_cannot_be_counted_are_not_said_to_be_missing(
    session: SparkSession, opened: Project, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> int:
        raise ConnectionError("gone")

    monkeypatch.setattr(delta_table._SessionTable, "count", gone)
    with pytest.raises(EngineError, match="was written, its rows could not be counted: gone"):
        write_result(_rows(session, 0, 2), _sink("delta_table", path, "append"), opened)
    assert _ids(session, "delta_table", path, opened) == [0, 1]


def test_a_table_name_is_a_table_of_the_warehouse(session: SparkSession, opened: Project) -> None:
    write_result(_rows(session, 0, 2), _sink("delta_table", "results.scores", "overwrite"), opened)
    assert (opened.target.warehouse / "results" / "scores" / "_delta_log").is_dir()


def test_a_table_name_with_a_catalog_is_refused(opened: Project) -> None:
    with pytest.raises(SinkError, match=r"expected `schema\.table`, given `jupiter\.mm\.scores`"):
        check_sink(_sink("delta_table", "jupiter.mm.scores", "overwrite"), opened)


def test_a_file_in_the_place_of_the_folder_is_refused(opened: Project) -> None:
    (opened.root / "taken").write_text("")
    with pytest.raises(SinkError, match="expected a folder, `taken` is a file"):
        check_sink(_sink("parquet_files", "taken", "overwrite"), opened)


def test_display_shows_the_first_rows_in_a_fixed_order(session: SparkSession, opened: Project) -> None:
    sink = Display(num_rows=3)
    shuffled = session.sql("select id from range(10) order by hash(id)")
    result = write_result(shuffled, sink, opened)
    assert (result.rows, result.columns, result.preview) == (10, ("id",), ((0,), (1,), (2,)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_a_result_with_other_than_the_expected_rows_is_not_written(
    session: SparkSession, opened: Project, path: str, kind: str, mode: str
) -> None:
    write_result(_rows(session, 0, 2), _sink(kind, path, "overwrite"), opened)
    with pytest.raises(DataCheckError, match="the result has 3 rows for 2 source rows"):
        write_result(_rows(session, 2, 5), _sink(kind, path, mode), opened, expected_rows=2)
    assert _ids(session, kind, path, opened) == [0, 1]


def test_nan_among_equal_values_of_a_parquet_file_stays_nan(session: SparkSession, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"amount": [1.0, float("nan")]}), tmp_path / "nan.parquet")
    rows = session.read.parquet(str(tmp_path / "nan.parquet")).collect()
    assert sorted(str(row.amount) for row in rows) == ["1.0", "nan"]
