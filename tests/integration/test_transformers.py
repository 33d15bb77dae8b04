"""Transformers on DataFrames: the generic ones, and what `apply` refuses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from feature_platform_py import FeatureTransformer, OutputColumn, SimpleAgeCalculator, UserSpendAggregator, WithGreeting
from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.warehouse.session import open_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    return open_session("sail", tmp_path_factory.mktemp("warehouse"))


def completed_years(born: date | None, at: date) -> int | None:
    """Years whose anniversary has come; who is born on the last day of a month has it on the last day of that month."""
    if born is None or born > at:
        return None
    ends_month = [(day + timedelta(days=1)).day == 1 for day in (born, at)]
    has_come = (at.month, at.day) >= (born.month, born.day) or (at.month == born.month and all(ends_month))
    return at.year - born.year - (not has_come)


DAYS = [
    date(2000, 2, 29),
    date(2001, 2, 28),
    date(2001, 3, 1),
    date(2004, 2, 28),
    date(2004, 2, 29),
    date(1990, 1, 31),
    date(2019, 2, 28),
    date(2020, 2, 29),
    date(2020, 1, 30),
    date(1969, 12, 31),
    date(1970, 1, 1),
    date(2023, 12, 31),
    date(2024, 1, 1),
]


def test_the_age_at_a_date_is_in_completed_years(session: SparkSession) -> None:
    pairs = [(born, at) for born in [*DAYS, None] for at in DAYS]
    frame = session.createDataFrame(pairs, "born date, at date")
    rows = SimpleAgeCalculator(birthdate_col="born", as_of_col="at").apply(frame).collect()
    wrong = [row for row in rows if row["age"] != completed_years(row["born"], row["at"])]
    assert (len(rows), wrong) == (len(pairs), [])


def test_the_age_today_is_at_the_day_in_utc(session: SparkSession) -> None:
    today = datetime.now(UTC).date()
    born = [today.replace(year=1990, day=1), today + timedelta(days=1), today, None]
    frame = session.createDataFrame([(day,) for day in born], "born date")
    ages = [
        row["years"] for row in SimpleAgeCalculator(birthdate_col="born", output_col="years").apply(frame).collect()
    ]
    assert ages == [today.year - 1990, None, 0, None]


def test_the_age_of_a_time_is_that_of_its_day(session: SparkSession) -> None:
    frame = session.sql("select timestamp'1990-05-15 23:59:59' as born, timestamp'2020-05-15 00:00:00' as at")
    assert SimpleAgeCalculator(birthdate_col="born", as_of_col="at").apply(frame).first()["age"] == 30


def test_a_greeting_is_for_the_name_or_for_the_world(session: SparkSession) -> None:
    frame = session.createDataFrame([("Anna",), ("",), (None,), ("O'Brien {x}",)], "name string")
    greeted = WithGreeting(name_col="name").apply(frame)
    expected = ["Hello, Anna", "Hello, World!", "Hello, World!", "Hello, O'Brien {x}"]
    assert [row["greeting"] for row in greeted.collect()] == expected
    assert {row["hi"] for row in WithGreeting(greeting_col_name="hi").apply(frame).collect()} == {"Hello, World!"}


def test_a_missing_column_is_named_with_those_that_there_are(session: SparkSession) -> None:
    frame = session.createDataFrame([(1,)], "birthday int")
    with pytest.raises(ConfigurationError) as error:
        SimpleAgeCalculator(birthdate_col="birthdate").apply(frame)
    assert str(error.value) == (
        "transformer `SimpleAgeCalculator`: `birthdate_col`: column `birthdate` is missing in the DataFrame. "
        "Did you mean `birthday`? Its columns: `birthday`"
    )


def test_a_column_of_another_kind_is_refused(session: SparkSession) -> None:
    frame = session.createDataFrame([(1, 2, "x")], "user_id int, day int, amount string")
    with pytest.raises(ConfigurationError) as error:
        UserSpendAggregator(user_id_col="user_id", timestamp_col="day", amount_col="amount").apply(frame)
    assert str(error.value).splitlines() == [
        "transformer `UserSpendAggregator`: `timestamp_col`: expected a date or timestamp column as the event time, "
        "`day` is int",
        "transformer `UserSpendAggregator`: `amount_col`: expected a numeric column as the amount, `amount` is string",
    ]


def test_a_column_that_would_be_added_twice_is_refused(session: SparkSession) -> None:
    frame = session.createDataFrame([(1,)], "Greeting int")
    with pytest.raises(ConfigurationError, match="adds the column `greeting`, but the DataFrame already has it"):
        WithGreeting().apply(frame)


class Broken(FeatureTransformer):
    """Says that it adds `one`, an int."""

    added: str
    value: str = "1"

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        return (OutputColumn("one", "int"),)

    def transform(self, dataframe: DataFrame) -> DataFrame:
        return dataframe.selectExpr("*", f"{self.value} as {self.added}")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"added": "two"}, "expected the columns `id`, `one` of `transform`, given `id`, `two`"),
        ({"added": "one", "value": "'1'"}, "column `one` is string; `output_columns` says int"),
    ],
)
def test_a_transformer_adds_what_it_says(session: SparkSession, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        Broken(**params).apply(session.range(1))
    assert str(error.value) == f"transformer `Broken`: {message}"


def test_column_names_and_values_of_any_kind_are_only_data(session: SparkSession) -> None:
    frame = session.createDataFrame(
        [(1, date(2024, 1, 1), 5, "{a} `b` 'c'"), (1, date(2024, 1, 2), 7, None)],
        "`u {x}` int, `t``t` date, `a 'm` int, `c; drop` string",
    )
    spend = UserSpendAggregator(user_id_col="u {x}", timestamp_col="t`t", amount_col="a 'm", window_days=(1, 2))
    rows = spend.apply(frame).orderBy("`t``t`").collect()
    assert [(row["user_1d_total_spend"], row["user_2d_total_spend"]) for row in rows] == [(5, 5), (7, 12)]


@pytest.mark.parametrize("data_type", ["double", "float"])
def test_zeros_of_either_sign_are_one_user_and_so_is_nan(session: SparkSession, data_type: str) -> None:
    users = [0.0, -0.0, math.nan, -math.nan, 1.0]
    frame = session.createDataFrame(
        [(number, user, date(2024, 1, 1), 10**number) for number, user in enumerate(users)],
        f"number int, user {data_type}, day date, amount bigint",
    )
    spend = UserSpendAggregator(user_id_col="user", timestamp_col="day", amount_col="amount", window_days=1)
    rows = spend.apply(frame).orderBy("number").collect()
    assert [row["user_1d_total_spend"] for row in rows] == [11, 11, 1100, 1100, 10000]
    assert [math.copysign(1, row["user"]) for row in rows if row["user"] == 0] == [1, -1]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "UTC"])
def test_days_between_dates_do_not_depend_on_the_zone_of_the_session(session: SparkSession, zone: str) -> None:
    # Clocks go on in Berlin on 2024-03-31, and went on in Sao Paulo at midnight of 2018-11-04: that day has no midnight there.
    days = [
        date(2018, 11, 3),
        date(2018, 11, 4),
        date(2018, 11, 5),
        date(2024, 3, 30),
        date(2024, 3, 31),
        date(2024, 4, 1),
    ]
    frame = session.createDataFrame(
        [(1, day, 2**number) for number, day in enumerate(days)], "user int, day date, amount bigint"
    )
    kept = session.conf.get("spark.sql.session.timeZone")
    session.conf.set("spark.sql.session.timeZone", zone)
    try:
        spend = UserSpendAggregator(user_id_col="user", timestamp_col="day", amount_col="amount", window_days=(1, 2))
        rows = spend.apply(frame).orderBy("day").collect()
    finally:
        session.conf.set("spark.sql.session.timeZone", kept)
    expected = [(1, 1), (2, 3), (4, 6), (8, 8), (16, 24), (32, 48)]
    assert [(row["user_1d_total_spend"], row["user_2d_total_spend"]) for row in rows] == expected
