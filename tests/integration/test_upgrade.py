"""`fpjob upgrade`: a project with copies of the macros takes them from the package, and computes nothing anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from feature_platform_py.core.dbt_packages import FOLDER, OWN, own_package
from tests.conftest import ROOT, Fpjob, copy_project, reword

JOB = "configs/jobs/training_features_job.yaml"


@pytest.fixture
def old(tmp_path: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with copies of all macros and generic tests, as `fpjob init` wrote them."""
    monkeypatch.delenv("FP_WAREHOUSE", raising=False)
    root = copy_project(tmp_path / "old")
    (root / "macros" / "dbt_project.yml").unlink()
    (root / ".dbtignore").unlink()
    (root / "macros" / "generic_tests").rename(root / "tests" / "dbt" / "generic")
    (root / ".gitignore").write_text("target/\nwarehouse/\n")
    monkeypatch.chdir(root)
    return root


def files_of(root: Path) -> dict[str, bytes]:
    names = ("warehouse", "target", "logs", "output", FOLDER, "data")
    return {str(path): path.read_bytes() for path in files(root) if path.relative_to(root).parts[0] not in names}


def files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())


def test_an_upgraded_project_computes_nothing_and_keeps_what_is_the_users(old: Path, fpjob: Fpjob) -> None:
    changed = "macros/jobs/job_input.sql"
    with (old / changed).open("a") as file:
        file.write("{#- mine -#}\n")
    (old / "macros/transformers/mine.sql").write_text("{% macro mine() %}1{% endmacro %}\n")
    reword(old / "dbt_project.yml", "\nflags:", "\nvars: {mine: 1}\n\nflags:")
    ran = fpjob("run", JOB)
    assert ran.status == 0
    assert ran.stderr.splitlines()[-1].startswith("warning: dbt uses the project's own copies")
    tables = {path: path.stat().st_mtime_ns for path in files(old / "warehouse" / "features")}

    upgraded = fpjob("upgrade", "--yes")
    assert upgraded.status == 0, upgraded.stderr
    copies = len([*own_package().rglob("*.sql"), *own_package().rglob("*.yml")]) - 1
    assert f"removes {copies - 1} copies of files that are in the package now\n" in upgraded.stdout
    assert f"moves {changed} to before-upgrade/: it is the platform's, and has changes\n" in upgraded.stdout
    assert (old / "before-upgrade" / changed).read_text().endswith("{#- mine -#}\n")
    assert [path.relative_to(old).as_posix() for path in files(old / "macros")] == ["macros/transformers/mine.sql"]
    settings = yaml.safe_load((old / "dbt_project.yml").read_text())
    assert settings["macro-paths"] == ["macros", f"{FOLDER}/{OWN}"]
    assert settings["vars"] == {"mine": 1}
    assert not {"on-run-start", "on-run-end"} & settings.keys()
    assert (old / ".gitignore").read_text() == f"target/\nwarehouse/\n{FOLDER}/\n"

    outcome = fpjob("run", JOB)
    assert outcome.status == 0, outcome.stderr
    assert "training_features_v1: 0 of 3 feature tables computed" in outcome.stderr
    assert "copies" not in outcome.stderr
    now = {path: path.stat().st_mtime_ns for path in files(old / "warehouse" / "features")}
    assert now == tables

    before = files_of(old)
    again = fpjob("upgrade")
    assert again.stdout == "the project is of version 0.1.0\n"
    assert files_of(old) == before


def test_copies_that_differ_from_the_package_are_one_warning(old: Path, fpjob: Fpjob) -> None:
    assert fpjob("registry", "sync").stderr == ""
    with (old / "tests/dbt/generic/unique_grain.sql").open("a") as file:
        file.write("{#- of an earlier version -#}\n")
    warning = (
        "warning: dbt uses the project's own copies of the platform's macros, and they differ from the installed version's;"
        " `fpjob upgrade` has the project take them from there (`--dry-run` shows what it changes)\n"
    )
    assert fpjob("registry", "sync").stderr == warning
    assert fpjob("plan", "no_such_job").stderr.count(warning) == 1


