"""The graph of columns and jobs: what is reached from a column, and how it is written."""

from __future__ import annotations

from feature_platform_py.lineage.graph import Edge, LineageGraph, Node, mermaid_text
from feature_platform_py.lineage.openlineage import column_lineage_facet

AMOUNT, USER = Node("source", "shop.sales", "amount"), Node("source", "shop.sales", "user_id")
SPEND, COUNT = Node("model", "spend", 'a "b" <c>'), Node("model", "counts", "n")
JOB = Node("job", "spend_v1")
GRAPH = LineageGraph(
    (
        Edge(AMOUNT, SPEND, ("value", "filter")),
        Edge(USER, SPEND, ("partition",)),
        Edge(USER, COUNT, ("value",)),
        Edge(SPEND, JOB, ("value",)),
    )
)


def test_around_a_column_is_what_it_is_made_of_and_what_is_made_of_it() -> None:
    assert GRAPH.around(SPEND).nodes == (AMOUNT, USER, SPEND, JOB)
    assert GRAPH.around(USER).nodes == (USER, COUNT, SPEND, JOB)
    assert GRAPH.around(COUNT).nodes == (USER, COUNT)


def test_the_graph_as_plain_values() -> None:
    assert GRAPH.around(COUNT).as_dict() == {
        "nodes": [
            {"id": "shop.sales.user_id", "kind": "source", "relation": "shop.sales", "column": "user_id"},
            {"id": "counts.n", "kind": "model", "relation": "counts", "column": "n"},
        ],
        "edges": [{"from": "shop.sales.user_id", "to": "counts.n", "uses": ["value"]}],
    }


def test_a_graph_with_a_circle_ends() -> None:
    circle = LineageGraph((Edge(SPEND, COUNT, ("value",)), Edge(COUNT, SPEND, ("value",))))
    assert circle.around(SPEND).nodes == (COUNT, SPEND)


def test_mermaid_draws_values_solid_and_keys_dotted_and_names_are_text() -> None:
    text = mermaid_text(GRAPH)
    assert text.splitlines()[0] == "flowchart LR"
    assert "-->|value, filter|" in text
    assert "-.->|partition key|" in text
    assert '["a &quot;b&quot; &lt;c&gt;"]' in text


def test_the_facet_of_openlineage_tells_direct_from_indirect_inputs() -> None:
    facet = column_lineage_facet(GRAPH, [SPEND])["columnLineage"]
    fields = facet["fields"][SPEND.column]["inputFields"]
    assert facet["_schemaURL"].endswith("ColumnLineageDatasetFacet")
    assert [(each["name"], each["field"]) for each in fields] == [("shop.sales", "amount"), ("shop.sales", "user_id")]
    assert [[(each["type"], each["subtype"]) for each in field["transformations"]] for field in fields] == [
        [("DIRECT", "TRANSFORMATION"), ("INDIRECT", "FILTER")],
        [("INDIRECT", "GROUP_BY")],
    ]
