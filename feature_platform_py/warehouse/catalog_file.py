"""Read and write the catalog file: a warehouse's views and external sources, as JSON beside the tables."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from feature_platform_py.core.errors import EngineError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.core.stores.errors import ChangedMeanwhileError
from feature_platform_py.core.stores.path import StorePath

Kind = Literal["table", "source", "view"]


@dataclass(frozen=True, order=True)
class TableName:
    """The two-part name of a table, source or view; its text is quoted for SQL."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"


@dataclass(frozen=True)
class RelationDefinition:
    """The SQL that recreates a relation: `create <kind> <name> <sql>`.

    `fingerprint` is a digest of a source's declaration and files when its SQL was made; `location` is where the engine reads it.
    """

    kind: Kind
    sql: str
    fingerprint: str = ""
    location: str = ""

    def statement(self, name: TableName) -> str:
        """Return the SQL statement that registers the relation in a session."""
        return f"create {'or replace view' if self.kind == 'view' else 'table'} {name} {self.sql}"


class CatalogFile:
    """Views and sources of one warehouse; replaced atomically, and safe for several processes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "catalog.json"
        self.lock_path = folder / ".catalog.lock"

    def load(self) -> dict[TableName, RelationDefinition]:
        """Return all entries; an absent file is an empty catalog."""
        try:
            return self._read(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    def _read(self, text: str) -> dict[TableName, RelationDefinition]:
        try:
            entries = json.loads(text)["relations"]
            return {TableName(entry.pop("schema"), entry.pop("name")): RelationDefinition(**entry) for entry in entries}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineError(
                f"{self.path}: expected the JSON catalog of views and sources, given {error!r}. "
                "Restore the file, or run a job with `--full-refresh`, which removes it; tables are not affected"
            ) from error

    @contextmanager
    def changing(self) -> Iterator[dict[TableName, RelationDefinition]]:
        """Yield the entries to be changed; afterwards write the file if they changed."""
        if isinstance(self.path, StorePath):
            with self._changing_object(self.path) as entries:
                yield entries
            return
        with self.lock_path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self.load()
            entries = dict(before)
            yield entries
            if entries != before:
                self._write(entries)

    @contextmanager
    def _changing_object(self, path: StorePath) -> Iterator[dict[TableName, RelationDefinition]]:
        """Do the same at a store, which has no locks: if another process has written meanwhile, make the changes to what it wrote."""
        before, tag = self._tagged(path)
        entries = dict(before)
        yield entries
        changed = {name for name in before.keys() | entries.keys() if entries.get(name) != before.get(name)}
        while changed:
            wanted = {name: each for name, each in before.items() if name not in changed}
            wanted |= {name: entries[name] for name in changed & entries.keys()}
            with suppress(ChangedMeanwhileError):
                path.write_if(_text(wanted).encode(), tag)
                return
            before, tag = self._tagged(path)

    def _tagged(self, path: StorePath) -> tuple[dict[TableName, RelationDefinition], str | None]:
        try:
            content, tag = path.read_tagged()
        except FileNotFoundError:
            return {}, None
        return self._read(content.decode("utf-8", "replace")), tag

    def _write(self, entries: Mapping[TableName, RelationDefinition]) -> None:
        replace_file(self.path, _text(entries))


def _text(entries: Mapping[TableName, RelationDefinition]) -> str:
    relations = [{**asdict(name), **asdict(entries[name])} for name in sorted(entries)]
    return json.dumps({"relations": relations}, indent=1, ensure_ascii=False)
