"""Build the lineage of columns as a graph: from columns of sources through models to the jobs that use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from feature_platform_py.lineage.columns import Use

NodeKind = Literal["source", "model", "job"]
USE_WORDS: Mapping[Use, str] = {
    "value": "value",
    "condition": "condition",
    "partition": "partition key",
    "order": "order key",
    "filter": "filter",
    "join": "join key",
}


@dataclass(frozen=True, order=True)
class Node:
    """A column of a source or a model, or a job (without a column)."""

    kind: NodeKind
    relation: str
    column: str | None = None

    @property
    def id(self) -> str:
        """`user_spend.user_30d_total_spend`, `transaction.mm_transaction.amount`, `job:spend_v1`."""
        return f"{self.relation}.{self.column}" if self.column else f"job:{self.relation}"


@dataclass(frozen=True, order=True)
class Edge:
    """A column that goes into another column or a job; `uses` are in the order value, condition, keys, filter."""

    source: Node
    target: Node
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class LineageGraph:
    """Columns and jobs, and what goes into what."""

    edges: tuple[Edge, ...]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node that has an edge, sources first."""
        order = {"source": 0, "model": 1, "job": 2}
        found = {node for edge in self.edges for node in (edge.source, edge.target)}
        return tuple(sorted(found, key=lambda node: (order[node.kind], node)))

    @cached_property
    def _inputs(self) -> Mapping[Node, list[Edge]]:
        return _by(self.edges, lambda edge: edge.target)

    @cached_property
    def _outputs(self) -> Mapping[Node, list[Edge]]:
        return _by(self.edges, lambda edge: edge.source)

    def inputs(self, node: Node) -> list[Edge]:
        """Return the edges that lead into a node."""
        return self._inputs.get(node, [])

    def outputs(self, node: Node) -> list[Edge]:
        """Return the edges that lead out of a node."""
        return self._outputs.get(node, [])

    def around(self, node: Node) -> LineageGraph:
        """Return the graph of what the node is made of, down to the sources, and what uses it, up to the jobs."""
        made_of = _reached(node, lambda each: [(edge, edge.source) for edge in self.inputs(each)])
        used_by = _reached(node, lambda each: [(edge, edge.target) for edge in self.outputs(each)])
        return LineageGraph(tuple(sorted({*made_of, *used_by})))

    def as_dict(self) -> dict[str, Any]:
        """Nodes and edges as plain values."""
        return {
            "nodes": [
                {"id": node.id, "kind": node.kind, "relation": node.relation, "column": node.column}
                for node in self.nodes
            ],
            "edges": [
                {"from": edge.source.id, "to": edge.target.id, "uses": list(edge.uses)} for edge in sorted(self.edges)
            ],
        }


def mermaid_text(graph: LineageGraph) -> str:
    """Return the graph as a Mermaid flow chart: a box for each relation, a dotted line for each use other than a value."""
    ids = {node: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    relations = dict.fromkeys(node.relation for node in graph.nodes if node.column)
    for number, relation in enumerate(relations):
        lines.append(f'  subgraph r{number}["{_text(relation)}"]')
        lines += [
            f'    {ids[node]}["{_text(node.column or "")}"]'
            for node in graph.nodes
            if node.column and node.relation == relation
        ]
        lines.append("  end")
    lines += [f'  {ids[node]}(["{_text(node.relation)}"])' for node in graph.nodes if not node.column]
    for edge in sorted(graph.edges):
        label = ", ".join(USE_WORDS[use] for use in edge.uses)
        arrow = f"-->|{label}|" if "value" in edge.uses else f"-.->|{label}|"
        lines.append(f"  {ids[edge.source]} {arrow} {ids[edge.target]}")
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _by(edges: Iterable[Edge], key: Any) -> dict[Node, list[Edge]]:
    found: dict[Node, list[Edge]] = {}
    for edge in sorted(edges):
        found.setdefault(key(edge), []).append(edge)
    return found


def _reached(start: Node, step: Any) -> Iterator[Edge]:
    waiting, seen = [start], {start}
    while waiting:
        for edge, node in step(waiting.pop()):
            yield edge
            if node not in seen:
                seen.add(node)
                waiting.append(node)
