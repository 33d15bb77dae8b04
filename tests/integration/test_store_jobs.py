"""Jobs between an object store and itself: what a run writes, what the next one leaves, and what it refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import yaml
from deltalake import DeltaTable, write_deltalake
from pyarrow.fs import S3FileSystem

from feature_platform_py.sinks import divided
from tests.conftest import Fpjob
from tests.object_store import S3Server
from tests.parity import engines

SPEND = {"user_id_col": "who", "timestamp_col": "at", "amount_col": "amount", "window_days": 3}


def job(root: Path, name: str, location: str, kind: str, path: str, read_as: str = "parquet", **settings: Any) -> str:
    text = yaml.safe_dump(
        {
            "job_name": name,
            "input_source": {"source_type": "spark", "config": {"location": location, "format": read_as}},
            "feature_transformers": [{"name": "UserSpendAggregator", "params": SPEND}],
            "output_sink": {"sink_type": kind, "config": {"path": path, **settings}},
        }
    )
    (root / f"{name}.yaml").write_text(text)
    return f"{name}.yaml"


def rows(**changed: int) -> pa.Table:
    """A hundred rows in January to April; `changed` are amounts by the month of a row in its middle."""
    times = [datetime(2024, 1, 3, tzinfo=UTC) + timedelta(hours=27 * number) for number in range(100)]
    amounts = [changed.get(f"m{at.month}", 1) if at.day == 15 else 1 for at in times]
    return pa.table(
        {
            "who": [f"w{number % 3}" for number in range(100)],
            "at": pa.array(times, pa.timestamp("us", "UTC")),
            "amount": pa.array(amounts, pa.int64()),
        }
    )


def put(store: S3Server, bucket: str, key: str, table: pa.Table) -> None:
    content = pa.BufferOutputStream()
    pq.write_table(table, content)
    store.client().put_object(Bucket=bucket.removeprefix("s3://"), Key=key, Body=content.getvalue().to_pybytes())


def files_of(store: S3Server, kind: str, path: str) -> set[str]:
    """The files that a reader of the sink reads."""
    if kind == "overwrite_delta":
        return set(DeltaTable(path).file_uris())
    bucket, _, key = path.removeprefix("s3://").partition("/")
    manifest = store.client().get_object(Bucket=bucket, Key=f"{key}/_manifest.json")["Body"].read()
    return {each["url"] for each in json.loads(manifest)["entries"]}


def sums(paths: set[str]) -> tuple[int, int]:
    """Number of rows and sum of all amounts in files, by Delta's client."""
    found: Any = pa.concat_tables(
        pq.read_table(path.removeprefix("s3://"), filesystem=S3FileSystem(**_CLIENT)) for path in sorted(paths)
    )
    return found.num_rows, sum(found["amount"].to_pylist())


_CLIENT: dict[str, str] = {}


@pytest.fixture(autouse=True)
def _client(object_store: S3Server) -> None:
    host = object_store.endpoint.removeprefix("http://")
    _CLIENT.update(access_key="k", secret_key="s", endpoint_override=host, scheme="http", region="eu-central-1")


@pytest.mark.parametrize("kind", ["overwrite_parquet", "overwrite_delta"])
def test_a_run_replaces_the_periods_that_changed(
    object_store: S3Server, bucket: str, module_project: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(divided, "MIN_ROWS", 0)
    path = f"{bucket}/out/{kind}"
    file = job(module_project, f"periods_{kind}", f"{bucket}/in/{kind}.parquet", kind, path)

    def run() -> str:
        outcome = fpjob("run", file)
        assert outcome.status == 0, outcome.stderr
        return outcome.stderr.splitlines()[-1]

    put(object_store, bucket, f"in/{kind}.parquet", rows())
    assert "holds 100 rows" in run()
    first = files_of(object_store, kind, path)
    assert len(first) == 4
    assert "nothing new" in run()
    put(object_store, bucket, f"in/{kind}.parquet", rows(m2=50))
    # A window that begins in February may reach into March.
    assert "(2 of 4 periods replaced)" in run()
    second = files_of(object_store, kind, path)
    assert len(first & second) == 2
    assert sums(second) == (100, 149)


@pytest.mark.parametrize(
    "given", ["{bucket}/same/", "s3a://{name}/same", "{bucket}/same/below", "s3://{name}//x/../same"]
)
def test_a_sink_in_its_own_input_is_refused_however_it_is_spelled(
    object_store: S3Server, bucket: str, module_project: Path, fpjob: Fpjob, given: str
) -> None:
    put(object_store, bucket, "same/a.parquet", rows())
    name = bucket.removeprefix("s3://")
    path = given.format(bucket=bucket, name=name)
    outcome = fpjob("validate", job(module_project, "same", f"{bucket}/same", "overwrite_parquet", path))
    assert outcome.status == 2
    assert "the job's own input" in outcome.stderr or "expected an address" in outcome.stderr
    assert object_store.keys(name, "same") == ["same/a.parquet"]


@pytest.mark.slow
def test_jvm_spark_writes_what_sail_writes(
    object_store: S3Server, bucket: str, module_project: Path, fpjob: Fpjob, tmp_path: Path
) -> None:
    """Of the same rows in Parquet and Delta, which are read in place; the table is one that the engine itself commits."""
    put(object_store, bucket, "in/both.parquet", rows(m3=9))
    write_deltalake(f"{bucket}/in/both_delta", rows(m3=9), storage_options={"allow_http": "true"})
    jobs = {
        "table": (f"{bucket}/in/both.parquet", "parquet", "append_delta"),
        "files": (f"{bucket}/in/both_delta", "delta", "append_parquet"),
    }
    with engines.spark(tmp_path / "spark.log") as engine:
        for name, (location, read_as, kind) in jobs.items():
            file = job(module_project, name, location, kind, f"{bucket}/jvm/{name}", read_as, partition_by=["who"])
            (module_project / file).rename(module_project / "configs" / "jobs" / file)
            assert engine.run(module_project, name)["rows"] == 100
            (module_project / "configs" / "jobs" / file).unlink()
    file = job(module_project, "of_sail", f"{bucket}/in/both_delta", "append_parquet", f"{bucket}/sail", "delta")
    assert fpjob("run", file).status == 0
    expected = content(object_store, "append_parquet", f"{bucket}/sail")
    for name, (_, _, kind) in jobs.items():
        assert content(object_store, kind, f"{bucket}/jvm/{name}") == expected


def content(store: S3Server, kind: str, path: str) -> pa.Table:
    """All rows of a sink in order, as a reader that is not the platform sees them."""
    if kind.endswith("delta"):
        table = DeltaTable(path).to_pyarrow_table()
    else:
        names = [url.removeprefix("s3://") for url in sorted(files_of(store, kind, path))]
        table = ds.dataset(names, filesystem=S3FileSystem(**_CLIENT), partitioning="hive").to_table()
    assert table.num_rows
    table = table.select(sorted(table.column_names))
    return table.sort_by([(name, "ascending") for name in ("at", "who")])
