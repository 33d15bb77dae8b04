"""dbt packages that pip has installed, where dbt looks for packages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError

FOLDER = "dbt_packages"


def link_packages(root: Path, packages: Mapping[str, Path]) -> None:
    """Link the packages' folders, given by their names, into the project's `dbt_packages`, as `dbt deps` links local ones.

    Raises ConfigurationError if a folder, and not a link, has one of the names.
    """
    for name, folder in packages.items():
        link = root / FOLDER / name
        if link.is_symlink() and link.readlink() == folder:
            continue
        if link.exists() and not link.is_symlink():
            raise ConfigurationError(f"{link}: expected a link to `{folder}`, found a folder; remove it")
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(folder, target_is_directory=True)
