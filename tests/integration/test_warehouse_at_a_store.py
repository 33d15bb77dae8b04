"""A warehouse at an object store: the same rows as in a folder, one run of a job at a time, and nothing lost after kills."""

from __future__ import annotations

import csv
import io
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from deltalake import DeltaTable

from feature_platform_py.core.errors import EngineError
from feature_platform_py.core.project import open_project
from feature_platform_py.core.stores import lease
from feature_platform_py.core.stores.path import StorePath
from feature_platform_py.runs.lock import running_alone
from feature_platform_py.warehouse.catalog_file import CatalogFile, RelationDefinition, TableName
from feature_platform_py.warehouse.session import open_session
from tests.conftest import ROOT, Fpjob
from tests.object_store import S3Server
from tests.parity import engines

SAMPLE = ROOT / "configs" / "jobs" / "sample_financial_features_job.yaml"
TABLES = ("user_spend", "user_monthly_transactions", "user_categorical_spend")
RUN = "from feature_platform_py.cli.main import main; main()"
ROWS = 400
KILLS = int(os.environ.get("FP_KILLS", "1"))


@pytest.fixture(scope="module")
def project(module_project: Path, bucket: str) -> Iterator[Path]:
    """A project with the sample job over a few rows: source, warehouse and sink are at the store."""
    job = yaml.safe_load(SAMPLE.read_text())
    job |= {
        "job_name": "stored",
        "input_source": {
            "source_type": "spark",
            "config": {"location": f"{bucket}/rows", "format": "csv", "options": {"header": True}},
        },
        "output_sink": {"sink_type": "overwrite_delta", "config": {"path": "${FP_SINK}"}},
    }
    for transformer in job["feature_transformers"][1:]:
        # So that all tables have periods.
        transformer["params"] |= {"timestamp_col": "timestamp", "as_of": "event_time"}
    (module_project / "stored.yaml").write_text(yaml.safe_dump(job))
    write_rows(bucket, bank_rows())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FP_WAREHOUSE", f"{bucket}/wh")
        patch.setenv("FP_CACHE", str(module_project.parent / "cache"))
        patch.setenv("FP_SINK", f"{bucket}/out")
        yield module_project


def bank_rows() -> list[dict[str, str]]:
    with (ROOT / "data" / "bank" / "transactions.csv").open(encoding="utf-8", newline="") as lines:
        return [row for _, row in zip(range(ROWS), csv.DictReader(lines), strict=False)]


