"""What a file tells of tests that passed, and when it tells nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import write_deltalake
from pyarrow import table

from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.passed_tests import OF_TABLES, Look, PassedTests, remembered, remembering
from feature_platform_py.warehouse.session import open_warehouse

TABLE = TableName("features", "days")
SQL = "select 1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    days = [f"2024-01-0{day}" for day in range(1, 8)]
    write_deltalake(
        tmp_path / "features/days", table({"key": days, "period_start": days}), partition_by=["period_start"]
    )
    return tmp_path


def passed(folder: Path, program: str = "one", **given: bool) -> PassedTests:
    return PassedTests(folder / "job.tests.json", program=program, trusted=OF_TABLES, **given)


def look(tests: PassedTests, folder: Path, *, kind: str = "unique_grain", sql: str = SQL) -> Look:
    return tests.look("test.one", kind, of=TABLE, sql=sql, warehouse=open_warehouse("sail", folder))


def keep(folder: Path) -> None:
    tests = passed(folder)
    look(tests, folder)
    tests.keep({"test.one"})


def test_what_passed_is_not_looked_at_again(folder: Path) -> None:
    keep(folder)
    assert look(passed(folder), folder) == Look("nothing")


def test_a_changed_part_is_looked_at(folder: Path) -> None:
    keep(folder)
    write_deltalake(folder / "features/days", table({"key": ["x"], "period_start": ["2024-01-03"]}), mode="append")
    found = look(passed(folder), folder)
    assert (found.at, [str(period) for period in found.periods]) == ("periods", ["2024-01-03"])


def test_a_data_file_that_was_written_in_its_place_is_looked_at(folder: Path) -> None:
    keep(folder)
    file = next((folder / "features/days/period_start=2024-01-05").glob("*.parquet"))
    file.write_bytes(file.read_bytes())
    assert [str(period) for period in look(passed(folder), folder).periods] == ["2024-01-05"]


def test_a_table_that_was_built_anew_is_looked_at_whole(folder: Path) -> None:
    keep(folder)
    schema = {"key": ["x"], "period_start": ["2024-01-03"]}
    write_deltalake(folder / "features/days", table(schema), mode="overwrite", partition_by=["period_start"])
    write_deltalake(folder / "features/days", table(schema | {"other": [1]}), mode="overwrite", schema_mode="overwrite")
    assert look(passed(folder), folder) == Look("all")


def unreadable(folder: Path) -> None:
    (folder / "job.tests.json").write_text('{"program": "one", "tests": {"test.one": {"definition"')


def of_another_form(folder: Path) -> None:
    (folder / "job.tests.json").write_text('{"program": "one", "tests": {"test.one": ["nothing"]}}')


def without_a_commit(folder: Path) -> None:
    (folder / "features/days/_delta_log/00000000000000000000.json").write_text("{")


@pytest.mark.parametrize("change", [unreadable, of_another_form, without_a_commit])
def test_what_cannot_be_read_tells_nothing(folder: Path, change: Callable[[Path], None]) -> None:
    keep(folder)
    warehouse = open_warehouse("sail", folder)
    change(folder)
    tests = passed(folder)
    assert tests.look("test.one", "unique_grain", of=TABLE, sql=SQL, warehouse=warehouse) == Look("all")


def test_other_tests_and_programs_know_nothing(folder: Path) -> None:
    keep(folder)
    assert look(passed(folder), folder, sql="select 2") == Look("all")
    assert look(passed(folder), folder, kind="own") == Look("all")
    assert look(passed(folder, program="two"), folder) == Look("all")
    assert look(passed(folder, is_ignored=True), folder) == Look("all")


def test_a_test_that_failed_is_not_kept_and_a_pass_before_stays(folder: Path) -> None:
    keep(folder)
    write_deltalake(folder / "features/days", table({"key": ["x"], "period_start": ["2024-01-03"]}), mode="append")
    tests = passed(folder)
    look(tests, folder)
    tests.keep(())
    assert [str(period) for period in look(passed(folder), folder).periods] == ["2024-01-03"]


def test_a_file_that_cannot_be_written_is_no_failure(folder: Path) -> None:
    (folder / "job.tests.json").mkdir()
    keep(folder)
    assert look(passed(folder), folder) == Look("all")


def test_plain_dbt_remembers_nothing(folder: Path) -> None:
    assert remembered() is None
    with remembering(passed(folder)) as _:
        assert remembered() is not None
    assert remembered() is None
