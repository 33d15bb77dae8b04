"""Replace a folder of files in one step, so that a reader sees all of the old files or all of the new ones."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from feature_platform_py.core.project import Target
from feature_platform_py.core.stores.path import StorePath

_STAGED = ".staged"
_UPLOADS_AT_ONCE = 8
_AT_FDCWD = -100 if sys.platform == "linux" else -2
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS have the same value


def replace_folder(
    folder: Path, write: Callable[[Path], None], *, keep_existing: bool, file_beside: str | None = None
) -> None:
    """Replace `folder` by what `write` writes to an empty folder; with `keep_existing`, add it to the existing files.

    A failure, or a kill, at any point leaves `folder` as it was. Leftovers of killed runs are removed. Of several at once each
    keeps what the others have put there, or replaces it whole. `write` may write a file of the name `file_beside` beside its folder;
    right after the folder, it replaces the file of that name beside `folder`. Without it, an old one goes with the old files.
    """
    with staging_beside(folder) as staging:
        staged = staging / folder.name
        write(staged)
        with _locked(folder.parent):
            if keep_existing and folder.exists():
                link_files(
                    folder, staged, [str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()]
                )
            _put_in_place(staged, folder)
            if file_beside and (staging / file_beside).exists():
                (staging / file_beside).replace(folder.parent / file_beside)
            elif file_beside and not keep_existing:
                (folder.parent / file_beside).unlink(missing_ok=True)


@contextmanager
def staging_for(folder: Path, target: Target) -> Iterator[Path]:
    """Yield a new folder for the files of `folder`: beside it, or for an object store in the warehouse or this machine's place for it.

    Engines see what is in the warehouse, if that is a folder.
    """
    place = folder
    if isinstance(folder, StorePath):
        named = folder.local_folder()
        has_folder = target.has_session and not isinstance(target.warehouse, StorePath)
        place = target.warehouse / _STAGED / named.name if has_folder else named / "files"
    with staging_beside(place) as staging:
        yield staging


@contextmanager
def staging_beside(folder: Path) -> Iterator[Path]:
    """Yield a new folder on the file system of `folder`; afterwards remove it, and those that killed runs left."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with _locked(folder.parent):
            _remove_leftovers(folder)
            staging = folder.parent / f".{folder.name}.{uuid.uuid4().hex}.staged"
            staging.mkdir()
            stack.callback(shutil.rmtree, staging, ignore_errors=True)
            # A sign to others that it is no leftover.
            stack.enter_context(_locked(staging))
        yield staging


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock on the folder, if the file system has locks of folders."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_locked(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False  # its own run has just removed it
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return isinstance(error, BlockingIOError)
    finally:
        os.close(descriptor)
    return False


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left; if a run was killed between its two renames, first put the old folder back."""
    replaced = _replaced(folder)
    if replaced.exists() and not folder.exists():
        replaced.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)
    for staging in folder.parent.glob(f".{folder.name}.*.staged"):
        if not _is_locked(staging):
            shutil.rmtree(staging, ignore_errors=True)


def put_files(source: Path, target: Path, names: Iterable[str]) -> None:
    """Move files into a folder that has none of their names; to an object store they are copied, several at a time."""
    if isinstance(target, StorePath):
        with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
            list(pool.map(lambda name: (target / name).upload(source / name), names))
        return
    for name in names:
        (source / name).rename(target / name)


def link_files(source: Path, target: Path, names: Iterable[str]) -> None:
    """Hard-link files of one folder into another by their names, or copy them if the file system has no links."""
    for name in names:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source / name, place)
        except FileExistsError:
            continue  # a marker such as _SUCCESS, which both have
        except OSError:
            shutil.copy2(source / name, place)


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
    """Swap two folders in one system call; return False if the system or the file system cannot."""
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
