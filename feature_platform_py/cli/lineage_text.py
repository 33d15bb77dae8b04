"""Show the lineage of a column as trees of text: what it is made of, and what it goes into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from feature_platform_py.lineage.graph import USE_WORDS, Edge, LineageGraph, Node

_INPUTS = ("value", "condition")
_Step = Callable[[Node], list[Edge]]


def lineage_lines(graph: LineageGraph, node: Node, *, is_all: bool) -> list[str]:
    """Return the lines of a column's two trees. Without `is_all`, it is made of values and conditions only, as far as it has any.

    What is below a column is shown where the column occurs first.
    """
    inputs: _Step = graph.inputs if is_all else lambda each: _values(graph.inputs(each))
    made_of = list(_tree(node, inputs, lambda edge: edge.source, {node}))
    used_by = list(_tree(node, graph.outputs, lambda edge: edge.target, {node}))
    width = max((len(text) for text, _ in [*made_of, *used_by]), default=0)
    lines = [node.id]
    for title, tree in (("made of", made_of), ("goes into", used_by)):
        if tree:
            lines += ["", title, *(f"{text:<{width}}  {uses}".rstrip() for text, uses in tree)]
        if title == "made of" and (others := _others(graph.inputs(node), inputs(node))):
            lines.append(f"also depends on {', '.join(others)}: keys, order and filters (`--all`)")
    return lines


def _values(edges: list[Edge]) -> list[Edge]:
    """Return the edges of values and conditions with these uses only; all edges if there are none, as for a count of rows."""
    kept = [replace(edge, uses=uses) for edge in edges if (uses := tuple(use for use in edge.uses if use in _INPUTS))]
    return kept or edges


def _others(edges: Sequence[Edge], shown: Sequence[Edge]) -> list[str]:
    """Return the names of the columns that are not among the shown ones."""
    sources = {edge.source for edge in shown}
    return [str(edge.source.column) for edge in edges if edge.source not in sources]


def _tree(
    node: Node, step: _Step, end: Callable[[Edge], Node], seen: set[Node], indent: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield the lines of what a node leads to, each with its uses; `seen` grows by the nodes whose lines are there."""
    edges = step(node)
    for position, edge in enumerate(edges):
        is_last = position == len(edges) - 1
        other = end(edge)
        label = other.id if other.column else f"job {other.relation}"
        is_repeated = other in seen and bool(step(other))
        uses = ", ".join(USE_WORDS[use] for use in edge.uses)
        yield f"{indent}{'└─ ' if is_last else '├─ '}{label}", f"{uses}, as above" if is_repeated else uses
        if other not in seen:
            seen.add(other)
            yield from _tree(other, step, end, seen, indent + ("   " if is_last else "│  "))
