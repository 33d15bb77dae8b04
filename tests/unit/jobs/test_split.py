"""A job's `split`: the parts that it makes, the models of the rows that stay, and each way in which it can be wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from feature_platform_py.core.data_types import Columns
from feature_platform_py.dbt_files.job_yaml import PlannedJob, job_content
from feature_platform_py.jobs.describe import plan_html, plan_lines
from feature_platform_py.jobs.schema import job_json_schema
from feature_platform_py.registry.registry import load_registry
from feature_platform_py.testing import reference_part
from tests.unit.jobs.jobs import local_project
from tests.unit.jobs.test_group_features import names, planned, problems
from tests.unit.jobs.test_point_in_time import JOB, root, text

__all__ = ["root"]
TARGET = "targets: [{source: shop/sales, entity: shop, function: count, windows: [next 7d, next 30d offset 1d]}]\n"
BOTH = "valid_from: 2024-01-01, test_from: 2024-06-01"


def job(split: str = BOTH, more: str = "") -> str:
    return JOB.replace("features:\n", f"split: {{{split}}}\n{more}features:\n", 1)


def call(root: Path, split: str, more: str = "") -> str:
    return text(planned(root, job(split, more)), "split_rows").removeprefix("{{ split_rows( ").removesuffix(", ) }}")


COLUMNS: Columns = (("label_id", "bigint"), ("shop", "int"))
PARTS = "parts=[{'name': 'train', 'end': '2024-01-01'}, {'name': 'valid', 'end': '2024-06-01'}, {'name': 'test'}]"


def test_the_rows_are_put_into_parts_before_features_are_joined(root: Path) -> None:
    plan = planned(root, job())
    assert names(plan)[-1] == "split"
    assert plan.models[-2:] == ("split_rows", "job_features")
    assert plan.result_rows == "split_rows"
    assert "split_rows" not in plan.stored_models
    found = text(plan, "split_rows")
    assert found.startswith(
        "{{ split_rows( input=ref('labels_v1__stg_job_input'), columns={ 'label_id': 'bigint', 'shop': 'int',"
    )
    assert found.endswith(f"event_time={{'decided_at': 'date'}}, {PARTS}, ) }}}}")
    assert "input=ref('labels_v1__split_rows')" in text(plan, "job_features")
    assert text(plan, "job_features").endswith("'split': 'source_rows'}, ) }}")


@pytest.mark.parametrize(
    ("split", "parts"),
    [
        ("valid_from: 2024-01-01", "parts=[{'name': 'train', 'end': '2024-01-01'}, {'name': 'valid'}]"),
        ("test_from: 2024-01-01", "parts=[{'name': 'train', 'end': '2024-01-01'}, {'name': 'test'}]"),
        (
            "test_from: 2024-01-01T12:00:00+01:00, gap: 36h",
            "parts=[{'name': 'train', 'end': '2024-01-01 11:00:00+00:00'}, {'name': 'test'}], reach_seconds=129600",
        ),
    ],
)
def test_any_later_part_may_be_left_out(root: Path, split: str, parts: str) -> None:
    assert call(root, split).endswith(parts)


def test_rows_are_left_out_for_the_longest_target_or_the_gap(root: Path) -> None:
    assert call(root, BOTH, TARGET).endswith(f"{PARTS}, reach_seconds={31 * 86_400}")
    assert call(root, f"{BOTH}, gap: 40d", TARGET).endswith(f"reach_seconds={40 * 86_400}")


def test_rows_without_a_known_target_are_left_out_first(root: Path) -> None:
    plan = planned(root, job(BOTH, TARGET + "immature: drop\n"))
    assert plan.models[-3:] == ("mature_rows", "split_rows", "job_features")
    assert "input=ref('labels_v1__mature_rows')" in text(plan, "split_rows")


def test_the_docs_and_the_plan_describe_the_split(root: Path) -> None:
    plan = planned(root, job(BOTH, TARGET))
    content = job_content(PlannedJob(Path("configs/jobs/sales.yaml"), plan), load_registry(root))
    models = {model["name"]: model for model in content["models"]}
    assert [each["name"] for each in models["labels_v1__split_rows"]["columns"]][-2:] == ["share", "split"]
    assert models["labels_v1__job_features"]["columns"][-1]["description"].startswith("The part of the training set")
    said = "train, valid from 2024-01-01, test from 2024-06-01; rows of the 31d before a later part are left out"
    target = local_project(root=root).target
    assert f"  split   {said}" in plan_lines(plan, target)
    assert said in plan_html(plan, target)


CASES = {
    "": "5: `split`: a split needs the first time of a later part; add `test_from`, or `valid_from` and `test_from`",
    "gap: 30d": "5: `split`: a split needs the first time of a later part; add `test_from`, or `valid_from` and `test_from`",
    "valid_from: soon": (
        "5: `split.valid_from`: expected a day such as `2024-01-31`, or a time with its zone such as `2024-01-31T12:00:00Z`, given"
        " `soon`"
    ),
    "valid_from: 2024-01-31, test_from: 2024-01-31": (
        "5: `split.test_from`: expected a time after `valid_from`, given `2024-01-31`"
    ),
    "valid_from: 2024-01-31, test_from: 2024-01-30T00:00:00Z": (
        "5: `split.test_from`: expected a time after `valid_from`, given `2024-01-30T00:00:00Z`"
    ),
    "valid_from: 2024-01-31, gap: 30": "5: `split.gap`: expected a text, given `30`, which YAML reads as a whole number",
    "valid_from: 2024-01-31, gap: a month": "5: `split.gap`: expected a length in s, m, h, d or w of at most",
    "valid_form: 2024-01-31": "5: `split`: key `valid_form` is unknown. Did you mean `valid_from`?",
    "valid_from: 2024-01-31, test_from: 2024-02-10, gap: 10d": (
        "5: `split`: no row would stay in `valid`, which lasts 10d: those of the 10d before the next part are left out for the `gap`;"
        " move the parts apart"
    ),
}


@pytest.mark.parametrize("split", CASES)
def test_a_wrong_split_says_where_and_why(root: Path, split: str) -> None:
    [found] = problems(root, job(split))
    assert found.startswith(CASES[split])


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (job("valid_from: 2024-01-31, test_from: 2024-02-29", TARGET), "5: `split`: no row would stay in `valid`, which lasts 29d"),
        (job().replace("event_time: decided_at\n", ""), "1: `event_time` is missing: expected the column with the time"),
        (
            job().replace("output_sink", "feature_transformers: [{name: UserMonthlyTransactionCounter, params:"
                          " {user_id_col: shop, timestamp_col: decided_at}}]\noutput_sink").replace("event_time: decided_at\n", ""),
            "1: `event_time` is missing",
        ),
        (job().replace("rival_}", "rival_}\n  - {group: takings, features: [taken_7d], prefix: spli}"), ""),
        (job().partition("features:")[0]
         + "feature_transformers: [{name: WithGreeting, params: {}}]\noutput_sink: {sink_type: display}\n",
         "5: `split`: only `features` of feature groups and `targets` are as of a time"),
    ],
)  # fmt: skip
def test_a_split_fits_the_rest_of_the_job(root: Path, found: str, message: str) -> None:
    if message:
        assert any(each.startswith(message) for each in problems(root, found)), problems(root, found)
    else:
        assert planned(root, found).features[-1].name == "split"


def test_features_that_look_ahead_are_refused_beside_a_split(root: Path) -> None:
    counts = "feature_transformers: [{name: UserMonthlyTransactionCounter, params: {user_id_col: shop_id, timestamp_col: sold_at}}]\n"
    of_sales = (
        JOB.replace("labels.csv", "sales.csv")
        .replace("decided_at", "sold_at")
        .replace("{shop: shop}", "{shop: shop_id}")
    )
    of_sales = of_sales.replace(
        "  - {group: takings, entities: {shop: RIVAL}, features: [taken_7d], prefix: rival_}\n", counts
    )
    assert planned(root, of_sales).features
    [found] = problems(root, of_sales.replace("features:", f"split: {{{BOTH}}}\nfeatures:", 1))
    assert "looks ahead of the row, and the job has `split`" in found


def test_a_column_named_split_is_refused(root: Path) -> None:
    labels = (root / "registry/source/label/v1/labels_source.yaml").read_text()
    (root / "registry/source/label/v1/labels_source.yaml").write_text(labels.replace("name: code", "name: Split"))
    [found] = problems(root, job())
    assert found == "5: the split adds the column `split`, which is already a column of the source; rename it there"


def test_a_sink_may_have_a_folder_for_each_part(root: Path) -> None:
    plan = planned(root, job().replace("path: output/labels", "path: output/labels, partition_by: [SPLIT]"))
    assert "split" in plan.sink.shown or plan.sink.settings


def test_the_schema_knows_splits() -> None:
    schema = Draft202012Validator(job_json_schema())
    assert schema.is_valid(yaml.safe_load(job('valid_from: "2024-01-01", gap: 30d')))
    assert not schema.is_valid(yaml.safe_load(job("valid_until: x")))


def test_a_row_stays_if_all_that_its_target_sees_is_in_its_part() -> None:
    start = datetime(2024, 1, 31, tzinfo=UTC)
    times = [start - timedelta(days=31), start - timedelta(days=30), start, start + timedelta(days=400), None]

    def found(reach: int) -> list[str | None]:
        return [
            reference_part(each, valid_from=date(2024, 1, 31), test_from=None, reach_seconds=reach) for each in times
        ]

    assert found(0) == ["train", "train", "valid", "valid", None]
    # The window (t, t + 30 d] of the second row has the first moment of `valid`.
    assert found(30 * 86_400) == ["train", "purged", "valid", "valid", None]
