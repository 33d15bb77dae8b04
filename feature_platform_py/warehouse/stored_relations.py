"""List what a warehouse folder holds, from its files and without an engine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from feature_platform_py.core.stores.path import StorePath
from feature_platform_py.warehouse.catalog_file import CatalogFile, Kind, TableName

PLAIN_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
_COMMIT_FILES = "[0-9]" * 20 + ".json"


def stored_relations(folder: Path) -> list[tuple[TableName, Kind]]:
    """Return the tables, sources and views of a warehouse in order; none if the folder does not exist."""
    if not folder.is_dir():
        return []
    tables: dict[TableName, Kind] = dict.fromkeys(stored_tables(folder), "table")
    remembered = {name: definition.kind for name, definition in CatalogFile(folder).load().items()}
    return sorted((remembered | tables).items())


def stored_tables(folder: Path) -> list[TableName]:
    """Return the tables of a warehouse: folders with a Delta log that has a commit and holds only files."""
    if isinstance(folder, StorePath):
        return _stored_at(folder)
    return [
        TableName(schema.name, table.name)
        for schema in plain_folders(folder)
        for table in plain_folders(schema)
        if is_sound(table)
    ]


def _stored_at(folder: StorePath) -> list[TableName]:
    """Return the tables of a warehouse at a store from one listing, which costs less than one for each table."""
    found = set()
    for file in folder.files():
        schema, table, *rest = (*file.parts[len(folder.parts) :], "")
        is_commit = len(rest) == 3 and rest[0] == "_delta_log" and fnmatch(rest[1], _COMMIT_FILES)
        if is_commit and PLAIN_NAME.fullmatch(schema) and PLAIN_NAME.fullmatch(table):
            found.add(TableName(schema, table))
    return sorted(found)


def plain_folders(parent: Path) -> list[Path]:
    """Return the folders whose names a schema or a table can have, in order."""
    return sorted(path for path in parent.glob("*/") if PLAIN_NAME.fullmatch(path.name))


def is_sound(table: Path) -> bool:
    """Return whether a Delta log has a commit and only files; reading a FIFO would block for ever."""
    if isinstance(table, StorePath):
        return any(commits(table))
    try:
        with os.scandir(table / "_delta_log") as entries:
            kinds = [(entry.name, entry.is_file()) for entry in entries]
    except OSError:
        return False
    return all(is_file or name.startswith("_") for name, is_file in kinds) and any(
        fnmatch(name, _COMMIT_FILES) for name, _ in kinds
    )


def commits(table: Path) -> Iterator[Path]:
    """Return the files of a Delta table's commits, in any order."""
    return (table / "_delta_log").glob(_COMMIT_FILES)
