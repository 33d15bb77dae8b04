"""Sinks at an object store: the rows and modes of local folders, one switch for readers, and nothing of others removed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from feature_platform_py.core.errors import SinkError
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.stores.errors import StoreError
from feature_platform_py.sinks import sinks_by_type, stored_files
from feature_platform_py.sinks.results import SessionResult
from feature_platform_py.sinks.sink import Sink, SinkResult
from feature_platform_py.sources import SparkSource
from feature_platform_py.warehouse.session import open_session
from tests.object_store import S3Server

KINDS = ("delta_table", "parquet_files")
ROWS = "select id, cast(id * 1.5 as decimal(10, 2)) as amount, nullif(concat('a=', id % 3), 'a=2') as kind from range({start}, {end})"


@pytest.fixture(scope="module")
def opened(object_store: S3Server, module_project: Path) -> Project:
    return open_project(module_project)


@pytest.fixture(scope="module")
def session(opened: Project) -> SparkSession:
    return open_session(opened.target.engine, opened.target.warehouse)


@pytest.fixture
def path(bucket: str, request: pytest.FixtureRequest) -> str:
    return f"{bucket}/out/{request.node.name}".replace("[", "_").replace("]", "")


def sink_of(kind: str, path: str, mode: str, **settings: Any) -> Sink:
    return sinks_by_type()[kind](path=path, mode=mode, **settings)


def write(session: SparkSession, project: Project, sink: Sink, start: int, end: int, **more: Any) -> SinkResult:
    sink.check(project, None)
    frame = session.sql(ROWS.format(start=start, end=end))
    return sink.write(SessionResult(frame=frame, project=project, expected_rows=end - start, **more))


def manifest_of(store: S3Server, path: str) -> Any:
    bucket, _, key = path.removeprefix("s3://").partition("/")
    return json.loads(store.client().get_object(Bucket=bucket, Key=f"{key}/_manifest.json")["Body"].read())


def rows_of(store: S3Server, kind: str, path: str) -> list[tuple[Any, ...]]:
    """The rows as a reader that is not the platform sees them."""
    if kind == "delta_table":
        table = DeltaTable(path).to_pyarrow_table()
    else:
        urls = [each["url"] for each in manifest_of(store, path)["entries"]]
        table = read_files(store, urls)
    return sorted((row["id"], str(row["amount"]), row["kind"]) for row in table.to_pylist())


def read_files(store: S3Server, urls: list[str]) -> pa.Table:
    """Rows of files that are named one by one, by pyarrow's own client of S3."""
    import pyarrow.dataset as ds
    from pyarrow.fs import S3FileSystem

    host = store.endpoint.removeprefix("http://")
    files = S3FileSystem(access_key="k", secret_key="s", endpoint_override=host, scheme="http", region="eu-central-1")
    partitioning = ds.partitioning(pa.schema([("kind", pa.string())]), flavor="hive")
    names = [url.removeprefix("s3://") for url in urls]
    return ds.dataset(names, filesystem=files, format="parquet", partitioning=partitioning).to_table()


def expected(*ranges: tuple[int, int]) -> list[tuple[Any, ...]]:
    ids = [each for start, end in ranges for each in range(start, end)]
    return [(each, f"{each * 1.5:.2f}", None if each % 3 == 2 else f"a={each % 3}") for each in ids]


