"""The lineage of a column as text: values and conditions first, each subtree once."""

from __future__ import annotations

from feature_platform_py.cli.lineage_text import lineage_lines
from feature_platform_py.lineage.columns import Use
from feature_platform_py.lineage.graph import Edge, LineageGraph, Node


def column(name: str) -> Node:
    relation, _, of_relation = name.rpartition(".")
    return Node("source" if relation == "s" else "model", relation, of_relation)


def edge(start: str, end: str, *uses: Use) -> Edge:
    return Edge(column(start), column(end), uses)


def lines(*edges: Edge, is_all: bool = False) -> list[str]:
    return [" ".join(line.split()) for line in lineage_lines(LineageGraph(edges), column("t.total"), is_all=is_all)]


SPEND = (
    edge("s.amount", "i.amount", "value"),
    edge("s.user", "i.user", "value"),
    edge("i.amount", "t.total", "value", "condition", "filter"),
    edge("i.user", "t.total", "partition", "filter"),
)


def test_a_column_is_made_of_values_and_conditions_and_the_rest_is_named() -> None:
    assert lines(*SPEND) == [
        "t.total",
        "",
        "made of",
        "└─ i.amount value, condition",
        "└─ s.amount value",
        "also depends on user: keys, order and filters (`--all`)",
    ]


def test_all_shows_every_use() -> None:
    assert lines(*SPEND, is_all=True) == [
        "t.total",
        "",
        "made of",
        "├─ i.amount value, condition, filter",
        "│ └─ s.amount value",
        "└─ i.user partition key, filter",
        "└─ s.user value",
    ]


def test_a_column_without_values_shows_what_it_has() -> None:
    counted = (edge("i.user", "t.total", "partition"), edge("s.user", "i.user", "value"))
    assert lines(*counted)[3:] == ["└─ i.user partition key", "└─ s.user value"]


def test_what_is_below_a_column_is_shown_once() -> None:
    twice = (
        edge("s.amount", "i.amount", "value"),
        edge("i.amount", "t.average", "value"),
        edge("i.amount", "t.total", "value"),
        edge("t.average", "t.total", "value"),
    )
    assert lines(*twice)[3:] == [
        "├─ i.amount value",
        "│ └─ s.amount value",
        "└─ t.average value",
        "└─ i.amount value, as above",
    ]
