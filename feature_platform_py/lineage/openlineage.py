"""Write column lineage in the format of OpenLineage, for catalogs that read its events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feature_platform_py.lineage.columns import Use
from feature_platform_py.lineage.graph import USE_WORDS, Edge, LineageGraph, Node

NAMESPACE = "feature_platform"
_PRODUCER = "urn:feature-platform"
_SCHEMA = "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet"
_TYPES: Mapping[Use, tuple[str, str]] = {
    "value": ("DIRECT", "TRANSFORMATION"),
    "condition": ("INDIRECT", "CONDITIONAL"),
    "partition": ("INDIRECT", "GROUP_BY"),
    "order": ("INDIRECT", "SORT"),
    "filter": ("INDIRECT", "FILTER"),
    "join": ("INDIRECT", "JOIN"),
}


def column_lineage_facet(graph: LineageGraph, nodes: list[Node]) -> dict[str, Any]:
    """Return the facet `columnLineage` of a dataset with these columns: the columns that each is computed from directly.

    Follows ColumnLineageDatasetFacet 1-2-0 of the OpenLineage specification.
    """
    fields = {str(node.column): {"inputFields": [_input_field(edge) for edge in graph.inputs(node)]} for node in nodes}
    return {"columnLineage": {"_producer": _PRODUCER, "_schemaURL": _SCHEMA, "fields": fields}}


def _input_field(edge: Edge) -> dict[str, Any]:
    return {
        "namespace": NAMESPACE,
        "name": edge.source.relation,
        "field": edge.source.column,
        "transformations": [
            {"type": _TYPES[use][0], "subtype": _TYPES[use][1], "description": USE_WORDS[use], "masking": False}
            for use in edge.uses
        ],
    }
