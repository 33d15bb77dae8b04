"""The package's folders are floors: imports only go down, and no modules import each other in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "feature_platform_py"
NAME = PACKAGE.name
# From the top down. Folders on one line do not import each other.
FLOORS = (
    ("cli",),
    ("docs_site", "scaffold"),
    ("lineage",),
    ("runs",),
    ("dbt_files",),
    ("targets",),
    ("jobs",),
    ("sinks",),
    ("sources",),
    ("registry",),
    ("features",),
    ("adapter", "testing"),
    ("warehouse",),
    ("sessions",),
    ("files", "reference"),
    ("core",),
)
LEVEL = {folder: level for level, floor in enumerate(reversed(FLOORS)) for folder in floor}


def imported(file: Path) -> Iterator[str]:
    """Yield the modules of the package that a file imports, wherever in the file, those for types included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == NAME:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if is_module(name) else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == NAME)


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def module_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


IMPORTS = {module_of(file): set(imported(file)) for file in PACKAGE.rglob("*.py")}


def folder_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def upward(imports: dict[str, set[str]]) -> list[str]:
    """Return each import of a folder that is not below the importing one."""
    return [
        f"{module} imports {name}"
        for module, names in sorted(imports.items())
        for name in sorted(names)
        if (own := folder_of(module))
        and (other := folder_of(name)) != own
        and (other is None or LEVEL[other] >= LEVEL[own])
    ]


def test_every_folder_has_a_floor() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("**/*.py"))} - {"project"}
    assert folders == LEVEL.keys()


def test_imports_go_down() -> None:
    assert upward(IMPORTS) == []


def test_an_upward_import_is_found() -> None:
    assert upward({f"{NAME}.core.errors": {f"{NAME}.jobs.plan"}}) == [f"{NAME}.core.errors imports {NAME}.jobs.plan"]


def test_no_modules_import_each_other_in_a_circle() -> None:
    inside = {module: names - {NAME, module} for module, names in IMPORTS.items() if module != NAME}
    try:
        TopologicalSorter(inside).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
