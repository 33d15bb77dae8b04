"""Sources at an object store: the rows and messages of local files, and one message for each refusal of the store."""

from __future__ import annotations

import shutil
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.sources import SparkSource
from feature_platform_py.warehouse.session import open_session
from tests.conftest import Fpjob
from tests.object_store import S3Server

CSV = "id,who,at,amount\n1,a,2024-01-03,1.25\n2,b,2024-02-04,2.50\n3,,2024-02-05,\n"


def table(start: int = 0) -> pa.Table:
    rows = range(start, start + 3)
    amounts = pa.array([Decimal("1234567890123456.78")] * 3, pa.decimal128(18, 2))
    return pa.table({"id": list(rows), "who": [f"w{row % 2}" for row in rows], "amount": amounts})


def write_everything(folder: Path) -> None:
    """A folder of each kind of source."""
    for name in ("plain", "odd/day=2024-01-31", "odd/day=2024-02-01", "texts/part=x", "texts/part=y", "lines"):
        (folder / name).mkdir(parents=True)
    pq.write_table(table(), folder / "plain" / "a.parquet")
    pq.write_table(table(3), folder / "plain" / "b.parquet")
    (folder / "plain" / "_SUCCESS").touch()
    shutil.copytree(folder / "plain", folder / "names [1]")
    shutil.copytree(folder / "plain", folder / "names")
    for name in ("a%20b", "a b", "a=ü"):
        pq.write_table(table(6), folder / "names" / f"{name}.parquet")
    pq.write_table(table(), folder / "odd" / "day=2024-01-31" / "a.parquet")
    pq.write_table(
        table().append_column("more", pa.array([1, 2, 3], pa.uint32())), folder / "odd/day=2024-02-01/a.parquet"
    )
    (folder / "texts" / "part=x" / "a.csv").write_text(CSV)
    (folder / "texts" / "part=y" / "b.csv").write_text(CSV)
    (folder / "lines" / "a.jsonl").write_text('{"id": 1, "deep": {"x": [1, 2]}}\n{"id": 2}\n')
    shutil.copytree(folder / "plain", folder / "my files")
    write_deltalake(folder / "exact", table().drop_columns(["amount"]), partition_by=["who"])
    shutil.copytree(folder / "exact", folder / "my table")
    for start in (0, 3):
        write_deltalake(folder / "inexact", table(start), mode="append")


SOURCES: dict[str, tuple[str, str, dict[str, str]]] = {
    "parquet in place": ("plain", "parquet", {}),
    "parquet below a name with a blank": ("my files", "parquet", {}),
    "delta below a name with a blank": ("my table", "delta", {}),
    "parquet files of odd names": ("names", "parquet", {}),
    "parquet below a pattern": ("names [1]", "parquet", {}),
    "one parquet file": ("plain/b.parquet", "parquet", {}),
    "parquet that engines read differently": ("odd", "parquet", {}),
    "some parquet files": ("plain", "parquet", {"pathGlobFilter": "b*"}),
    "csv in folders": ("texts", "csv", {"header": "true"}),
    "json": ("lines", "json", {}),
    "delta in place": ("exact", "delta", {}),
    "delta without its statistics": ("inexact", "delta", {}),
    "an earlier version of delta": ("inexact", "delta", {"versionAsOf": "0"}),
}


@pytest.fixture(scope="module")
def session(object_store: S3Server, tmp_path_factory: pytest.TempPathFactory) -> SparkSession:
    return open_session("sail", tmp_path_factory.mktemp("warehouse"))


