"""Hostile text in every field of the registry and the job, and the SQL that a workspace is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.runs.run import run_job
from tests.conftest import copy_project
from tests.databricks.lakehouse import LEADING
from tests.databricks.literals import literals, without_literals
from tests.databricks.workspace import Workspace
from tests.hostile import EVERYTHING, ONE_LINE, poison_registry

JOB = Path("configs/jobs/sample_financial_features_job.yaml")
MARKS = ("window.pwned", "drop table x", "select 1; --", "constructor(", "日本語", "in a backslash")


@pytest.fixture(scope="module")
def module_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with hostile text wherever its files take text, and in the values of the job's filter and categories."""
    folder = copy_project(tmp_path_factory.mktemp("project") / "project")
    poison_registry(folder)
    texts = [text.replace("${", "$${") for text in ONE_LINE]
    job = yaml.safe_load((folder / JOB).read_text(encoding="utf-8"))
    job["description"] = EVERYTHING.replace("${", "$${")
    job["input_source"]["filters"] = [{"column": "operation", "op": "not_in", "value": texts}]
    categorical = job["feature_transformers"][2]["params"]
    categorical["target_category_value"] = [
        "household payment",
        *(f"a{number}{text}" for number, text in enumerate(ONE_LINE)),
    ]
    (folder / JOB).write_text(yaml.safe_dump(job, allow_unicode=True, sort_keys=False), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("FP_WAREHOUSE", raising=False)
        yield folder


@pytest.fixture(scope="module")
def sent(workspace: Workspace, module_project: Path) -> list[str]:
    from feature_platform_py.dbt_files.sync import write_files

    project = open_project(module_project, target="databricks")
    write_files(project)
    workspace.forget()
    run_job(prepare_job(module_project / JOB, project), project)
    return [LEADING.sub("", each.text, count=1) for each in workspace.server.statements]


def test_no_hostile_text_is_outside_a_literal(sent: list[str]) -> None:
    assert [each for each in sent if any(mark in without_literals(each) for mark in MARKS)] == []


@pytest.mark.parametrize(
    "start", ["create or replace table", "create or replace view", "comment on column", "alter table"]
)
def test_a_text_arrives_as_it_is(sent: list[str], start: str) -> None:
    arrived = {text for each in sent if each.lower().startswith(start) for text in literals(each)}
    hostile = {text for text in arrived if any(mark in text for mark in MARKS)}
    words = " ".join(sorted(ONE_LINE, key=str.lower))
    known = {EVERYTHING.strip(), words, *ONE_LINE, *(f"a{number}{text}" for number, text in enumerate(ONE_LINE))}
    assert hostile
    assert hostile <= known
