"""Replacing a folder of files in one step, so that a reader sees all of the old files or all of the new."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

_AT_FDCWD = -100 if sys.platform == "linux" else -2
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS have the same value


def replace_folder(folder: Path, write: Callable[[Path], None], *, keep_existing: bool) -> None:
    """Put what `write` writes to an empty folder in the place of `folder`; with `keep_existing`, beside what is there.

    A failure, or a kill, at any point leaves `folder` as it was. Leftovers of killed runs are removed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    staged = folder.parent / f".{folder.name}.{uuid.uuid4().hex}.staged"
    try:
        write(staged)
        if keep_existing and folder.exists():
            _link_files(folder, staged)
        _put_in_place(staged, folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left; where the two renames were cut in between, the old folder is put back first."""
    replaced = _replaced(folder)
    if replaced.exists() and not folder.exists():
        replaced.rename(folder)
    for leftover in (*folder.parent.glob(f".{folder.name}.*.staged"), replaced):
        shutil.rmtree(leftover, ignore_errors=True)


def _link_files(source: Path, target: Path) -> None:
    """Hard-link every file below `source` into `target`; copy where the file system has no links."""
    for file in source.rglob("*"):
        if file.is_file():
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(file, place)
            except FileExistsError:
                continue  # a marker such as _SUCCESS, which both have
            except OSError:
                shutil.copy2(file, place)


def _put_in_place(staged: Path, folder: Path) -> None:
    if not folder.exists():
        staged.rename(folder)
    elif not _exchange(staged, folder):
        replaced = _replaced(folder)
        folder.rename(replaced)
        staged.rename(folder)
        shutil.rmtree(replaced, ignore_errors=True)


def _replaced(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.replaced"


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one system call; False where the system or the file system cannot."""
    name = {"linux": "renameat2", "darwin": "renameatx_np"}.get(sys.platform)
    rename = getattr(ctypes.CDLL(None, use_errno=True), name, None) if name else None
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(other))
