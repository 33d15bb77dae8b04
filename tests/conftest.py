"""Fixtures that every kind of test shares: copies of the project to run in, and the command line called in process."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import pprint
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from dbt_common.behavior_flags import BehaviorFlagRendered
from hypothesis import settings

from tests.browsers import browser, open_page
from tests.object_store import S3Server, s3_server

__all__ = ["browser", "open_page"]

# CI tries the same examples each time, and a developer's run new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# dbt asks for this name each time that it opens an adapter, by reading the source of the whole stack, which is deep in a test.
BehaviorFlagRendered._default_source = staticmethod(lambda: "tests")  # type: ignore[method-assign]

# As the command line does.
gc.set_threshold(200_000, 20, 100)

ROOT = Path(__file__).parents[1]
_MEASURED = {"benchmarks", "browser", "integration", "unit"}
_MEASURED_MODULES = {
    "test_commands.py",
    "test_databricks_sql_source.py",
    "test_declared_files.py",
    "test_docs_jobs.py",
    "test_failures.py",
    "test_feature_groups.py",
    "test_features_at.py",
    "test_init.py",
    "test_lineage.py",
    "test_proof.py",
    "test_python_transformers_in_jobs.py",
    "test_run_command.py",
    "test_scoring_sets.py",
    "test_sinks.py",
    "test_spark_sources.py",
    "test_training_sets.py",
    "test_transformers.py",
    "test_vacuum.py",
    "test_window_jobs.py",
}
_PARSED = "partial_parse.msgpack"
_COPIED = (".dbtignore", "dbt_project.yml", "macros", "models", "profiles", "registry", "configs")


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and the status that it ended with."""

    status: int
    stdout: str
    stderr: str


Fpjob = Callable[..., Outcome]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden/ from what the macros give now")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure coverage where a line is met first, and begin with the slow tests, so that processes end together.

    Other tests run the same code again, on other engines or with other data, and measuring doubles their time.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    for item in items:
        folder, *rest = item.path.relative_to(ROOT / "tests").parts
        if folder not in _MEASURED or (rest and folder == "integration" and rest[-1] not in _MEASURED_MODULES):
            item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Stop the first of the two measurements that pytest-cov begins in each process of several.

    Nothing reads it, and it would go on where a test pauses the second.
    """
    import coverage

    if hasattr(session.config, "workerinput") and (first := coverage.Coverage.current()):
        first.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Leave the fixtures out of coverage too if the test is; pytest-cov leaves out the test alone."""
    with _unmeasured(item):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Leave out the ends of the fixtures as well."""
    with _unmeasured(item):
        yield


@contextlib.contextmanager
def _unmeasured(item: pytest.Item) -> Iterator[None]:
    measuring = item.config.pluginmanager.get_plugin("_cov")
    if measuring is None or item.get_closest_marker("no_cover") is None:
        yield
        return
    measuring.cov_controller.pause()
    try:
        yield
    finally:
        measuring.cov_controller.resume()


def copy_project(folder: Path) -> Path:
    """A project of its own to run in, with its own warehouse; the bank data is linked."""
    _copy(folder)
    # A process that makes few copies parses faster than it would here.
    if "PYTEST_XDIST_WORKER" in os.environ:
        origin, parsed = _parsed_project()
        given = folder / "target" / "jobs" / "another" / _PARSED
        given.parent.mkdir(parents=True)
        # dbt parses the project anew if the connection is another one, and the warehouse is part of it.
        given.write_bytes(parsed.replace(_connection_hash(origin), _connection_hash(folder)))
        # Of plain dbt.
        begin_parsed(folder, folder / "target", {})
    return folder


def _copy(folder: Path) -> None:
    for name in _COPIED:
        source = ROOT / name
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    (folder / "tests" / "dbt").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "data" / "bank").symlink_to(ROOT / "data" / "bank")


@cache
def _parsed_project() -> tuple[Path, bytes]:
    """Return a copy of the project, and what dbt parses of it: a job's first run begins from what another job's run parsed."""
    from feature_platform_py.core.dbt_invocation import invoke_dbt
    from feature_platform_py.runs.dbt import jobs_left_out

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "project")
        _copy(root)
        places = ["--project-dir", str(root), "--profiles-dir", str(root / "profiles"), "--target", "local"]
        quiet = ["--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-version-check"]
        environment = {**jobs_left_out(root, []), "FP_WAREHOUSE": "warehouse"}
        with contextlib.chdir(root):
            result = invoke_dbt(["parse", *places, *quiet, "--vars", "{}"], environment=environment)
        assert result.success, result.exception
        return root, (root / "target" / _PARSED).read_bytes()


def _connection_hash(root: Path) -> bytes:
    keys = [("engine", "sail"), ("schema", "features"), ("warehouse", str(root.resolve() / "warehouse"))]
    return hashlib.sha256(pprint.pformat(keys).encode()).hexdigest().encode()


def begin_parsed(root: Path, folder: Path, variables: Mapping[str, str], *, target: str = "") -> None:
    """Have dbt's first run that writes into a folder begin from the parsed copy, with other variables of the command line.

    dbt parses the whole project anew if they differ. The only one here is the folder with the models of a job outside of
    `configs/jobs`, which was empty in the copy: dbt sees its files as new ones.
    """
    parsed, given = folder / _PARSED, root / "target" / "jobs" / "another" / _PARSED
    if given.exists() and not parsed.exists():
        folder.mkdir(parents=True, exist_ok=True)
        changed = _variables_hash(variables, target)
        parsed.write_bytes(given.read_bytes().replace(_variables_hash({}, "local"), changed))


def _variables_hash(variables: Mapping[str, str], target: str) -> bytes:
    from dbt.version import __version__

    keys = [pprint.pformat(dict(variables)), "", target, __version__]
    return hashlib.sha256("\0".join(keys).encode()).hexdigest().encode()


def _begin_jobs_parsed(arguments: Sequence[str | os.PathLike[str]]) -> None:
    """Do so for the jobs that a command line names; those in `configs/jobs` have no variable."""
    for file in map(Path, arguments):
        if file.suffix != ".yaml" or not file.is_file() or file.parent == Path("configs/jobs"):
            continue
        if named := re.search(r"^\W*job_name\W+(\w+)", file.read_text(encoding="utf-8"), re.MULTILINE):
            folder = Path("target", "jobs", named[1])
            begin_parsed(Path(), folder, {"job_models": f"{folder.as_posix()}/models"}, target="local")


def require_java() -> None:
    """Skip the test where there is no Java; fail it where Java is required."""
    if shutil.which("java") is None:
        if os.environ.get("FP_REQUIRE_JVM"):
            pytest.fail("no Java on the PATH; install it: apt-get install openjdk-17-jre-headless")
        pytest.skip("no Java on the PATH; install it: apt-get install openjdk-17-jre-headless")


def reword(file: Path | str, text: str, new_text: str) -> None:
    """Writes other text into a file of the project, which must hold the text that it replaces."""
    path = Path(file)
    written = path.read_text()
    assert text in written, f"{file}: there is no `{text}`"
    path.write_text(written.replace(text, new_text))


def add_entity(root: Path, name: str) -> None:
    """An entity that shares no field with the sources of tests, which may then have any types."""
    folder = root / "registry" / "entity" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(f"""\
