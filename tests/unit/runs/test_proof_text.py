"""The HTML of a proof, whose names may be anything."""

from __future__ import annotations

from typing import Any

from feature_platform_py.runs.proof import Proof
from feature_platform_py.runs.result import StoredResult

HOSTILE = "</td><script>alert('1')</script>&"


def proof(name: str = "spend_7d") -> Proof:
    fact = {"null_share": 0.25, "age_seconds": {"min": 0, "median": 90, "max": 86_400}, "is_recomputed": True}
    value: dict[str, Any] = {
        "job": name,
        "rows": {"in": 1200, "out": 1200, "repeated": 2, "nulls": {name: 3, "time": 0}},
        "known_by": name,
        "closed": "left",
        "features": {name: fact, "next": fact | {"age_seconds": None}, "more": fact | {"is_recomputed": False}},
        "look_ahead": [name],
        "immature": {"next": 7, "later": 0},
        "recomputed": {
            "seed": name,
            "asked_for": 200,
            "rows": 100,
            "values": 300,
            "agreed": 299,
            "disagreements": [name],
        },
        "tables": {name: {"definition": name, "rows": None}},
        "sources": [{"name": name, "delta_version": 4}, {"name": "labels", "delta_version": None}],
        "versions": {"python": "3.11"},
    }
    return Proof(value)


def test_the_html_of_a_notebook_shows_names_as_text() -> None:
    found = proof(HOSTILE)._repr_html_()
    assert "<script" not in found
    # The job, a key, known by, the seed, a disagreement, look ahead, a feature, a source, a table, its definition.
    assert found.count("&lt;/td&gt;&lt;script&gt;") == 10
    assert found.count("<td") == found.count("</td>")


def test_a_result_shows_its_proof() -> None:
    shown = {"arrow": lambda: None, "spark": lambda: None, "shown": f"job {HOSTILE}"}
    assert "<script" not in StoredResult(**shown, proof=proof(HOSTILE))._repr_html_()
    assert "1,200 in" in StoredResult(**shown, proof=proof())._repr_html_()
    assert "<table" not in StoredResult(**shown, proof=None)._repr_html_()