@pytest.mark.parametrize("settings", [{}, {"partition_by": ["kind"]}], ids=["plain", "partitioned"])
@pytest.mark.parametrize("kind", KINDS)
def test_overwrite_replaces_and_append_adds(
    session: SparkSession, opened: Project, object_store: S3Server, path: str, kind: str, settings: Mapping[str, Any]
) -> None:
    def run(mode: str, start: int, end: int) -> int:
        return write(session, opened, sink_of(kind, path, mode, **settings), start, end).rows

    assert run("overwrite", 0, 4) == 4
    assert run("append", 4, 6) == 6
    assert rows_of(object_store, kind, path) == expected((0, 6))
    assert run("overwrite", 7, 9) == 2
    assert rows_of(object_store, kind, path) == expected((7, 9))
    assert run("ignore", 1, 2) == 2
    with pytest.raises(SinkError, match="holds data already and the mode is `error`"):
        run("error", 1, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_sees_the_old_rows_or_the_new(
    session: SparkSession, opened: Project, object_store: S3Server, path: str, kind: str
) -> None:
    """A reader that begins with what one write left can end, whatever the next write does."""
    write(session, opened, sink_of(kind, path, "overwrite", partition_by=["kind"]), 0, 3)
    seen, is_over = set[int](), threading.Event()

    def look() -> None:
        while not is_over.is_set():
            rows = rows_of(object_store, kind, path)
            start = rows[0][0]
            assert rows == expected((start, start + 3))
            seen.add(start)

    with ThreadPoolExecutor(1) as readers:
        reader = readers.submit(look)
        try:
            for start in (10, 20, 30):
                write(session, opened, sink_of(kind, path, "overwrite", partition_by=["kind"]), start, start + 3)
        finally:
            is_over.set()
        reader.result()
    assert len(seen) > 1


KILLED = """
import os, signal, sys
from feature_platform_py.core.project import open_project
from feature_platform_py.sinks import delta_commits, sinks_by_type, stored_files
from feature_platform_py.sinks.results import SessionResult
from feature_platform_py.warehouse.session import open_session
kind, path, rows = sys.argv[1:]
def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
stored_files.StoredFiles._replace = delta_commits.PlainTable._commit = kill
project = open_project()
frame = open_session("sail", "killed").sql(rows)
sinks_by_type()[kind](path=path, mode="overwrite").write(SessionResult(frame=frame, project=project, expected_rows=3))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_between_the_files_and_the_switch_leaves_the_old_rows(
    session: SparkSession, opened: Project, object_store: S3Server, path: str, kind: str
) -> None:
    write(session, opened, sink_of(kind, path, "overwrite"), 0, 3)
    before = object_store.keys(*path.removeprefix("s3://").split("/", 1))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, kind, path, ROWS.format(start=3, end=6)], cwd=opened.root, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(object_store.keys(*path.removeprefix("s3://").split("/", 1))) > len(before)
    assert rows_of(object_store, kind, path) == expected((0, 3))
    assert write(session, opened, sink_of(kind, path, "overwrite"), 6, 9).rows == 3
    assert rows_of(object_store, kind, path) == expected((6, 9))


def test_only_the_present_and_the_previous_files_are_kept(
    session: SparkSession, opened: Project, object_store: S3Server, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = path.removeprefix("s3://").split("/", 1)
    for start in range(4):
        write(session, opened, sink_of("parquet_files", path, "overwrite"), start, start + 1)
    assert len(object_store.keys(*place)) == 3
    # A killed run's; it goes when no run can be writing it any more.
    leftover = f"_data/{'0' * 32}/part-{'0' * 32}.parquet"
    object_store.client().put_object(Bucket=place[0], Key=f"{place[1]}/{leftover}", Body=b"")
    write(session, opened, sink_of("parquet_files", path, "overwrite"), 4, 5)
    assert f"{place[1]}/{leftover}" in object_store.keys(*place)
    monkeypatch.setattr(stored_files, "_UNNAMED_SECONDS", -60)
    write(session, opened, sink_of("parquet_files", path, "overwrite"), 5, 6)
    assert len(object_store.keys(*place)) == 3
    assert rows_of(object_store, "parquet_files", path) == expected((5, 6))


def test_objects_of_others_are_refused_and_kept(
    session: SparkSession, opened: Project, object_store: S3Server, path: str
) -> None:
    bucket, _, key = path.removeprefix("s3://").partition("/")
    write(session, opened, sink_of("parquet_files", path, "overwrite"), 0, 2)
    for name in ("theirs.parquet", "_data/notes.txt"):
        object_store.client().put_object(Bucket=bucket, Key=f"{key}/{name}", Body=b"x")
        for mode in ("overwrite", "append", "ignore"):
            with pytest.raises(SinkError, match=f"holds 1 objects that no run has written, such as `{name}`"):
                write(session, opened, sink_of("parquet_files", path, mode), 2, 4)
        assert f"{key}/{name}" in object_store.keys(bucket, key)
        object_store.client().delete_object(Bucket=bucket, Key=f"{key}/{name}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_a_write_of_somebody_else_in_between_is_not_lost(
    session: SparkSession, opened: Project, object_store: S3Server, path: str, mode: str, kind: str
) -> None:
    def in_between() -> None:
        write(session, opened, sink_of(kind, path, "append"), 2, 4)

    write(session, opened, sink_of(kind, path, "overwrite"), 0, 2)
    if mode == "append":
        write(session, opened, sink_of(kind, path, mode), 4, 6, check=once(in_between))
        assert rows_of(object_store, kind, path) == expected((0, 6))
        return
    if kind == "delta_table":
        # As if the other had come after it.
        write(session, opened, sink_of(kind, path, mode), 4, 6, check=once(in_between))
        assert rows_of(object_store, kind, path) == expected((2, 6))
        return
    with pytest.raises(SinkError, match="by somebody else during the run"):
        write(session, opened, sink_of(kind, path, mode), 4, 6, check=once(in_between))
    assert rows_of(object_store, kind, path) == expected((0, 4))
    # What was uploaded for nothing is gone.
    assert len(object_store.keys(*path.removeprefix("s3://").split("/", 1))) == 3


def once(act: Callable[[], None]) -> Callable[[], None]:
    """The act at the first call alone."""
    pending = [act]
    return lambda: pending.pop()() if pending else None


@pytest.mark.parametrize("kind", KINDS)
def test_other_columns_are_not_appended(session: SparkSession, opened: Project, path: str, kind: str) -> None:
    settings = {"partition_by": ["kind"]} if kind == "parquet_files" else {}
    write(session, opened, sink_of(kind, path, "overwrite", **settings), 0, 2)
    if settings:
        with pytest.raises(SinkError, match="its `partition_by` is"):
            write(session, opened, sink_of(kind, path, "append"), 2, 4)
    other = SessionResult(frame=session.sql("select 1 as id, 'x' as kind"), project=opened, expected_rows=1)
    with pytest.raises(
        SinkError, match=r"`amount` is decimal\(10,2\) there, absent here; `id` is bigint there, int here"
    ):
        sink_of(kind, path, "append", **settings).write(other)


def test_the_manifest_keeps_the_proof_of_its_files(
    session: SparkSession, opened: Project, object_store: S3Server, path: str
) -> None:
    write(session, opened, sink_of("parquet_files", path, "overwrite"), 0, 2, proof='{"rows": {"out": 2}}')
    found = manifest_of(object_store, path)
    names = {each["url"].removeprefix(f"{path}/"): each["meta"]["content_length"] for each in found["entries"]}
    assert found["proof"] == {"rows": {"out": 2}, "files": names}
    write(session, opened, sink_of("parquet_files", path, "overwrite"), 0, 2)
    assert manifest_of(object_store, path)["proof"] is None


@pytest.mark.parametrize("settings", [{}, {"partition_by": ["kind"]}], ids=["plain", "partitioned"])
def test_a_sink_is_a_source(session: SparkSession, opened: Project, path: str, settings: Mapping[str, Any]) -> None:
    """Of several writes, and while objects that the manifest does not name lie beside."""
    for mode, start in (("overwrite", 0), ("overwrite", 3), ("append", 5)):
        write(session, opened, sink_of("parquet_files", path, mode, **settings), start, start + 2)
    frame = SparkSource(path, "parquet").read(session)
    assert sorted((row.id, str(row.amount), row.kind) for row in frame.collect()) == expected((3, 7))


@pytest.mark.parametrize("settings", [{}, {"partition_by": ["kind"]}], ids=["committed", "by the engine"])
def test_a_refusal_in_the_middle_of_a_write_is_one_message(
    session: SparkSession, opened: Project, settings: Mapping[str, Any]
) -> None:
    frame = session.sql(ROWS.format(start=0, end=2))
    with pytest.raises(SinkError) as error:
        sink_of("delta_table", "s3://not-made-either/out", "overwrite", **settings).write(
            SessionResult(frame=frame, project=opened, expected_rows=2)
        )
    assert "the bucket `s3://not-made-either` does not exist" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("bucket_name", "said"),
    [("not-made", "does not exist"), ("denied-b", "AccessDenied"), ("expired-b", "expired"), ("elsewhere-b", "region")],
)
def test_a_sink_that_the_store_refuses_is_one_message(opened: Project, kind: str, bucket_name: str, said: str) -> None:
    with pytest.raises(StoreError, match=said):
        sink_of(kind, f"s3://{bucket_name}/out", "overwrite").check(opened, None)
