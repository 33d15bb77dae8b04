"""Transformers take frames of this process, and give back such ones in the same order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import dataset

from feature_platform_py import FeatureTransformer, OutputColumn, UserSpendAggregator, get_transformer
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.testing import assert_features_equal, edge_case_frame
from tests.parity.engines import sail_server

COLUMNS = {"user_id_col": "user_id", "timestamp_col": "timestamp", "amount_col": "amount"}
SPEND = UserSpendAggregator(**COLUMNS, window_days=(7,))
FRAME = pd.DataFrame(
    {
        "user_id": pd.array([2, 1, None, 2], dtype="Int64"),
        "timestamp": pd.to_datetime(["2024-01-07", "2024-01-01", "2024-01-01", "2024-01-01"]),
        "amount": [Decimal("1.50"), Decimal("2.00"), Decimal("3.00"), None],
        "kind": pd.Categorical(["b", "a", "a", None]),
    },
    index=[3, 3, 1, 0],
)
TOTALS = [Decimal("1.50"), Decimal("2.00"), None, None]


@pytest.fixture(autouse=True)
def no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPARK_REMOTE", raising=False)


class Half(FeatureTransformer):
    """Loses rows, which no transformer may."""

    def output_columns(self, columns: Any) -> tuple[OutputColumn, ...]:
        return (OutputColumn("half", "int"),)

    def transform(self, dataframe: Any) -> Any:
        return dataframe.limit(2).selectExpr("*", "1 as half")


def test_a_frame_of_pandas_gets_columns_behind_its_own() -> None:
    found = SPEND.apply(FRAME)
    pd.testing.assert_frame_equal(found[list(FRAME.columns)], FRAME)
    assert list(found.columns)[4:] == ["user_7d_total_spend", "user_7d_avg_spend"]
    assert found["user_7d_total_spend"].tolist() == TOTALS
    greeted = get_transformer("WithGreeting", {"name_col": "kind"}).apply(FRAME)
    assert greeted["greeting"].tolist() == ["Hello, b", "Hello, a", "Hello, a", "Hello, World!"]


def _batch(table: pa.Table) -> pa.RecordBatch:
    return table.to_batches()[0]


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (pl.DataFrame, pl.DataFrame),
        (pa.table, pa.Table),
        (_batch, pa.Table),
        (pa.Table.to_reader, pa.Table),
    ],
    ids=["polars", "table", "batch", "reader"],
)
def test_other_frames_stay_what_they_are(make: Callable[[pa.Table], Any], kind: type[Any]) -> None:
    table = pa.Table.from_pandas(FRAME.assign(kind=FRAME["kind"].astype(str)), preserve_index=False)
    found = SPEND.apply(make(table))
    assert isinstance(found, kind)
    assert pa.table(found).column("user_7d_total_spend").to_pylist() == TOTALS


def test_a_frame_may_be_empty() -> None:
    found = SPEND.apply(pa.Table.from_pandas(FRAME, preserve_index=False).slice(0, 0))
    assert found.column_names == [*FRAME.columns, "user_7d_total_spend", "user_7d_avg_spend"]
    assert found.num_rows == 0


def test_a_server_computes_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with sail_server() as port:
        monkeypatch.setenv("SPARK_REMOTE", f"sc://127.0.0.1:{port}")
        assert SPEND.apply(FRAME)["user_7d_total_spend"].tolist() == TOTALS


def test_rows_that_break_naive_code_give_what_a_frame_of_spark_gives(feature_session: Any) -> None:
    frame = edge_case_frame(feature_session)
    wanted = SPEND.apply(frame)
    assert_features_equal(SPEND.apply(frame.toArrow()), wanted)


def test_what_stands_for_a_frame_of_spark_gives_one(feature_session: Any) -> None:
    class Holder:
        def to_spark(self) -> Any:
            return feature_session.sql("select 'b' as kind")

    found = get_transformer("WithGreeting", {"name_col": "kind"}).apply(Holder())
    assert [row["greeting"] for row in found.collect()] == ["Hello, b"]


@pytest.mark.parametrize(
    ("transformer", "frame", "said"),
    [
        (
            SPEND,
            FRAME.drop(columns="amount"),
            "column `amount` is missing in the DataFrame. Its columns: `user_id`, `timestamp`, `kind`",
        ),
        (
            SPEND,
            FRAME.assign(user_7d_avg_spend=1),
            "adds the column `user_7d_avg_spend`, but the DataFrame already has it",
        ),
        (
            SPEND,
            [{"user_id": 1}],
            "expected a DataFrame of Spark, pandas or Polars, an Arrow table, or an object with `__arrow_c_stream__`,"
            " given builtins.list; `pandas.DataFrame(...)` makes a frame of it",
        ),
        (SPEND, FRAME["amount"], "given one column"),
        (SPEND, pl.LazyFrame({"user_id": [1]}), "LazyFrame, which is lazy: call `.collect()` on it"),
        (SPEND, dataset.dataset(pa.table({"user_id": [1]})), "which is a dataset: call `.to_table()` on it"),
        (
            Half(),
            FRAME,
            "transformer `Half`: expected one row for each of 4 rows, given 2; `transform` must keep all rows",
        ),
    ],
)
def test_what_does_not_fit_is_refused(transformer: FeatureTransformer, frame: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        transformer.apply(frame)
    assert len(str(caught.value).splitlines()) == 1
    assert said in str(caught.value)
    assert "_row_number" not in str(caught.value)


def test_transform_names_the_method_that_takes_other_frames() -> None:
    with pytest.raises(ConfigurationError) as caught:
        SPEND.transform(FRAME)
    assert str(caught.value) == (
        "`UserSpendAggregator.transform`: expected a DataFrame of Spark, given pandas.DataFrame; `apply` takes frames of pandas,"
        " Polars and Arrow too"
    )
