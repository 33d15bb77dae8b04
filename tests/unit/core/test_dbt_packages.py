"""The platform's dbt package in a project that takes the macros from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from feature_platform_py.core.dbt_packages import FOLDER, OWN, has_other_copies, is_thin, link_own_package, own_package
from feature_platform_py.core.errors import ConfigurationError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dbt_project.yml").write_text(f"macro-paths: [macros, {FOLDER}/{OWN}]\n")
    return tmp_path


def test_the_link_is_made_once(root: Path) -> None:
    assert [link_own_package(root), link_own_package(root)] == [True, False]
    assert (root / FOLDER / OWN).readlink() == own_package()


def test_a_link_of_an_environment_that_has_moved_is_made_anew(root: Path) -> None:
    (root / FOLDER).mkdir()
    (root / FOLDER / OWN).symlink_to(root / "gone", target_is_directory=True)
    assert link_own_package(root)
    assert (root / FOLDER / OWN / "dbt_project.yml").is_file()


def test_a_project_with_copies_of_the_macros_gets_no_link(root: Path) -> None:
    (root / "dbt_project.yml").write_text("macro-paths: [macros]\n")
    assert not link_own_package(root)
    assert not (root / FOLDER).exists()


@pytest.mark.parametrize(
    ("settings", "is_one"),
    [
        ("macro-paths: [macros]  # not dbt_packages/feature_platform_macros", False),
        ("macro-paths: [macros]\nvars: {x: dbt_packages/feature_platform_macros}", False),
        ("macro-paths: [macros, dbt_packages/feature_platform_macros_2]", False),
        ("macro-paths:", False),
        ("macro-paths: [macros, ./dbt_packages/feature_platform_macros/]", True),
        ("macro-paths:\n  - \"{{ env_var('M', 'dbt_packages/feature_platform_macros') }}\"", True),
        ("macro-paths: [dbt_packages/feature_platform_macros", False),
        ("- macro-paths", False),
    ],
)
def test_the_macro_paths_say_whether_a_project_uses_the_package(root: Path, settings: str, *, is_one: bool) -> None:
    (root / "dbt_project.yml").write_text(f"{settings}\n")
    assert is_thin(root) is is_one


def test_only_copies_that_dbt_uses_and_that_differ_are_other_copies(root: Path) -> None:
    thin = (root / "dbt_project.yml").read_text()
    copy = root / "macros/jobs/job_input.sql"
    copy.parent.mkdir(parents=True)
    (root / "dbt_project.yml").write_text("macro-paths: [macros]\n")
    (root / "macros/mine.sql").write_text("{% macro mine() %}1{% endmacro %}\n")
    text = (own_package() / "jobs/job_input.sql").read_bytes()
    copy.write_bytes(text.replace(b"\n", b"\r\n"))
    assert not has_other_copies(root)
    copy.write_bytes(text + b"{#- old -#}\n")
    assert has_other_copies(root)
    (root / "macros/dbt_project.yml").touch()
    assert not has_other_copies(root), "a checkout of the platform"
    (root / "macros/dbt_project.yml").unlink()
    (root / "dbt_project.yml").write_text(thin)
    assert not has_other_copies(root)


def test_what_dbt_deps_has_installed_stays_if_it_is_of_this_version(root: Path) -> None:
    installed = root / FOLDER / OWN
    shutil.copytree(own_package(), installed)
    assert not link_own_package(root)
    assert not installed.is_symlink()
    file = installed / "dbt_project.yml"
    file.write_text(file.read_text().replace("version: 0.1.0", "version: 0.0.9", 1))
    with pytest.raises(ConfigurationError) as raised:
        link_own_package(root)
    assert str(raised.value) == (
        "dbt_packages/feature_platform_macros: expected version 0.1.0, which belongs to the installed `fpjob`, found 0.0.9; give"
        " `packages.yml` that version and run `dbt deps`, or remove the folder and have it linked"
    )


def test_a_folder_that_packages_yml_names_stays_if_it_is_of_this_version(root: Path) -> None:
    shutil.copytree(own_package(), root / "fork")
    (root / "packages.yml").write_text("packages:\n  - local: fork\n")
    link = root / FOLDER / OWN
    link.parent.mkdir()
    link.symlink_to(root / "fork", target_is_directory=True)
    assert not link_own_package(root)
    assert link.readlink() == root / "fork"
    file = root / "fork/dbt_project.yml"
    file.write_text(file.read_text().replace("version: 0.1.0", "version: 0.0.9", 1))
    with pytest.raises(ConfigurationError, match=r"expected version 0\.1\.0, .*, found 0\.0\.9; give `packages\.yml`"):
        link_own_package(root)
    for text in ("packages: [", "packages: 5", "packages:"):
        (root / "packages.yml").write_text(text)
        link.unlink()
        link.symlink_to(root / "fork", target_is_directory=True)
        assert link_own_package(root), "a link that no list names is the platform's"


def test_a_project_that_cannot_be_written_is_one_error(root: Path) -> None:
    (root / FOLDER).write_text("a file")
    with pytest.raises(ConfigurationError, match=r"expected to link it to .*: .*; make the project's folder writable"):
        link_own_package(root)
