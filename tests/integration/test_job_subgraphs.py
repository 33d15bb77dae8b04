"""Each job has nodes of its own in dbt's graph: what it reads and makes is what dbt, the lineage and the docs say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feature_platform_py.core.errors import Problem
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.sync import load_project_registry
from feature_platform_py.docs_site.site import build_site
from feature_platform_py.runs.dbt import LEAVES_OUT
from tests.conftest import Fpjob, reword

FOLDERS = ("configs", "macros", "models", "registry", "transformers", "tests")
SAMPLE = "configs/jobs/sample_financial_features_job.yaml"
NAME = "financial_features_extraction_v1"
SHOP = """\
job_name: shop_v1
description: Spend in the shop, whose sales no registry entry names.
input_source: {source_type: spark, config: {location: sales.csv, format: csv}}
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: buyer, timestamp_col: at, amount_col: price}}
output_sink: {sink_type: display, config: {}}
"""
# The columns of each source, and the jobs that read them: by what the jobs' files say, not by what is generated from them.
BANK = {NAME, "training_features_v1"}
OF_GROUPS = "customer_features_v1"
OF_LABELS, OF_KEYS = "overdraft_training_set_v1", "overdraft_scoring_set_v1"
GROUPS = {"customer_spend", "customer_activity"}
READERS = {
    "transaction.mm_transaction": dict.fromkeys(
        ("user_id", "timestamp", "amount"), BANK | {OF_GROUPS, OF_LABELS, OF_KEYS}
    )
    | {"category": BANK | {OF_GROUPS}},
    "review.mm_review": {name: {OF_LABELS} for name in ("customer", "reviewed_at")},
    "customer.mm_customer": {"birthdate": {"customer_profile_v1"}, "user_id": {OF_KEYS}},
    "ad_hoc.shop_v1": {name: {"shop_v1"} for name in ("buyer", "at", "price")},
}


def dbt(command: str, *arguments: str) -> list[str]:
    """Run plain dbt in the working directory; what `ls` lists."""
    from dbt.cli.main import dbtRunner

    outcome = dbtRunner().invoke([command, "--profiles-dir", "profiles", "--log-level", "none", *arguments])
    failed = [
        f"{each.node.name}: {each.message}" for each in getattr(outcome.result, "results", ()) if each.status == "error"
    ]
    assert outcome.success, outcome.exception or failed
    return list(outcome.result) if command == "ls" else []


@pytest.fixture(autouse=True)
def _restored(shop: Path) -> Iterator[None]:
    """The project's files are afterwards as they were; its warehouse is shared."""
    kept = {path: path.read_bytes() for path in files_of(shop)}
    yield
    for path in files_of(shop):
        if path not in kept:
            path.unlink()
    for path, content in kept.items():
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def files_of(project: Path, *folders: str) -> list[Path]:
    found = [path for name in folders or FOLDERS for path in (project / name).rglob("*")]
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


@pytest.fixture(scope="module")
def shop(module_project: Path) -> Path:
    """The project with its jobs, and one of another source."""
    (module_project / "sales.csv").write_text("buyer,at,price,note\n1,2024-01-01 10:00:00,2.50,x\n")
    (module_project / "configs/jobs/shop.yaml").write_text(SHOP)
    from feature_platform_py.dbt_files.sync import write_files

    write_files(open_project(module_project))
    return module_project


@pytest.fixture(scope="module")
def manifest(shop: Path) -> dict[str, Any]:
    dbt("parse", "--no-partial-parse")
    return dict(json.loads((shop / "target/manifest.json").read_text()))


def reached(node: str, edges: dict[str, list[str]]) -> set[str]:
    found, waiting = set(), [node]
    while waiting:
        for other in edges.get(waiting.pop(), []):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def exposures(nodes: set[str]) -> set[str]:
    return {node.rpartition(".")[2] for node in nodes if node.startswith("exposure.")}


@pytest.mark.parametrize("source", READERS)
def test_a_source_reaches_the_jobs_that_read_it_in_dbts_graph(manifest: dict[str, Any], source: str) -> None:
    jobs = set().union(*READERS[source].values())
    nodes = reached(f"source.feature_platform.{source}", manifest["child_map"])
    assert exposures(nodes) == jobs
    models = {node.rpartition(".")[2] for node in nodes if node.startswith("model.")}
    # A model of the project's own reads the customers too, and feature groups read the transactions.
    assert {model.partition("__")[0] for model in models} - {"customer_profile", *GROUPS} == jobs


