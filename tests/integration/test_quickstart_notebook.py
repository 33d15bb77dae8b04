"""The notebook runs from top to bottom in a project of its own; its pictures are kept to be looked at."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT, copy_project

EXAMPLES = ROOT / "examples"
PICTURES = ROOT / "target" / "screenshots"


def executed_copy(name: str, folder: Path) -> Any:
    """A notebook after a run in a copy of the project; a cell that fails raises."""
    project = copy_project(folder / "project")
    examples = project / "examples"
    examples.mkdir()
    shutil.copy(EXAMPLES / name, examples)
    notebook = nbformat.read(examples / name, as_version=4)  # type: ignore[no-untyped-call]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FP_WAREHOUSE", raising=False)
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(examples)}}).execute()
    return notebook


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return executed_copy("quickstart.ipynb", tmp_path_factory.mktemp("notebook"))


def outputs(notebook: Any, kind: str) -> list[str]:
    found = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    return [data[kind] for data in found if kind in data]


def test_its_pictures_are_drawn(executed: Any) -> None:
    pictures = outputs(executed, "image/png")
    PICTURES.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures, start=1):
        (PICTURES / f"notebook_{number}.png").write_bytes(base64.b64decode(picture))
    assert len(pictures) == 2


def test_a_job_shows_its_plan(executed: Any) -> None:
    plan = outputs(executed, "text/html")[0]
    assert "user_30d_total_spend" in plan
    assert "mm_transaction (data/bank/transactions.csv)" in plan


def test_a_second_run_would_compute_nothing(executed: Any) -> None:
    last = outputs(executed, "text/plain")[-1]
    assert last.count("'nothing new'") == 3


@pytest.mark.parametrize("notebook", EXAMPLES.glob("*.ipynb"), ids=lambda path: path.stem)
def test_notebooks_name_no_place_of_this_machine(notebook: Path) -> None:
    text = notebook.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert str(Path.home()) not in text
