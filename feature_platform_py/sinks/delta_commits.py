"""Commit Parquet files that are written already as a Delta table, or in place of some of its files."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.data_types import Columns, kind_of
from feature_platform_py.core.stores.path import StorePath, remove_files
from feature_platform_py.sinks.folders import put_files
from feature_platform_py.warehouse.delta_layout import WITHOUT_STATISTICS, column_mapping

if TYPE_CHECKING:
    import deltalake
    from deltalake.transaction import AddAction
    from pyspark.sql.types import StructType

_KINDS = frozenset({"boolean", "integer", "decimal", "floating", "string", "binary", "date", "timestamp"})


class PlainTable:
    """A Delta table without partitions, properties of its own or features of the protocol, or a folder where there is none yet.

    Its statistics are the numbers of rows only: engines mistake others for values.
    """

    def __init__(self, folder: Path, table: deltalake.DeltaTable | None) -> None:
        self._folder, self._table = folder, table

    @property
    def schema(self) -> object | None:
        """The columns as Delta writes them, None without a table."""
        return json.loads(self._table.schema().to_json()) if self._table else None

    @property
    def columns(self) -> Columns:
        """The names and Spark SQL types of the columns, none without a table."""
        from pyspark.sql.types import StructType

        there: Any = self.schema
        return [(each.name, each.dataType.simpleString()) for each in StructType.fromJson(there)] if there else []

    def files(self) -> frozenset[str]:
        """Return the names of the files that the table consists of."""
        if self._table is None:
            return frozenset()
        return frozenset(self._sizes())

    def put(
        self,
        folder: Path,
        added: Sequence[str],
        removed: Sequence[str] | None,
        schema: object,
        *,
        metadata: Mapping[str, str],
    ) -> None:
        """Move files of a folder into the table, and commit them instead of the files in `removed`; None for all that it has."""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            actions = [_add(folder, name) for name in added]
            put_files(folder, self._folder, added)
            self._commit(actions, removed, schema, metadata)
        except BaseException:
            self._remove_uncommitted(added)
            raise

    def _remove_uncommitted(self, names: Sequence[str]) -> None:
        """Remove files that no commit names: one may have failed after it was made."""
        found = (
            plain_table(self._folder, ()) if (self._folder / "_delta_log").is_dir() else PlainTable(self._folder, None)
        )
        remove_files([self._folder / name for name in set(names) - found.files()] if found else [])

    def _commit(
        self, actions: list[AddAction], removed: Sequence[str] | None, schema: object, metadata: Mapping[str, str]
    ) -> None:
        from deltalake import CommitProperties, Schema
        from deltalake.transaction import RemoveAction, create_table_with_add_actions

        columns, properties = Schema.from_json(json.dumps(schema)), CommitProperties(custom_metadata=dict(metadata))
        if self._table is None:
            create_table_with_add_actions(
                str(self._folder),
                columns,
                actions,
                mode="overwrite",
                configuration=WITHOUT_STATISTICS,
                commit_properties=properties,
            )
            return
        if removed is None:
            self._table.create_write_transaction([*actions], "overwrite", columns, commit_properties=properties)
            return
        sizes, now = self._sizes(), int(time.time() * 1000)
        gone: list[AddAction | RemoveAction] = [
            RemoveAction(name, data_change=True, deletion_timestamp=now, size=sizes[name], partition_values={})
            for name in removed
        ]
        self._table.create_write_transaction([*actions, *gone], "append", columns, commit_properties=properties)

    def _sizes(self) -> dict[str, int]:
        import pyarrow as pa

        actions = pa.table(self._table.get_add_actions(flatten=True)) if self._table else pa.table({"path": []})
        return dict(zip(actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), strict=True))


def plain_table(folder: Path, columns: Columns) -> PlainTable | None:
    """Return the plain table at a folder that can take the columns; None if only an engine can write it."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    if column_mapping(name for name, _ in columns) or any(
        kind_of(data_type) not in _KINDS or data_type == "timestamp_ntz" for _, data_type in columns
    ):
        return None
    if not (folder / "_delta_log").is_dir():
        return None if folder.is_dir() and any(folder.iterdir()) else PlainTable(folder, None)
    try:
        table = DeltaTable(str(folder) if isinstance(folder, StorePath) else folder)
    except DeltaError:
        return None
    protocol, metadata = table.protocol(), table.metadata()
    is_plain = protocol.min_reader_version == 1 and protocol.min_writer_version <= 2
    is_plain = is_plain and metadata.configuration.items() <= WITHOUT_STATISTICS.items()
    return PlainTable(folder, table) if is_plain and not metadata.partition_columns else None


def delta_schema(columns: StructType) -> object:
    """Return the columns as Delta writes them: each may be NULL, as Spark writes every frame."""
    return {
        "type": "struct",
        "fields": [
            {"name": each.name, "type": each.dataType.jsonValue(), "nullable": True, "metadata": {}} for each in columns
        ],
    }


def _add(folder: Path, name: str) -> AddAction:
    import pyarrow.parquet as pq
    from deltalake.transaction import AddAction

    file = folder / name
    state = file.stat()
    statistics = json.dumps({"numRecords": pq.read_metadata(file).num_rows})
    return AddAction(
        path=name,
        size=state.st_size,
        partition_values={},
        modification_time=state.st_mtime_ns // 1_000_000,
        data_change=True,
        stats=statistics,
    )
