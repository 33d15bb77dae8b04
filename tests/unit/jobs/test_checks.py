"""Whether a job fits its source, beyond what the table of broken jobs shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.jobs.checks import CheckedJob, ResolvedSource, check_job, load_checked_job
from feature_platform_py.jobs.config import load_job_config
from tests.unit.jobs.jobs import GOOD_JOB, check, local_project, problems

AD_HOC = GOOD_JOB.replace("location: jupiter.mm.fact_mm_transaction\n    format: delta", "location: data.csv")
COLUMNS = [
    ("USER_ID", "string"),
    ("Timestamp", "date"),
    ("amount", "double"),
    ("category", "string"),
    ("transaction_type", "string"),
]


def check_ad_hoc(folder: Path, columns: Columns | None, text: str = AD_HOC) -> CheckedJob:
    """A job on a CSV file with the given columns, in a project without a registry."""
    (folder / "data.csv").touch()
    path = folder / "job.yaml"
    path.write_text(text)
    return load_checked_job(path, local_project(root=folder), columns_of=lambda _: columns, environ={})


def problems_ad_hoc(folder: Path, columns: Columns | None, text: str = AD_HOC) -> list[tuple[int, str]]:
    with pytest.raises(ConfigurationError) as raised:
        check_ad_hoc(folder, columns, text)
    return [(problem.line, problem.message) for problem in raised.value.problems]


def test_a_checked_job_has_its_source_and_columns(tmp_path: Path) -> None:
    job = check(tmp_path, GOOD_JOB)
    assert job.source.registered is not None
    assert job.columns == job.source.columns
    assert ("amount", "decimal(12,2)") in (job.columns or ())


def test_columns_are_found_whatever_their_case_and_spelled_as_the_source_spells_them(tmp_path: Path) -> None:
    text = AD_HOC.replace("column: transaction_type", "column: Transaction_Type") + "    partition_by: [CATEGORY]\n"
    config = check_ad_hoc(tmp_path, COLUMNS, text).config
    params = config.feature_transformers[0].transformer
    assert (params.user_id_col, params.timestamp_col) == ("USER_ID", "Timestamp")
    assert config.input_source.filters[0].column == "transaction_type"
    assert config.output_sink.settings["partition_by"] == ("category",)


def test_of_two_columns_that_differ_in_case_the_exact_one_is_meant_but_both_are_a_problem(tmp_path: Path) -> None:
    message = "the source's columns `amount` and `Amount` are the same name to Spark; rename one of them"
    assert problems_ad_hoc(tmp_path, [*COLUMNS, ("Amount", "string")]) == [(6, message)]


def test_unknown_columns_leave_what_can_be_checked_without_them(tmp_path: Path) -> None:
    assert check_ad_hoc(tmp_path, None).columns is None
    twice = AD_HOC.replace("UserCategoricalSpendAggregator", "UserSpendAggregator")
    twice = twice.replace("category_col: category\n      target_category_value: household payment", "timestamp_col: t")
    assert [line for line, _ in problems_ad_hoc(tmp_path, None, twice)] == [16, 16]


def test_an_output_that_the_source_has_already_is_a_problem(tmp_path: Path) -> None:
    message = (
        "transformer `UserSpendAggregator` adds the column `user_30d_avg_spend`, "
        "which is already a column of the source; rename it there"
    )
    assert problems_ad_hoc(tmp_path, [*COLUMNS, ("User_30d_AVG_spend", "double")]) == [(10, message)]


def test_a_key_cannot_have_the_name_of_a_feature_table_column(tmp_path: Path) -> None:
    columns = [("period_start", "date"), *COLUMNS]
    found = problems_ad_hoc(
        tmp_path, columns, AD_HOC.replace("timestamp_col: timestamp", "timestamp_col: PERIOD_START")
    )
    assert found == [
        (
            13,
            "`feature_transformers[0].params.timestamp_col`: `period_start` is a name that feature tables use for a "
            "column of their own; rename the source's",
        )
    ]


def test_another_column_may_have_the_name_of_a_feature_table_column(tmp_path: Path) -> None:
    assert check_ad_hoc(tmp_path, [("period_start", "date"), *COLUMNS])


def test_partitions_need_a_column_beside_them(tmp_path: Path) -> None:
    text = AD_HOC[: AD_HOC.index("  - name: UserCat")] + AD_HOC[AD_HOC.index("output_sink") :]
    names = [*(name for name, _ in COLUMNS), "user_30d_total_spend", "user_30d_avg_spend"]
    found = problems_ad_hoc(tmp_path, COLUMNS, text + f"    partition_by: [{', '.join(names)}]\n")
    assert found == [(20, "expected at least one column that is not in `partition_by`; remove some")]


def test_partitions_by_an_unread_transformers_output_are_not_blamed(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("window_days: 30", "window_days: 0") + "    partition_by: [user_30d_avg_spend]\n"
    assert [line for line, _ in problems(tmp_path, text)] == [16]


QUERY = GOOD_JOB.replace("databricks_spark", "databricks_sql").replace("    format: delta\n", "")
QUERY = QUERY.replace("location: jupiter.mm.fact_mm_transaction", "query: select * from t")


def test_the_rows_of_a_query_are_a_table_of_the_job(tmp_path: Path) -> None:
    source = check(tmp_path, QUERY).source
    assert (source.location, source.query, source.columns) == ("sources.spend__input", "select * from t", None)
    assert source.shown == "a query of the SQL warehouse, kept in sources.spend__input"


def test_the_rows_of_a_query_are_an_environments_own(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(QUERY)
    checked = load_checked_job(tmp_path / "job.yaml", local_project().in_schema("dev_anna"), environ={})
    assert checked.source.location == "sources__dev_anna.spend__input"


def test_a_query_is_refused_where_the_target_is_databricks_itself(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(QUERY)
    with pytest.raises(ConfigurationError) as raised:
        load_checked_job(tmp_path / "job.yaml", local_project("databricks"), environ={})
    assert [(problem.line, problem.message) for problem in raised.value.problems] == [
        (
            4,
            "`input_source.source_type`: `databricks_sql` is for targets outside of Databricks; save the query as a view, "
            "and use `databricks_spark` with its name as the `location`",
        )
    ]


def test_a_sink_does_not_write_to_the_rows_of_its_query(tmp_path: Path) -> None:
    text = QUERY.replace("overwrite_parquet", "overwrite_delta").replace(
        "path: output/features", "path: sources.spend__input"
    )
    [(line, message)] = problems(tmp_path, text)
    assert line == 25
    assert message.startswith(
        "`output_sink.config.path`: `sources.spend__input` is, holds or lies in the job's own input"
    )


def sink_problems(folder: Path, location: str, sink: str, path: str) -> list[str]:
    text = GOOD_JOB.replace("location: jupiter.mm.fact_mm_transaction\n    format: delta", f"location: {location}")
    text = text.replace("overwrite_parquet", sink).replace("path: output/features", f"path: {path}")
    job = folder / "job.yaml"
    job.write_text(text)
    try:
        load_checked_job(job, local_project(root=folder), columns_of=lambda _: None, environ={})
    except ConfigurationError as error:
        return [problem.message for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("location", "sink", "path"),
    [
        ("shop.sales", "overwrite_delta", "shop.sales"),
        ("shop.sales", "overwrite_delta", "SHOP.Sales"),
        ("jupiter.shop.sales", "append_delta", "shop.sales"),
        ("shop.sales", "overwrite_delta", "warehouse/shop/sales"),
        ("shop.sales", "overwrite_parquet", "warehouse/shop"),
        ("in/sales.csv", "overwrite_parquet", "in"),
        ("in/sales.csv", "overwrite_parquet", "./in/../in/sales.csv"),
        ("in/sales.csv", "append_parquet", "linked"),
        ("in/sales.csv", "overwrite_delta", "./"),
    ],
)
def test_a_sink_on_its_own_input_is_refused(tmp_path: Path, location: str, sink: str, path: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "sales.csv").touch()
    (tmp_path / "linked").symlink_to(tmp_path / "in")
    [message] = sink_problems(tmp_path, location, sink, path)
    assert "the job's own input" in message


@pytest.mark.parametrize(
    "path", ["warehouse", "warehouse/features", "warehouse/features/spend__job_features", "./warehouse/.."]
)
def test_a_sink_on_the_feature_tables_is_refused(tmp_path: Path, path: str) -> None:
    [message] = sink_problems(tmp_path, "shop.sales", "overwrite_parquet", path)
    assert "tables that the platform keeps" in message or "own input" in message


@pytest.mark.parametrize(
    ("sink", "path"),
    [
        ("overwrite_delta", "other__job_features"),
        ("overwrite_delta", "Features.Other__Job_Features"),
        ("overwrite_delta", "profiles"),
        ("overwrite_delta", "FEATURES.PROFILES"),
        ("overwrite_delta", "sources.sales"),
        ("overwrite_delta", "sources__dev_anna.sales"),
        ("overwrite_parquet", "warehouse/features/other__job_features/x"),
        ("append_parquet", "warehouse/features/profiles"),
        ("overwrite_delta", "./warehouse/sources/sales"),
    ],
)
def test_a_sink_on_the_tables_of_other_jobs_and_models_is_refused(tmp_path: Path, sink: str, path: str) -> None:
    (tmp_path / "models/generic").mkdir(parents=True)
    (tmp_path / "models/generic/profiles.py").touch()
    (tmp_path / "models/job_features.sql").touch()
    [message] = sink_problems(tmp_path, "shop.sales", sink, path)
    assert "would replace tables that the platform keeps; name another place" in message


def test_a_table_keeps_its_spelling(tmp_path: Path) -> None:
    (tmp_path / "warehouse/analytics/Totals").mkdir(parents=True)
    for path in ("analytics.totals", "Analytics.Totals"):
        [message] = sink_problems(tmp_path, "shop.sales", "overwrite_delta", path)
        assert (
            f"the warehouse has the table `{path}` as `analytics.Totals`, the same name to Spark; spell it that way"
            in message
        )
    assert sink_problems(tmp_path, "shop.sales", "append_delta", "analytics.Totals") == []


@pytest.mark.parametrize(
    ("sink", "path"),
    [
        ("overwrite_delta", "features.result"),
        ("overwrite_delta", "sales"),
        ("overwrite_parquet", "sales"),
        ("overwrite_parquet", "output/spend__features"),
        ("overwrite_delta", "other.sales"),
    ],
)
def test_a_sink_elsewhere_is_fine(tmp_path: Path, sink: str, path: str) -> None:
    assert sink_problems(tmp_path, "shop.sales", sink, path) == []


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        (
            ResolvedSource("a.csv", "csv", {}),
            "give this one its type in an entry under `registry/source/`; a column of a file",
        ),
        (ResolvedSource("a.json", "json", {}), "give this one its type in an entry under `registry/source/`"),
        (ResolvedSource("a.parquet", "parquet", {}), "write the data with another type"),
        (ResolvedSource("a", "delta", {}), "write the data with another type"),
        (ResolvedSource("shop.sales", None, {}), "write the data with another type"),
        (ResolvedSource("sources.x", None, {}, query="select 1"), "cast this one in the query"),
    ],
    ids=["csv", "json", "parquet", "delta", "table", "query"],
)
def test_the_advice_on_a_type_is_what_helps_for_the_source(tmp_path: Path, source: ResolvedSource, advice: str) -> None:
    (tmp_path / "job.yaml").write_text(AD_HOC)
    config = load_job_config(tmp_path / "job.yaml", environ={})
    columns = [(name, "string") for name in ("user_id", "timestamp", "amount", "category", "transaction_type")]
    told = [problem.message.partition("; ")[2] for problem in check_job(config, columns, source)]
    assert told[0].startswith(f"name another column, or {advice}")
    # Times are recognised in CSV files alone, and amounts in none.
    assert [("a column of a file is a time" in each) for each in told] == [source.format == "csv", False, False]


def test_an_engine_that_fails_is_told_for_a_job_without_faults(tmp_path: Path) -> None:
    def fail(_: ResolvedSource) -> Columns | None:
        raise EngineError("no engine")

    (tmp_path / "data.csv").touch()
    path = tmp_path / "job.yaml"
    path.write_text(AD_HOC)
    with pytest.raises(EngineError):
        load_checked_job(path, local_project(root=tmp_path), columns_of=fail, environ={})
    path.write_text(AD_HOC.replace("job_name: spend", "job_name: Spend"))
    with pytest.raises(ConfigurationError, match=r":1: `job_name`"):
        load_checked_job(path, local_project(root=tmp_path), columns_of=fail, environ={})


def test_a_job_can_be_checked_against_columns_alone(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(GOOD_JOB)
    config = load_job_config(path, environ={})
    assert check_job(config, COLUMNS) == []
    assert sorted(problem.line for problem in check_job(config, COLUMNS[:2])) == [9, 15, 20, 21]


FITTING: Mapping[str, list[str]] = {
    "string": ["debit", "'5'"],
    "boolean": ["true", "'false'"],
    "bigint": ["5", "-9223372036854775808", "'5'", "5.5"],
    "tinyint": ["127"],
    "decimal(12,2)": ["5", "5.125", "'5.25'", "-1"],
    "double": ["5", "0.1", "1.0e+300", "'0.1'"],
    "date": ["1994-01-31", "'1994-01-31'"],
    "timestamp": ["1994-01-31", "1994-01-31 12:30:00", "'1994-01-31'", "'1994-01-31T12:30:00Z'"],
}
UNFITTING: Mapping[str, list[str]] = {
    "string": ["5", "true", "1994-01-31"],
    "boolean": ["1", "'yes'"],
    "bigint": ["true", "abc", "9223372036854775808", "1994-01-31", "'5.5'"],
    "tinyint": ["128"],
    "decimal(12,2)": ["abc", "true", "'5.125'", "1.0e+38", "'NaN'"],
    "double": ["abc", "true", "'inf'"],
    "date": ["19940131", "1994-01-31 12:30:00", "'1994-02-30'", "'1994-01-31 12:30'"],
    "timestamp": ["5", "soon", "'1994-13-01'"],
    "array<string>": ["a"],
}


def test_a_filter_value_with_control_characters_is_refused(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("value: debit", 'value: "a\\eb"')
    message = "`input_source.filters[0].value`: expected a text without control characters, given `a\\x1bb`"
    assert problems(tmp_path, text) == [(9, message)]


def filtered(folder: Path, column_type: str, value: str) -> list[tuple[int, str]]:
    text = AD_HOC.replace(
        "{column: transaction_type, op: equals, value: debit}", f"{{column: x, op: equals, value: {value}}}"
    )
    try:
        check_ad_hoc(folder, [*COLUMNS, ("x", column_type)], text)
    except ConfigurationError as error:
        return [(problem.line, problem.message) for problem in error.problems]
    return []


@pytest.mark.parametrize(("column_type", "value"), [(kind, value) for kind in FITTING for value in FITTING[kind]])
def test_a_filter_value_fits_its_column(tmp_path: Path, column_type: str, value: str) -> None:
    assert filtered(tmp_path, column_type, value) == []


@pytest.mark.parametrize(("column_type", "value"), [(kind, value) for kind in UNFITTING for value in UNFITTING[kind]])
def test_a_filter_value_does_not_fit_its_column(tmp_path: Path, column_type: str, value: str) -> None:
    [(line, message)] = filtered(tmp_path, column_type, value)
    assert line == 8
    assert message.startswith(f"`input_source.filters[0].value`: column `x` is {column_type}; expected")
