"""Check that the folders of a project hold only files and folders, and nothing that blocks a reader for ever."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError

GENERATED = "Generated from"
"""How the mark of a generated file begins."""
FOLDERS = ("registry", "configs", "transformers", "profiles", "models", "macros", "tests/dbt")
MAX_BYTES = 16 * 1024 * 1024
_TEXTS = frozenset({".yaml", ".yml", ".sql", ".py", ".md", ".json"})
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_project_files(root: Path) -> None:
    """Raise one ConfigurationError that names every file of the project that cannot be read to its end."""
    faults = [
        f"{place.relative_to(root)}: {fault}"
        for folder in FOLDERS
        for place in _entries(root / folder)
        if (fault := _fault(place))
    ]
    if faults:
        raise ConfigurationError("\n".join(sorted(faults)))


def is_generated(path: Path) -> bool:
    """Return whether `fpjob registry sync` wrote a file of SQL."""
    with path.open("rb") as file:
        return file.read(len(GENERATED) + 4) == f"{{#- {GENERATED}".encode()


def file_fault(path: Path) -> str | None:
    """Return why a path cannot be read to its end; None for a file, and for a path that does not exist."""
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be read: {error.strerror}; remove it"
    except ValueError:
        # No file can have such a path; opening it reports that.
        return None
    return f"expected a file, given {_KINDS[kind]}; remove it" if kind in _KINDS else None


def _entries(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files))


def _fault(path: Path) -> str | None:
    if path.is_symlink() and path.is_dir():
        is_loop = path.parent.resolve().is_relative_to(path.resolve())
        return "links to a folder that contains it, so reading it never ends; remove the link" if is_loop else None
    if fault := file_fault(path):
        return fault
    is_huge = path.suffix in _TEXTS and path.is_file() and path.stat().st_size > MAX_BYTES
    return f"the file is larger than {MAX_BYTES} bytes; expected a text that people wrote" if is_huge else None
