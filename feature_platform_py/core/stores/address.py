"""The addresses of object stores: `s3://bucket/key`, `gs://bucket/key`, `abfss://container@account.dfs.core.windows.net/key`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from feature_platform_py.core.errors import ConfigurationError

# Hadoop's name for S3 means the same place.
_SAME = {"s3a": "s3", "abfs": "abfss"}
SCHEMES = ("s3", "s3a", "gs", "abfss")
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(/[^?#]*)?")
_AZURE = re.compile(r"[a-z0-9$-]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
_BUCKET = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class StoreAddress:
    """A place in an object store: the scheme without Hadoop's variants, the bucket (on Azure `container@account...`) and the key."""

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}" if self.key else f"{self.scheme}://{self.bucket}"

    @property
    def root(self) -> str:
        """The address of the bucket."""
        return f"{self.scheme}://{self.bucket}"


def is_store_address(location: str) -> bool:
    """Return whether the location is the address of an object store that the platform can use."""
    found = _ADDRESS.match(location)
    return bool(found) and found[1].lower() in (*SCHEMES, *_SAME)  # type: ignore[index]


def store_address(location: str) -> StoreAddress:
    """Return the parts of an address; `s3a` becomes `s3`. Raises ConfigurationError for another text."""
    found = _ADDRESS.fullmatch(location)
    scheme = found[1].lower() if found else ""
    if found is None or scheme not in (*SCHEMES, *_SAME):
        known = ", ".join(f"`{each}://`" for each in SCHEMES)
        raise ConfigurationError(
            f"`{location}`: expected the address of an object store, which begins with one of {known}"
        )
    scheme, bucket, parts = _SAME.get(scheme, scheme), found[2], (found[3] or "").split("/")
    pattern, example = (
        (_AZURE, "abfss://container@account.dfs.core.windows.net/folder")
        if scheme == "abfss"
        else (_BUCKET, f"{scheme}://bucket/folder")
    )
    if not pattern.fullmatch(bucket) or {".", ".."} & set(parts):
        raise ConfigurationError(f"`{_without_secrets(location)}`: expected an address such as `{example}`")
    return StoreAddress(scheme, bucket, "/".join(part for part in parts if part))


def _without_secrets(location: str) -> str:
    """Return the address without a password, which people may put in front of the host."""
    return re.sub(r"//[^/@]*:[^/@]*@", "//***@", location)
