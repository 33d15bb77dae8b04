"""The texts that `fpjob init` writes where a person must write a description; nothing shows them as descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feature_platform_py.core.document import Place, read_document
from feature_platform_py.core.errors import ConfigurationError, Problem

# The last two are those of earlier versions.
_PLACEHOLDER = re.compile(r"Say (what `.*` means|what a row is|how one `.*` relates to `.*`)\.", re.DOTALL)


def placeholder(name: str) -> str:
    """Return the text that asks for the description of a field or a feature."""
    return f"Say what `{name}` means."


def without_placeholder(text: str) -> str:
    """Return a description, or nothing if the text only asks for one."""
    return "" if _PLACEHOLDER.fullmatch(text.strip()) else text


def registry_placeholders(root: Path) -> list[Problem]:
    """Return a problem for each description of the registry below `root` that is still a placeholder."""
    return [each for path in sorted((root / "registry").rglob("*.y*ml")) for each in placeholder_problems(path)]


def placeholder_problems(path: Path) -> list[Problem]:
    """Return a problem for each placeholder of a file; none for a file that cannot be read, which its reader reports."""
    try:
        place = Place(read_document(path))
    except ConfigurationError:
        return []
    return list(_problems(place, place.value))


def _problems(place: Place, value: Any) -> Iterator[Problem]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        at = place.at(key)
        if isinstance(inner, dict | list):
            yield from _problems(at, inner)
        elif key == "description" and isinstance(inner, str) and (found := _PLACEHOLDER.fullmatch(inner.strip())):
            yield at.problem(f"`{at.name}`: expected a description, given the placeholder `Say {found[1]}.`; say it")
