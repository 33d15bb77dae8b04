"""Decide whether this process may run the Python files of its project."""

from __future__ import annotations

import os

NO_PROJECT_CODE = "FP_NO_PROJECT_CODE"


def is_project_code_refused() -> bool:
    """Return whether `fpjob --no-project-code` or the environment forbids running Python files of the project."""
    return os.environ.get(NO_PROJECT_CODE, "").lower() not in {"", "0", "false", "no", "off"}
