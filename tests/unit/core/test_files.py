"""A file is replaced in one step: a process that is killed at any system call leaves the old text or the new."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from feature_platform_py.core import files
from feature_platform_py.core.files import is_leftover, replace_file
from tests.conftest import ROOT

KILLED = """
import os, sys
from pathlib import Path
from feature_platform_py.core.files import replace_file

left = int(sys.argv[2])

def kill_at(event, arguments):
    global left
    left -= event in ("open", "os.chmod", "os.rename", "fcntl.flock", "os.remove")
    if left < 0:
        os.kill(os.getpid(), 9)

sys.addaudithook(kill_at)
replace_file(Path(sys.argv[1]), "new " * 10_000)
"""


def test_a_new_file_and_its_folders_are_made(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "file.yml"
    replace_file(file, "zwölf\n")
    assert file.read_bytes() == "zwölf\n".encode()
    mask = os.umask(0)
    os.umask(mask)
    assert file.stat().st_mode & 0o777 == 0o666 & ~mask


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to("file")
    replace_file(link, b"new")
    assert link.is_symlink()
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(file, "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "old"}


def test_a_kill_leaves_the_old_text_or_the_new_and_the_next_call_mends_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "file"
    seen = set()
    for number in range(12):
        file.write_text("old")
        done = subprocess.run([sys.executable, "-c", KILLED, str(file), str(number)], check=False)
        text = file.read_text()
        assert text in {"old", "new " * 10_000}
        assert all(path == file or is_leftover(path) for path in tmp_path.iterdir())
        seen.add((text[:3], len(list(tmp_path.iterdir()))))
        replace_file(file, "mended")
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "mended"}
        if done.returncode == 0:
            break
    # Killed before the new file was begun, with it half done, and not at all.
    assert seen == {("old", 1), ("old", 2), ("new", 1)}


# Folders that are staged whole, two locks, probes that are removed at once, logs, and objects of a store.
_WRITE_OTHERWISE = {
    "warehouse/catalog_file.py",
    "core/files.py",
    "core/stores/lease.py",
    "core/stores/path.py",
    "sessions/jvm_session.py",
    "sessions/remote_session.py",
    "files/delta_links.py",
    "files/delta_log.py",
    "files/objects.py",
    "runs/lock.py",
    "scaffold/project.py",
    "sinks/folders.py",
}
_WRITING = re.compile(r"write_text\(|write_bytes\(|open\([^)]*[\"'][wax]|shutil\.copy2?\(")


def test_every_writer_of_a_projects_files_replaces_them_in_one_step() -> None:
    package = ROOT / "feature_platform_py"
    writing = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if _WRITING.search(file.read_text(encoding="utf-8"))
    }
    assert writing - _WRITE_OTHERWISE == set()
