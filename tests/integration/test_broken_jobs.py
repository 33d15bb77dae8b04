"""Broken jobs are reported, and stop none of the commands for the other jobs of the project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.conftest import Fpjob, reword

JOBS = Path("configs/jobs")
SAMPLE = JOBS / "sample_financial_features_job.yaml"
TRAINING = JOBS / "training_features_job.yaml"
# The first words of what is said of each file.
PROBLEMS = {
    "a_list.yaml": "1: expected",
    "copy.yml": "3: `job_name`: `training_features_v1` is the name of the job in",
    "folder.yaml": "1: ",
    "gone.yaml": "1: ",
    "latin.yaml": "3: the file is not UTF-8 text",
    "no_data.yaml": "2: `input_source.config.location`: no file",
    "not_yaml.yml": "2: ",
    "typo.yaml": "4: transformer `UserSpendAgregator` is unknown",
}


def custom(name: str, *, location: str = "jupiter.mm.fact_mm_transaction") -> str:
    """A job over a transformer of the project."""
    return f"""\
job_name: {name}
input_source: {{source_type: spark, config: {{location: {location}}}}}
feature_transformers:
  - {{name: UserLargestAmount, params: {{user_id_col: user_id, amount_col: amount}}}}
output_sink: {{sink_type: display}}
"""


@pytest.fixture(scope="module")
def broken(module_project: Path) -> Path:
    """A project whose sample job is good, and nearly all others are broken."""
    sample = SAMPLE.read_text()
    (JOBS / "a_list.yaml").write_text("- job_name: a\n")
    (JOBS / "copy.yml").write_text(TRAINING.read_text())
    (JOBS / "folder.yaml").mkdir()
    (JOBS / "gone.yaml").symlink_to("nowhere.yaml")
    (JOBS / "latin.yaml").write_bytes(sample.encode().replace(b"Spend", "Größe".encode("latin-1")))
    (JOBS / "no_data.yaml").write_text(custom("no_data", location="data/none.csv, format: csv"))
    (JOBS / "not_yaml.yml").write_text("job_name: [\n")
    (JOBS / "typo.yaml").write_text(custom("typo").replace("UserLargestAmount", "UserSpendAgregator"))
    return module_project


def reported(text: str) -> set[str]:
    """The names of the job files that an error names."""
    return {Path(line.partition(":")[0]).name for line in text.splitlines() if line.startswith(str(JOBS))}


def test_sync_writes_for_the_good_jobs(broken: Path, fpjob: Fpjob) -> None:
    block = Path("models/jobs/financial_features_extraction_v1/financial_features_extraction_v1.yml")
    reword(block, "exposures", "expositions")
    outcome = fpjob("registry", "sync")
    assert outcome.status == 1
    assert f"wrote {block}" in outcome.stdout
    assert [each["name"] for each in yaml.safe_load(block.read_text())["exposures"]] == [block.stem]
    # Of two jobs of one name, neither is the good one.
    assert reported(outcome.stderr) == {*PROBLEMS, TRAINING.name}
    for name, said in PROBLEMS.items():
        assert any(line.startswith(f"{JOBS / name}:{said}") for line in outcome.stderr.splitlines()), name
    assert outcome.stderr.splitlines()[-1] == "Jobs with these problems were left out; everything else was done"


def test_a_check_of_sync_says_the_same(broken: Path, fpjob: Fpjob) -> None:
    fpjob("registry", "sync")
    outcome = fpjob("registry", "sync", "--check")
    assert outcome.status == 1
    assert reported(outcome.stderr) == {*PROBLEMS, TRAINING.name}


def test_lineage_and_docs_show_the_good_jobs_and_leave_out_what_dbt_cannot_compile(broken: Path, fpjob: Fpjob) -> None:
    assert fpjob("init", "transformer", "user_largest_amount", "--sql").status == 0
    macro = broken / "macros/transformers/user_largest_amount.sql"
    head, _, _ = macro.read_text().partition("-%}")
    macro.write_text(f"{head}-%}}{{% do exceptions.raise_compiler_error('not today') %}}{{% endmacro %}}")
    (JOBS / "fails.yaml").write_text(custom("fails"))
    expected = {*PROBLEMS, TRAINING.name, "fails.yaml"}

    outcome = fpjob("lineage", "user_spend.user_30d_avg_spend", "--format", "json")
    assert outcome.status == 1
    assert json.loads(outcome.stdout)
    assert reported(outcome.stderr) == expected
    assert "not today" in outcome.stderr

    fails = fpjob("lineage", "user_spend.user_30d_avg_spend", "--job", JOBS / "fails.yaml")
    assert fails.status == 3
    assert "not today" in fails.stderr

    unknown = fpjob("lineage", "user_spend.nothing")
    assert unknown.status == 2
    assert "column `user_spend.nothing` is unknown" in unknown.stderr
    assert reported(unknown.stderr) == expected

    site = fpjob("docs", "build")
    assert site.status == 1
    assert site.stdout.rstrip().endswith("5 jobs")
    assert reported(site.stderr) == expected


def test_validate_and_list_say_which_jobs_are_broken(broken: Path, fpjob: Fpjob) -> None:
    (JOBS / "fails.yaml").unlink(missing_ok=True)
    files = sorted(JOBS.glob("*.y*ml"))
    outcome = fpjob("validate", *files, "--format", "json")
    assert outcome.status == 2
    answer = json.loads(outcome.stdout)
    assert sorted(Path(each).name for each in answer["valid"]) == [
        "customer_features_job.yaml",
        "overdraft_scoring_job.yaml",
        "overdraft_training_job.yaml",
        "sample_customer_profile_job.yaml",
        SAMPLE.name,
    ]
    assert {Path(each["file"]).name for each in answer["problems"]} == {*PROBLEMS, TRAINING.name}
    text = fpjob("validate", *files)
    assert text.stdout.splitlines() == [f"{file}: valid" for file in answer["valid"]]
    assert reported(text.stderr) == {*PROBLEMS, TRAINING.name}

    listed = fpjob("list", "--format", "json")
    assert listed.status == 0
    jobs = {Path(each["path"]).name: each["job"] for each in json.loads(listed.stdout)["jobs"]}
    assert jobs.keys() == {path.name for path in files}
    assert jobs[SAMPLE.name] == "financial_features_extraction_v1"
    assert jobs["typo.yaml"] == "(not valid: see `fpjob validate configs/jobs/typo.yaml`)"


def test_a_project_without_a_good_job_is_left_as_it_is(project: Path, fpjob: Fpjob) -> None:
    before = {path: path.read_bytes() for path in (project / "models").rglob("*.yml")}
    for path in JOBS.glob("*.yaml"):
        path.write_text("job_name: [\n")
    outcome = fpjob("registry", "sync")
    assert outcome.status == 2
    assert len(reported(outcome.stderr)) == len(list(JOBS.glob("*.yaml")))
    assert {path: path.read_bytes() for path in (project / "models").rglob("*.yml")} == before


def test_list_shows_the_jobs_of_a_project_whose_registry_is_broken(project: Path, fpjob: Fpjob) -> None:
    (project / "registry/source/customer/v1/mm_customer_source.yaml").write_text("name: [\n")
    outcome = fpjob("list")
    assert outcome.status == 0, outcome.stderr
    assert "(not valid: see `fpjob registry validate`)" in outcome.stdout
    assert "financial_features_extraction_v1" in outcome.stdout
