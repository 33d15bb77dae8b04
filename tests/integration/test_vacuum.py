"""Old files of tables and sinks go, by themselves and with `fpjob vacuum`; readers, and runs with nothing new, see no difference."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from benchmarks.hourly import HOUR, Report, add_row, make_older, run_hours, write_project
from feature_platform_py import Job
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.runs.lock import cleaning_alone, running_alone
from feature_platform_py.runs.vacuum import vacuum
from feature_platform_py.warehouse.file_states import folder_state
from feature_platform_py.warehouse.session import open_warehouse
from feature_platform_py.warehouse.stored_relations import commits
from tests.conftest import Fpjob, reword

JOB = Path("configs/jobs/hourly.yaml")
TABLES = ("hourly__user_spend", "hourly__user_categorical_spend")
SINK = Path("warehouse/shop/hourly")
RUNS = 8
KEPT_FOR_3_HOURS = "options: {delta.deletedFileRetentionDuration: interval 3 hours}"
DELTA = f"{{sink_type: overwrite_delta, config: {{path: shop.hourly, {KEPT_FOR_3_HOURS}}}}}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("project") / "project"
    write_project(folder, DELTA, rows=2000)
    monthly = "  - name: UserMonthlyTransactionCounter\n    params:\n      user_id_col: user_id\n      timestamp_col: timestamp\n"
    reword(folder / JOB, monthly, "")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("FP_WAREHOUSE", raising=False)
        yield folder


@pytest.fixture(scope="module")
def report(root: Path) -> Report:
    """What was left after the job has run every hour of a day's work."""
    return run_hours(root / JOB, RUNS)


def table(root: Path, name: str) -> Path:
    return root / "warehouse" / "features" / name


def ages(folder: Path) -> list[float]:
    """How many hours ago each version of the log was made, and the last one that was made before the log began."""
    made = [commit.stat().st_mtime for commit in sorted(commits(folder))]
    return [(time.time() - each) / HOUR for each in made]


def data_files(folder: Path) -> set[Path]:
    return {file for file in folder.rglob("*.parquet") if "_delta_log" not in file.parts}


def named_files(folder: Path, version: int | None = None) -> set[Path]:
    return {Path(uri.removeprefix("file://")) for uri in DeltaTable(folder, version=version).file_uris()}


def result(root: Path) -> pa.Table:
    rows = DeltaTable(root / SINK).to_pyarrow_table()
    return rows.sort_by([("transaction_id", "ascending")]).select(sorted(rows.column_names))


def rows_of(folder: Path) -> list[str]:
    return sorted(map(repr, DeltaTable(folder).to_pyarrow_table().to_pylist()))


def test_hourly_runs_leave_little_behind(root: Path, report: Report) -> None:
    files, size = report.after.times(report.fresh)
    assert files < 3
    assert size < 3


def test_a_version_stays_readable_as_long_as_it_should(root: Path, report: Report) -> None:
    for folder, hours in [*((table(root, name), 1) for name in TABLES), (root / SINK, 3)]:
        versions = sorted(int(commit.stem) for commit in commits(folder))
        readable = [version for version in versions if named_files(folder, version) <= data_files(folder)]
        replaced = dict(zip(versions, [*ages(folder)[1:], 0.0], strict=True))
        # One hour more or less: what is an hour old goes in the run that follows.
        assert all(replaced[version] > hours for version in set(versions) - set(readable))
        assert all(version in readable for version in versions if replaced[version] < hours)
        assert readable
        assert len(readable) <= hours + 2


def test_what_is_left_is_what_a_fresh_warehouse_has(root: Path, report: Report) -> None:
    session = open_warehouse("sail", root / "warehouse").spark
    assert result(root).num_rows == 2000 + RUNS
    for name in TABLES:
        rows = [
            session.read.format("delta").load(str(folder / "features" / name)).toArrow()
            for folder in (root / "warehouse", root / "fresh")
        ]
        order = [(column, "ascending") for column in rows[0].column_names]
        assert rows[0].sort_by(order).equals(rows[1].sort_by(order))