name: {name}
description: What the rows of a test are about.
version: 1.0.0
is_leaf: true
primary_key: {name}_id
fields:
  - {{name: {name}_id, type: bigint, required: true, description: Identifies it.}}
""")


def delta_rows(table: Path) -> Any:
    """The rows of a Delta table as an Arrow table, its columns and rows in an order of their own."""
    from deltalake import DeltaTable

    rows = DeltaTable(table).to_pyarrow_table()
    rows = rows.select(sorted(rows.column_names))
    return rows.sort_by([(name, "ascending") for name in rows.column_names])


@pytest.fixture(scope="module", autouse=True)
def _heap_at_rest() -> Iterator[None]:
    """Keep what a module leaves out of later collections, each of which would walk through gigabytes of dbt's manifests."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy of the project, which is the working directory."""
    folder = copy_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("FP_WAREHOUSE", raising=False)
    return folder


@pytest.fixture(scope="module")
def module_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One copy of the project for all tests of a module, which is the working directory."""
    folder = copy_project(tmp_path_factory.mktemp("project") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("FP_WAREHOUSE", raising=False)
        yield folder


@pytest.fixture(scope="session")
def object_store() -> Iterator[S3Server]:
    """One S3 server for all tests of the process, which this process's environment names."""
    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def bucket(object_store: S3Server, request: pytest.FixtureRequest) -> str:
    """The address of a bucket of this module's own."""
    return object_store.make_bucket(f"{request.module.__name__.rpartition('.')[2].replace('_', '-')}"[:40])


@pytest.fixture
def added_sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the module `tests/added_sink/json_lines.py` among the package's sinks; nothing else names it."""
    from feature_platform_py import sinks

    monkeypatch.setattr(sinks, "__path__", [*sinks.__path__, str(ROOT / "tests" / "added_sink")])
    sinks.sinks_by_type.cache_clear()
    yield
    sinks.sinks_by_type.cache_clear()
    sys.modules.pop("feature_platform_py.sinks.json_lines", None)


@pytest.fixture
def fpjob(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Fpjob:
    """Call the command line in this process, which is no terminal of some width."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments: str | os.PathLike[str]) -> Outcome:
        from feature_platform_py.cli.main import main

        _begin_jobs_parsed(arguments)
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["fpjob", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        captured = capsys.readouterr()
        code = exit_info.value.code
        return Outcome(code if isinstance(code, int) else 0, captured.out, captured.err)

    return call
