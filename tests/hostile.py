"""Texts that break out of a quote, a comment, a template or a page, and their way into every free text of the YAML files.

The JSON Schemas say which fields there are, so that a field that is new takes part by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ONE_LINE = [
    "owner\\' tblproperties('pwned'='yes') --",
    "ends in a backslash \\",
    'amount"; drop table x; --',
    "'; select 1; --",
    "`; select 1; `",
    "</script><script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    "[a link](javascript:window.pwned=1)",
    "{{ env_var('HOME') }} {% do run_query('x') %} {# x",
    "{{constructor.constructor('window.pwned = 1')()}}",
    "*/ x /* -- x",
    "${HOME} $$ $1",
    "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{SNOWMAN} 日本語 \N{RIGHT-TO-LEFT OVERRIDE}x",
    "line\u2028separator\u2029",
    "CATALOG.JSON INLINE DATA",
    "%s %(x)s %%",
]
"""Each is a name too: no more than 255 characters, on one line."""

TEXTS = [*ONE_LINE, "first line\nsecond 'line'\n\n--- # not YAML\n"]
EVERYTHING = " | ".join(ONE_LINE) + "\nnext line"

# Texts that name something else, which must be there, or that the format restricts beyond what JSON Schema says.
_REFERENCES = frozenset(
    {"name", "entity", "model", "to", "type", "primary_key", "event_time", "loaded_at", "location", "options"}
    | {"source", "timestamp_col", "time_zone", "column", "windows", "order_by", "value", "was"}
)


def poison_registry(root: Path, text: str = EVERYTHING) -> list[str]:
    """Put the text into every free text of the registry's files below `root`; return where it went, as `file: path`."""
    places = []
    for kind in ("entity", "source", "feature"):
        schema = json.loads((root / "registry" / f"{kind}.schema.json").read_text(encoding="utf-8"))
        for path in sorted((root / "registry" / kind).rglob("*.yaml")):
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            places += [f"{path.name}: {place}" for place in poison(content, _shape(schema, content), text)]
            path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return places


def _shape(schema: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """Return the schema, or the one of its shapes that a file has."""
    shapes = schema.get("oneOf", [schema])
    return next(shape for shape in shapes if set(content) <= set(shape["properties"]))


def poison(content: dict[str, Any], schema: dict[str, Any], text: str, path: str = "") -> Iterator[str]:
    """Put the text into every free text that the schema has, there or not; yield the paths."""
    for key, inner in schema.get("properties", {}).items():
        place = f"{path}.{key}".lstrip(".")
        if isinstance(content.get(key), dict):
            yield from poison(content[key], inner, text, place)
        elif isinstance(content.get(key), list) and inner.get("items", {}).get("properties"):
            for position, item in enumerate(content[key]):
                yield from poison(item, inner["items"], text, f"{place}[{position}]")
        elif key not in _REFERENCES and (kind := _free_text(inner)):
            content[key] = text if kind == "text" else text.split("\n")[0].split(" | ")
            yield place


def _free_text(schema: dict[str, Any]) -> str:
    choices = [schema, *schema.get("anyOf", [])]
    if any(each.get("type") == "array" for each in choices):
        return "words" if any(each.get("items", {}).get("type") == "string" for each in choices) else ""
    is_text = any(each.get("type") == "string" and "pattern" not in each and "enum" not in each for each in choices)
    return "text" if is_text else ""
