"""Paths whose files are objects: `pathlib` names them, one listing tells of them, and no local folder is made of them."""

from __future__ import annotations

import copy
import os
from pathlib import Path

import pytest

from feature_platform_py.core.files import replace_file
from feature_platform_py.core.stores.path import StorePath, place_of, remove_files
from tests.object_store import S3Server


@pytest.fixture
def folder(bucket: str) -> StorePath:
    return StorePath(f"{bucket}/wh")


def test_names_are_those_of_pathlib(tmp_path: Path) -> None:
    place = place_of("s3a://bank//wh/", tmp_path)
    file = place / "features" / "spend.json"
    assert (type(file), str(file), file.key) == (
        StorePath,
        "s3://bank/wh/features/spend.json",
        "wh/features/spend.json",
    )
    assert str(file.parent.with_name("other")) == "s3://bank/wh/other"
    assert str(file.relative_to(place)) == "features/spend.json"
    assert str(copy.deepcopy(file)) == str(file.resolve()) == str(file)
    assert place_of("wh", tmp_path) == tmp_path / "wh"


def test_a_marker_of_a_folder_is_not_in_it(bucket: str, object_store: S3Server) -> None:
    object_store.client().put_object(Bucket=bucket.removeprefix("s3://"), Key="marked/folder/", Body=b"")
    marked = StorePath(f"{bucket}/marked/folder")
    assert (marked.files(), list(marked.iterdir()), marked.is_dir()) == ([], [], False)
    replace_file(marked / "a", "1")
    assert [path.name for path in marked.files()] == [path.name for path in marked.iterdir()] == ["a"]
    assert marked.is_dir()


def test_functions_of_this_machine_refuse_a_path_of_a_store(folder: StorePath) -> None:
    with pytest.raises(TypeError, match="is in an object store, and not on this machine"):
        os.fspath(folder)
    with pytest.raises(ValueError, match="an object cannot be opened with mode `w`"):
        folder.open("w")


def test_files_are_written_listed_read_and_removed(folder: StorePath, object_store: S3Server) -> None:
    for name in ("a/t/_delta_log/0.json", "a/t/1.parquet", "a/u/2.parquet", "c.json"):
        replace_file(folder / name, name)
    assert [str(path.relative_to(folder)) for path in folder.glob("*/")] == ["a"]
    assert [str(path.relative_to(folder)) for path in folder.glob("*/*")] == ["a/t", "a/u"]
    assert [path.name for path in folder.rglob("*.parquet")] == ["1.parquet", "2.parquet"]
    assert (folder / "a").is_dir() and not (folder / "a").is_file() and not (folder / "b").exists()
    listed = next(path for path in folder.iterdir() if path.name == "c.json")
    before = object_store.requests(folder.parts[1]).total()
    assert (listed.stat().st_size, listed.is_file(), listed.is_dir()) == (6, True, False)
    assert object_store.requests(folder.parts[1]).total() == before, "a listing has told it"
    stamp = (folder / "c.json").stat().st_ctime_ns
    replace_file(folder / "c.json", "others")
    assert (folder / "c.json").stat().st_ctime_ns != stamp
    assert (folder / "c.json").read_text() == "others"
    remove_files([folder / "c.json", folder / "not-there"])
    assert (folder / "a" / "t").remove_all() == 2
    assert [path.key for path in folder.files()] == ["wh/a/u/2.parquet"]
    with pytest.raises(FileNotFoundError):
        (folder / "c.json").unlink()
