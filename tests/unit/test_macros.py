"""A public macro is one that users, models or hooks call; it has its documentation beside it. All others begin with `_`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

FOLDERS = ("sql", "transformers", "windows")
# What other folders call, until these follow the rule too.
SHARED = {"comparable", "is_floating", "key_value", "keyed_columns", "year_month"}
# The macro of a name and engine, which `adapter.dispatch` finds; and what dbt itself calls.
_IMPLEMENTATION = re.compile(r"(default|fpspark|databricks)__")
_MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)\s*\(([^)]*)\)")
_DISPATCH = re.compile(r"adapter\.dispatch\([^)]*\)\(\s*(\w+(?!\s*=)\b[^=,)]*)[,)]")


@dataclass(frozen=True)
class Macro:
    name: str
    arguments: tuple[str, ...]
    file: Path

    @property
    def is_private(self) -> bool:
        return self.name.startswith("_")


def macros() -> Iterator[Macro]:
    for folder in FOLDERS:
        for file in sorted((ROOT / "macros" / folder).glob("*.sql")):
            for name, arguments in _MACRO.findall(file.read_text()):
                if not _IMPLEMENTATION.match(name):
                    names = (part.partition("=")[0].strip() for part in arguments.split(","))
                    yield Macro(name, tuple(filter(None, names)), file)


MACROS = list(macros())
PUBLIC = [macro for macro in MACROS if not macro.is_private and macro.name not in SHARED]


def called_from_outside() -> str:
    """The text of all that may call a public macro: models, tests of dbt's, hooks, definitions of features, and what docs show."""
    folders = ("models", "tests/dbt", "docs", "feature_platform_py/features", "feature_platform_py/scaffold")
    files = [
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".sql", ".py", ".md", ".yml"}
    ]
    return "\n".join(path.read_text() for path in [*files, ROOT / "dbt_project.yml", ROOT / "README.md"])


@pytest.mark.parametrize("macro", PUBLIC, ids=lambda macro: macro.name)
def test_a_public_macro_is_called_from_outside(macro: Macro) -> None:
    assert re.search(rf"\b{macro.name}\b", called_from_outside())


def test_a_private_macro_is_called_by_macros_alone() -> None:
    outside = called_from_outside()
    assert [macro.name for macro in MACROS if macro.is_private and re.search(rf"\b{macro.name}\(", outside)] == []


@pytest.mark.parametrize("macro", PUBLIC, ids=lambda macro: macro.name)
def test_a_public_macro_is_documented_beside_it(macro: Macro) -> None:
    listed = {each["name"]: each for each in yaml.safe_load(macro.file.with_suffix(".yml").read_text())["macros"]}
    entry = listed[macro.name]
    assert entry["description"].strip()
    assert tuple(argument["name"] for argument in entry["arguments"]) == macro.arguments
    assert all(argument["type"] and argument["description"] for argument in entry["arguments"])


def test_every_file_of_documentation_belongs_to_a_macro() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / "macros" / folder).glob("*.yml")]
    assert {file.with_suffix(".sql") for file in files} == {macro.file for macro in PUBLIC}


def test_macros_are_dispatched_with_keywords() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / "macros" / folder).glob("*.sql")]
    assert [(file.name, found) for file in files for found in _DISPATCH.findall(file.read_text())] == []


def test_a_positional_dispatch_is_found() -> None:
    assert _DISPATCH.findall("adapter.dispatch('a', 'b')(\n  relation, name=1)") == ["relation"]
    assert _DISPATCH.findall("adapter.dispatch('a', 'b')(relation=relation, name=1)") == []
