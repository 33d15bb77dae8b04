"""Copies of text files: one for each state, whole or not at all; and where blocks end does not matter."""

from __future__ import annotations

import csv
import io
import os
import threading
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.files import text, write
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.external_sources import external_source, source_copy, text_rows
from feature_platform_py.warehouse.session import open_warehouse, reading_only
from tests.files.cases import CASES
from tests.files.test_files import plain

SMALL = {name: case for name, case in CASES.items() if sum(map(len, case.files.values())) < 10_000}
ROWS = "a,b\n1,x\n2,y\n"


def rows_of(copy: Path) -> list[tuple[Any, ...]]:
    return [tuple(map(plain, row.values())) for row in pq.read_table(copy).to_pylist()]


@pytest.mark.parametrize("name", SMALL)
def test_where_blocks_end_does_not_matter(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "CHUNK_BYTES", 3)
    case = SMALL[name]
    copy = source_copy(case.source(tmp_path / "files"), tmp_path / "copies")
    expected = [tuple(map(plain, row)) for row in case.rows]
    assert sorted(rows_of(copy), key=repr) == sorted(expected, key=repr)


_TEXT = st.text(st.sampled_from("ab,;\"'|\\ \t\r\n#é😀0\x1f"), max_size=6)


@settings(max_examples=int(os.environ.get("FP_FILE_EXAMPLES", "60")), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    rows=st.lists(st.lists(_TEXT, min_size=2, max_size=2), min_size=1, max_size=8),
    sep=st.sampled_from(",;|\t"),
    quote=st.sampled_from("\"'"),
    all_quoted=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    chunk=st.sampled_from([1, 2, 3, 7, 1000]),
)
def test_what_pythons_csv_module_writes_is_read_back(
    rows: list[list[str]], sep: str, quote: str, all_quoted: bool, line_end: str, chunk: int, tmp_path: Path
) -> None:
    written = io.StringIO(newline="")
    # Python 3.11 leaves a line break of another kind than its own without quotes.
    has_breaks = any(set(value) & set("\r\n") for row in rows for value in row)
    quoting = csv.QUOTE_ALL if all_quoted or has_breaks else csv.QUOTE_MINIMAL
    writer = csv.writer(written, delimiter=sep, quotechar=quote, quoting=quoting, lineterminator=line_end)
    writer.writerows([["x", "y"], *rows])
    (tmp_path / "a.csv").write_text(written.getvalue(), newline="", encoding="utf-8")
    options = {"header": True, "sep": sep, "quote": quote, "inferSchema": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "CHUNK_BYTES", chunk)
        found = rows_of(write_copy(tmp_path, options))
    assert found == [tuple(value or None for value in row) for row in rows]


def write_copy(folder: Path, options: dict[str, object]) -> Path:
    write.write_rows(
        text_rows(external_source("a.csv", "csv", options=options, folder=folder)), folder / "copy.parquet"
    )
    return folder / "copy.parquet"


def source(folder: Path, content: str = ROWS, **options: object) -> Any:
    (folder / "a.csv").write_text(content)
    return external_source("a.csv", "csv", options={"header": True, **options}, folder=folder)


def test_a_copy_is_made_once_for_each_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = write.write_rows
    monkeypatch.setattr(write, "write_rows", lambda rows, file: (made.append(file), real(rows, file)))
    first = source_copy(source(tmp_path), tmp_path / "copies")
    os.utime(tmp_path / "a.csv", ns=(1, 1))
    second = source_copy(source_at(tmp_path), tmp_path / "copies")
    assert source_copy(source_at(tmp_path), tmp_path / "copies") == second
    assert (first != second, len(made)) == (True, 2)
    assert source_copy(external_source("a.csv", "csv", folder=tmp_path), tmp_path / "copies") != second


def source_at(folder: Path) -> Any:
    return external_source("a.csv", "csv", options={"header": True}, folder=folder)


def test_the_copy_of_the_state_before_stays_and_older_ones_go(tmp_path: Path) -> None:
    copies = [source_copy(source(tmp_path, ROWS + "3,z\n" * number), tmp_path / "copies") for number in range(4)]
    assert [copy.exists() for copy in copies] == [False, False, True, True]
    assert len(list((tmp_path / "copies").glob("*/*"))) == 2


def test_files_that_change_while_they_are_read_give_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = write.write_rows

    def changing(rows: Any, file: Path) -> None:
        real(rows, file)
        (tmp_path / "a.csv").write_text(ROWS + "3,z\n")

    monkeypatch.setattr(write, "write_rows", changing)
    with pytest.raises(DataCheckError, match="the files changed while they were read; run the command again"):
        source_copy(source(tmp_path), tmp_path / "copies")
    assert not list((tmp_path / "copies").glob("*/*"))


def test_several_may_make_the_same_copy_at_once(tmp_path: Path) -> None:
    found, one = [], source(tmp_path)
    threads = [threading.Thread(target=lambda: found.append(source_copy(one, tmp_path / "copies"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert rows_of(found[0]) == [(1, "x"), (2, "y")]


def test_a_source_whose_copy_is_gone_is_never_an_empty_table(tmp_path: Path) -> None:
    name = TableName("sources", "gone")
    warehouse = open_warehouse("sail", tmp_path / "warehouse")
    warehouse.register_source(name, source(tmp_path))
    copies = list((tmp_path / "warehouse" / ".sources").glob("*/*/rows.parquet"))
    assert len(copies) == 1
    copies[0].unlink()
    with reading_only("sail", tmp_path / "warehouse"):
        assert open_warehouse("sail", tmp_path / "warehouse").columns(name) == []
    warehouse.register_source(name, source_at(tmp_path))
    assert warehouse.spark.table(str(name)).count() == 2


def test_reading_only_leaves_no_copy_in_the_warehouse(tmp_path: Path) -> None:
    open_warehouse("sail", tmp_path / "warehouse")
    with reading_only("sail", tmp_path / "warehouse"):
        warehouse = open_warehouse("sail", tmp_path / "warehouse")
        warehouse.register_source(TableName("sources", "a"), source(tmp_path))
        assert warehouse.spark.table("sources.a").count() == 2
    assert not (tmp_path / "warehouse" / ".sources").exists()
