"""Plain dbt from the project's root, without the command line of the platform."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner

from tests.conftest import Fpjob


def test_dbt_build_of_the_financial_tag_passes_twice_and_builds_the_jobs(project: Path, fpjob: Fpjob) -> None:
    (project / "profiles.yml").symlink_to("profiles/profiles.yml")
    dbt = Path(sys.executable).with_name("dbt")
    for _ in range(2):
        done = subprocess.run(
            [dbt, "--no-use-colors", "build", "--select", "tag:financial"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        # 5 models and 7 data tests for each of two jobs, 3 unit tests and the two hooks.
        assert "PASS=29 WARN=0 ERROR=0 SKIP=0" in done.stdout
    shown = fpjob("show", "configs/jobs/sample_financial_features_job.yaml", "--rows", "1")
    assert "1 of 49,102 rows shown" in shown.stderr


def test_tests_of_models_that_were_never_built_warn(project: Path, fpjob: Fpjob) -> None:
    def statuses() -> dict[str, str]:
        said.clear()
        outcome = dbtRunner(callbacks=[note]).invoke(["test", "--profiles-dir", "profiles"])
        assert outcome.success
        return {each.node.name: each.status for each in outcome.result if each.node.resource_type == "test"}

    def note(event: Any) -> None:
        if event.info.level == "warn":
            said.append(event.info.msg)

    said: list[str] = []
    before = statuses()
    assert {name for name, status in before.items() if status == "pass"} == {
        name for name in before if name.startswith("source_")
    }
    assert fpjob("run", "configs/jobs/sample_financial_features_job.yaml").status == 0
    after = statuses()
    assert {name for name, status in after.items() if status == "pass"} == {
        name for name in after if name.startswith("source_") or "_financial_features_extraction_v1__" in name
    }
    expected = "test `unique_customer_profile_user_id` has nothing to look at: not built yet: `customer_profile`"
    assert any(expected in message for message in said)
