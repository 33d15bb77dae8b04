"""The entity diagram: as Mermaid's text, and as Graphviz draws it."""

from __future__ import annotations

import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.registry.diagram import dot_text, draw, mermaid_text
from feature_platform_py.registry.entity import Entity
from feature_platform_py.registry.registry import load_registry
from tests.unit.registry.test_registry import GOOD, write

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def entities(tmp_path: Path) -> tuple[Entity, ...]:
    return load_registry(write(tmp_path, GOOD)).entities


def test_mermaid_has_entities_keys_and_relations(entities: tuple[Entity, ...]) -> None:
    assert mermaid_text(entities) == (
        "erDiagram\n"
        '    shop ||--o{ sale : "shop_id"\n'
        "    sale {\n"
        "        bigint sale_id PK\n"
        "        bigint shop_id FK\n"
        "        decimal(10_2) price\n"
        "    }\n"
        "    shop {\n"
        "        bigint shop_id PK\n"
        "    }\n"
    )


@pytest.mark.parametrize(
    ("here", "there", "line"),
    [
        ("1:1", "1:1", 'sale ||--|| shop : ""'),
        ("many:many", "many:many", 'sale }o--o{ shop : ""'),
        ("many:1", "1:many", 'shop ||--o{ sale : "shop_id"'),
    ],
)
def test_the_ends_say_how_many_there_are(tmp_path: Path, here: str, there: str, line: str) -> None:
    files = {
        **GOOD,
        "entity/sale/sale.yaml": GOOD["entity/sale/sale.yaml"].replace("many:1", here),
        "entity/shop/shop.yaml": GOOD["entity/shop/shop.yaml"].replace("1:many", there),
    }
    text = mermaid_text(load_registry(write(tmp_path, files)).entities)
    assert [each.strip() for each in text.splitlines() if "--" in each] == [line]


def test_equal_registries_draw_equally(entities: tuple[Entity, ...]) -> None:
    assert dot_text(entities) == dot_text(entities[::-1])


def test_graphviz_draws_every_entity_field_and_relation(entities: tuple[Entity, ...], tmp_path: Path) -> None:
    png, svg = draw(dot_text(entities), to=tmp_path / "docs" / "entities")
    assert struct.unpack(">II", png.read_bytes()[16:24]) > (200, 100)
    drawn = ElementTree.fromstring(svg.read_text())
    texts = [text.strip() for node in drawn.iter(f"{SVG}text") if (text := node.text)]
    for shown in ("shop", "sale", "sale_id", "price", "decimal(10,2)", "PK", "FK", "shop_id"):
        assert shown in texts
    assert [group.get("class") for group in drawn.iter(f"{SVG}g")].count("edge") == 1


def test_text_of_the_registry_stays_text_in_the_picture(tmp_path: Path) -> None:
    hostile = GOOD["entity/sale/sale.yaml"].replace("price", "'<b>\"price\\\"'")
    entities = load_registry(write(tmp_path, {**GOOD, "entity/sale/sale.yaml": hostile})).entities
    _, svg = draw(dot_text(entities), to=tmp_path / "entities")
    texts = [node.text for node in ElementTree.fromstring(svg.read_text()).iter(f"{SVG}text")]
    assert '<b>"price\\"' in texts


def test_without_graphviz_the_error_says_how_to_install_it(
    entities: tuple[Entity, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"apt-get install graphviz.*--format mermaid"):
        draw(dot_text(entities), to=tmp_path / "entities")
    assert list(tmp_path.glob("entities.*")) == []
