"""The warehouse folder as a catalog, on the real engine, without dbt."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyspark.sql.types import StructType

from feature_platform_py.adapter.plugin.statements import execute
from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.sessions.sail_session import open_sail_session
from feature_platform_py.warehouse import session as sessions
from feature_platform_py.warehouse.catalog_file import CatalogFile, RelationDefinition, TableName
from feature_platform_py.warehouse.session import open_session, open_warehouse
from feature_platform_py.warehouse.stored_relations import stored_relations
from feature_platform_py.warehouse.warehouse import Warehouse

TABLE = TableName("features", "spend")
VIEW = TableName("features", "a_view")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return open_warehouse("sail", tmp_path / "warehouse")


# A session that is collected as garbage while Sail runs Python code waits for Sail, which waits for it.
_kept: list[Warehouse] = []


def reopened(warehouse: Warehouse) -> Warehouse:
    """The same folder as the next process finds it: Sail's catalog belongs to the session."""
    again = Warehouse(open_sail_session(), warehouse.folder)
    _kept.append(again)
    again.refresh()
    return again


def rows(warehouse: Warehouse, name: TableName) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in warehouse.spark.table(str(name)).collect())


def write(warehouse: Warehouse, select: str, name: TableName = TABLE, **options: list[str]) -> int:
    return warehouse.write_table(name, warehouse.spark.sql(select), **options)


def test_one_session_serves_a_warehouse(tmp_path: Path) -> None:
    assert open_session("sail", tmp_path) is open_session("sail", str(tmp_path))
    assert open_session("sail", tmp_path) is not open_session("sail", tmp_path / "other")


def test_the_session_is_in_utc(warehouse: Warehouse) -> None:
    assert warehouse.spark.conf.get("spark.sql.session.timeZone") == "UTC"


def test_an_unknown_engine_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"engine `snail` is unknown\. Known: `connect`, `sail`, `spark`"):
        open_session("snail", tmp_path)


def test_writing_returns_the_number_of_rows(warehouse: Warehouse) -> None:
    assert write(warehouse, "select id from range(1234)") == 1234
    assert write(warehouse, "select id from range(0)") == 0


