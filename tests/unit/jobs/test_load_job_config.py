"""A job file as frozen values."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError
from datetime import date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from feature_platform_py.features.built_in.financial import (
    UserCategoricalSpendAggregator,
    UserMonthlyTransactionCounter,
    UserSpendAggregator,
)
from feature_platform_py.features.row_filters import RowFilter
from feature_platform_py.jobs.config import JobConfig, load_job_config
from feature_platform_py.sinks.display import Display
from feature_platform_py.sinks.parquet_files import ParquetFiles
from tests.unit.jobs.jobs import GOOD_JOB, ROOT

SAMPLE = ROOT / "configs" / "jobs" / "sample_financial_features_job.yaml"


def load(folder: Path, text: str) -> JobConfig:
    path = folder / "job.yaml"
    path.write_text(text)
    return load_job_config(path, environ={})


def with_sink(sink_type: str, config: str = "{path: x}") -> str:
    return GOOD_JOB[: GOOD_JOB.index("output_sink")] + f"output_sink: {{sink_type: {sink_type}, config: {config}}}\n"


def test_the_sample_job() -> None:
    job = load_job_config(SAMPLE)
    assert job.path == SAMPLE
    assert job.job_name == "financial_features_extraction_v1"
    assert job.input_source.source_type == "databricks_spark"
    assert job.input_source.location == "jupiter.mm.fact_mm_transaction"
    assert job.input_source.format == "delta"
    assert [transformer.transformer for transformer in job.feature_transformers] == [
        UserSpendAggregator(user_id_col="user_id", timestamp_col="timestamp", amount_col="amount", window_days=(30,)),
        UserMonthlyTransactionCounter(user_id_col="user_id", timestamp_col="timestamp"),
        UserCategoricalSpendAggregator(
            user_id_col="user_id",
            amount_col="amount",
            category_col="category",
            target_category_value=("household payment",),
        ),
    ]
    assert job.output_sink == Display(num_rows=20, truncate=False)


def test_a_job_tells_the_line_of_any_key(tmp_path: Path) -> None:
    job = load(tmp_path, GOOD_JOB)
    assert job.line("feature_transformers", 0, "params", "amount_col") == 15
    assert job.line("output_sink") == 23
    assert job.input_source.filters[0].place.line == 9


def test_a_job_cannot_be_changed(tmp_path: Path) -> None:
    job = load(tmp_path, GOOD_JOB)
    with pytest.raises(FrozenInstanceError):
        job.job_name = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        job.feature_transformers[0].transformer.amount_col = "other"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        job.output_sink.path = "other"  # type: ignore[attr-defined]


def test_what_is_left_out_has_defaults(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("description: a test\n", "").replace("      window_days: 30\n", "")
    text = text.replace(
        "    format: delta\n  filters:\n    - {column: transaction_type, op: equals, value: debit}\n", ""
    )
    job = load(tmp_path, text)
    assert (job.description, job.input_source.format, job.input_source.filters) == ("", None, ())
    assert job.feature_transformers[0].transformer == UserSpendAggregator(
        user_id_col="user_id", timestamp_col="timestamp", amount_col="amount", window_days=(30,)
    )
    assert job.output_sink == ParquetFiles(path="output/features", mode="overwrite", partition_by=(), options={})


def test_display_has_defaults(tmp_path: Path) -> None:
    text = GOOD_JOB[: GOOD_JOB.index("output_sink")] + "output_sink:\n  sink_type: display\n"
    assert load(tmp_path, text).output_sink == Display(num_rows=20, truncate=False)


@pytest.mark.parametrize(
    ("sink_type", "kind", "mode"),
    [
        ("delta_table", "delta_table", "error"),
        ("overwrite_delta", "delta_table", "overwrite"),
        ("append_delta", "delta_table", "append"),
        ("parquet_files", "parquet_files", "error"),
        ("overwrite_parquet", "parquet_files", "overwrite"),
        ("append_parquet", "parquet_files", "append"),
    ],
)
def test_an_alias_is_a_kind_and_a_mode(tmp_path: Path, sink_type: str, kind: str, mode: str) -> None:
    sink = load(tmp_path, with_sink(sink_type)).output_sink
    assert (sink.kind, sink.settings["mode"]) == (kind, mode)


@pytest.mark.parametrize("mode", ["overwrite", "append", "error", "ignore"])
def test_a_mode_can_be_chosen(tmp_path: Path, mode: str) -> None:
    sink = load(tmp_path, with_sink("parquet_files", f"{{path: x, mode: {mode}}}")).output_sink
    assert sink == ParquetFiles(path="x", mode=mode)


def test_options_are_texts_for_an_engine(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("format: delta", "options: {header: true, sep: ';', maxColumns: 12, ratio: 0.5}")
    assert load(tmp_path, text).input_source.options == {
        "header": "true",
        "sep": ";",
        "maxColumns": "12",
        "ratio": "0.5",
    }


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{column: c, op: equals, value: debit}", RowFilter("c", "equals", "debit")),
        ("{column: c, op: not_equals, value: 5}", RowFilter("c", "not_equals", 5)),
        ("{column: c, op: gt, value: -0.5}", RowFilter("c", "gt", -0.5)),
        ("{column: c, op: equals, value: true}", RowFilter("c", "equals", True)),
        ("{column: c, op: gte, value: 1994-01-31}", RowFilter("c", "gte", date(1994, 1, 31))),
        ("{column: c, op: lt, value: 1994-01-31 12:30:00}", RowFilter("c", "lt", datetime(1994, 1, 31, 12, 30))),
        ("{column: c, op: in, value: [a, b]}", RowFilter("c", "in", ("a", "b"))),
        ("{column: c, op: not_in, value: [1]}", RowFilter("c", "not_in", (1,))),
        ("{column: c, op: is_null}", RowFilter("c", "is_null")),
        ("{column: c, op: is_not_null, value: }", RowFilter("c", "is_not_null")),
    ],
)
def test_filters(tmp_path: Path, written: str, expected: RowFilter) -> None:
    text = GOOD_JOB.replace("{column: transaction_type, op: equals, value: debit}", written)
    assert load(tmp_path, text).input_source.filters == (expected,)


def test_a_query_is_an_input_too(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("databricks_spark", "databricks_sql").replace("    format: delta\n", "")
    text = text.replace("location: jupiter.mm.fact_mm_transaction", "query: select * from t")
    source = load(tmp_path, text).input_source
    assert (source.source_type, source.query, source.location) == ("databricks_sql", "select * from t", None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("CZ", "CZ"),
        ("'2024-01-31'", "2024-01-31"),
        ("2024-01-31", date(2024, 1, 31)),
        ("12", 12),
        ("0.5", 0.5),
        ("true", True),
        ("'${LIMIT:-7}'", "7"),
    ],
)
def test_parameters_of_a_query_keep_their_types(tmp_path: Path, written: str, expected: object) -> None:
    text = GOOD_JOB.replace("databricks_spark", "databricks_sql").replace("    format: delta\n", "")
    query = f"query: select :p\n    parameters: {{p: {written}}}"
    source = load(tmp_path, text.replace("location: jupiter.mm.fact_mm_transaction", query)).input_source
    assert source.parameters == {"p": expected}
    assert type(source.parameters["p"]) is type(expected)


def test_loading_a_job_imports_no_engine() -> None:
    code = (
        "import sys; from feature_platform_py.jobs.checks import load_checked_job;"
        "print(sorted({'dbt', 'pyspark', 'pandas', 'pyarrow', 'pysail'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