def test_a_dry_run_and_a_call_without_a_terminal_change_nothing(old: Path, fpjob: Fpjob) -> None:
    before = files_of(old)
    shown = fpjob("upgrade", "--dry-run")
    assert shown.stdout.splitlines()[-1] == "nothing was changed"
    refused = fpjob("upgrade")
    assert refused.status == 2
    assert refused.stderr.endswith("expected `--yes`, given none; without a terminal the command cannot ask\n")
    assert files_of(old) == before


@pytest.mark.parametrize("paths", ["macro-paths:\n  - macros", "macro-paths:"])
def test_settings_that_are_written_otherwise_stay_and_the_error_says_what_to_write(
    old: Path, fpjob: Fpjob, paths: str
) -> None:
    reword(old / "dbt_project.yml", "macro-paths: [macros]", paths)
    reword(old / "dbt_project.yml", '  - "{{ register_sources() }}"', '  - "{{ register_sources() }} -- mine"')
    reword(old / "dbt_project.yml", "name: feature_platform", "name: shop")
    before = files_of(old)
    for option in ("--yes", "--dry-run"):
        refused = fpjob("upgrade", option)
        assert (refused.status, refused.stdout) == (2, "")
        assert refused.stderr == (
            "dbt_project.yml: expected settings as `fpjob init` writes them, given others, which stay as they are; write there"
            f" `macro-paths: [macros, {FOLDER}/{OWN}]`; no `register_sources` in the hooks; then call `fpjob upgrade` again\n"
        )
        assert files_of(old) == before


@pytest.mark.parametrize(("written", "expected"), [("[]", []), ("[macros, more, ]", ["macros", "more"])])
def test_a_list_of_macro_paths_gets_the_package(old: Path, fpjob: Fpjob, written: str, expected: list[str]) -> None:
    reword(old / "dbt_project.yml", "macro-paths: [macros]", f"macro-paths: {written}")
    assert fpjob("upgrade", "--yes").status == 0
    settings = yaml.safe_load((old / "dbt_project.yml").read_text())
    assert settings["macro-paths"] == [*expected, f"{FOLDER}/{OWN}"]