def test_a_table_takes_other_columns_and_partitions(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    write(warehouse, "select 'x' as b, date'2020-01-01' as day", partition_by=["day"])
    assert warehouse.columns(TABLE) == [("b", "string"), ("day", "date")]
    assert (warehouse.location(TABLE) / "day=2020-01-01").is_dir()


def test_a_file_of_equal_values_reads_back_as_it_was_written(warehouse: Warehouse) -> None:
    exact = "725340.9488961539"
    moment = "2024-02-29 23:59:59.999999"
    select = f"select cast('{exact}' as decimal(38, 10)) as amount, timestamp '{moment}' as at, 7 as part"
    write(warehouse, select, partition_by=["part"])
    warehouse.spark.sql(f"insert into {TABLE} replace where part in (8) {select.replace('7 as', '8 as')}").toArrow()
    assert {(str(row[0]), str(row[1])) for row in rows(warehouse, TABLE)} == {(exact, moment)}


def test_nan_among_equal_values_is_nan(warehouse: Warehouse) -> None:
    write(warehouse, "select x from values (double('NaN')), (1.0D), (1.0D) as t(x)")
    assert [str(value) for (value,) in rows(warehouse, TABLE)].count("nan") == 1


def test_a_write_may_read_the_table_that_it_replaces(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    write(warehouse, f"select a + 1 as a from {TABLE}")
    assert rows(warehouse, TABLE) == [(2,)]


def test_a_failing_query_leaves_the_old_table(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    with pytest.raises(Exception, match="Cannot cast"):
        write(warehouse, "select cast(b as int) as a from values ('1'), ('x') as t(b)")
    assert rows(warehouse, TABLE) == rows(reopened(warehouse), TABLE) == [(1,)]


def test_every_column_may_become_null_later(warehouse: Warehouse) -> None:
    write(warehouse, "select count(*) as n, current_timestamp() as t, 'x' as text from range(3)")
    warehouse.spark.sql(f"insert into {TABLE} select null as n, null as t, null as text")
    assert warehouse.spark.table(str(TABLE)).count() == 2


def test_views_are_restored_in_dependency_order(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    # Alphabetical order is the wrong one here.
    warehouse.create_view(TableName("features", "z"), f"select * from {TABLE}")
    warehouse.create_view(TableName("features", "m"), "select * from features.z")
    warehouse.create_view(TableName("a_schema", "a"), "select * from features.m")
    assert rows(reopened(warehouse), TableName("a_schema", "a")) == [(1,)]


def test_a_view_without_its_table_is_left_out_and_kept(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    write(warehouse, "select 1 as a")
    warehouse.create_view(VIEW, f"select * from {TABLE}")
    warehouse.drop(TABLE)
    with caplog.at_level(logging.WARNING):
        again = reopened(warehouse)
        again.refresh()
    assert [record.getMessage() for record in caplog.records if "`features.a_view`" in record.getMessage()] == [
        caplog.messages[0]
    ]
    assert "is left out" in caplog.messages[0]
    write(again, "select 2 as a")
    assert again.relations("features").keys() == {"a_view", "spend"}


def test_a_view_follows_its_tables_new_columns(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    warehouse.create_view(VIEW, f"select * from {TABLE}")
    write(warehouse, "select 1 as a, 2 as b")
    assert rows(warehouse, VIEW) == [(1, 2)]


def test_a_view_follows_a_truncated_table(warehouse: Warehouse) -> None:
    write(warehouse, "select id as `a b` from range(3)")
    warehouse.create_view(VIEW, f"select `a b` from {TABLE}")
    assert execute(warehouse, f"truncate table {TABLE}") == (None, 3)
    assert rows(warehouse, VIEW) == []


def test_a_table_becomes_a_view_and_a_table_again(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    warehouse.create_view(TABLE, "select 2 as a")
    assert not warehouse.location(TABLE).exists()
    assert rows(warehouse, TABLE) == rows(reopened(warehouse), TABLE) == [(2,)]
    write(warehouse, "select 3 as a")
    assert rows(warehouse, TABLE) == rows(reopened(warehouse), TABLE) == [(3,)]
    assert CatalogFile(warehouse.folder).load() == {}


def test_a_view_that_fails_leaves_the_table(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    with pytest.raises(Exception, match="nowhere"):
        warehouse.create_view(TABLE, "select * from nowhere")
    assert rows(warehouse, TABLE) == rows(reopened(warehouse), TABLE) == [(1,)]


def test_dropping_removes_the_files_and_the_entry(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    warehouse.create_view(VIEW, "select 1 as a")
    warehouse.drop(TABLE)
    warehouse.drop(VIEW)
    assert list((warehouse.folder / "features").iterdir()) == []
    assert reopened(warehouse).relations("features") == warehouse.relations("features") == {}


def test_dropping_a_schema_drops_what_it_holds(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    warehouse.create_view(VIEW, "select 1 as a")
    warehouse.drop_schema("features")
    assert reopened(warehouse).schemas() == warehouse.schemas() == []


def test_renaming_moves_tables_and_views(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    warehouse.create_view(VIEW, "select 2 as a")
    warehouse.rename(TABLE, TableName("features", "t2"))
    warehouse.rename(VIEW, TableName("features", "v2"))
    for found in (warehouse, reopened(warehouse)):
        assert found.relations("features").keys() == {"t2", "v2"}
        assert rows(found, TableName("features", "t2")) == [(1,)]


def test_a_table_does_not_get_the_name_of_files_that_nobody_knows(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    taken = warehouse.folder / "features" / "taken"
    taken.write_text("of somebody")
    with pytest.raises(EngineError, match=r"taken: expected no files, which the table .* would replace, found some"):
        warehouse.rename(TABLE, TableName("features", "taken"))
    assert taken.read_text() == "of somebody"
    assert rows(warehouse, TABLE) == [(1,)]


def test_columns_are_added_without_rewriting(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    files = set(warehouse.location(TABLE).glob("*.parquet"))
    warehouse.add_columns(TABLE, StructType().add("b c", "decimal(12,2)"))
    assert warehouse.columns(TABLE) == [("a", "int"), ("b c", "decimal(12,2)")]
    assert files <= set(warehouse.location(TABLE).glob("*.parquet"))


def test_names_are_quoted(warehouse: Warehouse) -> None:
    name, view = TableName("my-schema", "order.by-2"), TableName("my-schema", "select")
    write(warehouse, "select 1 as a", name)
    warehouse.create_view(view, "select 1 as a")
    assert rows(reopened(warehouse), name) == rows(reopened(warehouse), view) == [(1,)]


@pytest.mark.parametrize("name", ["a b", "../a", "é", "a%20b", "a/b", ".a", ""])
def test_a_name_that_is_no_folder_is_refused(warehouse: Warehouse, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a valid name for a folder of tables"):
        write(warehouse, "select 1 as a", TableName("features", name))


def test_a_name_that_leads_elsewhere_removes_nothing_there(warehouse: Warehouse) -> None:
    write(warehouse, "select 1 as a")
    elsewhere = TableName("other", "../features")
    warehouse.create_view(elsewhere, "select 2 as a")
    warehouse.drop(elsewhere)
    warehouse.drop(TableName("..", warehouse.folder.name))
    with pytest.raises(ConfigurationError, match="is not a valid name for a folder of tables"):
        warehouse.drop_schema("..")
    assert rows(reopened(warehouse), TABLE) == [(1,)]


def test_the_warehouse_may_lie_anywhere(tmp_path: Path) -> None:
    folder = tmp_path / "My Projects" / "dépôt #1 100%"
    warehouse = open_warehouse("sail", folder)
    write(warehouse, "select 1 as a, 'x' as b", partition_by=["b"])
    warehouse.spark.sql(f"insert into {TABLE} select 2 as a, 'y' as b")
    assert rows(reopened(warehouse), TABLE) == [(1, "x"), (2, "y")]
    assert (folder / "features" / "spend" / "b=x").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["My Projects"]


def test_a_half_written_table_is_ignored_and_overwritten(warehouse: Warehouse) -> None:
    log = warehouse.location(TABLE) / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json#1").write_text('{"commitInfo":')
    (warehouse.location(TABLE) / "part-0.parquet").write_bytes(b"PAR1")
    again = reopened(warehouse)
    assert again.relations("features") == {}
    assert stored_relations(again.folder) == []
    write(again, "select 1 as a")
    assert rows(again, TABLE) == [(1,)]
    assert stored_relations(again.folder) == [(TABLE, "table")]


def test_a_broken_log_is_left_out_and_overwritten(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    log = warehouse.location(TABLE) / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_text('{"commitInfo":{}}\n{"prot')
    again = reopened(warehouse)
    assert "table `features.spend` is left out" in caplog.text
    write(again, "select 1 as a")
    assert rows(reopened(again), TABLE) == [(1,)]


def test_leftovers_of_a_drop_are_removed(warehouse: Warehouse) -> None:
    leftover = warehouse.folder / "features" / ".discarded-1"
    leftover.mkdir(parents=True)
    assert reopened(warehouse).relations("features") == {}
    assert not leftover.exists()


def test_a_catalog_file_that_is_no_catalog_is_explained(warehouse: Warehouse) -> None:
    (warehouse.folder / "catalog.json").write_text("[]")
    with pytest.raises(EngineError, match="expected the JSON catalog of views and sources"):
        reopened(warehouse)


def test_a_session_whose_warehouse_cannot_be_opened_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = TableName("odd name", "rows")
    with CatalogFile(tmp_path).changing() as entries:
        entries[odd] = RelationDefinition("view", "as select 1 as a")
    spark = open_sail_session()
    monkeypatch.setattr(sessions, "open_sail_session", lambda: spark)
    with pytest.raises(ConfigurationError, match="odd name"):
        open_warehouse("sail", tmp_path)
    assert spark.is_stopped


def test_a_damaged_catalog_file_is_reported_before_an_engine_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "catalog.json").write_text("[]")
    monkeypatch.delattr(sessions, "open_sail_session")
    with pytest.raises(EngineError, match="expected the JSON catalog of views and sources"):
        open_warehouse("sail", tmp_path)


def test_an_unchanged_catalog_file_is_not_written(tmp_path: Path) -> None:
    file = CatalogFile(tmp_path)
    with file.changing() as entries:
        entries[VIEW] = RelationDefinition("view", "as select 1 as a")
    before = file.path.stat()
    with file.changing() as entries:
        entries[VIEW] = RelationDefinition("view", "as select 1 as a")
    assert file.path.stat().st_mtime_ns == before.st_mtime_ns


ADD_ENTRIES = """
import sys
from pathlib import Path
from feature_platform_py.warehouse.catalog_file import CatalogFile, RelationDefinition, TableName
file = CatalogFile(Path(sys.argv[1]))
for number in range(60):
    with file.changing() as entries:
        entries[TableName("s", f"{sys.argv[2]}_{number}")] = RelationDefinition("view", "as select 1 as a")
"""


def test_processes_do_not_lose_each_others_entries(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", ADD_ENTRIES, str(tmp_path), name]) for name in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(CatalogFile(tmp_path).load()) == 120


WRITE_FOREVER = """
import sys
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import open_warehouse
warehouse = open_warehouse("sail", sys.argv[1])
for number in range(1, 100_000):
    columns = ", ".join(f"{number} as c{index}" for index in range(1 + number % 3))
    frame = warehouse.spark.sql(f"select {columns}, id from range(200000)")
    warehouse.write_table(TableName("features", "spend"), frame)
    warehouse.create_view(TableName("features", "a_view"), f"select {number} as number, * from features.spend")
    warehouse.drop(TableName("features", "gone"))
    warehouse.write_table(TableName("features", "gone"), frame.limit(1))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_what_another_process_leaves_is_complete_even_if_it_is_killed(tmp_path: Path) -> None:
    mine = open_warehouse("sail", tmp_path)
    for moment in (0.0, 0.11, 0.23):
        with subprocess.Popen(
            [sys.executable, "-c", WRITE_FOREVER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"1\n"
            time.sleep(moment)
            os.kill(child.pid, signal.SIGKILL)
        # This process sees the other's work, and so does one that starts now.
        for found in (mine, reopened(mine)):
            assert {"spend", "a_view"} <= found.relations("features").keys()
            assert found.spark.table("features.spend").count() == 200_000
            assert found.spark.sql("select count(distinct c0), min(c0) = max(c0) from features.spend").first()[1]
        write(mine, "select 1 as a")
        mine.create_view(VIEW, f"select * from {TABLE}")
        assert rows(mine, VIEW) == rows(reopened(mine), VIEW) == [(1,)]
    json.loads((tmp_path / "catalog.json").read_text())


def test_an_interrupt_reaches_python_and_leaves_the_engine(warehouse: Warehouse) -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert write(warehouse, "select 1 as a") == 1


@pytest.mark.slow
def test_a_session_says_nothing_on_the_terminal(tmp_path: Path) -> None:
    script = (
        "import sys; from feature_platform_py.warehouse.session import open_session;"
        "open_session('sail', sys.argv[1]).sql('select 1').collect()"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