def write_rows(bucket: str, rows: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    StorePath(f"{bucket}/rows/rows.csv").write_bytes(text.getvalue().encode())


def in_order(table: pa.Table) -> pa.Table:
    # Sail keeps the columns of partitions last.
    names = sorted(table.column_names)
    return table.select(names).sort_by([(name, "ascending") for name in names])


def state(warehouse: str, names: Sequence[str] = TABLES) -> dict[str, pa.Table]:
    """The rows of the sink and of the feature tables, read without the platform."""
    places = {name: f"{warehouse}/features/stored__{name}" for name in names} | {"sink": os.environ["FP_SINK"]}
    return {name: in_order(DeltaTable(place).to_pyarrow_table()) for name, place in places.items()}


def fresh_state(
    fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch, folder: Path, job: str = "stored.yaml"
) -> dict[str, pa.Table]:
    """What a first run with a local warehouse gives for the rows that are there."""
    with monkeypatch.context() as patch:
        patch.setenv("FP_WAREHOUSE", str(folder / "warehouse"))
        patch.setenv("FP_SINK", str(folder / "out"))
        assert fpjob("run", job).status == 0
        built = [name for name in TABLES if (folder / "warehouse" / "features" / f"stored__{name}").exists()]
        return state(str(folder / "warehouse"), built)


def requests_of(server: S3Server, bucket: str) -> Counter[str]:
    return server.requests(bucket.removeprefix("s3://"))


def start(project: Path) -> subprocess.Popen[Any]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, "run", "stored.yaml"],
        cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def test_runs_equal_those_with_a_folder(
    project: Path, fpjob: Fpjob, bucket: str, object_store: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = fpjob("run", "stored.yaml")
    assert first.status == 0, first.stderr
    before = requests_of(object_store, bucket)
    again = fpjob("run", "stored.yaml")
    assert "0 of 3 feature tables computed" in again.stderr
    cost = requests_of(object_store, bucket) - before
    assert cost["put"] <= 2, "a run with nothing new writes its lease alone"
    assert cost.total() < before.total() / 4
    rows = bank_rows()
    write_rows(bucket, [rows[0] | {"amount": "1.25"}, *rows[1:], rows[-1] | {"transaction_id": "99999999"}])
    changed = fpjob("run", "stored.yaml")
    assert changed.status == 0, changed.stderr
    assert "months" in changed.stderr, "only the periods that changed are computed"
    assert state(f"{bucket}/wh") == fresh_state(fpjob, monkeypatch, tmp_path / "folder")
    assert not list(project.glob("s3:*")), "no local folder has the store's name"


def test_commands_read_the_store(project: Path, fpjob: Fpjob) -> None:
    assert fpjob("run", "stored.yaml").status == 0
    assert "features.stored__user_spend" in fpjob("list").stdout
    shown = fpjob("show", "stored.yaml")
    assert "user_30d_total_spend" in shown.stdout, shown.stderr
    cleaned = fpjob("vacuum", "stored.yaml", "--retention", "0h")
    assert cleaned.status == 0, cleaned.stderr
    assert " files of " in cleaned.stdout + cleaned.stderr
    assert "0 of 3 feature tables computed" in fpjob("run", "stored.yaml").stderr

    job = project / "stored.yaml"
    text = job.read_text()
    job.write_text(text.replace("job_name: stored", "was: stored\njob_name: kept"))
    refused = fpjob("run", "stored.yaml")
    job.write_text(text)
    told = "stored.yaml: `was`: tables at an object store cannot get another name, given `features.stored__user_"
    assert (refused.status, told in refused.stderr) == (2, True), refused.stderr


def test_no_file_has_the_credentials(project: Path, object_store: S3Server, bucket: str) -> None:
    secret = object_store.environment["AWS_SECRET_ACCESS_KEY"].encode()
    assert not [file for file in project.rglob("*") if file.is_file() and secret in file.read_bytes()]
    client = object_store.client()
    for key in object_store.keys(bucket[5:]):
        assert secret not in client.get_object(Bucket=bucket[5:], Key=key)["Body"].read()


def test_a_job_that_is_running_is_not_started_again(project: Path, fpjob: Fpjob) -> None:
    with running_alone(open_project(), "stored"):
        outcome = fpjob("run", "stored.yaml")
    assert outcome.status == 3
    last = outcome.stderr.splitlines()[-1]
    assert last.startswith("the job `stored` is running already, in process ")
    assert "(if that process has been killed, until " in last
    assert last.endswith(" UTC). This run changed nothing; start it when the other has ended")


def test_a_lease_is_renewed_and_expires_when_its_holder_is_killed(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LASTS", timedelta(seconds=2))
    monkeypatch.setattr(lease, "RENEWED_EVERY", 0.5)
    monkeypatch.setattr(lease, "_ASKED_AGAIN", 0.1)
    path = StorePath(f"{bucket}/locks/one.lock")
    told: list[lease.Holder] = []
    hold = "from feature_platform_py.core.stores.lease import *; import sys\n"
    hold += (
        "with leased(StorePath(sys.argv[1]), ' by the other', taken=print): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        other.kill()
    with lease.leased(path, " by this one", taken=told.append) as held:
        assert [holder.text for holder in told] == [" by the other"]
        # Longer than a lease lasts: it is renewed.
        time.sleep(3)
        held.check()
        path.write_bytes(b'{"holder": "a thief"}')
        time.sleep(1)
        with pytest.raises(EngineError, match="another run may have begun"):
            held.check()
    assert path.read_bytes() == b'{"holder": "a thief"}', "another's lease is not released"


def test_no_entry_of_the_catalog_is_lost_to_another_writer(bucket: str) -> None:
    folder = StorePath(f"{bucket}/catalog")

    def write(writer: int) -> None:
        for number in range(5):
            with CatalogFile(folder).changing() as entries:
                entries[TableName("s", f"view_{writer}_{number}")] = RelationDefinition("view", "as select 1")

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(CatalogFile(folder).load()) == 15


def test_no_commit_is_lost_to_another_writer(bucket: str) -> None:
    from deltalake import write_deltalake

    place = f"{bucket}/tables/shared"
    session = open_session("sail", f"{bucket}/tables")
    session.sql("select 0 as writer, 0 as number").write.format("delta").save(place)

    def by_sail() -> None:
        for number in range(4):
            session.sql(f"select 1 as writer, {number} as number").write.format("delta").mode("append").save(place)

    thread = threading.Thread(target=by_sail)
    thread.start()
    for number in range(4):
        write_deltalake(
            place, pa.table({"writer": pa.array([2], "int32"), "number": pa.array([number], "int32")}), mode="append"
        )
    thread.join()
    assert DeltaTable(place).to_pyarrow_table().num_rows == 9


def test_the_run_after_killed_ones_equals_a_fresh_one(
    project: Path, fpjob: Fpjob, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chance, rows, tables = random.Random(19), bank_rows(), StorePath(f"{bucket}/wh/features")
    killed, lock = 0, StorePath(f"{bucket}/wh/.running/stored.lock")
    for _ in range(KILLS):
        rows[chance.randrange(ROWS)]["amount"] = f"{chance.randrange(10**5) / 100:.2f}"
        write_rows(bucket, rows)
        process, before = start(project), len(tables.files())
        while process.poll() is None and len(tables.files()) == before:
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.6))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        process.communicate()
        # A minute later.
        lock.unlink(missing_ok=True)
    assert killed >= KILLS / 2
    outcome = fpjob("run", "stored.yaml")
    assert outcome.status == 0, outcome.stderr
    assert state(f"{bucket}/wh") == fresh_state(fpjob, monkeypatch, tmp_path / "folder")


@pytest.mark.parametrize(
    ("warehouse", "status", "said"),
    [
        ("ftp://host/wh", 2, "expected a folder, or an address that begins with one of `s3://`"),
        ("s3://bank", 2, "expected a folder below the bucket"),
        ("s3://bank/my data", 2, "of letters, digits and any of `_.-`"),
        ("s3://not-made/wh", 3, "the bucket `s3://not-made` does not exist"),
        ("s3://denied-x/wh", 3, "the store refused the request"),
        ("s3://expired-x/wh", 3, "the credentials have expired"),
        ("s3://elsewhere-x/wh", 3, "is in another region"),
    ],
)
def test_a_warehouse_that_cannot_be_used_is_one_error(
    project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch, warehouse: str, status: int, said: str
) -> None:
    monkeypatch.setenv("FP_WAREHOUSE", warehouse)
    outcome = fpjob("run", "stored.yaml")
    assert (outcome.status, said in outcome.stderr) == (status, True), outcome.stderr
    assert len(outcome.stderr.strip().splitlines()) == 1, outcome.stderr


def test_a_server_of_spark_connect_has_no_warehouse_at_a_store(
    project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_REMOTE", "sc://127.0.0.1:1")
    outcome = fpjob("run", "stored.yaml", "--target", "connect")
    assert outcome.status == 2
    assert "the engine `connect` cannot use the object store" in outcome.stderr


@pytest.mark.slow
def test_jvm_spark_gives_what_sail_does(
    project: Path, fpjob: Fpjob, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    places = {"FP_WAREHOUSE": f"{bucket}/jvm", "FP_SINK": f"{bucket}/jvm_out"}
    job, rows, spec = (
        project / "configs" / "jobs" / "stored.yaml",
        bank_rows(),
        yaml.safe_load((project / "stored.yaml").read_text()),
    )
    # A JVM takes seconds for each table.
    job.write_text(yaml.safe_dump(spec | {"feature_transformers": spec["feature_transformers"][:1]}))
    with engines.spark(tmp_path / "spark.log", **places) as engine:
        engine.run(project, "stored")
        write_rows(bucket, [*rows[:-1], rows[-1] | {"amount": "7.77"}])
        works = engine.run(project, "stored")["works"]
    assert works == {"user_spend": "1 of 2 months"}
    for name, place in places.items():
        monkeypatch.setenv(name, place)
    by_jvm = state(f"{bucket}/jvm", TABLES[:1])
    assert by_jvm == fresh_state(fpjob, monkeypatch, tmp_path / "folder", str(job))
    job.unlink()
    write_rows(bucket, rows)


def test_an_environment_starts_from_copies_that_the_store_makes_and_is_promoted(
    project: Path, bucket: str, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another warehouse and job file: no other test sees the change.
    monkeypatch.setenv("FP_WAREHOUSE", f"{bucket}/apart/wh")
    monkeypatch.setenv("FP_SINK", f"{bucket}/apart/out")
    text = (project / "stored.yaml").read_text()
    (project / "apart.yaml").write_text(text.replace("job_name: stored", "job_name: apart"))
    assert fpjob("run", "apart.yaml").status == 0
    (project / "apart.yaml").write_text(
        text.replace("job_name: stored", "job_name: apart").replace("window_days: 30", "window_days: 7")
    )
    left = StorePath(f"{bucket}/apart/wh/dev_anna/apart__user_spend/left.parquet")
    left.write_bytes(b"of a killed first write")
    developed = fpjob("run", "apart.yaml", "--schema", "dev_anna")
    assert developed.status == 0, developed.stderr
    assert re.search(r"\(\d+ files, copied\)", developed.stderr)
    assert not left.is_file()
    assert "1 of 3 feature tables computed" in developed.stderr
    tables = [DeltaTable(f"{bucket}/apart/wh/{schema}/apart__user_spend") for schema in ("features", "dev_anna")]
    version = tables[0].version()
    promoted = fpjob("promote", "apart.yaml", "--schema", "dev_anna")
    assert promoted.status == 0, promoted.stderr
    assert "0 of 3 feature tables computed" in promoted.stderr
    there, here = (DeltaTable(table.table_uri) for table in tables)
    assert there.version() == version + 1
    assert in_order(there.to_pyarrow_table()).equals(in_order(here.to_pyarrow_table()))
    dropped = fpjob("drop", "--schema", "dev_anna", "--yes")
    assert dropped.status == 0, dropped.stderr
    assert not StorePath(f"{bucket}/apart/wh/dev_anna").is_dir()
    assert not StorePath(f"{bucket}/apart/dev_anna").is_dir()
    assert in_order(there.to_pyarrow_table()).num_rows
