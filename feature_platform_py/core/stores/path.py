"""A path whose files are objects of a store, for code that reads and writes a folder by `pathlib`.

There are no folders in a store: one exists while it has objects. Nothing can be renamed, and nothing is locked.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from hashlib import sha256
from pathlib import Path, PosixPath
from types import SimpleNamespace
from typing import IO, Any, Self

from feature_platform_py.core.stores.address import is_store_address, store_address
from feature_platform_py.core.stores.client import ObjectStoreClient, StoredObject, store_client

# Larger objects are read again, rather than kept.
_KEPT_BYTES = 256 * 1024


class StorePath(PosixPath):
    """`s3://bucket/key` as a path; `os` functions refuse it, so that none makes a local folder `s3:`.

    A path that a listing found knows the size, the time and the tag of its object: asking for them costs no other request.
    """

    _found: StoredObject | None = None

    @property
    def _client(self) -> ObjectStoreClient:
        return store_client("/".join((f"{self.parts[0]}/", self.parts[1])))[0]

    @property
    def key(self) -> str:
        """The key of the object, or of the folder."""
        return "/".join(self.parts[2:])

    def __str__(self) -> str:
        text = super().__str__()
        scheme, colon, rest = text.partition(":/")
        return f"{scheme}://{rest}" if colon and self.parts[0] == f"{scheme}:" else text

    def __fspath__(self) -> str:
        raise TypeError(f"{self} is in an object store, and not on this machine")

    def _found_as(self, found: StoredObject) -> StorePath:
        path = self._at(found.key)
        path._found = found
        return path

    def _at(self, key: str) -> StorePath:
        return StorePath(f"{self.parts[0]}//{self.parts[1]}/{key}")

    # What is there

    def is_absolute(self) -> bool:
        """Return True: an address depends on no working directory."""
        return True

    def resolve(self, strict: bool = False) -> Self:  # noqa: ARG002, FBT001, FBT002 - as in `pathlib`
        """Return the path: a store has no links."""
        return self

    def expanduser(self) -> Self:
        """Return the path: a store has no home folders."""
        return self

    def is_symlink(self) -> bool:
        """Return False."""
        return False

    def object(self) -> StoredObject | None:
        """Return the object, as the listing has it that found this path; None if there is none."""
        return self._found or self._client.find(self.key)

    def stat(self, *, follow_symlinks: bool = True) -> Any:  # noqa: ARG002 - as in `pathlib`
        """Return size and time of the object; every write changes its `st_ctime_ns`. Raises FileNotFoundError."""
        found = self.object()
        if found is None:
            raise FileNotFoundError(str(self))
        written = found.written.timestamp()
        tag = int.from_bytes(sha256(found.tag.encode()).digest()[:7])
        return SimpleNamespace(st_size=found.size, st_mtime=written, st_mtime_ns=int(written * 10**9), st_ctime_ns=tag)

    def exists(self, **_: Any) -> bool:
        """Return whether an object, or a folder, is there."""
        return self.is_file() or self.is_dir()

    def is_file(self, **_: Any) -> bool:
        """Return whether there is an object."""
        return self.object() is not None

    def is_dir(self, **_: Any) -> bool:
        """Return whether objects are below the path."""
        return self._found is None and self._client.has_objects(self.key)

    def iterdir(self) -> Iterator[StorePath]:  # type: ignore[override]
        """Yield what is directly below, in one request for each thousand."""
        folders, objects = self._client.folder(self.key)
        yield from map(self._at, folders)
        yield from map(self._found_as, objects)

    def files(self) -> list[StorePath]:
        """Return the paths of all objects below, in order, in one request for each thousand."""
        return [self._found_as(found) for found in self._client.objects(self.key)]

    def glob(self, pattern: str, **_: Any) -> Iterator[StorePath]:  # type: ignore[override]
        """Yield what is below with such a name; of a pattern that ends in `/` only folders."""
        wanted = pattern.rstrip("/").split("/")
        if len(wanted) > 1:
            yield from self._glob_below(wanted)
            return
        for path in self.iterdir():
            is_wanted = not (pattern.endswith("/") and path._found)
            if is_wanted and fnmatchcase(path.name, wanted[0]):
                yield path

    def _glob_below(self, wanted: list[str]) -> Iterator[StorePath]:
        depth = len(self.parts) + len(wanted)
        found = {str(self._at("/".join(path.parts[2:depth]))): path for path in self.files()}
        for text, path in found.items():
            names = path.parts[len(self.parts) : depth]
            if len(names) == len(wanted) and all(map(fnmatchcase, names, wanted)):
                yield path if text == str(path) else StorePath(text)

    def rglob(self, pattern: str, **_: Any) -> Iterator[StorePath]:  # type: ignore[override]
        """Yield the objects below whose names match; never a folder."""
        yield from (path for path in self.files() if fnmatchcase(path.name, pattern))

    # Content

    def read_bytes(self) -> bytes:
        """Return the object's content. Raises FileNotFoundError."""
        if self._found and self._found.size < _KEPT_BYTES:
            return _content(self._client, self.key, self._found.tag)
        return self._client.read(self.key)

    def read_tagged(self) -> tuple[bytes, str]:
        """Return the object's content and its tag. Raises FileNotFoundError."""
        return self._client.read_tagged(self.key)

    def write_if(self, data: bytes, tag: str | None) -> str:
        """Replace the object if it has this tag, or create it (None), and return the new tag. Raises ChangedMeanwhileError."""
        if tag is None:
            return self._client.create(self.key, data)
        return self._client.replace(self.key, data, tag)

    def read_text(self, encoding: str | None = None, errors: str | None = None, **_: Any) -> str:
        """Return the object's content as text. Raises FileNotFoundError."""
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def open(self, mode: str = "r", *_: Any, **__: Any) -> IO[Any]:  # type: ignore[override]
        """Return the object's content as a stream, for reading only."""
        if mode not in ("r", "rb"):
            raise ValueError(f"{self}: an object cannot be opened with mode `{mode}`; write it whole")
        content = io.BytesIO(self.read_bytes())
        return content if mode == "rb" else io.TextIOWrapper(content, encoding="utf-8")

    def write_bytes(self, data: Any) -> int:
        """Replace the object in one step."""
        self._client.write(self.key, bytes(data))
        return len(data)

    def copy_to(self, other: StorePath) -> None:
        """Copy the object to another path; within a bucket the store does so itself. Raises FileNotFoundError."""
        if self._client is other._client:
            self._client.copy(self.key, other.key)
        else:
            other.write_bytes(self.read_bytes())

    def upload(self, file: Path) -> None:
        """Write a file of this machine as the object, in parts if it is large."""
        self._client.upload(self.key, file)

    def write_text(self, data: str, *_: Any, **__: Any) -> int:
        """Replace the object in one step."""
        return self.write_bytes(data.encode())

    def mkdir(self, *_: Any, **__: Any) -> None:
        """Do nothing: a folder is there when it has objects."""

    def unlink(self, missing_ok: bool = False) -> None:  # noqa: FBT001, FBT002 - as in `pathlib`
        """Remove the object. Raises FileNotFoundError if it does not exist and may not be missing."""
        if not missing_ok and not self.is_file():
            raise FileNotFoundError(str(self))
        self._client.delete([self.key])

    def local_folder(self) -> Path:
        """Return this machine's folder for what belongs to the path and cannot be in a store, such as logs of engines."""
        cache = os.environ.get("FP_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "feature-platform")
        name = f"{self.name}-{sha256(str(self).encode()).hexdigest()[:16]}"
        folder = Path(cache).expanduser().resolve() / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def remove_all(self) -> int:
        """Remove the objects below, first the logs of Delta tables, so that no reader sees half of their rows; return their number."""
        keys = [found.key for found in self._client.objects(self.key)]
        self._client.delete([key for key in keys if "/_delta_log/" in key])
        self._client.delete([key for key in keys if "/_delta_log/" not in key])
        return len(keys)


@lru_cache(maxsize=1024)
def _content(client: ObjectStoreClient, key: str, tag: str) -> bytes:  # noqa: ARG001 - what has a tag never changes
    return client.read(key)


def place_of(location: str, root: Path) -> Path:
    """Return the path of a folder, from `root` on if it is relative, or of an address of an object store."""
    return StorePath(str(store_address(location))) if is_store_address(location) else root / location


def remove_files(paths: list[Path]) -> None:
    """Remove files, those of a store in one request for each thousand; one that does not exist is no error."""
    stored = [path for path in paths if isinstance(path, StorePath)]
    for client in dict.fromkeys(path._client for path in stored):
        client.delete([path.key for path in stored if path._client is client])
    for path in paths:
        if not isinstance(path, StorePath):
            path.unlink(missing_ok=True)
