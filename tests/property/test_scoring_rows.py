"""On random rows, a scoring set has the keys and times that the plain reference lists, and training and scoring give one value.

`FP_EXAMPLES` sets how many random cases are tried.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.parquet
import pytest

from feature_platform_py.reference.equality import canonical
from feature_platform_py.reference.windows import micros_of
from feature_platform_py.sources.scoring import shown_time
from feature_platform_py.testing import KeySource, reference_scoring_rows
from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager
from tests.integration.test_golden_sql import GOLDEN, check
from tests.property import test_point_in_time as training
from tests.property.asking_sql import rendered
from tests.property.asking_tables import Batch, batch
from tests.property.same_values import is_same

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CASES = 25
EXAMPLES = int(os.environ.get("FP_EXAMPLES", "100"))
TRAINED = range(max(1, EXAMPLES // 100))
TIMES = 2
START, MICROSECOND = datetime(2024, 2, 27, tzinfo=UTC), timedelta(microseconds=1)
KEYS = {"customer no.": "bigint", "it's `who`": "string"}
TEMPLATE = """
{% for case in var('cases') %}
    {% set relations = [] %}
    {% for name in case.tables %}
        {% do relations.append(api.Relation.create(identifier=name)) %}
    {% endfor %}
select {{ loop.index0 }} as case_no, {{ case.shown }} from (
{{ _scoring_query(case.input, relations) }}
) as rows_of_case
{{ 'union all
' if not loop.last }}
{% endfor %}
"""


@dataclass(frozen=True, kw_only=True, repr=False)
class Case:
    """The sources of a scoring set with their rows, its times, and what it is asked for."""

    sources: Sequence[KeySource]
    names: Sequence[str]
    times: Sequence[date]
    every: timedelta
    active_within: timedelta | None
    closed: Literal["right", "left"]

    @property
    def is_day(self) -> bool:
        return not isinstance(self.times[0], datetime)

    def expected(self) -> set[tuple[Hashable, int]]:
        active = None if self.active_within is None else int(self.active_within.total_seconds())
        return reference_scoring_rows(self.sources, self.times, active_within=active, closed=self.closed)

    def variable(self, tables: Sequence[str]) -> dict[str, Any]:
        time = {"name": "asked", "type": "date" if self.is_day else "timestamp"}
        every = int(self.every.total_seconds())
        scoring = {
            "keys": {name: KEYS[name] for name in self.names},
            "time": time,
            "sources": [self._source(each) for each in self.sources],
            "instants": {"start": shown_time(self.times[0]), "every_seconds": every, "number": len(self.times)},
            "active_within": None if self.active_within is None else int(self.active_within.total_seconds()),
            "is_open": self.closed == "left",
        }
        listed = [f"`{name.replace('`', '``')}`" if name in self.names else "cast(null as string)" for name in KEYS]
        shown = f"{listed[0]} as who, {listed[1]} as name, unix_micros(cast(asked as timestamp)) as at"
        return {"tables": list(tables), "input": {"scoring": scoring, "filters": []}, "shown": shown}

    def _source(self, source: KeySource) -> dict[str, Any]:
        kind = "date" if pa.types.is_date(source.rows.schema.field("at").type) else "timestamp"
        known = {"loaded_at": source.loaded_at, "available_after": source.available_after}
        return {
            "keys": dict(zip(self.names, source.keys, strict=True)),
            "event_time": {"at": kind},
            **{name: value for name, value in known.items() if value is not None},
        }


def case(number: int) -> Case:
    """Return a case, always the same one for a number."""
    choice = Random(f"scoring {number}")
    is_day = choice.random() < 0.4
    every = (
        timedelta(days=choice.choice((1, 7, 30))) if is_day else timedelta(seconds=choice.choice((1, 3600, 100_000)))
    )
    times: list[date] = [START.date() if is_day else START + choice.choice((0, 1)) * MICROSECOND]
    times += [times[0] + every * step for step in range(1, choice.choice((1, 1, 2, 5)))]
    active = choice.choice(
        (None, timedelta(seconds=1), timedelta(days=1), every, 3 * every, every + timedelta(hours=1))
    )
    names = list(KEYS)[: choice.choice((1, 2))]
    sources = [_source(choice, names, times, active or every) for _ in range(choice.choice((1, 1, 2)))]
    closed = choice.choice(("right", "left"))
    return Case(sources=sources, names=names, times=times, every=every, active_within=active, closed=closed)


def _source(choice: Random, names: Sequence[str], times: Sequence[date], active: timedelta) -> KeySource:
    late = choice.choice(({}, {}, {"loaded_at": "loaded"}, {"available_after": 3600}))
    instants = [
        datetime(*each.timetuple()[:3], tzinfo=UTC) if not isinstance(each, datetime) else each for each in times
    ]
    around = [shift + part for shift in (timedelta(), -active) for part in (timedelta(), MICROSECOND, -MICROSECOND)]
    around += [timedelta(days=-400), timedelta(days=400), timedelta(hours=-1)]
    rows = []
    for _ in range(choice.randrange(12)):
        at = choice.choice((*(choice.choice(instants) + choice.choice(around) for _ in range(9)), None))
        arrivals = (at, choice.choice(instants), choice.choice(instants) + MICROSECOND, None)
        key = {"who": choice.choice((1, 2, -3, None)), "name": choice.choice(("a", "", None))}
        rows.append({**key, "at": at, "loaded": None if at is None else choice.choice(arrivals)})
    kind = pa.date32() if choice.random() < 0.3 else pa.timestamp("us", "UTC")
    fields = [
        ("who", choice.choice((pa.int32(), pa.int64()))),
        ("name", pa.string()),
        ("at", kind),
        ("loaded", pa.timestamp("us", "UTC")),
    ]
    if kind == pa.date32():
        rows = [row | {"at": row["at"] and row["at"].date()} for row in rows]
    table = pa.Table.from_pylist(rows, pa.schema(fields))
    return KeySource(rows=table, keys=["who", "name"][: len(names)], event_time="at", **late)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    with SparkSessionManager("sail", tmp_path_factory.mktemp("warehouse")) as session:
        yield session


@pytest.mark.parametrize("number", range(-(-EXAMPLES // CASES)))
def test_the_rows_are_the_keys_at_the_times(number: int, spark: SparkSession, tmp_path: Path) -> None:
    cases = [case(number * CASES + place) for place in range(CASES)]
    variables = []
    for place, each in enumerate(cases):
        tables = [f"case_{place}_{position}" for position in range(len(each.sources))]
        for name, source in zip(tables, each.sources, strict=True):
            view(spark, source.rows, name, tmp_path)
        variables.append(each.variable(tables))
    found = spark.sql(rendered(TEMPLATE, {"cases": variables})).toArrow().to_pylist()
    for place, each in enumerate(cases):
        rows = [_row(row, each) for row in found if row["case_no"] == place]
        assert len(rows) == len(set(rows)), f"case {number * CASES + place}: a key is there twice"
        assert set(rows) == each.expected(), f"case {number * CASES + place}"


def _row(row: Mapping[str, Any], tried: Case) -> tuple[Hashable, int]:
    return canonical([row[name] for name in ("who", "name")[: len(tried.names)]]), row["at"]


def view(spark: SparkSession, table: pa.Table, name: str, folder: Path) -> None:
    pyarrow.parquet.write_table(table, folder / f"{name}.parquet")
    spark.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)


@pytest.mark.parametrize("name", ["all_keys", "active_keys"])
def test_the_sql_is_as_kept(request: pytest.FixtureRequest, name: str) -> None:
    days = [date(2024, 1, 1) + timedelta(days=7 * week) for week in range(3)]
    active = timedelta(days=30) if name == "active_keys" else None
    rows = pa.table({"who": pa.array([1], pa.int64()), "at": pa.array([START], pa.timestamp("us", "UTC"))})
    source = KeySource(rows=rows, keys=["who"], event_time="at", loaded_at="loaded")
    kept = Case(
        sources=[source],
        names=["customer no."],
        times=days,
        every=timedelta(days=7),
        active_within=active,
        closed="right",
    )
    template = "{{ _scoring_query(var('input'), [api.Relation.create(identifier='events')]) }}"
    sql = rendered(template, {"input": kept.variable([])["input"]})
    check(request, GOLDEN / "scoring" / f"{name}.sql", sql)


@pytest.mark.parametrize("number", TRAINED)
def test_a_scoring_set_gives_the_values_of_training(number: int, spark: SparkSession, tmp_path: Path) -> None:
    tried = replace(batch(number), others=[])
    trained = training.answers(tried, spark, tmp_path)
    names = [name for name in trained[0] if name not in tried.asking.schema.names]
    keys = list(tried.keys.values())
    asking = {row["row"]: row for row in tried.asking.to_pylist()}
    compared = 0
    for time in Random(number).sample(_times(tried), TIMES):
        scored = {
            canonical([row[name] for name in keys]): row for row in training.answers(at(tried, time, spark, tmp_path), spark, tmp_path)
        }  # fmt: skip
        for row in trained:
            asked = asking[row["row"]]
            if (key := canonical([asked[name] for name in keys])) in scored and asked["asked"] == time:
                compared += 1
                for name in names:
                    assert is_same(scored[key][name], row[name], tolerance=1e-12), f"{name} of {asked}"
    assert compared >= TIMES


def _times(tried: Batch) -> list[Any]:
    """The times at which rows ask whose keys have events."""
    keyed = {canonical([row[name] for name in tried.keys]) for row in tried.events.to_pylist()}
    rows = tried.asking.to_pylist()
    keys = [[row[name] for name in tried.keys.values()] for row in rows]
    there = [row["asked"] for row, key in zip(rows, keys, strict=True) if None not in key and canonical(key) in keyed]
    return sorted({each for each in there if each is not None})


def at(tried: Batch, time: Any, spark: SparkSession, folder: Path) -> Batch:
    """Return a batch that is asked by each key of the events, at one time."""
    view(spark, tried.events, "keyed", folder)
    is_day = not isinstance(time, datetime)
    types = {name: tried.common[own] for own, name in tried.keys.items()}
    scoring = {
        "keys": types,
        "time": {"name": "asked", "type": "date" if is_day else "timestamp"},
        "sources": [{"keys": {name: own for own, name in tried.keys.items()}}],
        "instants": {
            "start": shown_time(time if is_day else time.replace(tzinfo=UTC)),
            "every_seconds": 1,
            "number": 1,
        },
        "active_within": None,
        "is_open": False,
    }
    variable = {"tables": ["keyed"], "input": {"scoring": scoring, "filters": []}, "shown": "*"}
    rows = spark.sql(rendered(TEMPLATE, {"cases": [variable]})).toArrow()
    assert rows.num_rows
    return replace(tried, asking=rows.append_column("row", pa.array(range(rows.num_rows))))


def test_a_key_is_active_from_its_row_on_and_within_the_time_before() -> None:
    rows = [{"who": 1, "at": datetime(2024, 1, 1, tzinfo=UTC)}]
    days = [date(2023, 12, 31), date(2024, 1, 1), date(2024, 1, 3), date(2024, 1, 4)]
    source = KeySource(rows=rows, keys=["who"], event_time="at")
    found = reference_scoring_rows([source], days, active_within=3 * 86_400)
    assert {each for _, each in found} == {micros_of(each) for each in days[1:3]}
