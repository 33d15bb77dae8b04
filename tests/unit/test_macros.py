"""A public macro is one that users, models or hooks call; it has its documentation beside it. All others begin with `_`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

MACROS_FOLDER = ROOT / "macros"
# dbt calls these in the place of its own.
DBTS = {
    "alter_relation_comment_sql",
    "comment_on_column_sql",
    "dbt_spark_get_incremental_sql",
    "dbt_spark_validate_get_incremental_strategy",
    "generate_alias_name",
    "get_column_comment_sql",
    "get_incremental_replace_partitions_sql",
}
# The macro of a name and engine, which `adapter.dispatch` finds.
_IMPLEMENTATION = re.compile(r"(default|fpspark|spark|databricks)__")
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
    for file in sorted(MACROS_FOLDER.rglob("*.sql")):
        for name, arguments in _MACRO.findall(file.read_text()):
            if not _IMPLEMENTATION.match(name) and name not in DBTS:
                names = (part.partition("=")[0].strip() for part in arguments.split(","))
                yield Macro(name, tuple(filter(None, names)), file)


MACROS = list(macros())
PUBLIC = [macro for macro in MACROS if not macro.is_private]


def called_from_outside() -> str:
    """The text of all that may call a public macro: models, hooks, definitions of features, and what docs show."""
    folders = ("models", "docs", "feature_platform_py/features", "feature_platform_py/scaffold")
    files = [
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".sql", ".py", ".md", ".yml"}
    ]
    text = "\n".join(path.read_text() for path in [*files, ROOT / "dbt_project.yml", ROOT / "README.md"])
    hooks = [hook for file in MACROS_FOLDER.rglob("*.sql") for hook in re.findall(r"_hook='([^']*)'", file.read_text())]
    return "\n".join([text, *hooks])


@pytest.mark.parametrize("macro", PUBLIC, ids=lambda macro: macro.name)
def test_a_public_macro_is_called_from_outside(macro: Macro) -> None:
    # Or given another body for an engine, as `databricks__table_layout`.
    assert re.search(rf"(?:\b|databricks__){macro.name}\b", called_from_outside())


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
    files = [file for file in MACROS_FOLDER.rglob("*.yml") if file.name != "dbt_project.yml"]
    assert {file.with_suffix(".sql") for file in files} == {macro.file for macro in PUBLIC}


def test_macros_are_dispatched_with_keywords() -> None:
    files = MACROS_FOLDER.rglob("*.sql")
    assert [(file.name, found) for file in files for found in _DISPATCH.findall(file.read_text())] == []


def test_a_positional_dispatch_is_found() -> None:
    assert _DISPATCH.findall("adapter.dispatch('a', 'b')(\n  relation, name=1)") == ["relation"]
    assert _DISPATCH.findall("adapter.dispatch('a', 'b')(relation=relation, name=1)") == []
