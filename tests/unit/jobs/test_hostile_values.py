"""Texts that look like SQL or Jinja are refused, or carried as the data that they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.jobs.config import JobConfig, load_job_config
from tests.unit.jobs.jobs import GOOD_JOB, problems

HOSTILE = [
    'amount"; drop table x; --',
    "{{ env_var('HOME') }}",
    "{% do run_query('drop table x') %}",
    "'||'",
    "`; select 1; `",
    "\\' or 1=1 --",
    "*/ x /*",
    "../../../etc/no/passwd",
    "日本語 ‮ \N{SNOWMAN}",
]


def load(folder: Path, text: str) -> JobConfig:
    path = folder / "job.yaml"
    path.write_text(text, encoding="utf-8")
    return load_job_config(path, environ={})


@pytest.mark.parametrize("value", HOSTILE)
class TestHostile:
    """Each value in each kind of field; a value that is carried is the value itself, character by character."""

    def test_a_job_name_is_refused(self, tmp_path: Path, value: str) -> None:
        [(line, message)] = problems(tmp_path, GOOD_JOB.replace("job_name: spend", f"job_name: {json.dumps(value)}"))
        assert line == 1
        assert message.startswith("`job_name`: expected at most 60 characters")

    @pytest.mark.parametrize("key", ["user_id_col", "timestamp_col", "amount_col", "category_col"])
    def test_a_column_is_not_found(self, tmp_path: Path, value: str, key: str) -> None:
        lines = GOOD_JOB.splitlines()
        at = max(number for number, line in enumerate(lines) if f" {key}:" in line)
        lines[at] = f"      {key}: {json.dumps(value)}"
        [(line, message)] = problems(tmp_path, "\n".join(lines))
        assert line == at + 1
        assert "is missing in the source" in message

    def test_a_filter_column_is_not_found(self, tmp_path: Path, value: str) -> None:
        text = GOOD_JOB.replace("column: transaction_type", f"column: {json.dumps(value)}")
        [(line, message)] = problems(tmp_path, text)
        assert line == 9
        assert "is missing in the source" in message

    def test_a_filter_value_is_data(self, tmp_path: Path, value: str) -> None:
        job = load(tmp_path, GOOD_JOB.replace("value: debit", f"value: {json.dumps(value)}"))
        assert job.input_source.filters[0].value == value

    def test_a_category_is_data_and_its_column_a_plain_name(self, tmp_path: Path, value: str) -> None:
        text = GOOD_JOB.replace("household payment", f"a{json.dumps(value)[1:-1]}".join('""'))
        transformer = load(tmp_path, text).feature_transformers[1]
        assert transformer.transformer.target_category_value == (f"a{value}",)
        [column] = transformer.outputs([])
        assert column.name.replace("_", "").isascii()
        assert column.name.replace("_", "").isalnum()

    def test_a_description_is_data(self, tmp_path: Path, value: str) -> None:
        assert load(tmp_path, GOOD_JOB.replace("a test", json.dumps(value))).description == value

    def test_an_option_is_data_and_its_name_is_refused(self, tmp_path: Path, value: str) -> None:
        job = load(tmp_path, GOOD_JOB.replace("format: delta", f"options: {{sep: {json.dumps(value)}}}"))
        assert job.input_source.options == {"sep": value}
        text = GOOD_JOB.replace("format: delta", f"options: {{{json.dumps(value)}: x}}")
        with pytest.raises(ConfigurationError, match=r":7: .*expected an option's name"):
            load(tmp_path, text)

    @pytest.mark.parametrize(
        ("written", "line"),
        [
            ("source_type: databricks_spark", 4),
            ("format: delta", 7),
            ("op: equals", 9),
            ("- name: UserSpendAggregator", 11),
            ("window_days: 30", 16),
            ("sink_type: overwrite_parquet", 24),
        ],
    )
    def test_a_choice_is_refused(self, tmp_path: Path, value: str, written: str, line: int) -> None:
        key = written.partition(":")[0]
        found = problems(tmp_path, GOOD_JOB.replace(written, f"{key}: {json.dumps(value)}"))
        assert [number for number, _ in found] == [line]

    def test_a_location_is_a_path_or_refused(self, tmp_path: Path, value: str) -> None:
        text = GOOD_JOB.replace("location: jupiter.mm.fact_mm_transaction", f"location: {json.dumps(value)}")
        [(line, message)] = problems(tmp_path, text)
        assert line == 6
        assert "no file or folder" in message or "expected a path without" in message

    def test_a_sink_path_is_data_or_refused(self, tmp_path: Path, value: str) -> None:
        text = GOOD_JOB.replace("path: output/features", f"path: {json.dumps(value)}")
        if "{" in value or "*" in value:
            with pytest.raises(ConfigurationError, match=r":26: .*expected a path without"):
                load(tmp_path, text)
        else:
            assert load(tmp_path, text).output_sink.settings["path"] == value

    def test_a_partition_column_is_not_found(self, tmp_path: Path, value: str) -> None:
        text = GOOD_JOB + f"    partition_by: [{json.dumps(value)}]\n"
        [(line, message)] = problems(tmp_path, text)
        assert line == 27
        assert "is missing in the result" in message

    def test_no_message_holds_what_a_terminal_obeys(self, tmp_path: Path, value: str) -> None:
        text = GOOD_JOB.replace("amount_col: amount", f"amount_col: {json.dumps(value)}")
        assert all(message.isprintable() for _, message in problems(tmp_path, text))