def test_models_of_the_user_with_names_that_the_platform_had_stay(
    tmp_path: Path, old: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fpjob("init", tmp_path / "new").status == 0
    for root in (old, tmp_path / "new"):
        monkeypatch.chdir(root)
        for name in ("models/staging/staging.yml", "models/financial/financial.yml"):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text("models: []\n")
        upgraded = fpjob("upgrade", "--yes")
        assert upgraded.status == 0, upgraded.stderr
        assert (root / "models/staging/staging.yml").is_file()
        assert (root / "models/financial/financial.yml").is_file()
        assert not (root / "before-upgrade").exists()


def test_links_to_what_would_change_are_named_and_nothing_changes(old: Path, fpjob: Fpjob) -> None:
    shared = old.parent / "shared"
    shared.mkdir()
    for name in ("macros", "tests/dbt/generic", "dbt_project.yml", ".gitignore"):
        (old / name).rename(shared / Path(name).name)
        (old / name).symlink_to(shared / Path(name).name)
    (old / ".dbtignore").symlink_to(shared / "gone")
    (old / FOLDER).symlink_to(shared, target_is_directory=True)
    before, before_shared = files_of(old), files_of(shared)
    for option in ("--dry-run", "--yes"):
        outcome = fpjob("upgrade", option)
        assert outcome.status == 2
        assert outcome.stdout == ""
        for name, kind in (("macros", "folder"), (".gitignore", "file"), ("dbt_project.yml", "file")):
            assert (
                f"{name}: expected a {kind} of the project, found a link to `{shared / name}`, which `fpjob upgrade` would change;"
                f" replace the link by a copy of the {kind}, or remove the link\n"
            ) in outcome.stderr
        named = [line.removeprefix("error: ").split(": ")[0].strip() for line in outcome.stderr.splitlines()]
        assert sorted(named) == [".dbtignore", ".gitignore", FOLDER, "dbt_project.yml", "macros", "tests/dbt/generic"]
        assert (files_of(old), files_of(shared)) == (before, before_shared)


def test_changed_copies_do_not_move_through_a_link(old: Path, fpjob: Fpjob) -> None:
    with (old / "macros/jobs/job_input.sql").open("a") as file:
        file.write("{#- mine -#}\n")
    (old / "before-upgrade").symlink_to(old.parent / "gone")
    upgraded = fpjob("upgrade", "--yes")
    assert upgraded.status == 0, upgraded.stderr
    assert (old / "before-upgrade-2/macros/jobs/job_input.sql").is_file()
    assert not (old.parent / "gone").exists()


def test_a_comment_that_names_the_package_is_no_setting(old: Path, fpjob: Fpjob) -> None:
    with (old / "dbt_project.yml").open("a") as file:
        file.write(f"# {FOLDER}/{OWN}\n")
    shown = fpjob("upgrade", "--dry-run")
    assert "writes dbt_project.yml\n" in shown.stdout


@pytest.mark.parametrize("name", [".gitignore", ".dbtignore", "requirements.txt"])
def test_a_file_of_other_bytes_is_named_and_nothing_changes(old: Path, fpjob: Fpjob, name: str) -> None:
    (old / name).write_bytes("# Übersicht\n".encode("latin-1"))
    before = files_of(old)
    outcome = fpjob("upgrade", "--yes")
    assert outcome.status == 2
    assert outcome.stderr == f"{name}: expected UTF-8 text, found other bytes; save it as UTF-8\n"
    assert files_of(old) == before


def test_line_ends_stay_as_they_are(old: Path, fpjob: Fpjob) -> None:
    reword(old / "dbt_project.yml", "\nflags:", "\nvars: {mine: 1}\n\nflags:")
    for name in ("dbt_project.yml", ".gitignore"):
        (old / name).write_bytes((old / name).read_bytes().replace(b"\n", b"\r\n"))
    assert fpjob("upgrade", "--yes").status == 0
    assert (old / ".gitignore").read_bytes() == f"target/\r\nwarehouse/\r\n{FOLDER}/\r\n".encode()
    settings = (old / "dbt_project.yml").read_bytes()
    assert settings.count(b"\n") == settings.count(b"\r\n")
    assert yaml.safe_load(settings)["vars"] == {"mine": 1}
    assert yaml.safe_load(settings)["macro-paths"] == ["macros", f"{FOLDER}/{OWN}"]


def test_settings_that_cannot_be_read_are_not_replaced(old: Path, fpjob: Fpjob) -> None:
    (old / "dbt_project.yml").write_text("name: [\n")
    outcome = fpjob("upgrade", "--yes")
    assert outcome.status == 2
    assert "dbt_project.yml: expected dbt's settings as YAML, found other text; correct the file\n" in outcome.stderr
    assert (old / "dbt_project.yml").read_text() == "name: [\n"


def test_a_project_without_copies_gets_the_version_and_the_link(
    tmp_path: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fpjob("init", tmp_path / "new").status == 0
    monkeypatch.chdir(tmp_path / "new")
    wanted = Path("requirements.txt").read_text()
    reword("requirements.txt", "feature_platform-0.1.0-py3", "feature_platform-0.0.9-py3")
    link = Path(FOLDER, OWN)
    link.unlink()
    link.symlink_to(tmp_path / "gone")
    upgraded = fpjob("upgrade", "--yes")
    assert upgraded.status == 0, upgraded.stderr
    assert upgraded.stdout.splitlines() == [
        "writes requirements.txt",
        f"linked {FOLDER}/{OWN} to the installed version",
        "the project is of version 0.1.0",
    ]
    assert Path("requirements.txt").read_text() == wanted
    assert link.readlink() == own_package()


def test_a_project_of_an_earlier_version_is_told_to_upgrade(old: Path, fpjob: Fpjob) -> None:
    shutil.copy(ROOT / "dbt_project.yml", old)
    reword(old / "dbt_project.yml", ", \"{{ var('job_models', 'target/no_job_models') }}\"]", "]")
    outcome = fpjob("run", JOB)
    assert outcome.status == 2
    assert outcome.stderr.endswith(
        "the project's dbt files are of an earlier version. Run `fpjob upgrade`; registry, jobs, models of your own and warehouse"
        " stay\n"
    )


@pytest.mark.parametrize("is_own", [True, False])
def test_a_checkout_is_not_upgraded(
    tmp_path: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch, *, is_own: bool
) -> None:
    monkeypatch.chdir(ROOT if is_own else copy_project(tmp_path / "clone"))
    outcome = fpjob("upgrade", "--dry-run")
    assert outcome.status == 2
    assert "expected a project that `fpjob init` wrote, found the platform's own checkout" in outcome.stderr
