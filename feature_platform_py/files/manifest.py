"""The manifest of a folder of Parquet files at an object store: it names the files of one state, and replacing it is the only switch.

`<folder>/_manifest.json` has the shape that Redshift reads: `entries` with the `url` and length of each file. The files lie in
`<folder>/_data/<write>/`, under names that no two writes share.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from feature_platform_py.core.errors import DataCheckError

MANIFEST = "_manifest.json"
_WRITTEN = re.compile(r"_data/[0-9a-f]{32}/(?:[^/]*=[^/]*/)*part-[0-9a-f]{32}(?:-\d+)?\.parquet")
_WRITE = re.compile(r"_data/[0-9a-f]{32}")
_KIND = "feature-platform parquet files"


@dataclass(frozen=True)
class Manifest:
    """The files of a folder by their names below it, each with its bytes and rows; `replaced` are those of the state before.

    `columns` are names and Spark SQL types, those in `partition_by` are in the names of folders alone. `proof` is the result's.
    """

    files: Mapping[str, tuple[int, int]]
    columns: Mapping[str, str]
    partition_by: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    proof: Any = field(default=None)

    @property
    def rows(self) -> int:
        """The number of all rows."""
        return sum(rows for _, rows in self.files.values())

    @property
    def write(self) -> str | None:
        """The one folder that all files lie in, None if several writes left files."""
        writes = {found[0] for name in self.files if (found := _WRITE.match(name))}
        return writes.pop() if len(writes) == 1 else None

    def content(self, place: str) -> bytes:
        """Return the manifest as it is written; `place` is the address of the folder."""
        entries = [
            {"url": f"{place}/{name}", "mandatory": True, "meta": {"content_length": size, "rows": rows}}
            for name, (size, rows) in sorted(self.files.items())
        ]
        told = {
            "kind": _KIND,
            "rows": self.rows,
            "columns": dict(self.columns),
            "partition_by": list(self.partition_by),
            "entries": entries,
            "replaced": sorted(self.replaced),
            "proof": self.proof,
        }
        return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()


def read_manifest(content: bytes, place: str) -> Manifest:
    """Return the manifest of the folder at an address. Raises DataCheckError for what no run has written there."""
    try:
        told = json.loads(content)
        files = {
            str(each["url"]).removeprefix(f"{place}/"): (int(each["meta"]["content_length"]), int(each["meta"]["rows"]))
            for each in told["entries"]
        }
        found = Manifest(files, told["columns"], tuple(told["partition_by"]), tuple(told["replaced"]), told["proof"])
        is_known = told["kind"] == _KIND and all(map(is_written_by_runs, [*found.files, *found.replaced]))
    except (ValueError, KeyError, TypeError):
        is_known = False
    if not is_known:
        raise DataCheckError(
            f"{place}/{MANIFEST}: expected the manifest of a folder that runs have written here, given other content; write to"
            " another place, or remove the folder"
        )
    return found


def is_written_by_runs(name: str) -> bool:
    """Return whether a name below a folder is one that only runs give to files."""
    return bool(_WRITTEN.fullmatch(name))


def name_in_write(name: str) -> str:
    """Return the name of a file below the folder of its write."""
    return _WRITE.sub("", name, count=1).lstrip("/")
