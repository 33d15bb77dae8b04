"""A sink is changed in the periods whose rows differ from what it holds, and nowhere else."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
import yaml

from feature_platform_py import Job
from feature_platform_py.core.errors import SinkError
from feature_platform_py.runs import sink_memory
from feature_platform_py.runs.run import RunReport
from feature_platform_py.sinks import divided
from feature_platform_py.sinks.stored import StoredSink
from feature_platform_py.warehouse.session import open_session

Row = dict[str, Any]
SCHEMA = pa.schema(
    [
        ("number", pa.int64()),
        ("who", pa.string()),
        ("at", pa.timestamp("us", "UTC")),
        ("day", pa.date32()),
        ("amount", pa.decimal128(12, 2)),
        ("note", pa.string()),
    ]
)
MONTHS = ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]
SPEND = {
    "name": "UserSpendAggregator",
    "params": {"user_id_col": "who", "timestamp_col": "at", "amount_col": "amount", "window_days": [10]},
}
SPEND_BY_DATE = {"name": "UserSpendAggregator", "params": SPEND["params"] | {"timestamp_col": "day"}}
TOTAL = {
    "name": "UserCategoricalSpendAggregator",
    "params": {"user_id_col": "who", "amount_col": "amount", "category_col": "note", "target_category_value": "n1"},
}
DELTA = ("overwrite_delta", {})
PARQUET = ("overwrite_parquet", {})
BY_DAY = ("overwrite_parquet", {"partition_by": ["day"]})


@pytest.fixture(scope="module", autouse=True)
def _few_rows_have_periods() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(divided, "MIN_ROWS", 0)
        yield


def first_rows() -> list[Row]:
    """Ninety rows of three people, from January to April."""
    rows = []
    for number in range(90):
        at = datetime(2024, 1, 3, tzinfo=UTC) + timedelta(hours=31 * number)
        rows.append(row(number, at, note=f"n{number % 4}" if number % 5 else None))
    return rows


def row(number: int, at: datetime | None, **more: Any) -> Row:
    day = at.date() if at else None
    return {"number": number, "who": f"w{number % 3}", "at": at, "day": day, "amount": number, "note": None} | more


class Hourly:
    """A job over a Parquet file that a test changes between its runs."""

    def __init__(
        self, root: Path, name: str, sink: tuple[str, Mapping[str, Any]], *transformers: Mapping[str, Any]
    ) -> None:
        self.root, self.name, self.rows = root, name, first_rows()
        self.source, self.path = root / f"{name}.parquet", root / "output" / name
        self.kind, self._sink = sink
        self.file = root / "configs" / "jobs" / f"{name}.yaml"
        self.define(*transformers or (SPEND,))

    def define(self, *transformers: Mapping[str, Any], **more: Any) -> None:
        definition = {
            "job_name": self.name,
            "input_source": {"source_type": "spark", "config": {"location": str(self.source), "format": "parquet"}},
            "feature_transformers": list(transformers),
            "output_sink": {"sink_type": self.kind, "config": {"path": f"output/{self.name}", **self._sink}},
            **more,
        }
        self.file.write_text(yaml.safe_dump(definition))

    def run(self) -> RunReport:
        pq.write_table(pa.Table.from_pylist(self.rows, schema=SCHEMA), self.source)
        report = Job(self.file).run()
        assert self.held() == self.wanted()
        assert report.sink.counts is not None
        for name, spread in report.sink.counts.spreads.items():
            numbers = [float(each) for each in self.view().column(name).to_pylist() if each is not None]
            expected = (statistics.fmean(numbers), statistics.pstdev(numbers), min(numbers), max(numbers))
            found = (spread.mean, spread.deviation, spread.low, spread.high)
            assert (spread.count, found) == (len(numbers), pytest.approx(expected))
        return report

    def replaced(self) -> int | None:
        return self.run().sink.replaced

    def held(self) -> Counter[str]:
        """The rows that other readers find in the sink."""
        if self.kind == "overwrite_delta":
            return counted(deltalake.DeltaTable(self.path).to_pyarrow_table())
        partitioning = pyarrow.dataset.partitioning(pa.schema([("day", pa.date32())]), flavor="hive")
        return counted(pyarrow.dataset.dataset(self.path, partitioning=partitioning).to_table())

    def wanted(self) -> Counter[str]:
        """The rows of the view with the job's features."""
        return counted(self.view())

    def view(self) -> pa.Table:
        job = Job(self.file)
        return job.session.table(f"features.{self.name}__{job.plan.output_model}").toArrow()

    def files(self) -> set[str]:
        if self.kind == "overwrite_delta":
            return set(deltalake.DeltaTable(self.path).file_uris())
        return set(map(str, self.path.rglob("*.parquet")))

    def version(self) -> int:
        return deltalake.DeltaTable(self.path).version()


def counted(table: pa.Table) -> Counter[str]:
    return Counter(repr(sorted(each.items())) for each in table.to_pylist())


@pytest.fixture(params=[DELTA, PARQUET, BY_DAY], ids=["delta", "parquet", "parquet_by_day"])
def hourly(request: pytest.FixtureRequest, module_project: Path) -> Hourly:
    transformer = SPEND_BY_DATE if request.param is BY_DAY else SPEND
    return Hourly(
        module_project, f"{request.function.__name__[5:16]}_{request.param_index}", request.param, transformer
    )


