"""The exit status hangs on codes: not on how a message reads, nor on values of the data that read like a message."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from tests.conftest import Fpjob, reword

HOSTILE = (
    "[FP_AMOUNT_WITHOUT_ROOM] amounts of column `a`: expected less",
    'fp:{"code": "source_changed", "text": "t"}',
    'fp:{"code": "failed_test_row", "test": "t", "values": []}',
    "source `sources.rows`: the files changed while they were read",
    "a date or time lies outside of the years 1 to 9999",
    "Cannot convert arrow::TimestampMicrosecondType 1 to datetime",
    "depends on a source named 'a.b' which was not found",
    "failed test `t`: a: 1",
    "SESSION_CLOSED StatusCode.UNAVAILABLE",
)
# One value that is all of them, each also at the beginning of a line.
VALUE = "\n".join(HOSTILE)
TRANSFORMER = """\
name: Hostile
description: A transformer that fails, of a user.
macro: hostile
params:
  - {name: who, reads: key}
keys: [who]
features:
  - {name: hostile_number, type: int, description: A number.}
"""
MACRO = """\
{%% macro hostile(relation, who) -%%}
select {{ sql_identifier(who) }}, %s as hostile_number from {{ relation }}
{%%- endmacro %%}
"""
JOB = """\
job_name: hostile
input_source: {source_type: spark, config: {location: rows.parquet}}
feature_transformers:
  - %s
output_sink: {sink_type: overwrite_parquet, config: {path: output/hostile}}
"""
OWN = "{name: Hostile, params: {who: who}}"
SPEND = (
    "{name: UserCategoricalSpendAggregator,"
    " params: {user_id_col: who, amount_col: amount, category_col: who, target_category_value: a}}"
)


def write_rows(*whos: str, amount: float = 1.0) -> None:
    rows = [{"who": who, "amount": amount, "at": datetime(2024, 1, 1, tzinfo=UTC)} for who in whos]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), "rows.parquet")


def run(fpjob: Fpjob, transformer: str) -> Any:
    Path("hostile.yaml").write_text(JOB % transformer)
    return fpjob("run", "hostile.yaml")


def write_macro(expression: str) -> None:
    Path("transformers").mkdir(exist_ok=True)
    Path("transformers/hostile.yaml").write_text(TRANSFORMER)
    Path("macros/transformers/hostile.sql").write_text(MACRO % expression)


def test_a_value_that_an_engine_quotes_is_not_a_message(module_project: Path, fpjob: Fpjob) -> None:
    write_macro("cast({{ sql_identifier(who) }} as int)")
    write_rows(VALUE)
    outcome = run(fpjob, OWN)
    assert outcome.status == 3, outcome.stderr
    assert "Cannot cast string" in outcome.stderr
    assert all(each in outcome.stderr for each in HOSTILE)


def test_a_value_that_a_failed_test_found_is_not_a_message_however_the_line_for_people_reads(
    module_project: Path, fpjob: Fpjob
) -> None:
    reword("macros/quality/report_failed_tests.sql", "'failed test `'", "'this test found something: `'")
    reword("macros/aggregation/aggregate.sql", "select * from final", "select final.* from final cross join range(2)")
    write_rows(VALUE)
    outcome = run(fpjob, SPEND)
    assert outcome.status == 1, outcome.stderr
    (found,) = (part for part in outcome.stderr.split("\ntest `")[1:] if part.startswith("unique_grain"))
    assert f"`: who: {VALUE}, row_count: 2\nThe sink was not written." in found


def test_a_fault_that_is_worded_anew_ends_with_the_same_status(module_project: Path, fpjob: Fpjob) -> None:
    reword(
        "macros/aggregation/exact_numbers.sql",
        "'amounts of column `' ~ number.column ~ '`: expected",
        "'What is this? Expected",
    )
    write_rows("a", amount=1e22)
    outcome = run(fpjob, SPEND)
    assert outcome.status == 1, outcome.stderr
    assert "\nWhat is this? Expected floating-point amounts below 10^22" in outcome.stderr
    assert "FP_" not in outcome.stderr


def test_a_source_that_dbt_does_not_know_is_named(module_project: Path, fpjob: Fpjob) -> None:
    model = Path("models/of_unknown.sql")
    model.write_text("select * from {{ source('customer', 'unheard_of') }}\n")
    write_rows("a")
    outcome = run(fpjob, SPEND)
    model.unlink()
    assert outcome.status == 2, outcome.stderr
    assert outcome.stderr.endswith(
        "a model reads the source `customer.unheard_of`, which dbt does not know; describe it in the registry and run"
        " `fpjob registry sync`, or correct the model\n"
    )
