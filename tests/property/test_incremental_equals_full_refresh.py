"""After any edits of the source, and of the job, a run leaves the tables and the sink that a full refresh would leave.

`FP_EXAMPLES` sets how many random histories are tried, over all shapes.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import deltalake
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_platform_py.sinks import divided
from tests.oracle.brute_force import expected_rows
from tests.oracle.compare import differences
from tests.oracle.generators import TARGETS, Kind, Row, anchors, tables
from tests.property.edits import Edit, apply, edits
from tests.property.incremental_jobs import IncrementalJob, Version, prepare

USUAL_EXAMPLES = 64
EXAMPLES = int(os.environ.get("FP_EXAMPLES", USUAL_EXAMPLES))
MEDDLING = ("add", "compact", "remove", "damage")
FIRST_LOAD = datetime(2024, 6, 1, tzinfo=UTC)
Transformer = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """A kind of table, how its source is registered, and the versions of the job over it."""

    name: str
    kind: Kind
    versions: tuple[Mapping[str, Any], ...]
    source: tuple[tuple[str, str], ...] = ()
    sink: str = "overwrite_delta"

    @property
    def is_loaded(self) -> bool:
        return "loaded_at" in dict(self.source)

    def schema(self) -> pyarrow.Schema:
        schema = self.kind.schema()
        return schema.append(pyarrow.field("loaded", pyarrow.timestamp("us", "UTC"))) if self.is_loaded else schema


@dataclass(frozen=True)
class Batch:
    """The edits before one run, how long after the last load they come, the job's version if it changes, whether old files go, and
    what somebody else does to the sink.
    """

    edits: list[Edit]
    hours: int
    version: int | None
    is_cleaned: bool
    meddling: str | None


@dataclass(frozen=True)
class History:
    """A first table, and what then happens to it."""

    rows: list[Row]
    version: int
    batches: list[Batch]


@st.composite
def histories(draw: st.DrawFn, shape: Shape) -> History:
    anchor = draw(anchors())
    version = st.sampled_from(range(len(shape.versions)))
    batch = st.builds(
        Batch,
        st.lists(edits(shape.kind, anchor, is_load=shape.is_loaded), max_size=4),
        st.sampled_from((0, 1)),
        st.none() | version,
        st.booleans(),
        st.sampled_from((None, None, None, None, *MEDDLING)),
    )
    size = draw(st.sampled_from((1, 2, 1, 3)))
    batches = draw(st.lists(batch, min_size=size, max_size=size))
    return History(draw(tables(shape.kind, anchor)), draw(version), batches)


def spend(windows: list[int], **params: Any) -> Transformer:
    given = {"user_id_col": "who", "timestamp_col": "at", "amount_col": "amount", "window_days": windows}
    return {"name": "UserSpendAggregator", "params": given | params}


def monthly(**params: Any) -> Transformer:
    return {"name": "UserMonthlyTransactionCounter", "params": {"user_id_col": "who", "timestamp_col": "at"} | params}


def categorical(*targets: str, **params: Any) -> Transformer:
    given = {"user_id_col": "who", "timestamp_col": "at", "amount_col": "amount", "category_col": "kind"}
    target = {"target_category_value": list(targets)}
    return {"name": "UserCategoricalSpendAggregator", "params": given | target | params}


def windows(*features: Mapping[str, Any], **params: Any) -> Transformer:
    given = {"keys": ["who"], "timestamp_col": "at", "features": [*map(dict, features)]}
    return {"name": "WindowAggregator", "params": given | params}


def of(function: str, column: str | None, *over: str, **more: Any) -> Mapping[str, Any]:
    """A windowed feature; ties are in the order of `number`, which has ties of its own."""
    is_ordered = function.split("_")[0] in ("first", "last")
    order = {"order_by": "number"} if is_ordered else {}
    named = {"column": column} if column else {}
    return {"function": function, "windows": list(over), **named, **order, **more}


def job(*transformers: Transformer, filters: tuple[Mapping[str, Any], ...] = ()) -> Mapping[str, Any]:
    return {"feature_transformers": list(transformers), "input_source": {"filters": [*map(dict, filters)]}}


AS_OF = {"as_of": "event_time"}
WHOLE = job(spend([1, 7, 30]), monthly(), categorical("food"))
TO_DATE = job(spend([7, 30]), monthly(**AS_OF), categorical("Food", **AS_OF))
FEWER_ROWS = {"column": "kind", "op": "not_equals", "value": ""}
FILTERED = job(spend([1, 7, 30]), monthly(), categorical("food"), filters=(FEWER_ROWS,))
TO_DATE_FILTERED = job(spend([7, 30]), monthly(**AS_OF), categorical("Food", **AS_OF), filters=(FEWER_ROWS,))
SEVERAL_SETS = job(
    spend([1, 7]),
    spend([30], timestamp_col="booked", amount_col="fee"),
    monthly(timestamp_col="booked"),
    categorical(*TARGETS[1:3], **AS_OF),
    categorical("food", timestamp_col="booked", **AS_OF),
)
# One set of totals is over all time, so the table has no periods.
SETS_WITHOUT_PERIODS = job(
    spend([7], amount_col="fee"), categorical("food", **AS_OF), categorical("null", amount_col="fee")
)
FOOD = [{"column": "kind", "op": "equals", "value": "food"}]
TRAILING = windows(
    of("sum", "amount", "1d", "30d offset 7d", fill_value=0),
    of("avg", "amount", "7d", closed="left"),
    of("count", None, "36h", "2w", closed="both", where=FOOD),
    of("min", "amount", "7d", "1d offset 1d"),
    of("max", "kind", "30d", closed="none"),
    of("count_distinct", "kind", "7d", "30d offset 1d"),
    of("first", "kind", "7d", closed="left"),
    of("last", "amount", "30d offset 7d"),
    of("last_k", "amount", "30d", k=2),
    of("seconds_since_first", None, "7d"),
    of("seconds_since_last", None, "7d", closed="left"),
)
CALENDAR = windows(
    of("sum", "amount", "day", "previous month"),
    of("avg", "amount", "quarter"),
    of("count", None, "month", "previous quarter", closed="left"),
    of("max", "amount", "week", "previous year"),
    of("count_distinct", "kind", "year", "previous day"),
    of("last", "kind", "previous week", "month"),
    of("first_k", "kind", "month", k=3),
    of("seconds_since_last", None, "previous month"),
    time_zone="Europe/Prague",
)
LIFETIME = windows(
    of("sum", "amount", "lifetime", by={"column": "kind", "values": ["food", "fo'od\\"]}, fill_value=0),
    of("count", "kind", "lifetime", closed="left"),
    of("min", "amount", "lifetime"),
    of("count_distinct", "kind", "lifetime"),
    of("first", "kind", "lifetime"),
    of("last", "kind", "lifetime", closed="left"),
    of("last_k", "amount", "lifetime", k=3),
    of("seconds_since_first", None, "lifetime"),
    of("count", None, "1d"),
)
# Of decimal(12,2): variances are of numbers with few digits.
SPREAD = windows(of("stddev", "amount", "7d", "month"), of("variance", "amount", "lifetime", "previous week"))
OTHER_KEYS = windows(
    of("sum", "amount", "7d", "lifetime"), of("last", "number", "30d"), keys=["who", "kind"], prefix="pair_"
)
OTHER_TIME = windows(of("sum", "fee", "30d", "month"), timestamp_col="booked", prefix="booked_")
SHAPES = [
    Shape("months", Kind("decimal", has_seconds=True), (WHOLE, TO_DATE, FILTERED, SEVERAL_SETS)),
    Shape("days", Kind("wide_decimal", "string"), (TO_DATE, WHOLE, TO_DATE_FILTERED), (("period", "day"),)),
    Shape("years", Kind("double", "double"), (TO_DATE, WHOLE), (("period", "year"),), "overwrite_parquet"),
    Shape("dates", Kind("bigint", "string", has_dates=True, has_seconds=True), (SEVERAL_SETS, SETS_WITHOUT_PERIODS)),
    Shape(
        "loads",
        Kind("decimal", has_seconds=True),
        (TO_DATE, WHOLE, SEVERAL_SETS),
        (("period", "month"), ("loaded_at", "loaded")),
    ),
    Shape("filtered_loads", Kind("int"), (TO_DATE, TO_DATE_FILTERED), (("period", "day"), ("loaded_at", "loaded"))),
    Shape(
        "windows",
        Kind("decimal", has_seconds=True),
        (job(TRAILING), job(CALENDAR), job(LIFETIME, spend([7])), job(SPREAD, OTHER_KEYS, OTHER_TIME)),
        sink="overwrite_parquet",
    ),
    Shape(
        "windows_of_loads",
        Kind("double", "string"),
        (job(TRAILING, LIFETIME), job(CALENDAR)),
        (("period", "day"), ("loaded_at", "loaded")),
    ),
]
# The same code with other types: only in long runs.
if EXAMPLES > USUAL_EXAMPLES:
    SHAPES += [
        Shape("windows_of_dates", Kind("int", "string", has_dates=True), (job(CALENDAR, TRAILING), job(LIFETIME))),
        Shape(
            "windows_of_years", Kind("wide_decimal", "double"), (job(LIFETIME), job(TRAILING)), (("period", "year"),)
        ),
    ]


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: shape.name)
def prepared(request: pytest.FixtureRequest, module_project: Path) -> Iterator[tuple[Shape, IncrementalJob]]:
    shape: Shape = request.param
    with pytest.MonkeyPatch.context() as patch:
        # The tables have few rows.
        patch.setattr(divided, "MIN_ROWS", 0)
        yield (
            shape,
            prepare(module_project, shape.name, shape.schema(), shape.versions, sink=shape.sink, **dict(shape.source)),
        )


@settings(
    max_examples=-(-EXAMPLES // len(SHAPES)),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_incremental_equals_full_refresh(prepared: tuple[Shape, IncrementalJob], data: st.DataObject) -> None:
    shape, job = prepared
    history = data.draw(histories(shape))
    loaded = FIRST_LOAD
    rows = stamped(history.rows, [], loaded) if shape.is_loaded else history.rows
    version = job.versions[history.version]
    job.write(rows)
    job.start(version)
    shutil.rmtree(job.sink, ignore_errors=True)
    for batch in history.batches:
        before, loaded = rows, loaded + timedelta(hours=batch.hours)
        rows = apply(batch.edits, rows)
        rows = stamped(rows, before, loaded) if shape.is_loaded else rows
        version = version if batch.version is None else job.versions[batch.version]
        if batch.is_cleaned:
            job.clean()
        job.write(rows)
        job.run(version)
        assert table_differences(job, version) == []
        meddle(batch.meddling, job.sink)
        job.write_sink(version)
        assert counted(job.written(version)) == counted(job.stored("job_features"))
        expected = expected_rows(rows, version.transformers, filters=version.filters)
        actual = job.stored("job_features").to_pylist()
        assert differences(actual, expected, identified_by=shape.schema().names) == []


def meddle(how: str | None, sink: Path) -> None:
    """Do to the sink what another program may do: add files, take some away, write into one, or put all into one."""
    files = sorted(sink.rglob("*.parquet"))
    if how is None or not files:
        return
    if how == "add" and (sink / "_delta_log").exists():
        table = deltalake.DeltaTable(sink)
        deltalake.write_deltalake(table, table.to_pyarrow_table().slice(0, 1), mode="append")
    elif how == "compact" and (sink / "_delta_log").exists():
        deltalake.DeltaTable(sink).optimize.compact()
    elif how in ("add", "compact"):
        shutil.copy(files[0], sink / "another.parquet")
    elif how == "remove":
        files[-1].unlink()
    else:
        files[0].write_bytes(files[0].read_bytes()[::-1])


def counted(table: pyarrow.Table) -> Counter[str]:
    """How often each row is there."""
    return Counter(repr(sorted(row.items())) for row in table.to_pylist())


def stamped(rows: list[Row], before: list[Row], loaded: datetime) -> list[Row]:
    """The rows, those that were not there before with a load time."""
    kept = set(map(id, before))
    return [row if id(row) in kept else row | {"loaded": loaded} for row in rows]


def table_differences(job: IncrementalJob, version: Version) -> list[str]:
    """Where stored feature tables differ from refreshed ones, in names and types of columns or in rows."""
    messages = []
    for model, wanted in job.refreshed(version).items():
        found = job.stored(model)
        if columns(found) != columns(wanted):
            messages.append(f"{model}: columns {columns(found)} instead of {columns(wanted)}")
        else:
            # The engine may round the last bit of an average otherwise in another query plan; users are keys.
            schema = compared(wanted).schema
            exact = [each.name for each in schema if each.name == "who" or not pyarrow.types.is_floating(each.type)]
            rows = compared(found).to_pylist(), compared(wanted).to_pylist()
            messages += [f"{model}: {message}" for message in differences(*rows, identified_by=exact)]
    return messages


def columns(table: pyarrow.Table) -> list[tuple[str, str]]:
    # An engine may put the column of the partitions last.
    return sorted((field.name, str(field.type)) for field in table.schema)


def compared(table: pyarrow.Table) -> pyarrow.Table:
    """Without the load time, which a row that is loaded again unchanged leaves as it was."""
    return table.select(sorted(set(table.column_names) - {"_input_loaded_at"}))
