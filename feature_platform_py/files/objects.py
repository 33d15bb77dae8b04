"""Bring what readers need of files at an object store to this machine: their names, their footers, or all of them.

Readers of local files then read them. Only messages are told in the names of the store.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from hashlib import sha256
from pathlib import Path, PurePosixPath

from feature_platform_py.core.errors import ConfigurationError, DataCheckError
from feature_platform_py.core.locations import inferred_format
from feature_platform_py.core.stores.address import store_address
from feature_platform_py.core.stores.client import (
    PART_BYTES,
    ObjectStoreClient,
    StoredObject,
    check_store,
    store_client,
)
from feature_platform_py.core.stores.errors import ChangedMeanwhileError, StoreError
from feature_platform_py.files.columns import shown
from feature_platform_py.files.manifest import MANIFEST, Manifest, name_in_write, read_manifest

AT_ONCE = 16
"""How many requests are under way at a time."""
_MAGIC = b"PAR1"
_TAIL_BYTES = 64 * 1024
_ANSWERED = re.compile(r"status code: \d|redirect")
# How often a folder is listed whose manifest is replaced meanwhile.
_LISTINGS = 3
_SECONDS_OF_SILENCE = 30
_silent: dict[str, tuple[float, StoreError]] = {}
# Footers of objects by their place and tag, which every write changes.
_footers: dict[tuple[str, str], bytes] = {}


class ObjectsChangedError(DataCheckError):
    """Objects changed while they were read."""


@dataclass(frozen=True)
class StoreFiles:
    """The objects of a file or folder at a store as one listing shows them."""

    location: str
    objects: tuple[StoredObject, ...]
    manifest: Manifest | None = None

    @property
    def folder(self) -> str | None:
        """The address of the folder (or object) that has these files and no others; None if they lie in several."""
        if self.manifest is None:
            return self.location
        return f"{self.location}/{self.manifest.write}" if self.manifest.write else None

    @cached_property
    def _place(self) -> tuple[ObjectStoreClient, str]:
        return store_client(self.location)

    @property
    def is_file(self) -> bool:
        """Whether the location is one object."""
        return [each.key for each in self.objects] == [self._place[1]]

    def name(self, found: StoredObject) -> str:
        """Return the name of an object below the folder; that of a file is its own."""
        if self.is_file:
            return PurePosixPath(found.key).name
        name = found.key[len(self._place[1]) :].lstrip("/")
        return name_in_write(name) if self.manifest else name

    def state(self) -> list[tuple[str, int, str]]:
        """Return names, sizes and tags: another state means other content."""
        return [(self.name(each), each.size, each.tag) for each in self.objects]

    def twin(self, folder: Path) -> Path:
        """Return a folder (or file) of this machine with an empty file for each object, below an empty folder."""
        for found in self.objects:
            file = folder / self._safe(found)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        return folder / self.name(self.objects[0]) if self.is_file else folder

    def fetch(self, twin: Path, files: Iterable[Path]) -> None:
        """Write the content of objects into files of their twin. Raises ObjectsChangedError if one is another than listed."""
        self._each(twin, files, self._download)

    def fetch_footers(self, twin: Path, files: Iterable[Path]) -> None:
        """Write the footers of Parquet files into the twin, as files without rows that say which rows they would have."""
        self._each(twin, files, self._fetch_footer)

    def _each(self, twin: Path, files: Iterable[Path], fetch: Callable[[StoredObject, Path], None]) -> None:
        by_name = {self.name(each): each for each in self.objects}
        wanted = [(by_name[twin.name if self.is_file else file.relative_to(twin).as_posix()], file) for file in files]
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda each: fetch(*each), wanted))
        except ChangedMeanwhileError as error:
            raise ObjectsChangedError(
                f"{self.location}: the files changed while they were read; run the command again"
            ) from error

    def _download(self, found: StoredObject, file: Path) -> None:
        with file.open("wb") as written:
            for start in range(0, found.size, PART_BYTES):
                written.write(self._part(found, start, min(start + PART_BYTES, found.size)))

    def _fetch_footer(self, found: StoredObject, file: Path) -> None:
        key = (f"{self._place[0].root}/{found.key}", found.tag)
        if key not in _footers:
            _footers[key] = self._footer(found)
        file.write_bytes(_footers[key])

    def _footer(self, found: StoredObject) -> bytes:
        """Return a Parquet file that has the footer and nothing else; of another file its end."""
        tail = self._part(found, max(0, found.size - _TAIL_BYTES), found.size) if found.size else b""
        length = int.from_bytes(tail[-8:-4], "little") + 8
        if not tail.endswith(_MAGIC) or length > found.size - len(_MAGIC):
            return tail
        if length > len(tail):
            tail = self._part(found, found.size - length, found.size)
        return _MAGIC + tail[-length:]

    def _part(self, found: StoredObject, start: int, end: int) -> bytes:
        return self._place[0].read_part(found.key, start, end, tag=found.tag)

    def _safe(self, found: StoredObject) -> str:
        """Return the name of an object if a file can have it."""
        name = self.name(found)
        if {"", ".", ".."} & set(name.split("/")) or "\0" in name:
            raise ConfigurationError(f"{self.location}: the object `{found.key}` has a name that no file can have")
        return name


def store_files(location: str) -> StoreFiles:
    """Return the object, or those below the folder: where runs write, those of the manifest. Raises StoreError without any."""
    with _asked_once(store_address(location).root):
        for _ in range(_LISTINGS - 1):
            with suppress(ObjectsChangedError):
                return _listed(location)
        return _listed(location)


def _listed(location: str) -> StoreFiles:
    client, key = store_client(location)
    place = str(store_address(location))
    is_file_first = inferred_format(location) is not None
    for looks_for_file in (is_file_first, not is_file_first):
        if found := _one(client, key) if looks_for_file else client.objects(key):
            return _named_by_manifest(StoreFiles(place, tuple(found)), client)
    raise StoreError(f"{place}: expected an object, or objects below it, found none; correct the path")


def _named_by_manifest(files: StoreFiles, client: ObjectStoreClient) -> StoreFiles:
    """Return the files that the manifest names if runs write the folder, else the same."""
    names = {files.name(each): each for each in files.objects}
    if MANIFEST not in names or files.is_file:
        return files
    manifest = read_manifest(client.read(names[MANIFEST].key), files.location)
    if lost := sorted(manifest.files.keys() - names):
        # The manifest was replaced after the listing.
        raise ObjectsChangedError(
            f"{files.location}: the file `{lost[0]}`, which the manifest names, was not found; run the command again"
        )
    return StoreFiles(files.location, tuple(names[name] for name in sorted(manifest.files)), manifest)


@contextmanager
def _asked_once(root: str) -> Iterator[None]:
    """Do not ask a store again for a while that has not answered: each time takes as long as one is willing to wait."""
    failed, error = _silent.get(root, (0.0, None))
    if error and time.monotonic() - failed < _SECONDS_OF_SILENCE:
        raise error
    try:
        yield
    except StoreError as error:
        if error.__cause__ and not _ANSWERED.search(str(error.__cause__)):
            _silent[root] = time.monotonic(), error
        raise


def folder_files(location: str) -> StoreFiles:
    """Return the objects below a folder, which may have none."""
    client, key = store_client(location)
    with _asked_once(client.root):
        return StoreFiles(str(store_address(location)), tuple(client.objects(key)))


def _one(client: ObjectStoreClient, key: str) -> list[StoredObject]:
    if not key:
        return []
    try:
        found = client.find(key)
    except StoreError as error:
        if _ANSWERED.search(str(error.__cause__)):
            # The answer to this request has no words, that to a listing has.
            check_store(client.root)
        raise
    return [found] if found else []


def stamp(found: StoredObject) -> tuple[int, int, int]:
    """Return the size of an object, the time of its last write, and a number made of its tag."""
    written = int(found.written.astimezone(UTC).timestamp() * 1_000_000)
    return found.size, written, int.from_bytes(sha256(found.tag.encode()).digest()[:6])


@contextmanager
def twin_of(files: StoreFiles) -> Iterator[Path]:
    """Yield the twin of files at a store; messages of the block that name it name the store's files instead."""
    with tempfile.TemporaryDirectory(prefix="feature_platform_") as folder, told_as(files, Path(folder)):
        yield files.twin(Path(folder))


@contextmanager
def told_as(files: StoreFiles, folder: Path) -> Iterator[None]:
    """Tell errors about files below a folder, which is their twin's, in the names of the store."""
    place = files.location.rpartition("/")[0] if files.is_file else files.location
    try:
        yield
    except (ConfigurationError, DataCheckError) as error:
        text = str(error).replace(shown(folder), place).replace(str(folder), place)
        if text == str(error) or (isinstance(error, ConfigurationError) and error.problems):
            raise
        raise type(error)(text) from error
