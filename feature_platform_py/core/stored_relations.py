"""What a warehouse folder holds, read from its files alone: no engine is started."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.core.catalog_file import CatalogFile, Kind, TableName


def stored_relations(folder: Path) -> list[tuple[TableName, Kind]]:
    """The tables, sources and views of a warehouse in order; none if the folder does not exist."""
    if not folder.is_dir():
        return []
    tables: dict[TableName, Kind] = {
        TableName(log.parent.parent.name, log.parent.name): "table" for log in folder.glob("[!.]*/[!.]*/_delta_log")
    }
    remembered = {name: definition.kind for name, definition in CatalogFile(folder).load().items()}
    return sorted((tables | remembered).items())
