"""Describe the state of an input's files at a moment; a later state that differs means that they were written since."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from feature_platform_py.core.stores.path import StorePath
from feature_platform_py.files.delta_objects import commits_of, stored_log, version_of
from feature_platform_py.files.objects import stamp, store_files
from feature_platform_py.warehouse.catalog_file import CatalogFile, TableName
from feature_platform_py.warehouse.external_sources import ExternalSource
from feature_platform_py.warehouse.stored_relations import commits, stored_tables

# Path, size, time of the last write, and time of the last change (only the file system can set the last one).
FileState = tuple[str, int, int, int]


def latest_version(source: ExternalSource) -> int | None:
    """Return the present version of a Delta table; None for another format, and if options choose the version."""
    if source.format != "delta" or not source.is_seen or source.options or source.is_snapshot:
        return None
    if source.is_stored:
        return version_of(stored_log(source.location))
    return max((int(commit.stem) for commit in commits(Path(source.location))), default=None)


def source_state(source: ExternalSource) -> list[FileState]:
    """Return the state of a source; empty if a copy of one state is read.

    For a Delta table that is read at one version, it is the first commit, which differs only for another table.
    """
    if source.is_text or source.is_earlier_version or source.is_snapshot:
        return []
    if source.is_stored:
        return _object_states(source, only_first=latest_version(source) is not None)
    if source.format == "delta":
        found = sorted(commits(Path(source.location)))
        return _states(found[-1:] if latest_version(source) is None else found[:1])
    return _states(file.path for file in source.files())


def table_state(name: TableName, warehouse: Path) -> list[FileState]:
    """Return the state of a relation: a table's last commit, a source's files, or the states of what a view's text names."""
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


def stored_state(folder: StorePath, schema: str, names: Collection[str]) -> list[FileState]:
    """Return the states of all files of a schema's tables, and the texts of its views; from one listing of a store."""
    files = [file for file in (folder / schema).files() if file.parts[len(folder.parts) + 1] in names]
    relations = CatalogFile(folder).load()
    texts = [relations[name].sql for name in sorted(relations) if name.schema == schema and name.name in names]
    return [*_states(files), *((text, 0, 0, 0) for text in texts)]


def files_state(source: ExternalSource) -> list[FileState]:
    """Return the state of all files of a source: of a Delta table those of its log."""
    if source.is_stored:
        return _object_states(source)
    if source.format == "delta":
        return _states(sorted(commits(Path(source.location))))
    return _states(file.path for file in source.files())


def _object_states(source: ExternalSource, *, only_first: bool = False) -> list[FileState]:
    """Return the state of the objects of a source at a store; of a Delta table that of its commits, or of the first one."""
    if source.format != "delta":
        files = store_files(source.location)
        return [(f"{files.location}/{files.name(each)}", *stamp(each)) for each in files.objects]
    log = stored_log(source.location)
    commits = commits_of(log)[: 1 if only_first else None]
    return [(f"{log.location}/{log.name(each)}", *stamp(each)) for each in commits]


def folder_state(folder: Path) -> list[FileState]:
    """Return the state of all files below a folder; at a store, in one request for each thousand."""
    return _states(sorted(file for file in folder.rglob("*") if not file.is_dir()))


def states_below(folder: Path, names: Iterable[str]) -> list[FileState]:
    """Return the states of files by their names below a folder."""
    if not isinstance(folder, StorePath):
        return [file_state(folder / name) for name in names]
    found = {str(file): file_state(file) for file in folder.files()}
    return [found.get(place := str(folder / name), (place, -1, 0, 0)) for name in names]


def _states(files: Iterable[Path]) -> list[FileState]:
    return [file_state(file) for file in files]


def file_state(file: Path) -> FileState:
    """Return the state of a file; one that cannot be found has a size of -1."""
    try:
        found = file.stat()
    except OSError:
        return str(file), -1, 0, 0
    return str(file), found.st_size, found.st_mtime_ns, found.st_ctime_ns
