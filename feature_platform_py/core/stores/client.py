"""Read and write objects of a store; every error is one of the platform's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.stores.address import StoreAddress, store_address
from feature_platform_py.core.stores.environment import aws_place, aws_session, has_own_credentials, set_for_engines
from feature_platform_py.core.stores.errors import ChangedMeanwhileError, store_errors

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# A store that does not answer is reported within half a minute.
_REQUEST, _CONNECT, _TRYING, _TRIES = "20s", "5s", timedelta(seconds=10), 3
PART_BYTES = 8 * 1024 * 1024
"""Larger objects travel in parts of this size, because a request has its time limit whatever it carries."""
_PARTS_AT_ONCE = 4
_used: set[str] = set()


@dataclass(frozen=True)
class StoredObject:
    """An object as a listing names it: its key, its size in bytes, its tag, which every write changes, and the time of that."""

    key: str
    size: int
    tag: str
    written: datetime

    @classmethod
    def of(cls, told: Any) -> Self:
        """Return the object that the library describes."""
        return cls(told["path"], told["size"], told["e_tag"] or told["version"] or "", told["last_modified"])


class ObjectStoreClient:
    """The objects of one bucket; keys are whole."""

    def __init__(self, address: StoreAddress) -> None:
        self.root = address.root
        self.store = _opened(address)

    def read(self, key: str) -> bytes:
        """Return an object's content. Raises FileNotFoundError if it does not exist."""
        return self.read_tagged(key)[0]

    def read_tagged(self, key: str) -> tuple[bytes, str]:
        """Return an object's content and tag. Raises FileNotFoundError if it does not exist."""
        import obstore

        with store_errors(self._place(key)):
            found = obstore.get(self.store, key)
            return bytes(found.bytes()), found.meta["e_tag"] or ""

    def read_part(self, key: str, start: int, end: int, *, tag: str) -> bytes:
        """Return bytes of an object that has still this tag. Raises ChangedMeanwhileError if it has another, or is not there."""
        import obstore

        try:
            with store_errors(self._place(key)):
                return bytes(obstore.get(self.store, key, options={"range": (start, end), "if_match": tag}).bytes())
        except FileNotFoundError as error:
            raise ChangedMeanwhileError(self._place(key)) from error

    def upload(self, key: str, file: Path) -> str:
        """Write a file as an object of a new name, in parts if it is large, and return its tag."""
        import obstore

        with store_errors(self._place(key)):
            told = obstore.put(self.store, key, file, chunk_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE)
        return told["e_tag"] or ""

    def write(self, key: str, content: bytes) -> str:
        """Write an object in one step, whatever is there, and return its tag."""
        return self._put(key, content, mode="overwrite")

    def create(self, key: str, content: bytes) -> str:
        """Write an object that must not exist, and return its tag. Raises ChangedMeanwhileError if it exists."""
        return self._put(key, content, mode="create")

    def replace(self, key: str, content: bytes, tag: str) -> str:
        """Write an object if it has still this tag, and return the new one. Raises ChangedMeanwhileError if it has another."""
        return self._put(key, content, mode={"e_tag": tag})

    def copy(self, key: str, to: str) -> None:
        """Have the store copy an object. Raises FileNotFoundError if there is none."""
        import obstore

        with store_errors(self._place(key)):
            obstore.copy(self.store, key, to)

    def delete(self, keys: list[str]) -> None:
        """Remove objects; one that does not exist is no error."""
        import obstore

        if keys:
            with store_errors(self._place(keys[0])):
                obstore.delete(self.store, keys)

    def find(self, key: str) -> StoredObject | None:
        """Return the object with this key, or None."""
        import obstore

        try:
            with store_errors(self._place(key)):
                return StoredObject.of(obstore.head(self.store, key))
        except FileNotFoundError:
            return None

    def objects(self, prefix: str) -> list[StoredObject]:
        """Return all objects below a folder in order; each thousand costs a request.

        Hadoop marks a folder by an object `<folder>/` without content, which is none of them.
        """
        import obstore

        with store_errors(self._place(prefix)):
            found = [each for chunk in obstore.list(self.store, prefix or None) for each in chunk]
        return sorted(map(StoredObject.of, _without_marker(found, prefix)), key=lambda each: each.key)

    def folder(self, prefix: str) -> tuple[list[str], list[StoredObject]]:
        """Return the folders and the objects directly in a folder."""
        import obstore

        with store_errors(self._place(prefix)):
            found = obstore.list_with_delimiter(self.store, prefix or None)
        return sorted(found["common_prefixes"]), [
            StoredObject.of(each) for each in _without_marker(found["objects"], prefix)
        ]

    def has_objects(self, prefix: str) -> bool:
        """Return whether anything is below a folder. Raises StoreError if the bucket cannot be listed."""
        import obstore

        with store_errors(self._place(prefix)):
            found = next(iter(obstore.list(self.store, prefix or None, chunk_size=2)), [])
        return bool(_without_marker(found, prefix))

    def _put(self, key: str, content: bytes, *, mode: Any) -> str:
        import obstore

        with store_errors(self._place(key)):
            # In one request: only that is checked and written at once.
            return obstore.put(self.store, key, content, mode=mode, use_multipart=False)["e_tag"] or ""

    def _place(self, key: str) -> str:
        return f"{self.root}/{key}" if key else self.root


