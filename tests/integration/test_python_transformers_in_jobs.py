"""Jobs with transformers in Python: alone, beside those in SQL, from the project's own folder, and with faults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Fpjob

PROFILE = "configs/jobs/sample_customer_profile_job.yaml"

MIXED = """\
job_name: mixed
input_source: {source_type: spark, config: {location: jupiter.mm.fact_mm_transaction}}
feature_transformers:
  - {name: WithGreeting, params: {greeting_col_name: "hello `{{ 1 }}` {% x %}", name_col: category}}
  - {name: UserSpendAggregator, params: {user_id_col: user_id, timestamp_col: timestamp, amount_col: amount}}
  - {name: WithGreeting, params: {greeting_col_name: spent, name_col: user_30d_total_spend}}
  - {name: SimpleAgeCalculator, params: {birthdate_col: timestamp, as_of_col: TIMESTAMP, output_col: years}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/mixed}}
"""


def write_job(project: Path, text: str, name: str = "job") -> str:
    path = f"configs/jobs/{name}.yaml"
    (project / path).write_text(text)
    return path


def test_the_sample_job_of_customers_shows_age_and_greeting(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("run", PROFILE)
    assert outcome.status == 0, outcome.stderr
    header, _, first, *_ = outcome.stdout.splitlines()
    assert header.split()[-2:] == ["age", "greeting"]
    assert first.endswith("Hello, World!")
    assert "10 of 4,500 rows shown" in outcome.stderr.splitlines()[-1]
    assert fpjob("show", PROFILE).stdout.splitlines()[0].split()[-2:] == ["age", "greeting"]


def test_a_job_may_mix_both_kinds_in_the_order_of_its_columns(project: Path, fpjob: Fpjob) -> None:
    job = write_job(project, MIXED)
    outcome = fpjob("run", job)
    assert outcome.status == 0, outcome.stderr
    import pyarrow.parquet as pq

    table = pq.read_table(project / "output" / "mixed")
    assert table.num_rows == 49_102
    assert table.column_names[8:] == [
        "hello `{{ 1 }}` {% x %}",
        "user_30d_total_spend",
        "user_30d_avg_spend",
        "spent",
        "years",
    ]
    rows = table.to_pylist()
    assert {row["years"] for row in rows} == {0}
    assert all(row["spent"] == f"Hello, {row['user_30d_total_spend']}" for row in rows)
    greetings = {f"Hello, {row['category']}" if row["category"] else "Hello, World!" for row in rows}
    assert {row["hello `{{ 1 }}` {% x %}"] for row in rows} == greetings


def test_sql_reads_the_columns_of_the_source_only(project: Path, fpjob: Fpjob) -> None:
    text = MIXED.replace("amount_col: amount", "amount_col: years")
    outcome = fpjob("validate", write_job(project, text))
    assert outcome.status == 2
    assert outcome.stderr.splitlines()[0] == (
        "configs/jobs/job.yaml:5: `feature_transformers[1].params.amount_col`: column `years` is added by the Python transformer "
        "`SimpleAgeCalculator` of line 7. In any order of the list, transformers in SQL run first, and read the source's columns only,"
        " because their tables are kept and follow the source; those in Python run after them. Put `years` into the source, or write"
        " `UserSpendAggregator` in Python"
    )


DOUBLED = '''
"""An amount, twice."""

from typing import Annotated

from feature_platform_py import ColumnName, FeatureTransformer, OutputColumn, Reads


class DoubledAmount(FeatureTransformer):
    """Twice an amount."""

    amount_col: Annotated[ColumnName, Reads("amount", "number")]

    def output_columns(self, columns):
        return (OutputColumn("doubled", None, description="Twice the amount."),)

    def transform(self, dataframe):
        return dataframe.withColumn("doubled", dataframe[self.amount_col] * 2)
'''

DOUBLED_JOB = """\
job_name: doubled
input_source: {source_type: spark, config: {location: jupiter.mm.fact_mm_transaction}}
feature_transformers:
  - {name: DoubledAmount, params: {amount_col: amount}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/doubled}}
"""


def test_a_transformer_of_the_project_is_known_by_its_class(project: Path, fpjob: Fpjob) -> None:
    (project / "transformers").mkdir()
    (project / "transformers" / "doubled_amount.py").write_text(DOUBLED)
    job = write_job(project, DOUBLED_JOB)
    outcome = fpjob("run", job)
    assert outcome.status == 0, outcome.stderr
    import pyarrow.parquet as pq

    rows = pq.read_table(project / "output" / "doubled").to_pylist()
    assert all(row["doubled"] == 2 * row["amount"] for row in rows)
    listed = json.loads(fpjob("list", "--format", "json").stdout)
    assert {"name": "DoubledAmount", "params": "amount_col"} in listed["transformers"]
    lineage = fpjob("lineage", "job_enriched.doubled").stdout
    assert "transaction.mm_transaction.amount" in lineage
    assert "job:doubled" in lineage or "doubled" in lineage.splitlines()[-1]


def test_a_transformer_that_cannot_be_imported_says_where(project: Path, fpjob: Fpjob) -> None:
    (project / "transformers").mkdir()
    (project / "transformers" / "doubled_amount.py").write_text(DOUBLED.replace("Annotated[C", "Annotate[C"))
    outcome = fpjob("validate", write_job(project, DOUBLED_JOB))
    assert outcome.status == 2
    assert (
        "doubled_amount.py:12: the module cannot be imported: NameError: name 'Annotate' is not defined"
        in outcome.stderr
    )


def test_two_transformers_of_one_name_are_refused(project: Path, fpjob: Fpjob) -> None:
    (project / "transformers").mkdir()
    for name in ("doubled_amount", "twice"):
        (project / "transformers" / f"{name}.py").write_text(DOUBLED)
    outcome = fpjob("validate", write_job(project, DOUBLED_JOB))
    assert outcome.status == 2
    assert "twice.py: `DoubledAmount` is the name of another file's transformer; rename one of them" in outcome.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "status", "message"),
    [
        ('"doubled", dataframe', '"other", dataframe', 3, "transformer `DoubledAmount`: expected the columns"),
        ("* 2)", "* 2).where('amount > 1000')", 1, "drops or repeats rows"),
        ("* 2)", "* 2).selectExpr('*', 'explode(array(1, 2)) as n').drop('n')", 1, "drops or repeats rows"),
    ],
    ids=["another column", "dropped rows", "repeated rows"],
)
def test_a_transformer_that_is_wrong_leaves_the_sink_as_it_was(
    right: str, wrong: str, status: int, message: str, project: Path, fpjob: Fpjob
) -> None:
    (project / "transformers").mkdir()
    module = project / "transformers" / "doubled_amount.py"
    module.write_text(DOUBLED)
    job = write_job(project, DOUBLED_JOB)
    assert fpjob("run", job).status == 0
    before = {path: path.read_bytes() for path in (project / "output" / "doubled").iterdir()}
    assert right in DOUBLED
    module.write_text(DOUBLED.replace(right, wrong))
    outcome = fpjob("run", job)
    assert outcome.status == status
    assert message in outcome.stderr
    assert {path: path.read_bytes() for path in (project / "output" / "doubled").iterdir()} == before
