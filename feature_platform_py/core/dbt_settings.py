"""What a project's `dbt_project.yml` says, as it is written there: texts with Jinja are not rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PROJECT_FILE = "dbt_project.yml"


def dbt_settings(root: Path) -> dict[str, Any]:
    """Return the settings of a project; none if the file cannot be read, which dbt reports."""
    return settings_in(root / PROJECT_FILE)


def settings_in(file: Path) -> dict[str, Any]:
    """Return what one of dbt's files says; nothing if it cannot be read or is not there."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        settings = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506, a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return settings if isinstance(settings, dict) else {}
