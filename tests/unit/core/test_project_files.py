"""What makes a reader hang or never end is an error of one line for every command."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from feature_platform_py.core.document import read_document
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project_files import MAX_BYTES, check_project_files
from tests.conftest import Fpjob

COMMANDS = [
    ["list"],
    ["validate", "configs/jobs/sample_financial_features_job.yaml"],
    ["plan", "configs/jobs/sample_financial_features_job.yaml"],
    ["run", "configs/jobs/sample_financial_features_job.yaml"],
    ["show", "configs/jobs/sample_financial_features_job.yaml"],
    ["lineage", "user_spend.user_30d_total_spend"],
    ["registry", "validate"],
    ["registry", "sync", "--check"],
    ["registry", "diagram"],
    ["docs", "build"],
    ["docs", "serve"],
    ["init", "entity", "shop", "--description", "A shop.", "--key", "shop_id:bigint"],
]


def _bind(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    # The address of a socket has room for a short path only.
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


def _enlarge(path: Path) -> None:
    path.touch()
    os.truncate(path, MAX_BYTES + 1)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (os.mkfifo, "expected a file, given a named pipe; remove it"),
    "socket": (_bind, "expected a file, given a socket; remove it"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "expected a file, given a device; remove it"),
    "link to itself": (
        lambda path: path.symlink_to(path),
        "cannot be read: Too many levels of symbolic links; remove it",
    ),
    "link to a folder around it": (
        lambda path: path.symlink_to(path.parent.parent),
        "links to a folder that contains it, so reading it never ends; remove the link",
    ),
    "huge": (_enlarge, f"the file is larger than {MAX_BYTES} bytes; expected a text that people wrote"),
}
PLACES = [
    "registry/entity/odd/odd.yaml",
    "configs/jobs/odd.yaml",
    "transformers/odd.py",
    "profiles/odd.yml",
    "models/deep/er/odd.sql",
    "macros/odd.sql",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ODD)
def test_each_kind_in_each_folder_is_named(tmp_path: Path, kind: str, place: str) -> None:
    make, fault = ODD[kind]
    (tmp_path / place).parent.mkdir(parents=True)
    make(tmp_path / place)
    with pytest.raises(ConfigurationError) as error:
        check_project_files(tmp_path)
    assert str(error.value) == f"{place}: {fault}"


def test_files_folders_and_links_to_them_are_fine(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "job.yaml").touch()
    (tmp_path / "configs" / "jobs").mkdir(parents=True)
    (tmp_path / "configs" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "configs" / "job.yaml").symlink_to(tmp_path / "elsewhere" / "job.yaml")
    (tmp_path / "configs" / ".#job.yaml").symlink_to("somebody@host.123")
    check_project_files(tmp_path)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_ends_with_one_line(project: Path, fpjob: Fpjob, command: list[str]) -> None:
    os.mkfifo(project / "registry" / "source" / "odd.yaml")
    outcome = fpjob(*command)
    assert outcome.status == 2
    assert outcome.stderr == "registry/source/odd.yaml: expected a file, given a named pipe; remove it\n"


def test_a_job_file_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "job.yaml")
    with pytest.raises(ConfigurationError, match=r"job.yaml:1: expected a file, given a named pipe; remove it"):
        read_document(tmp_path / "job.yaml")


@pytest.mark.parametrize(
    "text", ["", "[]", "a: 1", "p: {target: x}", "p: {target: x, outputs: {x: {type: y}}}", "{", "\x00"]
)
def test_a_profile_of_another_form_is_named(project: Path, fpjob: Fpjob, text: str) -> None:
    (project / "profiles" / "profiles.yml").write_text(text)
    outcome = fpjob("list")
    assert outcome.status == 2
    assert "profiles.yml: expected a dbt profile with `target` and `outputs`" in outcome.stderr