def _without_marker(found: Sequence[Any], prefix: str) -> list[Any]:
    return [each for each in found if each["path"] != prefix]


@cache
def _client(root: str) -> ObjectStoreClient:
    set_for_engines()
    _used.add(store_address(root).scheme)
    return ObjectStoreClient(store_address(root))


def used_schemes() -> frozenset[str]:
    """Return the kinds of stores that this process has a client of, such as `s3`; an engine that starts later needs to reach them."""
    return frozenset(_used)


def store_client(location: str) -> tuple[ObjectStoreClient, str]:
    """Return the process's client of the bucket of an address, and the key. Raises ConfigurationError without the library."""
    address = store_address(location)
    return _client(address.root), address.key


def check_store(location: str) -> None:
    """Raise StoreError, with its one reason, if the bucket of an address cannot be used."""
    store_client(location)[0].has_objects("")


def _opened(address: StoreAddress) -> ObjectStore:
    try:
        from obstore.store import AzureStore, GCSStore, S3Store
    except ImportError as error:
        raise ConfigurationError(
            f"{address}: expected the libraries of object stores; install them beside this package:"
            " python -m pip install 'obstore>=0.12,<1' 'boto3>=1.40'"
        ) from error
    place = aws_place() if address.scheme == "s3" else None
    settings: dict[str, Any] = {
        "client_options": {
            "timeout": _REQUEST,
            "connect_timeout": _CONNECT,
            "allow_http": bool(place and place.is_plain_http),
        },
        "retry_config": {"max_retries": _TRIES, "retry_timeout": _TRYING},
    }
    with store_errors(str(address)):
        if place is not None:
            return S3Store(address.bucket, **settings, **_s3(place.endpoint, place.region))
        if address.scheme == "gs":
            return GCSStore(address.bucket, **settings)
        container, _, host = address.bucket.partition("@")
        return AzureStore(container, account_name=host.partition(".")[0], **settings)


def _s3(endpoint: str | None, region: str | None) -> dict[str, Any]:
    named = {name: value for name, value in (("endpoint", endpoint), ("region", region)) if value}
    session = None if has_own_credentials() else aws_session()
    if session is not None and session.get_credentials() is not None:
        from obstore.auth.boto3 import Boto3CredentialProvider

        # Short, because credentials of a profile may be about to expire.
        return {**named, "credential_provider": Boto3CredentialProvider(session, ttl=timedelta(minutes=5))}
    return named
