"""Replace files of a project or warehouse in one step, so that no reader sees half of one."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from feature_platform_py.core.stores.path import StorePath

# The errors of a full or locked disk.
DISK_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_BESIDE = ".new"


def replace_file(path: Path, content: str | bytes) -> None:
    """Replace the file by the content in one step; a failure or a kill at any point leaves the old file.

    Folders above it are created. Leftovers of killed calls beside the file are removed.
    """
    if isinstance(path, StorePath):
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return
    place = path.resolve()  # a link stays a link
    place.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(place)
    descriptor, beside = tempfile.mkstemp(prefix=f".{place.name}.", suffix=_BESIDE, dir=place.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _lock(descriptor)
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fchmod(descriptor, _mode(place))
            os.fsync(descriptor)
            Path(beside).replace(place)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def is_leftover(path: Path) -> bool:
    """Return whether the file is a leftover of a killed call of `replace_file`."""
    return path.name.startswith(".") and path.name.endswith(_BESIDE)


def _remove_leftovers(place: Path) -> None:
    for leftover in place.parent.glob(f".{place.name}.*{_BESIDE}"):
        # A process that is still writing holds a lock on its file.
        with suppress(OSError), leftover.open("rb") as file:
            _lock(file.fileno())
            leftover.unlink()


def _lock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _mode(place: Path) -> int:
    """Return the permissions of the existing file, or those of a new one."""
    if place.exists():
        return place.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
