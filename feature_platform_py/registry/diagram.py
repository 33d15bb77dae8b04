"""Draw the entities, their fields and relations with Graphviz, or as text for Mermaid.

The line ends are crow's feet: two bars mean exactly one, a circle and a foot mean any number.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.files import replace_file
from feature_platform_py.registry.entity import Entity
from feature_platform_py.registry.field import Field

DIAGRAM = Path("docs/diagrams/entity_relationships")
FORMATS = ("png", "svg")

# The width of a README's column is about 900 pixels; the text stays readable when the picture is scaled to it.
_DPI = 144
_GRAPH = """\
graph [rankdir=LR, bgcolor=white, pad=0.3, nodesep=0.5, ranksep=1.6, fontname="Helvetica"]
node [shape=plain, fontname="Helvetica", fontsize=12]
edge [fontname="Helvetica", fontsize=11, fontcolor="#52606d", color="#52606d", dir=both, arrowsize=1.1, penwidth=1.2]
"""
_MERMAID_ENDS = {"one": ("||", "||"), "many": ("}o", "o{")}
_DOT_ENDS = {"one": "teetee", "many": "crowodot"}


@dataclass(frozen=True)
class _Line:
    """A relation, drawn once, from the entity that others belong to, with the number at each end."""

    start: Entity
    end: Entity
    start_count: str
    end_count: str
    keys: tuple[str, ...]


def dot_text(entities: Sequence[Entity]) -> str:
    """Return the diagram in Graphviz's language, sorted, so that equal registries give equal diagrams."""
    known = {each.name: each for each in entities}
    lines = list(_lines(known))
    foreign = {(line.end.name, key) for line in lines if line.end_count == "many" for key in line.keys}
    nodes = [f"{_quoted(name)} [label=<{_table(known[name], foreign)}>]" for name in sorted(known)]
    return "\n".join(["digraph entities {", _GRAPH + "\n".join(nodes), *map(_edge, lines), "}"]) + "\n"


def mermaid_text(entities: Sequence[Entity]) -> str:
    """Return the diagram as a Mermaid `erDiagram`, which many Markdown viewers draw."""
    known = {each.name: each for each in entities}
    lines = list(_lines(known))
    foreign = {(line.end.name, key) for line in lines if line.end_count == "many" for key in line.keys}
    shown = ["erDiagram"]
    for line in lines:
        ends = _MERMAID_ENDS[line.start_count][0] + "--" + _MERMAID_ENDS[line.end_count][1]
        shown.append(f'    {line.start.name} {ends} {line.end.name} : "{", ".join(line.keys)}"')
    for name in sorted(known):
        shown.append(f"    {name} {{")
        for field in known[name].fields:
            marks = ", ".join(_marks(known[name], field, foreign))
            shown.append(f"        {_word(field.type)} {_word(field.name)} {marks}".rstrip())
        shown.append("    }")
    return "\n".join(shown) + "\n"


def draw(dot: str, *, to: Path) -> list[Path]:
    """Draw the diagram beside `to`, as PNG and as SVG, and return the files.

    Raises ConfigurationError if Graphviz is not installed or cannot draw it.
    """
    files = [to.with_suffix(f".{kind}") for kind in FORMATS]
    for kind, file in zip(FORMATS, files, strict=True):
        replace_file(file, drawn(dot, kind))
    return files


def drawn(dot: str, kind: str) -> bytes:
    """Return the diagram as an image, `png` or `svg`. Raises ConfigurationError as `draw` does."""
    program = shutil.which("dot")
    if program is None:
        raise ConfigurationError(
            "Graphviz, whose `dot` draws the diagram, is not installed. Install it: `apt-get install graphviz` or "
            "`brew install graphviz`; or print text that needs no program: `fpjob registry diagram --format mermaid`"
        )
    command = [program, f"-T{kind}", f"-Gdpi={_DPI if kind == 'png' else 72}"]
    found = subprocess.run(command, input=dot.encode(), capture_output=True, check=False)  # noqa: S603 - a fixed command
    if found.returncode:
        raise ConfigurationError(f"Graphviz cannot draw the diagram: {found.stderr.decode(errors='replace').strip()}")
    return found.stdout


def _lines(entities: dict[str, Entity]) -> Iterator[_Line]:
    for name in sorted(entities):
        for relation in sorted(entities[name].relations, key=lambda each: each.to):
            start, end = entities[name], entities[relation.to]
            counts = relation.type.replace("1", "one").split(":")
            # Both sides declare a relation; draw it from the "one" side, or else from the first by name.
            if counts == ["one", "many"] or (counts[0] == counts[1] and start.name <= end.name):
                keys = start.primary_key if counts == ["one", "many"] else ()
                yield _Line(start, end, counts[0], counts[1], keys)


def _table(entity: Entity, foreign: set[tuple[str, str]]) -> str:
    head = f'<tr><td colspan="3" bgcolor="#243b53"><font color="white"><b>{escape(entity.name)}</b></font></td></tr>'
    rows = "".join(_row(entity, field, foreign) for field in entity.fields)
    return f'<table border="0" cellborder="1" cellspacing="0" cellpadding="6" color="#9fb3c8">{head}{rows}</table>'


def _row(entity: Entity, field: Field, foreign: set[tuple[str, str]]) -> str:
    marks = " ".join(_marks(entity, field, foreign))
    name = f"<b>{escape(field.name)}</b>" if field.name in entity.primary_key else escape(field.name)
    optional = "" if field.required else '<font color="#52606d"> ?</font>'
    cells = [
        f'<td align="left" sides="LB"><font color="#0b69a3">{marks or " "}</font></td>',
        f'<td align="left" sides="B">{name}{optional}</td>',
        f'<td align="left" sides="RB"><font color="#52606d">{escape(field.type)}</font></td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _marks(entity: Entity, field: Field, foreign: set[tuple[str, str]]) -> list[str]:
    is_primary, is_foreign = field.name in entity.primary_key, (entity.name, field.name) in foreign
    return [mark for mark, is_so in (("PK", is_primary), ("FK", is_foreign)) if is_so]


def _edge(line: _Line) -> str:
    ends = f"arrowtail={_DOT_ENDS[line.start_count]}, arrowhead={_DOT_ENDS[line.end_count]}"
    label = _quoted(", ".join(line.keys))
    return f"{_quoted(line.start.name)} -> {_quoted(line.end.name)} [{ends}, label={label}]"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _word(text: str) -> str:
    """Return the text as Mermaid reads one word."""
    return re.sub(r"[^A-Za-z0-9_()\[\]-]", "_", text)
