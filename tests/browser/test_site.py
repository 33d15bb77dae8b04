"""The whole docs site of the project, built by the command, in a browser."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browsers import Watched, served
from tests.hostile import ONE_LINE, poison_registry

SAMPLE = "configs/jobs/sample_financial_features_job.yaml"
Open = Callable[..., Watched]

TABLE = "financial_features_extraction_v1__user_spend"


@pytest.fixture(scope="module")
def folder(module_project: Path) -> Path:
    """The site of a project whose registry has a hostile text in every field that takes one."""
    places = poison_registry(module_project)
    assert {re.split(r"[. ]", place)[-1] for place in places} == {"description", "owner", "tags"}
    for command in (["run", SAMPLE], ["docs", "build"]):
        done = subprocess.run(
            [Path(sys.executable).with_name("fpjob"), *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout == "target/docs/index.html: 29 features, 5 of them built, 6 jobs\n"
    return module_project / "target" / "docs"


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    with served(folder) as address:
        yield address


@pytest.mark.parametrize(
    ("feature", "jobs"),
    [
        ("user_spend/user_30d_total_spend", {"financial_features_extraction_v1", "training_features_v1"}),
        ("user_spend/user_365d_total_spend", {"training_features_v1"}),
        ("job_enriched/age", {"customer_profile_v1"}),
    ],
)
def test_the_lineage_of_a_feature_names_the_jobs_that_have_it_and_no_other(
    site: str, open_page: Open, feature: str, jobs: set[str]
) -> None:
    page = open_page(f"{site}#/feature/{feature}").page
    listed = page.locator(".lineage details").text_content() or ""
    named = {"customer_profile_v1", "financial_features_extraction_v1", "training_features_v1"}
    assert {job for job in named if job in listed} == jobs
    assert {job for job in named if f"→ job:{job}:" in listed} == jobs


def test_the_catalogue_and_the_lineage_graph_of_dbt(site: str, open_page: Open) -> None:
    catalogue = open_page(f"{site}#/feature/user_spend/user_30d_total_spend")
    page = catalogue.page
    assert "39,960, of which 0 NULL" in page.locator("dl").last.inner_text()
    expect(page.locator("td.pass")).to_have_count(4)
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
    path = (
        "source.feature_platform.transaction.mm_transaction",
        "model.feature_platform.financial_features_extraction_v1__user_spend",
    )
    assert {*path, "exposure.feature_platform.financial_features_extraction_v1"} <= set(nodes)
    graph.page.wait_for_timeout(2000)
    graph.page.screenshot(path=_picture("lineage"))
    assert graph.faults == []


@pytest.mark.parametrize("is_served", [True, False])
@pytest.mark.parametrize(
    "page",
    [
        "index.html#/feature/user_spend/user_30d_total_spend",
        f"dbt.html#!/model/model.feature_platform.{TABLE}",
        "dbt.html#!/source/source.feature_platform.transaction.mm_transaction",
    ],
)
def test_hostile_text_of_the_registry_is_shown_and_not_run(
    site: str, folder: Path, open_page: Open, page: str, *, is_served: bool
) -> None:
    watched = open_page(f"{site if is_served else folder.as_uri() + '/'}{page}")
    watched.page.wait_for_function("document.body.innerText.includes('window.pwned')")
    shown = watched.page.locator("body").inner_text()
    assert [text for text in ONE_LINE if text not in shown] == []
    assert watched.page.evaluate("window.pwned") is None
    assert watched.faults == []


def test_a_script_that_is_written_into_dbt_s_page_is_not_run(folder: Path, tmp_path: Path, open_page: Open) -> None:
    page = (folder / "dbt.html").read_text(encoding="utf-8")
    (tmp_path / "dbt.html").write_text(page.replace("<body>", "<body><script>window.pwned = 1</script>"))
    watched = open_page((tmp_path / "dbt.html").as_uri())
    assert watched.page.evaluate("window.pwned") is None


def _picture(name: str) -> Path:
    from tests.browsers import SCREENSHOTS

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS / f"{name}.png"
