"""Give the embedded engine paths that it can use.

Sail encodes a Delta table's path twice: below a folder called `my data`, log and files end up in two other folders.
A link without such characters leads to the right folder.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import quote

from feature_platform_py.core.stores.path import StorePath


def delta_path(folder: Path) -> Path:
    """Return the folder, or a link to it if its path has characters that a URL encodes; this process keeps the link.

    Create the folder if a link leads to it.
    """
    if isinstance(folder, StorePath) or quote(str(folder), safe="/~") == str(folder):
        return folder
    return _link(folder)


@cache
def _link(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="feature-platform-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    link = place / "folder"
    link.symlink_to(folder, target_is_directory=True)
    return link