def test_a_job_is_made_of_its_own_source_in_dbts_graph(manifest: dict[str, Any]) -> None:
    sources = {
        name: {node.partition(".feature_platform.")[2] for node in found if node.startswith("source.")}
        for name in (*BANK, OF_GROUPS, OF_LABELS, OF_KEYS, "customer_profile_v1", "shop_v1")
        for found in [reached(f"exposure.feature_platform.{name}", manifest["parent_map"])]
    }
    expected: dict[str, set[str]] = {}
    for source, columns in READERS.items():
        for job in set().union(*columns.values()):
            expected.setdefault(job, set()).add(source)
    assert sources == expected


def test_plain_dbt_finds_a_job_by_its_name_and_all_financial_ones_by_theirs(shop: Path) -> None:
    names = ("ls", "--output", "name", "--resource-types", "model", "--select")
    tables = ("stg_job_input", "user_spend", "user_monthly_transactions", "user_categorical_spend", "job_features")
    assert set(dbt(*names, "tag:training_features_v1")) == {f"training_features_v1__{table}" for table in tables}
    bank = {f"{job}__{table}" for job in BANK for table in tables}
    own = {f"shop_v1__{table}" for table in ("stg_job_input", "user_spend", "job_features")}
    assert set(dbt(*names, "tag:financial")) == bank | own


@pytest.mark.parametrize("source", READERS)
def test_a_source_column_reaches_the_jobs_that_read_it_in_the_lineage(shop: Path, fpjob: Fpjob, source: str) -> None:
    for column, jobs in READERS[source].items():
        graph = json.loads(fpjob("lineage", f"{source}.{column}", "--format", "json").stdout)
        assert {node["relation"] for node in graph["nodes"] if node["kind"] == "job"} == jobs, column


def test_a_source_column_reaches_the_jobs_that_read_it_in_the_docs(shop: Path, tmp_path: Path) -> None:
    project = open_project(shop)
    site = build_site(project, load_project_registry(shop), tmp_path / "docs", problems=[], tell=lambda _: None)
    edges: dict[str, list[str]] = {}
    for edge in site["lineage"]["edges"]:
        edges.setdefault(edge["from"], []).append(edge["to"])
    for source, columns in READERS.items():
        for column, jobs in columns.items():
            nodes = reached(f"{source}.{column}", edges)
            assert {node.removeprefix("job:") for node in nodes if node.startswith("job:")} == jobs, column
    tables = {feature["name"]: {job["model"] for job in feature["jobs"]} for feature in site["features"]}
    assert tables["user_365d_total_spend"] == {"training_features_v1__user_spend"}
    assert tables["user_30d_total_spend"] == {f"{job}__user_spend" for job in (*BANK, "shop_v1")}


def test_a_change_of_a_job_is_seen_as_that_of_the_nodes_that_it_touches(shop: Path) -> None:
    dbt("parse", "--no-partial-parse", "--target-path", "target/before")
    job = shop / "configs/jobs/training_features_job.yaml"
    text = job.read_text()
    job.write_text(text.replace("insurance payment, ", ""))
    assert job.read_text() != text
    from feature_platform_py.dbt_files.sync import write_files

    write_files(open_project(shop))
    kinds = ("--resource-types", "model", "exposure")
    changed = dbt("ls", "--output", "name", *kinds, "--select", "state:modified", "--state", "target/before")
    models = {"training_features_v1__user_categorical_spend", "training_features_v1__job_features"}
    # An exposure lists the features.
    assert set(changed) == models | {"training_features_v1"}


