"""What a plan says of columns that look ahead: the parameters that it names are those that the transformers have."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.features import catalogue
from feature_platform_py.features.built_in.generic import WithGreeting
from feature_platform_py.features.columns import OutputColumn
from feature_platform_py.jobs.describe import plan_lines
from tests.unit.jobs.jobs import local_project

MONTHLY = "{name: UserMonthlyTransactionCounter, params: {user_id_col: user_id, timestamp_col: timestamp}}"
SPEND = (
    "{name: UserCategoricalSpendAggregator,"
    " params: {user_id_col: user_id, amount_col: amount, category_col: category, target_category_value: rent}}"
)
AGE = "{name: SimpleAgeCalculator, params: {birthdate_col: timestamp}}"
WHOLE = "{name: LooksAhead, params: {}}"


class LooksAhead(WithGreeting):
    """A transformer that looks ahead whatever its parameters."""

    def output_columns(self, columns: object) -> tuple[OutputColumn, ...]:
        return (OutputColumn("whole", "string", looks_ahead=True),)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests list the transformers that there are."""
    monkeypatch.setitem(catalogue._registered, "LooksAhead", LooksAhead)


def look_ahead_lines(folder: Path, *transformers: str) -> list[str]:
    listed = "".join(f"  - {each}\n" for each in transformers)
    path = folder / "job.yaml"
    path.write_text(
        "job_name: told\ninput_source: {source_type: spark, config: {location: jupiter.mm.fact_mm_transaction}}\n"
        f"feature_transformers:\n{listed}output_sink: {{sink_type: display}}\n"
    )
    project = local_project()
    lines = plan_lines(prepare_job(path, project), project.target)
    start = next((number for number, line in enumerate(lines) if "Looks ahead" in line), len(lines))
    return [line.strip() for line in lines[start:]]


@pytest.mark.parametrize(
    ("transformers", "expected"),
    [
        ([MONTHLY.replace("timestamp}", "timestamp, as_of: event_time}")], []),
        (
            [MONTHLY],
            ["Looks ahead of the row: user_monthly_txn_count", "(training data should use `as_of: event_time`)"],
        ),
        (
            [SPEND],
            [
                "Looks ahead of the row: user_total_spend_rent",
                "(training data should use `as_of: event_time`, with a `timestamp_col`)",
            ],
        ),
        ([AGE], ["Looks ahead of the row: age", "(training data should use `as_of_col`)"]),
        ([WHOLE], ["Looks ahead of the row: whole", "(no parameter changes that for whole)"]),
        (
            [AGE, MONTHLY, WHOLE],
            [
                "Looks ahead of the row: age, user_monthly_txn_count, whole",
                "(training data should use `as_of: event_time` for user_monthly_txn_count; `as_of_col` for age)",
                "(no parameter changes that for whole)",
            ],
        ),
    ],
)
def test_the_way_to_known_values_is_one_that_there_is(
    tmp_path: Path, transformers: list[str], expected: list[str]
) -> None:
    assert look_ahead_lines(tmp_path, *transformers) == expected
