"""Writing a file of the project or of a warehouse so that nobody ever sees half of it."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path

# What a full or locked disk answers to a writer.
DISK_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_BESIDE = ".new"


def replace_file(path: Path, content: str | bytes) -> None:
    """Put the content in the place of the file in one step; a failure, or a kill, at any point leaves what was there.

    Folders above it are created. What killed calls left beside the file is removed.
    """
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
    """Whether the file is what a killed call of `replace_file` left beside the one that it wrote."""
    return path.name.startswith(".") and path.name.endswith(_BESIDE)


def _remove_leftovers(place: Path) -> None:
    for leftover in place.parent.glob(f".{place.name}.*{_BESIDE}"):
        # Another process that is writing now holds its file.
        with suppress(OSError), leftover.open("rb") as file:
            _lock(file.fileno())
            leftover.unlink()


def _lock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _mode(place: Path) -> int:
    """The permissions of the file that is there, or those of a new one."""
    if place.exists():
        return place.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
