"""The registry's published JSON Schemas: what the project's files and the good ones obey, and broken ones do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from feature_platform_py.registry.schema import json_schema_texts
from tests.unit.registry.test_registry import GOOD, ROOT

FILES = sorted((ROOT / "registry").rglob("*.yaml"))


def is_valid(kind: str, text: str) -> bool:
    document: Any = yaml.safe_load(text)
    return Draft202012Validator(json.loads(json_schema_texts()[kind])).is_valid(document)


@pytest.mark.parametrize("kind", ["entity", "source", "feature"])
def test_they_are_json_schemas_as_published(kind: str) -> None:
    published = (ROOT / "registry" / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert published == json_schema_texts()[kind]
    Draft202012Validator.check_schema(json.loads(published))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_of_the_project_are_valid(path: Path) -> None:
    assert is_valid(path.relative_to(ROOT / "registry").parts[0], path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", GOOD)
def test_good_files_are_valid(name: str) -> None:
    assert is_valid(name.split("/", maxsplit=1)[0], GOOD[name])


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("entity/sale/sale.yaml", "is_leaf", "is_leav"),
        ("entity/sale/sale.yaml", "1.0.0", "one"),
        ("entity/sale/sale.yaml", "many:1", "many"),
        ("entity/sale/sale.yaml", "required: true", "required: 7"),
        ("source/shop/v1/sales_source.yaml", "format: csv", "format: xls"),
        ("source/shop/v1/sales_source.yaml", "event_time: sold_at", "period: week"),
        ("feature/spend.yaml", "tags: [age, shop]", "tags: {age: shop}"),
        ("feature/spend.yaml", "type: date, ", ""),
    ],
)
def test_an_editor_marks_what_the_code_refuses(name: str, old: str, new: str) -> None:
    assert old in GOOD[name]
    assert not is_valid(name.split("/", maxsplit=1)[0], GOOD[name].replace(old, new, 1))
