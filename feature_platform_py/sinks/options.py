"""The options of sinks' writers: a sink names those that every engine honours, each with a pattern and its meaning in words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import WithJsonSchema

from feature_platform_py.core.suggestions import printable, unknown

FLAG = ("true|false", "true or false")
WHOLE = (r"-1|\d+", "a whole number")
INTERVAL = (r"interval \d+ (hours?|days?|weeks?)", "an interval such as `interval 30 days`")
ANY = (r"[\s\S]*", "a text")

# Each of these makes a write replace, skip or redirect rows in ways that the sink's mode does not say.
_REFUSED = frozenset({"mode", "partitionoverwritemode", "replacewhere", "txnappid", "txnversion"})


def option_name(name: str, known: Mapping[str, tuple[str, str]]) -> str:
    """Return the option as it is spelled. Raises ValueError for one that is not known."""
    if name.lower() in _REFUSED:
        raise ValueError(f"the option `{name}` would change which rows are written; only the sink's `mode` says that")
    found = {each.lower(): each for each in known}.get(name.lower())
    if found is None:
        raise ValueError(unknown("option", name, known=known))
    return found


def write_options(value: dict[str, str], known: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return the options. Raises ValueError for values that they cannot have."""
    faults = [fault for name, given in value.items() if (fault := _option_fault(name, given, known))]
    if faults:
        raise ValueError("; ".join(faults))
    return value


def options_schema(known: Mapping[str, tuple[str, str]]) -> WithJsonSchema:
    """Return the JSON Schema of the options."""
    properties = {
        name: {"type": ["string", "number", "boolean"], "description": said} for name, (_, said) in known.items()
    }
    return WithJsonSchema({"type": "object", "properties": properties, "additionalProperties": False})


def _option_fault(name: str, value: str, known: Mapping[str, tuple[str, str]]) -> str | None:
    pattern, expected = known[name]
    is_right = re.fullmatch(pattern, value, re.IGNORECASE)
    return None if is_right else f"`{name}`: expected {expected}, given `{printable(value)}`"
