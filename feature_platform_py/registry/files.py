"""Read the YAML files of a part of the registry, and collect every problem of every file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from feature_platform_py.core.document import Place, read_document
from feature_platform_py.core.errors import ConfigurationError, Problem

Entry = TypeVar("Entry")
Reader = Callable[[Place, Path, Path, list[Problem]], Entry | None]
"""Reads a file, given its place, its path and the folder of its part of the registry."""


def read_files(folder: Path, reader: Reader[Entry], problems: list[Problem]) -> list[Entry]:
    """Return the content of the files below `folder` in the order of their paths; add their faults to `problems`."""
    entries = []
    for path in sorted(folder.rglob("*.y*ml")):
        try:
            document = read_document(path)
        except ConfigurationError as error:
            problems += error.problems
            continue
        problems += document.problems
        entry = reader(Place(document), path, folder, problems)
        if entry is not None:
            entries.append(entry)
    return entries


def file_place(place: Place, path: Path, folder: Path, pattern: str, expected: str) -> Iterator[Problem]:
    """Yield the problems of a file in the wrong folder, or with a name that differs from its `name`.

    The last group of `pattern` is the name.
    """
    given = path.relative_to(folder).as_posix()
    match = re.fullmatch(pattern, given)
    if match is None:
        shown = path.relative_to(folder.parent.parent).as_posix()
        yield place.problem(f"expected the file at `{expected}`, given `{shown}`")
        return
    name = place.at("name").value
    wanted = match.groups()[-1]
    if isinstance(name, str) and name != wanted:
        message = f"`name`: expected `{wanted}`, as the file is named, given `{name}`; rename one of them"
        yield place.at("name").problem(message)
