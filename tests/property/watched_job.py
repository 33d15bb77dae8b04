"""A job of which other programs write the input, the sources that it refers to, and the tables."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from deltalake import DeltaTable, write_deltalake

from feature_platform_py.core.dbt_invocation import invoke_dbt
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.dbt_files.sync import bring_up_to_date, write_files
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.runs.dbt import jobs_left_out
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.passed_tests import OF_INPUTS, OF_TABLES, Look, PassedTests, remembering
from feature_platform_py.warehouse.session import open_warehouse
from feature_platform_py.warehouse.warehouse import Warehouse
from tests.conftest import reword

Row = dict[str, Any]
NAME = "watched"
ROWS = pa.schema(
    {
        "transaction_id": pa.int64(),
        "user_id": pa.int64(),
        "timestamp": pa.timestamp("us", "UTC"),
        "amount": pa.decimal128(12, 2),
        "category": pa.string(),
        "transaction_type": pa.string(),
        "operation": pa.string(),
        "balance": pa.decimal128(14, 2),
    }
)
CUSTOMERS = pa.schema(
    {
        "user_id": pa.int64(),
        "client_id": pa.int64(),
        "birthdate": pa.date32(),
        "gender": pa.string(),
        "district_id": pa.int64(),
    }
)
USERS = 4
MONTHS = 6


def good_row(number: int) -> Row:
    """A row that no rule objects to; its user, month and second follow from its number, and its category is never NULL."""
    at = datetime(2024, 1 + number % MONTHS, 1 + number % 27, number % 24, number % 60, tzinfo=UTC)
    amount = Decimal(number % 97).scaleb(-1).quantize(Decimal("0.01"))
    return dict(
        zip(ROWS.names, (number, number % USERS, at, amount, f"kind {number % 3}", "debit", None, amount), strict=True)
    )


def good_customers() -> list[Row]:
    born = datetime(1970, 1, 1, tzinfo=UTC).date()
    return [dict(zip(CUSTOMERS.names, (user, user, born, "F", 1), strict=True)) for user in range(USERS)]


class CountedTests(PassedTests):
    """The tests that passed; counts what tests are told to look at."""

    looks: Counter[str]

    def look(self, test: str, kind: str, *, of: TableName, sql: str, warehouse: Warehouse) -> Look:
        found = super().look(test, kind, of=of, sql=sql, warehouse=warehouse)
        self.looks[f"{kind}: {found.at}"] += 1
        return found


@dataclass(frozen=True, repr=False)
class Version:
    """The job and the registry as they are for a while."""

    plan: JobPlan
    arguments: tuple[str, ...]
    manifest: Any = field(repr=False)


@dataclass(repr=False)
class WatchedJob:
    """The job in its versions, and what is in its files now."""

    root: Path
    warehouse: Warehouse
    versions: Sequence[Version] = field(repr=False)
    looks: Counter[str] = field(default_factory=Counter)

    def write(self, rows: Sequence[Row], customers: Sequence[Row], *, latest_micros: int | None = None) -> None:
        """Make these the rows of the sources; a file with them stays as it is. `latest_micros` is the last row's time, since 1970."""
        table = pa.Table.from_pylist(list(rows), ROWS)
        if latest_micros is not None:
            times = [*table["timestamp"].cast(pa.int64()).to_pylist()[:-1], latest_micros]
            column = ROWS.get_field_index("timestamp")
            table = table.set_column(column, ROWS.field(column), pa.array(times, pa.int64()).cast(ROWS.types[column]))
        for name, wanted in (("rows", table), ("customers", pa.Table.from_pylist(list(customers), CUSTOMERS))):
            file = self.root / f"{name}.parquet"
            if not file.exists() or not pq.read_table(file).equals(wanted):
                pq.write_table(wanted, file)

    def drop_tables(self) -> None:
        for node in {node for version in self.versions for node in version.plan.nodes}:
            self.warehouse.drop(TableName("features", node))

    def forget(self) -> None:
        """Drop the tables, and what is known of their tests."""
        self.drop_tables()
        self._file.unlink(missing_ok=True)

    def build(self, version: Version) -> dict[str, str]:
        """Build the tables and run the tests as a run of the job does; return how each test ended."""
        tests = CountedTests(self._file, program="one", trusted=OF_TABLES | OF_INPUTS)
        tests.looks = self.looks
        with remembering(tests):
            counted = "test_name:one_row_per_source_row"
            ended = self._invoke(version, "build", "--select", *version.plan.selected, "--exclude", counted)
        tests.keep({test for test, status in ended.items() if status == "pass"})
        return ended

    def test_whole(self, version: Version, tests: Iterable[str]) -> dict[str, str]:
        """Run these tests as plain dbt does; return how each ended."""
        return self._invoke(version, "test", "--select", *(test.split(".")[2] for test in tests))

    def rows(self, table: str) -> list[Row]:
        """The rows of a table, in an order of their own; none if it is not there."""
        if not (self._location(table) / "_delta_log").is_dir():
            return []
        return sorted(DeltaTable(self._location(table)).to_pyarrow_table().to_pylist(), key=str)

    def append(self, table: str, row: Mapping[str, Any]) -> None:
        """Write a row to a table, as another program would."""
        there = DeltaTable(self._location(table))
        write_deltalake(there, pa.Table.from_pylist([dict(row)], pa.schema(there.schema().to_arrow())), mode="append")

    def remove(self, table: str, condition: str) -> None:
        """Delete rows of a table, as another program would."""
        if self.rows(table):
            DeltaTable(self._location(table)).delete(condition)

    @contextmanager
    def restored(self, table: str) -> Iterator[None]:
        """Put a table's files back afterwards, in a version of their own."""
        version = DeltaTable(self._location(table)).version()
        try:
            yield
        finally:
            DeltaTable(self._location(table)).restore(version)

    def _location(self, table: str) -> Path:
        return self.warehouse.location(TableName("features", f"{NAME}__{table}"))

    @property
    def _file(self) -> Path:
        return self.warehouse.folder / ".running" / f"{NAME}.tests.json"

    def _invoke(self, version: Version, command: str, *more: str) -> dict[str, str]:
        from dbt.cli.main import dbtRunner

        result = dbtRunner(manifest=version.manifest).invoke([command, *version.arguments, *more])
        assert result.exception is None, result.exception
        ended = {each.node.unique_id: (str(each.status), each.message) for each in result.result}
        assert [message for status, message in ended.values() if status == "error"] == []
        return {test: status for test, (status, _) in ended.items() if test.startswith("test.")}


