"""The options of sinks' writers: those that every engine honours, and what their values are."""

from __future__ import annotations

import re
from collections.abc import Mapping

from feature_platform_py.core.suggestions import printable, unknown

_FLAG = ("true|false", "true or false")
_WHOLE = (r"-1|\d+", "a whole number")
_INTERVAL = (r"interval \d+ (hours?|days?|weeks?)", "an interval such as `interval 30 days`")
_ANY = (r"[\s\S]*", "a text")

PARQUET_OPTIONS: Mapping[str, tuple[str, str]] = {
    "compression": ("none|uncompressed|snappy|gzip|zstd", "one of `none`, `snappy`, `gzip`, `zstd`"),
}
DELTA_OPTIONS: Mapping[str, tuple[str, str]] = {
    "userMetadata": _ANY,
    "delta.appendOnly": _FLAG,
    "delta.checkpointInterval": _WHOLE,
    "delta.columnMapping.mode": ("none|name|id", "one of `none`, `name`, `id`"),
    "delta.dataSkippingNumIndexedCols": _WHOLE,
    "delta.deletedFileRetentionDuration": _INTERVAL,
    "delta.logRetentionDuration": _INTERVAL,
}

# Each of these makes a write replace, skip or redirect rows in ways that the sink's mode does not say.
_REFUSED = frozenset({"mode", "partitionoverwritemode", "replacewhere", "txnappid", "txnversion"})


def option_name(name: str, known: Mapping[str, tuple[str, str]]) -> str:
    """Return the option as it is spelled; ValueError for one that is not known."""
    if name.lower() in _REFUSED:
        raise ValueError(f"the option `{name}` would change which rows are written; only the sink's `mode` says that")
    found = {each.lower(): each for each in known}.get(name.lower())
    if found is None:
        raise ValueError(unknown("option", name, known=known))
    return found


def option_fault(name: str, value: str, known: Mapping[str, tuple[str, str]]) -> str | None:
    """Return what is wrong with the value of an option, None if nothing is."""
    pattern, expected = known[name]
    is_right = re.fullmatch(pattern, value, re.IGNORECASE)
    return None if is_right else f"`{name}`: expected {expected}, given `{printable(value)}`"


def table_properties_of(options: Mapping[str, str]) -> dict[str, str]:
    """Return the options that are properties of a Delta table."""
    return {name: value for name, value in options.items() if name.startswith("delta.")}
