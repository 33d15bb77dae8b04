"""What matches nothing is warned of, in the words and in the JSON of plans and runs; the job runs all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Fpjob

HOSTILE = "it's \\ ${HOME} {{ x }} \"`"
ROWS = [
    ("1", "2024-01-01", "10.50", "food", "open", "1", ""),
    ("1", "2024-01-02", "2.25", "household payment", "cancelled", "1", ""),
    ("2", "2024-01-03", "4.00", HOSTILE, "open", "2", ""),
]


@pytest.fixture(scope="module")
def rows_file(module_project: Path) -> Path:
    """Rows whose last column has no value."""
    cells = [["user", "at", "amount", "kind", "state", "shop", "nothing"], *ROWS]
    quoted = [",".join('"' + cell.replace('"', '""') + '"' if cell else "" for cell in row) for row in cells]
    (module_project / "rows.csv").write_text("\n".join(quoted) + "\n")
    return module_project / "rows.csv"


def write_job(project: Path, **changes: Any) -> Path:
    """A job of the rows with other filters, categories, amounts or sink."""
    spend = {"user_id_col": "user", "amount_col": changes.get("amount", "amount")}
    job = {
        "job_name": "warned",
        "input_source": {
            "source_type": "spark",
            "config": {"location": changes.get("location", "rows.csv")},
            "filters": changes.get("filters", []),
        },
        "feature_transformers": [
            {"name": "UserSpendAggregator", "params": {**spend, "timestamp_col": "at"}},
            {
                "name": "UserCategoricalSpendAggregator",
                "params": {**spend, "category_col": "kind", "target_category_value": changes.get("kinds", ["food"])},
            },
        ],
        "output_sink": changes.get("sink", {"sink_type": "display"}),
    }
    path = project / "warned.yaml"
    path.write_text(json.dumps(job, indent=1).replace("${", "$${"))
    return path


def warned(fpjob: Fpjob, command: str, job: Path) -> list[dict[str, Any]]:
    outcome = fpjob(command, job, "--format", "json")
    assert outcome.status == 0, outcome.stderr
    found: list[dict[str, Any]] = json.loads(outcome.stdout)["warnings"]
    return found


def told(warnings: list[dict[str, Any]], *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(each[key] for key in keys) for each in warnings]


def test_a_job_without_mistakes_has_no_warning(module_project: Path, rows_file: Path, fpjob: Fpjob) -> None:
    filters = [
        {"column": "state", "op": "in", "value": ["open", "cancelled"]},
        {"column": "kind", "op": "not_equals", "value": "household payment"},
        {"column": "amount", "op": "gte", "value": 4},
        {"column": "nothing", "op": "is_null"},
    ]
    job = write_job(module_project, filters=filters, kinds=["food", HOSTILE])
    assert warned(fpjob, "plan", job) == []


def test_a_category_that_no_row_has_names_the_nearest(module_project: Path, rows_file: Path, fpjob: Fpjob) -> None:
    job = write_job(module_project, kinds=["houshold payment", "food"])
    message = (
        "no row has `houshold payment` in `kind`, so `user_total_spend_houshold_payment` is 0."
        " Did you mean `household payment`? Its values: `food`, `household payment`, "
    )
    [found] = warned(fpjob, "plan", job)
    assert found["message"].startswith(message)
    assert {key: found[key] for key in ("code", "file", "column", "value", "nearest", "features")} == {
        "code": "category_not_found",
        "file": "warned.yaml",
        "column": "kind",
        "value": "houshold payment",
        "nearest": "household payment",
        "features": ["user_total_spend_houshold_payment"],
    }
    line = job.read_text().splitlines()[found["line"] - 1]
    assert "houshold payment" in line
    told = f"warning: warned.yaml:{found['line']}: {found['message']}"
    assert fpjob("plan", job).stdout.splitlines()[-1] == told
    warning, last = fpjob("run", job).stderr.splitlines()[-2:]
    assert warning == told
    assert ", 1 warning, " in last


def test_a_category_counts_among_the_rows_that_pass_the_filters(
    module_project: Path, rows_file: Path, fpjob: Fpjob
) -> None:
    filters = [{"column": "state", "op": "equals", "value": "open"}]
    found = warned(fpjob, "plan", write_job(module_project, filters=filters, kinds=["household payment"]))
    assert told(found, "code", "value") == [("category_not_found", "household payment")]
    assert "`food`" in found[0]["message"]


def test_values_of_filters_that_no_row_has(module_project: Path, rows_file: Path, fpjob: Fpjob) -> None:
    filters = [
        {"column": "state", "op": "not_equals", "value": "canceled"},
        {"column": "shop", "op": "in", "value": [1, 2, 77]},
        {"column": "kind", "op": "not_in", "value": ["food ", "none\nof these"]},
    ]
    job = write_job(module_project, filters=filters)
    found = warned(fpjob, "plan", job)
    assert told(found, "code", "column", "value", "nearest") == [
        ("filter_value_not_found", "state", "canceled", "cancelled"),
        ("filter_value_not_found", "shop", "77", None),
        ("filter_value_not_found", "kind", "food ", "food"),
        ("filter_value_not_found", "kind", "none\nof these", None),
    ]
    assert (
        "the filter's value `canceled` excludes nothing: no row of the source has it in `state`" in found[0]["message"]
    )
    assert all("\n" not in each["message"] for each in found)


@pytest.mark.parametrize(
    "sink",
    [
        {"sink_type": "display"},
        {"sink_type": "overwrite_parquet", "config": {"path": "out/files"}},
        {"sink_type": "append_delta", "config": {"path": "out/delta"}},
    ],
    ids=["display", "parquet", "delta"],
)
def test_the_nulls_of_each_feature_are_counted(module_project: Path, fpjob: Fpjob, sink: dict[str, Any]) -> None:
    rows = "user,at,amount,kind\n1,2024-01-01,,food\n2,2024-01-02,5,food\n,,3,food\n"
    (module_project / "half.csv").write_text(rows)
    outcome = fpjob("run", write_job(module_project, location="half.csv", sink=sink), "--format", "json")
    found = json.loads(outcome.stdout)
    assert found["warnings"] == []
    assert [(each["name"], each["nulls"], round(each["null_share"], 6)) for each in found["features"]] == [
        ("user_30d_total_spend", 2, 0.666667),
        ("user_30d_avg_spend", 2, 0.666667),
        ("user_total_spend_food", 1, 0.333333),
    ]


def test_a_column_and_features_without_values(module_project: Path, rows_file: Path, fpjob: Fpjob) -> None:
    rows = "user,at,amount,kind\n1,2024-01-01,,food\n1,2024-01-02,,food\n,,3,food\n"
    (module_project / "empty.csv").write_text(rows)
    job = write_job(
        module_project, location="empty.csv", filters=[{"column": "user", "op": "is_not_null"}], kinds=["food"]
    )
    column = [
        ("column_without_values", "amount", ["user_30d_total_spend", "user_30d_avg_spend"]),
        ("column_without_values", "amount", ["user_total_spend_food"]),
    ]
    assert told(warned(fpjob, "plan", job), "code", "column", "features") == column
    assert told(warned(fpjob, "run", job), "code", "column", "features") == [
        *column,
        ("all_null", None, ["user_30d_total_spend"]),
        ("all_null", None, ["user_30d_avg_spend"]),
    ]


@pytest.mark.parametrize(
    ("filters", "codes"),
    [
        (
            [
                {"column": "state", "op": "equals", "value": "opened"},
                {"column": "amount", "op": "gt", "value": 99},
                {"column": "nothing", "op": "is_not_null"},
            ],
            ["no_rows", "filter_value_not_found", "filter_matches_nothing", "filter_matches_nothing"],
        ),
        ([{"column": "shop", "op": "equals", "value": n} for n in (1, 2)], ["no_rows"]),
    ],
)
def test_a_result_without_rows_names_the_filter(
    module_project: Path, rows_file: Path, fpjob: Fpjob, filters: list[dict[str, Any]], codes: list[str]
) -> None:
    job = write_job(module_project, filters=filters, kinds=["houshold payment"])
    found = warned(fpjob, "plan", job)
    assert [each["code"] for each in found] == codes
    assert found[0]["message"] == "no row of the source passes all filters, so the result has no rows"


def test_a_source_without_rows_is_one_warning(module_project: Path, rows_file: Path, fpjob: Fpjob) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"user": pa.int64(), "at": pa.timestamp("us", "UTC"), "amount": pa.decimal128(8, 2), "kind": pa.string()}
    pq.write_table(pa.schema(list(columns.items())).empty_table(), module_project / "no_rows.parquet")
    job = write_job(
        module_project, location="no_rows.parquet", filters=[{"column": "kind", "op": "equals", "value": "food"}]
    )
    found = warned(fpjob, "run", job)
    assert told(found, "code", "message") == [("no_rows", "the source has no rows, so the result has none")]


def test_a_look_that_fails_is_a_warning_and_no_error(
    module_project: Path, rows_file: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feature_platform_py.runs import look_ups

    # A statement that the engine cannot read stands for an engine that fails after the sink was written.
    monkeypatch.setitem(look_ups._OPERATORS, "equals", "is like")
    found = warned(fpjob, "run", write_job(module_project, filters=[{"column": "shop", "op": "equals", "value": 1}]))
    assert [each["code"] for each in found] == ["not_looked_up"]
    assert "the filters and categories could not be compared with the source: " in found[0]["message"]