def test_plain_dbt_builds_what_the_last_run_was_of(shop: Path, fpjob: Fpjob) -> None:
    job = shop / SAMPLE
    reword(job, "window_days: 30", "window_days: [7]")
    outcome = fpjob("run", SAMPLE)
    assert outcome.status == 0, outcome.stderr
    assert f"updated from the job and the registry: models/jobs/{NAME}\n" in outcome.stderr
    table = sorted((shop / f"warehouse/features/{NAME}__user_spend/_delta_log").iterdir())
    dbt("build", "--select", "tag:financial", "--exclude-resource-type", "unit_test")
    assert sorted((shop / f"warehouse/features/{NAME}__user_spend/_delta_log").iterdir()) == table
    again = fpjob("run", SAMPLE)
    assert again.status == 0, again.stderr
    assert f"{NAME}: 0 of 3 feature tables computed" in again.stderr
    assert "updated" not in again.stderr


def test_a_run_writes_models_that_are_gone_or_were_edited(shop: Path, fpjob: Fpjob) -> None:
    folder = shop / "models/jobs" / NAME
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / f"{NAME}__user_spend.sql").unlink()
    edited = folder / f"{NAME}__job_features.sql"
    reword(edited, "user_30d_total_spend", "user_31d_total_spend")
    (folder / f"{NAME}__old.sql").write_text(edited.read_text())
    (folder / "own.sql").write_text("select 1 as one")
    assert fpjob("run", SAMPLE).status == 0
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after == before | {"own.sql": b"select 1 as one"}


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_a_copied_job_is_an_error_that_names_both_files(shop: Path, fpjob: Fpjob, command: str) -> None:
    copy = shop / "configs/jobs/copy.yaml"
    copy.write_text((shop / SAMPLE).read_text().replace("window_days: 30", "window_days: 7"))
    outcome = fpjob(command, SAMPLE)
    assert outcome.status == 2
    assert f"{SAMPLE}:2: `job_name`: `{NAME}` is the name of the job in `configs/jobs/copy.yaml` too" in outcome.stderr


def test_dbt_files_of_an_earlier_version_are_one_error(shop: Path, fpjob: Fpjob) -> None:
    file = shop / "dbt_project.yml"
    text = file.read_text()
    file.write_text("".join(line for line in text.splitlines(keepends=True) if "model-paths" not in line))
    outcome = fpjob("run", SAMPLE)
    file.write_text(text)
    assert outcome.status == 2
    assert (
        "dbt_project.yml: expected `job_models` in `model-paths`; the project's dbt files are of an earlier"
        in outcome.stderr
    )


def test_a_model_of_the_project_keeps_its_name(shop: Path, fpjob: Fpjob) -> None:
    (shop / "models/spenders.sql").write_text(
        f"select distinct user_id from {{{{ ref('{NAME}__job_features') }}}} where user_30d_total_spend > 0"
    )
    dbt("build", "--select", "+spenders", "--exclude-resource-type", "unit_test")
    listed = json.loads(fpjob("list", "--format", "json").stdout)
    assert "features.spenders" in {table["name"] for table in listed["tables"]}


def test_a_job_elsewhere_has_its_models_on_dbts_path_in_its_own_runs_only(
    shop: Path, tmp_path: Path, fpjob: Fpjob
) -> None:
    elsewhere = tmp_path / "shop.yaml"
    elsewhere.write_text(SHOP.replace("shop_v1", "elsewhere_v1"))
    before = {path: path.read_bytes() for path in files_of(shop, "models")}
    outcome = fpjob("run", elsewhere)
    assert outcome.status == 0, outcome.stderr
    assert "updated from the job and the registry: target/jobs/elsewhere_v1/models\n" in outcome.stderr
    assert {path: path.read_bytes() for path in files_of(shop, "models")} == before
    assert dbt("ls", "--output", "name", "--select", "tag:elsewhere_v1") == []
    # A job that leaves `configs/jobs` takes its models along.
    (shop / "configs/jobs/shop.yaml").unlink()
    moved = tmp_path / "moved.yaml"
    moved.write_text(SHOP)
    outcome = fpjob("run", moved)
    assert outcome.status == 0, outcome.stderr
    assert "registry: target/jobs/shop_v1/models, models/jobs/shop_v1\n" in outcome.stderr
    assert not (shop / "models/jobs/shop_v1").exists()


