"""Write values as literals of Jinja, so that text of a job or a registry stays text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_WIDTH = 120
_INDENT = "    "
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_KEYWORDS = frozenset(
    ["and", "else", "false", "if", "in", "is", "none", "not", "or", "recursive", "self", "true", "loop"]
)
# Braces and some signs delimit code of Jinja; dbt searches a file's text for some of them without parsing it.
_ESCAPED = frozenset("\\'{}%#")


@dataclass(frozen=True)
class Call:
    """A call of a macro, with positional and named arguments."""

    macro: str
    arguments: tuple[Any, ...] = ()
    named: Mapping[str, Any] | None = None


def jinja(value: Any, *, indent: int = 0) -> str:
    """Return an expression whose value is the given one: text, numbers, booleans, None, lists, mappings, and calls of macros.

    It is on one line if it fits, else it has an element per line; `indent` is the depth of its first line.
    """
    flat = _flat(value)
    if len(_INDENT) * indent + len(flat) <= _WIDTH and not _has_several_lines(value):
        return flat
    opening, parts, closing = _parts(value, indent + 1)
    if not parts:
        return flat
    inner = _INDENT * (indent + 1)
    lines = "".join(f"{inner}{part},\n" for part in parts)
    return f"{opening}\n{lines}{_INDENT * indent}{closing}"


def _flat(value: Any) -> str:
    match value:
        case Call() | dict() | Mapping() | list() | tuple():
            opening, parts, closing = _parts(value, None)
            return f"{opening}{', '.join(parts)}{closing}"
        case bool():
            return "true" if value else "false"
        case None:
            return "none"
        case str():
            return "'" + "".join(map(_character, value)) + "'"
        case int() | float():
            return repr(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no literal in Jinja")


def _parts(value: Any, indent: int | None) -> tuple[str, list[str], str]:
    def text(each: Any) -> str:
        return _flat(each) if indent is None else jinja(each, indent=indent)

    match value:
        case Call():
            named = value.named or {}
            plain = [f"{name}={text(each)}" for name, each in named.items() if _is_argument(name)]
            odd = {name: each for name, each in named.items() if not _is_argument(name)}
            rest = [f"**{text(odd)}"] if odd else []
            return f"{value.macro}(", [*map(text, value.arguments), *plain, *rest], ")"
        case dict() | Mapping():
            return "{", [f"{_flat(str(key))}: {text(each)}" for key, each in value.items()], "}"
        case list() | tuple():
            return "[", [text(each) for each in value], "]"
        case _:
            return "", [], ""


def _is_argument(name: str) -> bool:
    """Return whether Jinja reads the name as that of an argument; words of its own have to be keys of a mapping."""
    return bool(_NAME.fullmatch(name)) and name not in _KEYWORDS


def _has_several_lines(value: Any) -> bool:
    """Return whether a value gets a line for each element: a mapping of several entries, or a call with several arguments."""
    match value:
        case Call():
            return len(value.arguments) + len(value.named or {}) > 2 or any(
                map(_has_several_lines, (*value.arguments, *(value.named or {}).values()))
            )
        case dict() | Mapping():
            return len(value) > 3 or any(map(_has_several_lines, value.values()))
        case list() | tuple():
            return any(map(_has_several_lines, value))
        case _:
            return False


def _character(character: str) -> str:
    if character not in _ESCAPED and character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
