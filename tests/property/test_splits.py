"""On random rows, a split has the parts of the plain reference, and no row from which a later part can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from feature_platform_py.jobs.split import Split
from feature_platform_py.sources.scoring import shown_time
from feature_platform_py.testing import reference_part
from feature_platform_py.warehouse.spark_session_manager import SparkSessionManager
from tests.integration.test_golden_sql import GOLDEN, check
from tests.property.asking_sql import rendered
from tests.property.test_scoring_rows import view

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CASES = 60
DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
BOUNDARIES = (date(2024, 1, 31), date(2024, 3, 1), datetime(2024, 2, 10, 12, 30, tzinfo=UTC), date(1969, 12, 31))
TEMPLATE = """
{% for case in var('cases') %}
select {{ loop.index0 }} as case_no, row, split from (
{{ split_rows(api.Relation.create(identifier=case.table), **case.arguments) }}
) as rows_of_case
{{ 'union all\n' if not loop.last }}
{% endfor %}
"""


@dataclass(frozen=True, kw_only=True, repr=False)
class Case:
    """Rows with times, and how they are split."""

    times: list[Any]
    is_day: bool
    split: Split
    ahead: int

    @property
    def table(self) -> pa.Table:
        kind = pa.date32() if self.is_day else pa.timestamp("us", "UTC")
        return pa.table({"row": pa.array(range(len(self.times)), pa.int64()), "it's `at`": pa.array(self.times, kind)})

    def expected(self) -> dict[int, str | None]:
        found = {
            place: reference_part(
                each,
                valid_from=self.split.valid_from,
                test_from=self.split.test_from,
                reach_seconds=self.split.reach_seconds(self.ahead),
            )
            for place, each in enumerate(self.times)
        }
        return {place: part for place, part in found.items() if part != "purged"}

    def arguments(self) -> dict[str, Any]:
        ends = [{"name": each.name, **({"end": shown_time(each.end)} if each.end else {})} for each in self.split.parts]
        data_type = "date" if self.is_day else "timestamp"
        return {
            "columns": {"row": "bigint", "it's `at`": data_type},
            "event_time": {"it's `at`": data_type},
            "parts": ends,
            "reach_seconds": self.split.reach_seconds(self.ahead),
        }


def instant(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)


def case(number: int) -> Case:
    """Return a case, always the same one for a number."""
    choice = Random(f"split {number}")
    first, second = sorted(choice.sample(BOUNDARIES, 2), key=instant)
    valid_from, test_from = choice.choice(((first, second), (first, None), (None, second)))
    gap, ahead = choice.choice((0, 3600, 86_400, 30 * 86_400)), choice.choice((0, 1, 86_400, 7 * 86_400))
    reach = timedelta(seconds=max(gap, ahead))
    near = [timedelta(), MICROSECOND, -MICROSECOND, -reach, -reach - MICROSECOND, -reach + MICROSECOND, -400 * DAY, DAY]
    starts = [instant(each) for each in (valid_from, test_from) if each]
    times: list[Any] = [choice.choice(starts) + choice.choice(near) for _ in range(20)]
    is_day = choice.random() < 0.4
    times = [each.date() for each in times] if is_day else times
    return Case(times=[*times, None], is_day=is_day, split=Split(valid_from, test_from, gap), ahead=ahead)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    with SparkSessionManager("sail", tmp_path_factory.mktemp("warehouse")) as session:
        yield session


def test_rows_are_in_the_parts_of_the_reference(spark: SparkSession, tmp_path: Path) -> None:
    cases = [case(number) for number in range(CASES)]
    variables = []
    for place, each in enumerate(cases):
        view(spark, each.table, f"split_{place}", tmp_path)
        variables.append({"table": f"split_{place}", "arguments": each.arguments()})
    found = spark.sql(rendered(TEMPLATE, {"cases": variables})).toArrow().to_pylist()
    for place, each in enumerate(cases):
        rows = {row["row"]: row["split"] for row in found if row["case_no"] == place}
        assert rows == each.expected(), f"case {place}"
    parts = [part for each in cases for part in each.expected().values()]
    assert {"train", "valid", "test", None} == set(parts)
    assert len(parts) < sum(len(each.times) for each in cases)


def test_the_sql_is_as_kept(request: pytest.FixtureRequest) -> None:
    kept = Case(times=[], is_day=False, split=Split(BOUNDARIES[0], BOUNDARIES[2], 0), ahead=30 * 86_400)
    template = "{{ split_rows(api.Relation.create(identifier='labels'), **var('arguments')) }}"
    check(request, GOLDEN / "asking" / "split_rows.sql", rendered(template, {"arguments": kept.arguments()}))
