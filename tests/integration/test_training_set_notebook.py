"""The notebook of the training set runs from top to bottom, and shows what a look ahead does to a model's test."""

from __future__ import annotations

import ast
import base64
from typing import Any

import pytest

from tests.integration.test_quickstart_notebook import PICTURES, executed_copy, outputs


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return executed_copy("training_set.ipynb", tmp_path_factory.mktemp("notebook"))


def test_its_picture_is_drawn(executed: Any) -> None:
    [picture] = outputs(executed, "image/png")
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / "notebook_training_set.png").write_bytes(base64.b64decode(picture))


def test_the_proof_is_shown_as_a_table(executed: Any) -> None:
    _, proof, *_ = outputs(executed, "text/html")
    assert "7,138 in, 7,138 out" in proof
    assert "1,400 of 1,400 values agree" in proof


def test_a_look_ahead_promises_what_production_does_not_give(executed: Any) -> None:
    found = [ast.literal_eval(text) for text in outputs(executed, "text/plain") if text.startswith("{'as known'")]
    [values] = found
    assert 0.75 < values["as known"] < 0.9
    assert values["looking ahead"] > 0.95
    assert values["the same model in production"] < values["looking ahead"] - 0.05
