"""Find the data files of a folder, and the values in the names of its folders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote

from feature_platform_py.core.errors import ConfigurationError, DataCheckError
from feature_platform_py.core.locations import inferred_format
from feature_platform_py.files.columns import shown

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_PARTITION = re.compile(r"([^=]+)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class DataFile:
    """A file of data, and the values of the columns that its folders name (`dt=2024-01-31/`); None is NULL."""

    path: Path
    partition: Mapping[str, str | None]


def data_files(location: Path, *, pattern: str = "*", is_recursive: bool = False) -> list[DataFile]:
    """Return the file, or all files below the folder in order.

    Names that begin with `.` or `_` are not data, as everywhere in Spark. A data file with such a name is refused, not skipped.
    With `is_recursive` the names of folders hold no values. Raises ConfigurationError for folders of different columns.
    """
    if location.is_file():
        return [DataFile(location, {})]
    found = [
        DataFile(path, {} if is_recursive else _partition(path.relative_to(location)))
        for path in sorted(location.rglob("*"))
        if path.is_file() and fnmatch(path.name, pattern) and not _is_hidden(path.relative_to(location), path)
    ]
    for each in found:
        if list(each.partition) != list(found[0].partition):
            raise DataCheckError(
                f"{shown(each.path)}: expected folders that name the columns {list(found[0].partition)}, as those of"
                f" `{shown(found[0].path)}`, given {list(each.partition)}; move the file, or give `recursiveFileLookup: true`"
            )
    return found


def _is_hidden(relative: Path, path: Path) -> bool:
    if any(part.startswith((".", "_")) and "=" not in part for part in relative.parts[:-1]):
        return True
    if relative.name.startswith("_") and inferred_format(relative.name):
        raise ConfigurationError(
            f"{shown(path)}: a name that begins with `_` says that the file is not data; rename the file, or leave it out with"
            " the option `pathGlobFilter: '[!_]*'`"
        )
    return relative.name.startswith((".", "_"))


def _partition(relative: Path) -> dict[str, str | None]:
    matches = [_PARTITION.fullmatch(part) for part in relative.parts[:-1]]
    named = [(unquote(match[1]), unquote(match[2])) for match in matches if match]
    return {name: None if value == HIVE_NULL else value for name, value in named}
