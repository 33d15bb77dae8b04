"""The whole docs site of the project, built by the command, in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Watched, served
from tests.conftest import Fpjob

SAMPLE = "configs/jobs/sample_financial_features_job.yaml"
Open = Callable[..., Watched]


@pytest.fixture
def site(project: Path, fpjob: Fpjob) -> Iterator[str]:
    assert fpjob("run", SAMPLE).status == 0
    built = fpjob("docs", "build")
    assert built.status == 0, built.stderr
    assert built.stdout == "target/docs/index.html: 15 features, 5 of them built, 3 jobs\n"
    with served(project / "target" / "docs") as address:
        yield address


def test_the_catalogue_and_the_lineage_graph_of_dbt(site: str, open_page: Open) -> None:
    catalogue = open_page(f"{site}#/feature/user_spend/user_30d_total_spend")
    page = catalogue.page
    assert "39,960, of which 0 NULL" in page.locator("dl").last.inner_text()
    assert page.locator("td.pass").count() == 4
    labels = page.locator(".lineage .scroll text").all_text_contents()
    assert {"transaction.mm_transaction", "amount", "user_30d_total_spend"} <= set(labels)
    assert any(label.startswith("financial_features") for label in labels)
    catalogue.shoot("catalogue")
    assert catalogue.faults == []

    graph = open_page(f"{site}dbt.html#!/overview?g_v=1", viewport={"width": 1360, "height": 800})
    graph.page.wait_for_function("window.angular && document.querySelector('.graph canvas, #graph canvas, canvas')")
    nodes = graph.page.evaluate(
        "angular.element(document.body).injector().get('graph').graph.elements"
        ".filter((each) => each.data.id && each.data.display !== 'none').map((each) => each.data.id)"
    )
    path = ("source.feature_platform.transaction.mm_transaction", "model.feature_platform.user_spend")
    assert {*path, "exposure.feature_platform.financial_features_extraction_v1"} <= set(nodes)
    graph.page.wait_for_timeout(2000)
    graph.page.screenshot(path=_picture("lineage"))
    assert graph.faults == []


def _picture(name: str) -> Path:
    from tests.browser.conftest import SCREENSHOTS

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS / f"{name}.png"
