"""Plain dbt from the project's root, without the command line of the platform."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import Fpjob


def test_dbt_build_of_the_financial_tag_passes_twice_and_builds_the_sample_job(project: Path, fpjob: Fpjob) -> None:
    (project / "profiles.yml").symlink_to("profiles/profiles.yml")
    dbt = Path(sys.executable).with_name("dbt")
    for _ in range(2):
        done = subprocess.run(
            [dbt, "--no-use-colors", "build", "--select", "tag:financial"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        # 5 models, 7 data tests, 3 unit tests and the two hooks.
        assert "PASS=17 WARN=0 ERROR=0 SKIP=0" in done.stdout
    shown = fpjob("show", "configs/jobs/sample_financial_features_job.yaml", "--rows", "1")
    assert "1 of 49,102 rows shown" in shown.stderr