def prepare(root: Path, definitions: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]]) -> WatchedJob:
    """Parse each version of the job, given its keys and what is other in the entry of its source."""
    _remove_other_models(root)
    folder = root / "registry" / "source"
    entry = folder / "transaction" / "v1" / "mm_transaction_source.yaml"
    for file, name in ((entry, "transactions"), (folder / "customer" / "v1" / "mm_customer_source.yaml", "customers")):
        place = "rows" if name == "transactions" else name
        reword(file, f"location: data/bank/{name}.csv", f"location: {root / place}.parquet")
        reword(file, "format: csv\n    options: {header: true}", "format: parquet")
    job = WatchedJob(root, _open(root), [])
    job.write([], good_customers())
    original, versions = entry.read_text(), []
    for keys, changes in definitions:
        entry.write_text(original)
        for text, other in changes.items():
            reword(entry, text, other)
        versions.append(_version(root, keys))
    job.versions = versions
    return job


def _remove_other_models(root: Path) -> None:
    """Leave less to parse."""
    for folder in ("models/jobs", "models/features", "models/generic", "configs/jobs"):
        shutil.rmtree(root / folder)
    for file in (
        "models/unit_tests.yml",
        *(f"registry/feature/customer_{name}.yaml" for name in ("activity", "profile", "spend")),
    ):
        (root / file).unlink()
    (root / "configs" / "jobs").mkdir()


def _open(root: Path) -> Warehouse:
    project = open_project(root)
    return open_warehouse(project.target.engine, project.target.warehouse)


def _version(root: Path, keys: Mapping[str, Any]) -> Version:
    config = {
        "job_name": NAME,
        "input_source": {"source_type": "spark", "config": {"location": "jupiter.mm.fact_mm_transaction"}},
        "output_sink": {"sink_type": "display", "config": {}},
        **keys,
    }
    file = root / "configs" / "jobs" / f"{NAME}.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    project = open_project(root)
    write_files(project)
    plan = prepare_job(file, project)
    arguments = (
        *("--project-dir", str(root), "--profiles-dir", str(root / "profiles"), "--threads", "1"),
        *("--vars", json.dumps(bring_up_to_date(plan, project)), "--target-path", str(root / "target" / NAME)),
        *("--log-path", str(root / "logs"), "--log-level", "none", "--log-level-file", "none"),
        *("--no-write-json", "--no-version-check"),
    )
    parsed = invoke_dbt(["parse", *arguments], environment=jobs_left_out(root, [NAME]))
    assert parsed.success, parsed.exception
    return Version(plan, arguments, parsed.result)


def shown(test: str) -> str:
    """A test's kind and model, without its job and digest."""
    name = test.split(".")[2]
    return re.sub(f"_{NAME}__", " ", name)