def test_a_dry_run_changes_nothing_and_a_vacuum_all_that_it_says(root: Path, report: Report, fpjob: Fpjob) -> None:
    add_row(RUNS)
    Job(JOB).run()
    before = folder_state(root)
    said = fpjob("vacuum", JOB, "--dry-run", "--retention", "0h", "--format", "json")
    assert said.status == 0, said.stderr
    assert folder_state(root) == before
    expected = json.loads(said.stdout)
    assert expected["is_dry_run"]
    rows = result(root)
    told = fpjob("vacuum", JOB, "--retention", "0h")
    removed = {state[0] for state in before} - {state[0] for state in folder_state(root)}
    places = {each["place"]: each for each in expected["places"]}
    assert len(removed) == sum(each["files"] for each in places.values()) > 0
    assert set(places) == {*(f"warehouse/features/{name}" for name in TABLES), str(SINK)}
    assert told.stdout.splitlines()[-1].startswith(f"3 places: {len(removed)} files of ")
    for name in TABLES:
        assert named_files(table(root, name)) == data_files(table(root, name))
    assert result(root).equals(rows)
    assert Job(JOB).run().is_unchanged


def test_somebody_elses_write_during_a_vacuum_is_noticed(root: Path, report: Report) -> None:
    plan, project = Job(JOB).plan, Job(JOB).project
    Job(JOB).run(full_tests=True)
    with running_alone(project, "hourly"):
        waiting: list[str] = []
        other = threading.Thread(
            target=vacuum, args=([plan], project), kwargs={"retention": timedelta(0), "tell": waiting.append}
        )
        other.start()
        while not waiting:
            time.sleep(0.01)
        os.utime(max(commits(root / SINK)))
    other.join()
    assert waiting[0].startswith("  waits for `hourly`, which is in use, in process ")
    assert not Job(JOB).run().is_unchanged


def test_a_run_waits_for_a_vacuum(root: Path, report: Report) -> None:
    ended: list[bool] = []
    with cleaning_alone(Job(JOB).project, "hourly", tell=lambda _: None):
        other = threading.Thread(target=lambda: ended.append(Job(JOB).run().is_unchanged is not None))
        other.start()
        other.join(timeout=1.0)
        assert other.is_alive()
    other.join()
    assert ended == [True]


def add_feature(folder: Path) -> None:
    commit = max(commits(folder))
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["shop"], "writerFeatures": ["shop"]}
    commit.with_name(f"{int(commit.stem) + 1:020}.json").write_text(json.dumps({"protocol": protocol}) + "\n")


def lose_a_file(folder: Path) -> None:
    min(named_files(folder)).unlink()


def cut_a_commit(folder: Path) -> None:
    commit = max(commits(folder))
    commit.write_text(commit.read_text()[:-20])


LEFT: dict[str, tuple[Callable[[Path], None], str]] = {
    "another program's kind": (add_feature, "has the feature `shop` of Delta, whose files are not known here"),
    "a lost file": (lose_a_file, "which the Delta log names, found none"),
    "a damaged log": (cut_a_commit, "expected JSON, found other text"),
}


@pytest.mark.parametrize("case", LEFT)
def test_a_table_that_is_not_understood_is_left_and_named(case: str, tmp_path: Path, fpjob: Fpjob, root: Path) -> None:
    change, reason = LEFT[case]
    folder = tmp_path / "table"
    for number in range(3):
        write_deltalake(folder, pa.table({"x": [number]}), mode="overwrite")
    change(folder)
    before = folder_state(folder)
    job = root / "left.yaml"
    job.write_text(
        (root / JOB).read_text().replace("job_name: hourly", "job_name: left").replace("shop.hourly", str(folder))
    )
    said = fpjob("vacuum", job, "--retention", "0h")
    assert said.status == 0, said.stderr
    assert f"{folder}  left as it is: " in said.stdout
    assert reason in said.stdout
    assert said.stdout.splitlines()[-1] == "1 places: 0 files of 0 bytes removed, 1 left as they are"
    assert folder_state(folder) == before


