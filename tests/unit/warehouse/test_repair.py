"""Which copies of sources are damaged, and that what a link leads to survives what it was in."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet as pq
import pytest

from feature_platform_py.warehouse.repair import is_damaged_copy, throw_away

COMMIT = '{"commitInfo": {}}\n{"metaData": {}}\n'


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """A log of its own, and a link to the data of a table that somebody else has."""
    data = tmp_path / "table"
    data.mkdir()
    (data / "rows.parquet").write_text("of others")
    folder = tmp_path / "state" / "rows.parquet"
    (folder / "_delta_log").mkdir(parents=True)
    (folder / "_delta_log" / f"{0:020}.json").write_text(COMMIT)
    (folder / "data").symlink_to(data, target_is_directory=True)
    return folder


@pytest.mark.parametrize("is_deep", [False, True])
def test_the_log_of_a_snapshot_is_what_counts(snapshot: Path, is_deep: bool) -> None:
    assert not is_damaged_copy(snapshot, is_deep=is_deep)
    (snapshot / "_delta_log" / f"{0:020}.json").write_text(COMMIT[:-9])
    assert is_damaged_copy(snapshot, is_deep=is_deep)


def test_what_a_link_leads_to_stays(snapshot: Path, tmp_path: Path) -> None:
    throw_away(snapshot.parent)
    assert [path.name for path in tmp_path.iterdir()] == ["table"]
    assert (tmp_path / "table" / "rows.parquet").read_text() == "of others"


def test_a_file_is_looked_at_from_its_end_and_then_whole(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    pq.write_table(pyarrow.table({"x": ["value"] * 100}), file)
    assert not is_damaged_copy(file, is_deep=True)
    whole = file.read_bytes()
    file.write_bytes(b"\xff" * 40 + whole[40:])
    assert not is_damaged_copy(file, is_deep=False)
    assert is_damaged_copy(file, is_deep=True)
    file.write_bytes(whole[:-1])
    assert is_damaged_copy(file, is_deep=False)
