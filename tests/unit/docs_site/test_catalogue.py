"""The catalogue's data: each feature as the jobs compute it, and those that no job uses."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.sync import planned_jobs
from feature_platform_py.docs_site import site
from feature_platform_py.docs_site.catalogue import Findings, catalogue_content
from feature_platform_py.docs_site.profile import ColumnProfile
from feature_platform_py.docs_site.serve import site_server
from feature_platform_py.docs_site.site import check_folder, write_catalogue
from feature_platform_py.features.catalogue import transformers_of
from feature_platform_py.jobs.groups import plan_groups
from feature_platform_py.jobs.last_run import last_run, record_run
from feature_platform_py.jobs.run_history import PastRun
from feature_platform_py.registry.registry import load_registry
from feature_platform_py.runs.dbt import NodeResult
from tests.conftest import ROOT, reword
from tests.unit.runs.test_proof_text import proof


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    registry = load_registry(ROOT)
    profile = ColumnProfile(rows=3, nulls=1, minimum="1", maximum="2", samples=("1",), bars=(("1 to 2", 2),))
    run = {
        "finished": "2026-01-01T00:00:00+00:00",
        "nodes": [{"name": "unique_grain_user_spend", "kind": "test", "status": "pass"}],
    }
    findings = Findings(
        profiles={("user_spend", "user_30d_total_spend"): profile},
        sql={"financial_features_extraction_v1__user_spend": "select 1"},
        runs={"financial_features_extraction_v1": run},
        past={
            "financial_features_extraction_v1": [
                PastRun("2026-01-01T00:00:00+00:00", 2.5, 4, {"user_30d_total_spend": 3})
            ]
        },
        proofs={"overdraft_training_set_v1": proof("</td>")},
    )
    return catalogue_content(registry, planned_jobs(open_project(ROOT), registry), findings, project_name="shop")


def feature(content: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in content["features"] if each["name"] == name)


def test_a_feature_names_its_jobs_its_grain_and_whether_it_looks_ahead(content: dict[str, Any]) -> None:
    uses = feature(content, "user_monthly_txn_count")["jobs"]
    assert [(use["name"], use["looksAhead"], use["grain"]) for use in uses] == [
        ("financial_features_extraction_v1", True, ["user_id", "year_month"]),
        ("training_features_v1", False, ["user_id", "timestamp"]),
    ]


def test_a_pattern_is_described_with_its_parameters(content: dict[str, Any]) -> None:
    found = feature(content, "user_365d_total_spend")
    assert found["pattern"] == "user_<window_days>d_total_spend"
    assert "(t - 365 x 24 h, t]" in found["description"]


def test_a_profile_and_test_results_are_there_where_they_are_known(content: dict[str, Any]) -> None:
    assert feature(content, "user_30d_total_spend")["profile"]["bars"] == (("1 to 2", 2),)
    assert feature(content, "user_7d_total_spend")["profile"] is None
    assert content["jobs"]["financial_features_extraction_v1"]["tests"] == {"unique_grain_user_spend": "pass"}
    assert content["jobs"]["training_features_v1"]["finished"] is None


def test_a_job_has_its_runs_with_the_share_of_nulls(content: dict[str, Any]) -> None:
    [run] = content["jobs"]["financial_features_extraction_v1"]["history"]
    assert (run["rows"], run["seconds"], run["nulls"]) == (4, 2.5, {"user_30d_total_spend": 0.25})


def test_sources_entities_and_transformers_name_each_other() -> None:
    registry, project = load_registry(ROOT), open_project(ROOT)
    groups, jobs = plan_groups(registry, project), planned_jobs(project, registry)
    content = catalogue_content(registry, jobs, Findings(), groups, transformers_of(ROOT), project_name="shop")
    source = content["sources"]["transaction.mm_transaction"]
    assert "financial_features_extraction_v1" in source["jobs"]
    assert source["groups"] == ["customer_activity", "customer_spend"]
    assert ["local", "data/bank/transactions.csv", "csv"] in source["places"]
    assert content["entities"]["customer"]["groups"] == source["groups"]
    assert ["transaction", "1:many"] in [relation[:2] for relation in content["entities"]["customer"]["relations"]]
    spend = content["transformers"]["UserSpendAggregator"]
    assert "financial_features_extraction_v1" in spend["jobs"]
    assert [name for name, need, _ in spend["params"] if need == "needed"] == [
        "user_id_col",
        "timestamp_col",
        "amount_col",
    ]
    assert all(about for _, _, about in spend["params"])


def test_a_group_has_its_definition_its_tables_and_the_jobs_that_read_it() -> None:
    registry, project = load_registry(ROOT), open_project(ROOT)
    groups, jobs = plan_groups(registry, project), planned_jobs(project, registry)
    content = catalogue_content(registry, jobs, Findings(), groups, project_name="shop")
    spend = content["groups"]["customer_spend"]
    assert spend["definition"] == (ROOT / "registry/feature/customer_spend.yaml").read_text().strip()
    assert spend["tables"] == ["customer_spend__window", "customer_spend__lifetime"]
    assert spend["jobs"] == ["customer_features_v1", "overdraft_scoring_set_v1", "overdraft_training_set_v1"]
    tables = {each["name"]: each["table"] for each in content["features"] if each["group"] == "customer_spend"}
    assert tables["spend_7d"] == "customer_spend__window"
    assert tables["paid_loan_payment_lifetime"] == "customer_spend__lifetime"
    uses = {each["name"]: [use["name"] for use in each["jobs"]] for each in content["features"]}
    assert uses["transactions_30d"] == ["customer_features_v1", "overdraft_scoring_set_v1", "overdraft_training_set_v1"]
    assert uses["transactions_7d"] == []


def test_a_job_whose_rows_ask_has_its_proof(content: dict[str, Any]) -> None:
    jobs = content["jobs"]
    assert jobs["overdraft_training_set_v1"]["asks"]
    found = jobs["overdraft_training_set_v1"]["proof"]
    assert ["source", "</td>, version 4"] in found["facts"]
    assert ["more", "25.0%", "not computed again"] in found["features"]
    others = [jobs[name] for name in jobs if name != "overdraft_training_set_v1"]
    assert {each["proof"] for each in others} == {None}
    assert not jobs["financial_features_extraction_v1"]["asks"]


def test_a_feature_of_no_job_is_listed_by_its_pattern() -> None:
    registry = load_registry(ROOT)
    content = catalogue_content(registry, [], Findings(), project_name="shop")
    names = {each["name"]: each["jobs"] for each in content["features"]}
    assert names["user_<window_days>d_total_spend"] == []


def test_links_into_the_docs_of_dbt_have_the_name_of_the_project(project: Path, tmp_path: Path) -> None:
    reword(project / "dbt_project.yml", "name: feature_platform\n", "name: shop\n")
    for file in (*project.glob("configs/jobs/*"), *project.glob("registry/feature/*")):
        file.unlink()
    site.build_site(open_project(), load_registry(project), tmp_path / "site", problems=[], tell=lambda _: None)
    assert '"project":"shop"' in (tmp_path / "site" / "data.js").read_text().replace(": ", ":")


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="expected an empty folder or a docs site, found other files"):
        check_folder(tmp_path)


def test_a_site_can_be_written_again(tmp_path: Path, content: dict[str, Any]) -> None:
    write_catalogue(tmp_path, content)
    check_folder(tmp_path)


def test_serving_needs_a_site(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"run `fpjob docs build --output {tmp_path}` first"):
        site_server(tmp_path, 0)
    with pytest.raises(ConfigurationError, match="run `fpjob docs build` first"):
        site_server(tmp_path / "target" / "docs", 0)


def test_a_server_listens_on_loopback_only_and_says_when_its_port_is_taken(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    write_catalogue(tmp_path, content)
    with site_server(tmp_path, 0) as server:
        assert server.server_address[0] == "127.0.0.1"
        with pytest.raises(ConfigurationError, match=f"port {server.server_port} of 127.0.0.1 cannot be used"):
            site_server(tmp_path, server.server_port)
        assert server.socket.family == socket.AF_INET


def test_the_last_run_of_a_job_is_kept(project: Path) -> None:
    opened = open_project(project)
    assert last_run(opened, "spend") is None
    node = NodeResult("unique_grain_user_spend", "test", "fail", 0.1)
    record_run(opened, "spend", [node.record()], job_file=project / "job.yaml")
    found = last_run(opened, "spend")
    assert found
    assert found["nodes"] == [{"name": "unique_grain_user_spend", "kind": "test", "status": "fail", "rows": None}]


@pytest.mark.parametrize("killed_at", [0, 1, 2, 5])
def test_a_site_that_was_cut_in_its_first_write_is_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    written: list[Path] = []

    def write(path: Path, content: str | bytes) -> None:
        if len(written) == killed_at:
            path.parent.mkdir(parents=True, exist_ok=True)
            (path.parent / f".{path.name}.12345678.new").write_text("half")
            raise KeyboardInterrupt
        written.append(path)
        replace_file(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(site, "replace_file", write)
        with pytest.raises(KeyboardInterrupt):
            write_catalogue(tmp_path / "site", {})
    check_folder(tmp_path / "site")
    write_catalogue(tmp_path / "site", {})
    assert not list((tmp_path / "site").rglob("*.new"))