@pytest.fixture(scope="module")
def folder(object_store: S3Server, bucket: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_everything(folder)
    object_store.upload(folder, bucket.removeprefix("s3://"), "in")
    return folder


def read(session: SparkSession, location: str, format: str, options: dict[str, str]) -> pa.Table:  # noqa: A002
    return SparkSource(location, format, options).read(session).orderBy("id").toArrow()


@pytest.mark.parametrize("name", SOURCES)
def test_rows_and_types_are_those_of_local_files(session: SparkSession, folder: Path, bucket: str, name: str) -> None:
    path, kind, options = SOURCES[name]
    expected = read(session, str(folder / path), kind, options)
    rows = {"plain/b.parquet": 3, "names": 15, "names [1]": 6}.get(path)
    assert expected.num_rows == rows if rows else expected.num_rows
    found = read(session, f"{bucket.replace('s3:', 's3a:')}/in/{path}/", kind, options)
    assert found.schema == expected.schema
    assert list(map(str, found.to_pylist())) == list(map(str, expected.to_pylist()))


SILENT = ("csv", "parquet", "delta")
SPEND = {"user_id_col": "who", "timestamp_col": "at", "amount_col": "amount", "window_days": 30}


def job(root: Path, name: str, source: dict[str, Any], **sink: Any) -> str:
    """The file of a job over a source."""
    text = yaml.safe_dump(
        {
            "job_name": name,
            "input_source": {"source_type": "spark", "config": source},
            "feature_transformers": [{"name": "UserSpendAggregator", "params": SPEND}],
            "output_sink": sink or {"sink_type": "display", "config": {"num_rows": 20}},
        }
    )
    (root / f"{name}.yaml").write_text(text)
    return f"{name}.yaml"


def test_a_changed_object_is_noticed(
    object_store: S3Server, bucket: str, module_project: Path, fpjob: Fpjob, tmp_path: Path
) -> None:
    def put(text: str) -> None:
        (tmp_path / "a.csv").write_text(text)
        object_store.upload(tmp_path, bucket.removeprefix("s3://"), "changing")

    put(CSV)
    file = job(module_project, "changing", {"location": f"{bucket}/changing/", "format": "csv"})
    assert "3 of 3 rows shown" in fpjob("run", file).stderr
    assert "nothing new" in fpjob("plan", file).stdout
    # As many bytes as before.
    put(CSV.replace("1.25", "7.75"))
    assert " 7.75" in fpjob("run", file).stdout


def test_a_value_that_does_not_parse_is_told_with_its_object(
    object_store: S3Server, bucket: str, session: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("id\n1\nx\n")
    object_store.upload(tmp_path, bucket.removeprefix("s3://"), "bad")
    with pytest.raises(DataCheckError) as error:
        SparkSource(f"{bucket}/bad", "csv", {"header": "true"}, fields=[("id", "bigint")]).read(session)
    assert str(error.value) == f"{bucket}/bad/a.csv:3: column `id`: `x` is not a bigint"


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("s3://not-made/x.csv", "the bucket `s3://not-made` does not exist"),
        ("s3://denied-a/x.csv", "the store refused the request (AccessDenied)"),
        ("s3://expired-a/x", "the credentials have expired"),
        ("s3a://elsewhere-a/x.csv", "is in another region"),
        ("{bucket}/not/there", "expected an object, or objects below it, found none"),
        ("{bucket}/not/there.csv", "expected an object, or objects below it, found none"),
    ],
)
@pytest.mark.parametrize("command", ["validate", "plan"])
def test_each_refusal_is_one_message(
    object_store: S3Server, bucket: str, module_project: Path, fpjob: Fpjob, command: str, location: str, said: str
) -> None:
    kind = "parquet" if command == "plan" else "csv"
    file = job(module_project, "refused", {"location": location.format(bucket=bucket), "format": kind})
    outcome = fpjob(command, file)
    assert outcome.status == 3
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert len(outcome.stderr.strip().splitlines()) <= 2, outcome.stderr
    assert object_store.environment["AWS_SECRET_ACCESS_KEY"] not in outcome.stdout + outcome.stderr


def test_a_store_that_does_not_answer_is_one_message(
    object_store: S3Server, module_project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    jobs = [job(module_project, f"silent_{kind}", {"location": "s3://silent/x", "format": kind}) for kind in SILENT]
    started = time.monotonic()
    outcome = fpjob("validate", *jobs)
    assert outcome.status == 3
    assert outcome.stderr.count("the store did not answer as expected") == len(SILENT)
    assert "Traceback" not in outcome.stderr
    assert time.monotonic() - started < 30
