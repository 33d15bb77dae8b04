"""Replace a folder of Parquet files at an object store in one step: by the manifest that names them.

Files are uploaded under new names, where no reader of the manifest finds them. One conditional write then replaces the manifest.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import SinkError
from feature_platform_py.core.stores.errors import ChangedMeanwhileError, StoreError
from feature_platform_py.core.stores.path import StorePath, remove_files
from feature_platform_py.files.manifest import MANIFEST, Manifest, is_written_by_runs, read_manifest
from feature_platform_py.sinks.folders import put_files

_TRIES = 5
# A file without a name in the manifest may belong to a write that is under way.
_UNNAMED_SECONDS = 24 * 3600


@dataclass(frozen=True)
class FilesOfWrite:
    """The files of one write, below a folder of this machine and by the names that they get at the store, below that of the write."""

    folder: Path
    write: str
    names: Mapping[str, str]


def files_of_write(folder: Path) -> FilesOfWrite:
    """Return the Parquet files below a folder with names that no other write gives."""
    write = f"_data/{uuid.uuid4().hex}"
    names = [file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*.parquet"))]
    return FilesOfWrite(folder, write, {name: f"{write}/{name}" for name in names})


class StoredFiles:
    """A folder at a store that only runs write; `path` is how the job's file names it."""

    def __init__(self, folder: StorePath, path: str) -> None:
        self._folder, self._path = folder, path
        self._place = str(folder)

    def manifest(self) -> Manifest | None:
        """Return what the folder consists of; None if nothing was written yet."""
        return self.read()[0]

    def read(self) -> tuple[Manifest | None, str | None]:
        """Return the manifest, and its tag, which every switch changes; None twice if nothing was written yet."""
        try:
            content, tag = (self._folder / MANIFEST).read_tagged()
        except FileNotFoundError:
            return None, None
        return read_manifest(content, self._place), tag

    def check(self) -> None:
        """Raise SinkError for objects that no run has written: they would be data for other readers, and are nobody's to remove."""
        names = [file.relative_to(self._folder).as_posix() for file in self._folder.files()]
        if others := [name for name in names if name != MANIFEST and not is_written_by_runs(name)]:
            raise SinkError(
                f"output_sink.path: `{self._path}` holds {len(others):,} objects that no run has written, such as `{others[0]}`; name"
                " another path, or move them"
            )
        self.manifest()

    def count(self) -> int:
        """Return the number of rows. Raises SinkError if a file that the manifest names is not there as it was written."""
        found, sizes = self.manifest(), self._sizes()
        if found is None:
            return 0
        if lost := [name for name, (size, _) in found.files.items() if sizes.get(name) != size]:
            raise SinkError(f"`{self._path}`: the file `{lost[0]}` is not as it was written; write the sink anew")
        return found.rows

    def switch(
        self,
        files: FilesOfWrite,
        changed: Callable[[Manifest | None, Manifest], Manifest],
        *,
        columns: Mapping[str, str],
        is_repeated: bool,
        check: Callable[[], None],
        seen: str | None,
    ) -> None:
        """Upload files, and replace the manifest by what `changed` makes of the present one and that of these files alone.

        `seen` is the tag of the manifest that the caller has read. If another write comes in between, `changed` is asked again if it
        `is_repeated`; else SinkError. Whatever is raised leaves the folder's content as it was.
        """
        self.check()
        try:
            added = self._upload(files, columns)
            check()
            before = self._replace(added, changed, is_repeated=is_repeated, seen=seen)
        except BaseException:
            with suppress(StoreError):
                self._remove_unnamed(files.names.values())
            raise
        with suppress(StoreError):
            self._remove_old(before)

    def _upload(self, files: FilesOfWrite, columns: Mapping[str, str]) -> Manifest:
        import pyarrow.parquet as pq

        told = {}
        for name, new in files.names.items():
            file = files.folder / name
            told[new] = file.stat().st_size, pq.read_metadata(file).num_rows
        put_files(files.folder, self._folder / files.write, files.names)
        return Manifest(told, columns)

    def _replace(
        self,
        added: Manifest,
        changed: Callable[[Manifest | None, Manifest], Manifest],
        *,
        is_repeated: bool,
        seen: str | None,
    ) -> Manifest | None:
        """Replace the manifest, and return the one before."""
        for _ in range(_TRIES):
            before, tag = self.read()
            if tag != seen and not is_repeated:
                break
            new = changed(before, added)
            gone = set(before.files if before else ()) - set(new.files)
            content = replace(new, replaced=tuple(gone)).content(self._place)
            try:
                (self._folder / MANIFEST).write_if(content, tag)
            except ChangedMeanwhileError:
                # An answer that was lost on its way makes a client try again, and meet its own write.
                if (self._folder / MANIFEST).read_bytes() != content:
                    continue
            return before
        raise SinkError(
            f"output_sink: `{self._path}` was written by somebody else during the run, and is as they left it; run the job again"
        )

    def _remove_unnamed(self, names: Collection[str]) -> None:
        """Remove files of a failed write, unless the manifest names them after all."""
        found = self.manifest()
        named = found.files if found else {}
        remove_files([self._folder / name for name in names if name not in named])

    def _remove_old(self, before: Manifest | None) -> None:
        """Remove what was replaced before the last switch, and what killed runs left; readers may still read the state before."""
        now = self.manifest()
        if now is None:
            return
        kept = {*now.files, *now.replaced}
        oldest = time.time() - _UNNAMED_SECONDS
        replaced_earlier = set(before.replaced if before else ())
        unneeded = []
        for file in self._folder.files():
            name = file.relative_to(self._folder).as_posix()
            is_old = name in replaced_earlier or file.stat().st_mtime < oldest
            if is_written_by_runs(name) and name not in kept and is_old:
                unneeded.append(file)
        remove_files([*unneeded])

    def _sizes(self) -> dict[str, int]:
        return {file.relative_to(self._folder).as_posix(): file.stat().st_size for file in self._folder.files()}


def with_proof(proof: str | None, files: Mapping[str, tuple[int, int]]) -> Any:
    """Return the proof of a result with the names and sizes of the files that it is about."""
    return None if proof is None else json.loads(proof) | {"files": {name: size for name, (size, _) in files.items()}}


def same_layout(manifest: Manifest, path: str, names: Sequence[str]) -> None:
    """Raise SinkError if the files are in the folders of other columns than `names`."""
    if list(manifest.partition_by) != list(names):
        raise SinkError(
            f"output_sink: cannot append to `{path}`, its `partition_by` is {list(manifest.partition_by)}, and the job's"
            f" {list(names)}; make them equal, overwrite it or name another path"
        )