def test_sync_keeps_the_models_of_a_job_with_a_fault_and_removes_those_of_a_job_that_is_gone(
    shop: Path, fpjob: Fpjob
) -> None:
    job, folder = shop / "configs/jobs/shop.yaml", shop / "models/jobs/shop_v1"
    before = {path: path.read_bytes() for path in files_of(shop, "models/jobs/shop_v1")}
    job.write_text(SHOP.replace("UserSpendAggregator", "UserSpendAgregator"))
    assert fpjob("registry", "sync").status == 1
    assert {path: path.read_bytes() for path in files_of(shop, "models/jobs/shop_v1")} == before
    job.write_text(SHOP.replace("shop_v1", "store_v1"))
    assert fpjob("registry", "sync").status == 0
    assert not folder.exists()
    assert (shop / "models/jobs/store_v1").is_dir()
    job.unlink()
    outcome = fpjob("registry", "sync")
    assert outcome.status == 0
    assert "removed models/jobs/store_v1/store_v1.yml\n" in outcome.stdout
    assert "wrote" not in outcome.stdout
    assert not (shop / "models/jobs/store_v1").exists()


def test_a_fault_in_the_macros_of_one_job_does_not_stop_others(shop: Path, fpjob: Fpjob) -> None:
    assert fpjob("init", "transformer", "user_largest_amount", "--sql").status == 0
    (shop / "macros/transformers/user_largest_amount.sql").unlink()
    (shop / "configs/jobs/broken.yaml").write_text(
        (shop / SAMPLE)
        .read_text()
        .replace(NAME, "broken_v1")
        .replace(
            "feature_transformers:",
            "feature_transformers:\n  - {name: UserLargestAmount, params: {user_id_col: user_id, amount_col: amount}}",
        )
    )
    broken = fpjob("run", "configs/jobs/broken.yaml")
    assert broken.status == 3, broken.stderr
    assert "models/jobs/broken_v1/broken_v1__custom_features.sql" in broken.stderr
    assert "user_largest_amount" in broken.stderr
    assert fpjob("run", SAMPLE).status == 0


def test_the_first_run_of_a_job_parses_only_what_the_run_of_another_job_left_out(
    project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fpjob("run", "configs/jobs/sample_customer_profile_job.yaml").status == 0
    # Variables of the user's leave out no job that is run.
    monkeypatch.setenv(f"{LEAVES_OUT}{NAME}", "yes")
    outcome = fpjob("run", SAMPLE)
    assert outcome.status == 0, outcome.stderr
    assert os.environ[f"{LEAVES_OUT}{NAME}"] == "yes"
    log = (project / "logs" / NAME / "dbt.log").read_text()
    assert "Unable to do partial parsing" not in log
    parsed = set(re.findall(r"Partial parsing: \w+ file: feature_platform://(\S+)", log))
    models = {path.as_posix() for path in Path("models/jobs").rglob("*.sql")}
    assert parsed >= {path for path in models if NAME in path}
    assert not any("training_features_v1" in path for path in parsed)


def test_an_owner_who_owns_nothing_any_more_stops_no_run(shop: Path, fpjob: Fpjob) -> None:
    group = shop / "registry/feature/user_spend.yaml"
    text = group.read_text()
    for owner in ("risk-team", "data-platform"):
        group.write_text(text.replace("owner: data-platform", f"owner: {owner}"))
        assert fpjob("registry", "sync").status == 0
        command = [Path(sys.executable).with_name("fpjob"), "run", SAMPLE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_docs_leave_out_a_job_whose_macro_fails(shop: Path, tmp_path: Path) -> None:
    macro = shop / "macros/transformers/user_monthly_transaction_counter.sql"
    head, _, _ = macro.read_text().partition("-%}")
    macro.write_text(f"{head}-%}}{{% do exceptions.raise_compiler_error('not today') %}}{{% endmacro %}}")
    problems: list[Problem] = []
    project = open_project(shop)
    site = build_site(project, load_project_registry(shop), tmp_path / "docs", problems=problems, tell=lambda _: None)
    assert set(site["jobs"]) == {"customer_profile_v1", "shop_v1", OF_GROUPS, OF_LABELS, OF_KEYS}, problems
    assert {Path(problem.file).name for problem in problems} == {Path(SAMPLE).name, "training_features_job.yaml"}
    assert (tmp_path / "docs/dbt.html").is_file()