def test_each_change_replaces_the_periods_that_it_reaches(hourly: Hourly) -> None:
    assert hourly.replaced() is None
    before = hourly.files()

    hourly.rows.append(row(200, datetime(2024, 4, 29, tzinfo=UTC)))
    assert hourly.replaced() == 1, "a new row of April"
    assert hourly.files() & before, "the files of other months stay"

    hourly.rows[40] |= {"note": "a column that no feature reads"}
    assert hourly.replaced() == 1, "a correction in February"

    hourly.rows.append(row(201, datetime(2024, 1, 30, tzinfo=UTC)))
    assert hourly.replaced() == 2, "a late row of January counts in February too"

    hourly.rows.append(row(202, None))
    assert hourly.replaced() == 1, "a row without a time"

    hourly.rows = [each for each in hourly.rows if each["at"] and each["at"].month != 4]
    assert hourly.replaced() == 2, "April and the row without a time are gone"

    hourly.rows.reverse()
    before = hourly.files()
    report = hourly.run()
    assert (report.sink.replaced, report.sink.is_written, report.sink.why_left) == (0, False, "nothing new")
    assert hourly.files() == before
    filled = report.sink.counts.filled if report.sink.counts else {}
    assert report.sink.counts is not None
    assert list(report.sink.counts.spreads) == list(filled), "all features are numbers"
    assert set(filled.values()) == {len(hourly.rows)}

    hourly.rows[0] |= {"at": datetime(2024, 6, 1, tzinfo=UTC), "day": datetime(2024, 6, 1, tzinfo=UTC).date()}
    assert hourly.replaced() in {2, 3}, "a corrected time changes the month that it left, and the one that it came to"


def test_whatever_else_changes_the_sink_is_written_whole(hourly: Hourly) -> None:
    hourly.run()
    Path(min(hourly.files()).removeprefix("file://")).unlink()
    assert hourly.replaced() is None, "a lost file"

    if hourly.kind == "overwrite_delta":
        table = deltalake.DeltaTable(hourly.path)
        deltalake.write_deltalake(table, table.to_pyarrow_table().slice(0, 2), mode="append")
        assert hourly.replaced() is None, "rows of another program"
        deltalake.DeltaTable(hourly.path).optimize.compact()
    else:
        found = next(hourly.path.rglob("*.parquet"))
        found.with_name("another.parquet").write_bytes(found.read_bytes())
    assert hourly.replaced() is None, "files of another program"

    hourly.define(SPEND | {"params": SPEND["params"] | {"window_days": [5]}})
    assert hourly.replaced() is None, "other features"

    Job(hourly.file).run(full_refresh=True)
    assert hourly.replaced() in {None, 0}, "tables that were computed anew"


def test_a_table_without_periods_reaches_every_row(module_project: Path) -> None:
    hourly = Hourly(module_project, "without_periods", DELTA, SPEND, TOTAL)
    hourly.run()
    hourly.rows[40] |= {"number": 4000}
    assert hourly.replaced() == 1, "no table reads the number"
    hourly.rows.append(row(200, datetime(2024, 4, 29, tzinfo=UTC), note="n1"))
    assert hourly.replaced() is None


def test_many_months_are_years(module_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divided, "MAX_PERIODS", 3)
    hourly = Hourly(module_project, "years", DELTA)
    hourly.rows += [row(300 + number, datetime(2025, 1 + number % 3, 5, tzinfo=UTC)) for number in range(9)]
    hourly.run()
    assert len(hourly.files()) == 2
    hourly.rows[-1] |= {"amount": 70}
    assert hourly.replaced() == 1


def test_a_sink_without_times_is_left_or_written_whole(module_project: Path) -> None:
    hourly = Hourly(module_project, "without_times", PARQUET, TOTAL)
    hourly.run()
    hourly.rows.reverse()
    assert hourly.replaced() == 0
    hourly.rows[3] |= {"number": 4000}
    assert hourly.replaced() in {None, 1}


def test_what_a_failed_write_left_out_is_written_by_the_next(
    module_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly = Hourly(module_project, "failing", DELTA)
    hourly.run()
    held = hourly.held()
    hourly.rows.append(row(200, datetime(2024, 4, 29, tzinfo=UTC)))
    with monkeypatch.context() as patch:
        patch.setattr(StoredSink, "write", failing)
        with pytest.raises(SinkError):
            hourly.run()
    assert hourly.held() == held
    hourly.rows[0] |= {"note": "another"}
    assert hourly.replaced() == 2, "January has another row now, and April has had one since the last write"


def failing(*_: object) -> None:
    raise SinkError("the disk is full")


def test_a_run_that_ends_before_it_remembers_is_followed_by_a_whole_one(
    module_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly = Hourly(module_project, "forgetful", PARQUET)
    hourly.run()
    hourly.rows.append(row(200, datetime(2024, 4, 29, tzinfo=UTC)))
    with monkeypatch.context() as patch:
        patch.setattr(sink_memory.SinkMemory, "keep", lambda *_: None)
        hourly.run()
    hourly.rows.append(row(201, datetime(2024, 4, 29, tzinfo=UTC)))
    assert hourly.replaced() is None
    assert hourly.replaced() is not None


def test_rows_that_the_join_loses_are_noticed(module_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hourly = Hourly(module_project, "losing", DELTA)
    hourly.run()
    held = hourly.held()
    hourly.rows.append(row(200, datetime(2024, 4, 29, tzinfo=UTC)))
    session = open_session("sail", Job(hourly.file).project.target.warehouse)
    real: Callable[[str], Any] = type(session).table
    with monkeypatch.context() as patch:
        patch.setattr(
            type(session),
            "table",
            lambda self, name: real(self, name).limit(80) if "job_features" in name else real(self, name),
        )
        with pytest.raises(Exception, match=r"rows for 91 source rows|are not those of the source"):
            hourly.run()
    assert hourly.held() == held
