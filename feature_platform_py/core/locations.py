"""Where data is: a table name of one to three parts, or a path of files."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TABLE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*){0,2}", re.ASCII)
_ENDING = re.compile(r"\.(csv|tsv|parquet|json|jsonl|ndjson)(\.gz|\.bz2|\.zst|\.xz)?/*\Z", re.IGNORECASE)
# Spellings of one store's scheme by several programs.
_ALIKE = {"s3a": "s3", "s3n": "s3", "abfs": "abfss", "wasb": "wasbs"}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def is_table_name(location: str) -> bool:
    """Return whether the location is a table name: one to three identifiers, without a file's ending like `.csv`."""
    return bool(_TABLE_NAME.fullmatch(location)) and not _ending(location)


def table_parts(name: str) -> tuple[str | None, str, str]:
    """Return the catalog (None if it is not named), the schema and the table of a table name."""
    parts = name.split(".")
    catalog, schema, table = [None] * (3 - len(parts)) + parts
    return catalog, schema or "default", str(table)


def is_remote(location: str) -> bool:
    """Return whether the location is a URI of remote storage (`s3://bucket/x`), which this process cannot read."""
    return bool(_SCHEME.match(location)) and not location.startswith("file:/")


def inferred_format(location: str) -> str | None:
    """Return the format that a file's ending implies, or None."""
    ending = _ending(location)
    return {"tsv": "csv", "jsonl": "json", "ndjson": "json"}.get(ending, ending) or None


def absolute(location: str, root: Path) -> Path:
    """Return the path of a local location, its links resolved; relative ones start at `root`."""
    return Path(os.path.realpath(root / re.sub(r"^file:/+", "/", location)))


def overlap(one: str, other: str, *, root: Path) -> bool:
    """Return whether writing to one location could change the other: one table, or one folder in the other."""
    if is_table_name(one) or is_table_name(other):
        return is_table_name(one) and is_table_name(other) and _same_table(one, other)
    if is_remote(one) or is_remote(other):
        return is_remote(one) and is_remote(other) and _nested(same_place(one), same_place(other))
    return _nested(absolute(one, root).parts, absolute(other, root).parts)


def _ending(location: str) -> str:
    match = _ENDING.search(location)
    return match[1].lower() if match else ""


def _same_table(one: str, other: str) -> bool:
    """Return whether two names may mean one table; a name without a catalog may have any."""
    first, second = one.lower().split("."), other.lower().split(".")
    # Only the engine knows the catalog of a short name; in doubt, the input must not be overwritten.
    shared = min(len(first), len(second))
    return first == second or (shared > 1 and first[-shared:] == second[-shared:])


def same_place(location: str) -> tuple[str, ...]:
    """Return the scheme, the bucket or host, and the folders of a URI; equal ones are the same place, however it is spelled."""
    scheme, _, rest = location.partition(":")
    scheme = _ALIKE.get(scheme.lower(), scheme.lower())
    return (scheme, *(part for part in os.path.normpath(f"/{rest}").split("/") if part))


def _nested(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
