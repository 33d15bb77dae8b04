"""A folder is replaced in one step, or stays as it was."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from feature_platform_py.sinks import folders
from feature_platform_py.sinks.folders import replace_folder


def _writes(**files: str):
    def write(folder: Path) -> None:
        for name, text in files.items():
            place = folder / name.replace("__", "/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    return write


def _content(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def _failing(folder: Path) -> None:
    _writes(half="written")(folder)
    raise RuntimeError("disk full")


@pytest.fixture(params=["exchange", "two renames"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "two renames":
        monkeypatch.setattr(folders, "_exchange", lambda *_: False)


@pytest.mark.usefixtures("_way")
def test_overwriting_leaves_only_the_new_files(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "result"
    replace_folder(folder, _writes(a="1", sub__b="2"), keep_existing=False)
    replace_folder(folder, _writes(c="3"), keep_existing=False)
    assert _content(folder) == {"c": "3"}
    assert [path.name for path in folder.parent.iterdir()] == ["result"]


@pytest.mark.usefixtures("_way")
def test_appending_keeps_the_old_files_beside_the_new(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    replace_folder(folder, _writes(a="1", sub__b="2"), keep_existing=False)
    replace_folder(folder, _writes(c="3", sub__d="4"), keep_existing=True)
    assert _content(folder) == {"a": "1", "sub/b": "2", "c": "3", "sub/d": "4"}


@pytest.mark.parametrize("keep_existing", [True, False])
def test_a_failed_write_leaves_the_folder_as_it_was(tmp_path: Path, keep_existing: bool) -> None:
    folder = tmp_path / "result"
    replace_folder(folder, _writes(a="1"), keep_existing=False)
    with pytest.raises(RuntimeError, match="disk full"):
        replace_folder(folder, _failing, keep_existing=keep_existing)
    assert _content(folder) == {"a": "1"}
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def _with_note(text: str, *, name: str = "new"):
    def write(folder: Path) -> None:
        _writes(**{name: text})(folder)
        (folder.parent / "result.note").write_text(text)

    return write


def test_a_file_beside_the_folder_is_replaced_with_it(tmp_path: Path) -> None:
    folder, note = tmp_path / "result", tmp_path / "result.note"
    replace_folder(folder, _with_note("1"), keep_existing=False, file_beside="result.note")
    replace_folder(folder, _with_note("2"), keep_existing=False, file_beside="result.note")
    assert (_content(folder), note.read_text()) == ({"new": "2"}, "2")
    # Added files leave the note of the others; new ones do not.
    replace_folder(folder, _writes(more="3"), keep_existing=True, file_beside="result.note")
    assert note.read_text() == "2"
    replace_folder(folder, _writes(new="4"), keep_existing=False, file_beside="result.note")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result"]


def test_a_failed_write_leaves_the_file_beside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    replace_folder(folder, _with_note("1"), keep_existing=False, file_beside="result.note")

    def failing(staged: Path) -> None:
        _with_note("2")(staged)
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        replace_folder(folder, failing, keep_existing=False, file_beside="result.note")
    assert ((tmp_path / "result.note").read_text(), _content(folder)) == ("1", {"new": "1"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result", "result.note"]


def test_a_failed_first_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="disk full"):
        replace_folder(tmp_path / "result", _failing, keep_existing=False)
    assert list(tmp_path.iterdir()) == []


def test_a_run_killed_between_the_two_renames_is_undone_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    _writes(a="old")(tmp_path / ".result.replaced")
    _writes(a="new")(tmp_path / ".result.0123.staged")
    replace_folder(folder, _writes(b="newer"), keep_existing=True)
    assert _content(folder) == {"a": "old", "b": "newer"}
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


@pytest.mark.usefixtures("_way")
def test_of_two_appends_at_once_both_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    replace_folder(folder, _writes(a="1"), keep_existing=False)

    def write(staged: Path) -> None:
        _writes(b="2")(staged)
        replace_folder(folder, _writes(c="3"), keep_existing=True)

    replace_folder(folder, write, keep_existing=True)
    assert _content(folder) == {"a": "1", "b": "2", "c": "3"}
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_reader_never_misses_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    replace_folder(folder, _writes(a="0"), keep_existing=False)
    missed: list[int] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            if not (folder / "a").exists():
                missed.append(1)

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(200):
        replace_folder(folder, _writes(a=str(number)), keep_existing=False)
    stop.set()
    reader.join()
    assert not missed
