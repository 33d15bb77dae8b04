"""What the files of an input were like at a moment: another state means that somebody has written them since."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from feature_platform_py.warehouse.catalog_file import CatalogFile, TableName
from feature_platform_py.warehouse.external_sources import ExternalSource
from feature_platform_py.warehouse.stored_relations import commits, stored_tables

# Path, size, time of the last write, and time of the last change of any kind, which only the file system sets.
FileState = tuple[str, int, int, int]


def latest_version(source: ExternalSource) -> int | None:
    """Return the version that a local Delta table has now; None for another format, and where options say how to read it."""
    if source.format != "delta" or not source.is_local or source.options or source.is_snapshot:
        return None
    return max((int(commit.stem) for commit in commits(Path(source.location))), default=None)


def source_state(source: ExternalSource) -> list[FileState]:
    """Return the state of a local source: nothing for what is read from a copy of one state.

    Of a Delta table that is read at one version it is the first commit, which only another table in its place has another of.
    """
    if source.is_text or source.is_earlier_version or source.is_snapshot:
        return []
    if source.format == "delta":
        found = sorted(commits(Path(source.location)))
        return _states(found[-1:] if latest_version(source) is None else found[:1])
    return _states(file.path for file in source.files())


def table_state(name: TableName, warehouse: Path) -> list[FileState]:
    """Return the state of a relation of the warehouse: a table's last commit, a source's files, all that a view's text names."""
    relations, tables = CatalogFile(warehouse).load(), stored_tables(warehouse)
    pending, seen, found = [name], {name}, list[FileState]()
    while pending:
        each = pending.pop()
        found += _states(sorted(commits(warehouse / each.schema / each.name))[-1:])
        if definition := relations.get(each):
            found.append((definition.sql, 0, 0, 0))
            if definition.kind == "view":
                named = {other for other in (*relations, *tables) if other.name in definition.sql} - seen
                pending, seen = [*pending, *sorted(named)], seen | named
            elif definition.location:
                is_delta = definition.sql.startswith("using delta")
                found += source_state(ExternalSource(definition.location, "delta" if is_delta else "parquet"))
    return found


def _states(files: Iterable[Path]) -> list[FileState]:
    return [_state(file) for file in files]


def _state(file: Path) -> FileState:
    try:
        found = file.stat()
    except OSError:
        return str(file), -1, 0, 0
    return str(file), found.st_size, found.st_mtime_ns, found.st_ctime_ns
