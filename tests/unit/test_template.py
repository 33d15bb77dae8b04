"""The lists of what a new project starts from are those of this repository."""

from __future__ import annotations

from importlib.metadata import version

import yaml

from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.sync import generated_files
from feature_platform_py.scaffold.files import KEPT, project_files
from tests.conftest import ROOT

FOLDERS = (".dbtignore", "models", "profiles", "registry", "configs", "data/bank", "dbt_project.yml")
# A new project takes the macros from the package.
APART = (".dbtignore", "dbt_project.yml")
# What this repository does not have.
FOR_USERS = (".github/workflows/features.yml", ".pre-commit-config.yaml")


def test_every_file_of_the_template_is_listed() -> None:
    """A model, an entry or a job that is added belongs into `scaffold/template_files.txt`, which is sorted."""
    found = {path.relative_to(ROOT) for folder in FOLDERS for path in [ROOT / folder, *(ROOT / folder).rglob("*")]}
    names = sorted(
        path.as_posix()
        for path in found
        if (ROOT / path).is_file() and "__pycache__" not in path.parts and path.name != ".user.yml"
    )
    generated = {path.as_posix() for path in generated_files(open_project(ROOT))}
    names = [name for name in names if name not in generated]
    assert project_files(ROOT) == sorted([*names, *FOR_USERS])


def test_what_is_kept_apart_is_what_the_repository_has() -> None:
    """After a change of registry, jobs or profile: copy the file below `scaffold/template/` too."""
    kept = {path.relative_to(KEPT).as_posix() for path in KEPT.rglob("*") if path.is_file()}
    wanted = {name for name in project_files(ROOT) if name.startswith(("registry/", "configs/", "profiles/", *APART))}
    assert kept == {name for name in wanted if not name.endswith(".schema.json")} | set(FOR_USERS)
    copies = sorted(kept - {*APART, *FOR_USERS})
    assert [name for name in copies if (KEPT / name).read_bytes() != (ROOT / name).read_bytes()] == []


def test_a_new_project_has_the_settings_of_the_repository_but_for_where_the_macros_are() -> None:
    new, ours, package = (
        yaml.safe_load((folder / "dbt_project.yml").read_text()) for folder in (KEPT, ROOT, ROOT / "macros")
    )
    of_package = ("on-run-start", "on-run-end")
    assert new["macro-paths"] == ["macros", "dbt_packages/feature_platform_macros"]
    assert new | {"macro-paths": ["macros"]} == {name: value for name, value in ours.items() if name not in of_package}
    assert [package[name] for name in of_package] == [ours[name] for name in of_package]
    assert package["version"] == ours["version"] == version("feature-platform")