def test_small_files_of_a_sink_that_grows_are_joined(root: Path, fpjob: Fpjob) -> None:
    job = root / "grows.yaml"
    added = "output_sink: {sink_type: append_delta, config: {path: shop.grows, options: {delta.appendOnly: true}}}"
    text = (root / JOB).read_text().replace("job_name: hourly", "job_name: grows")
    job.write_text(text.partition("output_sink")[0] + added)
    folder = root / "warehouse" / "shop" / "grows"
    Job(job).run()
    once = DeltaTable(folder).to_pyarrow_table()
    for _ in range(18):
        write_deltalake(folder, once, mode="append")
    assert len(named_files(folder)) == 19
    Job(job).run()
    assert len(named_files(folder)) == 1
    assert rows_of(folder) == sorted(map(repr, once.to_pylist() * 20))
    actions = [json.loads(line) for line in max(commits(folder)).read_text().splitlines()]
    assert {
        each["dataChange"] for action in actions for each in [action.get("add") or action.get("remove")] if each
    } == {False}
    # The small ones can still be read.
    assert len(data_files(folder)) == 21


def test_copies_that_nobody_reads_go(root: Path, report: Report, fpjob: Fpjob) -> None:
    copies = root / "warehouse" / ".sources"
    used = set(copies.glob("*/*"))
    forgotten = [
        copies / "other" / "state",
        copies / used.pop().parent.name / ".state.unfinished",
        copies.parent / ".copies-1",
    ]
    for folder in (*forgotten, copies / "other" / "young"):
        folder.mkdir(parents=True)
        (folder / "rows.parquet").write_bytes(b"PAR1")
    for folder in [*forgotten, *copies.glob("*/*")]:
        if folder.name != "young":
            os.utime(folder, (0, time.time() - 25 * HOUR))
    there = {path for path in copies.glob("*/*") if not path.name.startswith(".") and path.parent.name != "other"}
    newest = {path for path in there if str(path) in (root / "warehouse/catalog.json").read_text()}
    assert fpjob("vacuum").status == 0
    assert not any(folder.exists() for folder in forgotten)
    assert (copies / "other" / "young").exists()
    assert newest
    assert all(path.exists() for path in newest)


@pytest.mark.parametrize("text", ["7", "d", "1.5h", "-1d", "7 days", "", "1000000000h", "7D"])
def test_a_wrong_retention_is_named(text: str, root: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch) -> None:
    said = fpjob("vacuum", f"--retention={text}")
    assert said.status == 2
    assert (
        said.stderr.strip()
        == f"`--retention`: expected hours, days or weeks such as `12h`, `7d` or `2w`, given `{text}`"
    )
    if text:
        monkeypatch.setenv("FP_RETENTION", text)
        with pytest.raises(ConfigurationError, match="`FP_RETENTION`: expected hours, days or weeks"):
            Job(JOB).run()


def test_a_setting_keeps_old_versions_of_tables_longer(
    root: Path, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FP_RETENTION", "2d")
    plan, project = Job(JOB).plan, Job(JOB).project
    Job(JOB).run(full_refresh=True)
    vacuum([plan], project, retention=timedelta(0))
    make_older(root / "warehouse", 47 * HOUR)
    Job(JOB).run(full_refresh=True)
    assert removable(plan, project) == [0, 0]
    monkeypatch.setenv("FP_RETENTION", "1d")
    make_older(root / "warehouse", 23 * HOUR)
    assert removable(plan, project) == [0, 0]
    make_older(root / "warehouse", 2 * HOUR)
    assert min(removable(plan, project)) > 0


def removable(plan: JobPlan, project: Project) -> list[int]:
    """How many files of each table would be removed, without those of the sink."""
    found = {each.place.name: each.files for each in vacuum([plan], project, is_dry_run=True)}
    return [found[name] for name in TABLES]


def test_a_workspace_is_refused(root: Path, fpjob: Fpjob) -> None:
    said = fpjob("vacuum", "--target", "databricks")
    assert said.status == 2
    assert said.stderr.strip() == (
        "target `databricks`: expected a target with a warehouse folder; a workspace removes old files itself, with `vacuum` and"
        " predictive optimization"
    )


def test_a_broken_job_is_named_and_all_others_are_cleaned(root: Path, report: Report, fpjob: Fpjob) -> None:
    Job(JOB).run(full_refresh=True)
    broken = root / "configs/jobs/broken.yaml"
    broken.write_text("job_name: broken\n")
    said = fpjob("vacuum", "--retention", "0h")
    broken.unlink()
    assert said.status == 1
    assert "broken.yaml:1: " in said.stderr
    assert named_files(table(root, TABLES[0])) == data_files(table(root, TABLES[0]))
