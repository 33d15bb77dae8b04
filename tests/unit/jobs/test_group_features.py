"""A job's `features` of feature groups: which columns they are, in which order, and each way in which they can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.jobs.checks import CheckedJob, load_checked_job
from feature_platform_py.jobs.plan import JobPlan, plan_job
from feature_platform_py.jobs.schema import job_json_schema
from tests.unit.jobs.jobs import local_project
from tests.unit.registry.test_defined_groups import FILES, GROUP
from tests.unit.registry.test_registry import write

JOB = """\
job_name: sales_v1
input_source: {source_type: spark, config: {location: data/sales.csv}}
features:
  - takings.taken_lifetime
  - {group: takings, features: [count_30d, taken_7d], prefix: shop_}
feature_transformers: []
output_sink: {sink_type: overwrite_parquet, config: {path: output/sales}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sales.csv").write_text("sale_id,sold_at,price,shop_id,kind,weight\n")
    (tmp_path / "configs" / "jobs").mkdir(parents=True)
    return write(tmp_path, FILES)


def check(root: Path, text: str) -> CheckedJob:
    path = root / "configs" / "jobs" / "sales.yaml"
    path.write_text(text)
    return load_checked_job(path, local_project(root=root), environ={})


def planned(root: Path, text: str) -> JobPlan:
    checked = check(root, text)
    return plan_job(checked.config, checked.source, checked.columns or (), joined_columns=checked.joined_columns)


def problems(root: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        check(root, text)
    return [f"{each.line}: {each.message}" for each in raised.value.problems]


def names(plan: JobPlan) -> list[str]:
    return [column.name for column in plan.features]


def test_the_columns_are_in_the_order_of_the_yaml(root: Path) -> None:
    plan = planned(root, JOB)
    assert names(plan) == ["taken_lifetime", "shop_count_30d", "shop_taken_7d"]
    assert [each.name for each in plan.joined_columns] == ["taken_lifetime", "count_30d", "taken_7d"]
    assert [group.name for group in plan.groups] == ["takings"]


def test_all_features_of_a_group(root: Path) -> None:
    every = ["taken_7d", "taken_lifetime", "count_30d", "kind_last_30d"]
    for text in ("takings.*", "{group: takings}"):
        given = JOB.replace("takings.taken_lifetime", text).replace("  - {group: takings, features", "  # ")
        assert names(planned(root, given)) == every, text


def test_features_of_groups_come_before_those_of_transformers_which_may_read_them(root: Path) -> None:
    listed = """\
feature_transformers:
  - {name: WithGreeting, params: {name_col: kind_last_30d}}
  - {name: UserSpendAggregator, params: {user_id_col: shop_id, timestamp_col: sold_at, amount_col: price}}
"""
    text = JOB.replace("feature_transformers: []\n", listed).replace("taken_lifetime", "kind_last_30d")
    assert names(planned(root, text))[0] == "kind_last_30d"
    assert names(planned(root, text))[3:] == ["greeting", "user_30d_total_spend", "user_30d_avg_spend"]


def test_the_models_of_the_groups_are_built_with_the_job(root: Path) -> None:
    plan = planned(root, JOB)
    group = ["takings__input", "takings__window", "takings__lifetime", "takings"]
    assert list(plan.nodes) == [*group, "sales_v1__stg_job_input", "sales_v1__job_features"]
    assert [plan.shown(node) for node in plan.nodes][-2:] == ["stg_job_input", "job_features"]
    assert plan.table_nodes == ("takings__window", "takings__lifetime")


def test_a_group_with_one_kind_of_windows_is_one_table(root: Path) -> None:
    write(root, {"feature/takings.yaml": GROUP.replace("7d, lifetime", "7d, 30d")})
    plan = planned(root, JOB.replace("taken_lifetime", "taken_30d"))
    assert plan.nodes[:2] == ("takings__input", "takings")


BROKEN = {
    "group_unknown": (
        "takings.taken_lifetime",
        "taking.taken_lifetime",
        ["4: `features[0]`: feature group `taking` is unknown. Did you mean `takings`? Known: `takings`"],
    ),
    "feature_unknown": (
        "takings.taken_lifetime",
        "takings.taken_lifetme",
        [
            "4: `features[0]`: feature `taken_lifetme` is unknown. Did you mean `taken_lifetime`? Known: `taken_7d`,"
            " `taken_lifetime`, `count_30d`, `kind_last_30d` in the group `takings`"
        ],
    ),
    "feature_of_a_list_unknown": (
        "[count_30d, taken_7d]",
        "[count_30d, taken_8d]",
        [
            "5: `features[1].features[1]`: feature `taken_8d` is unknown. Did you mean `taken_7d`? Known: `taken_7d`,"
            " `taken_lifetime`, `count_30d`, `kind_last_30d` in the group `takings`"
        ],
    ),
    "group_that_describes": (
        "takings.taken_lifetime",
        "spend.shop_first_sale",
        [
            "4: `features[0]`: the feature group `spend` only describes features of `spend`; so that jobs can read them, its file"
            " needs the `keys` by which rows of `spend` are found, and the `timestamp_col` if they are valid from a time on"
        ],
    ),
    "no_feature_named": (
        "takings.taken_lifetime",
        "takings",
        [
            "4: `features[0]`: expected `<group>.<feature>`, `<group>.*` for all of its features, or a mapping with the `group`, given"
            " `takings`"
        ],
    ),
    "key_unknown": (
        "prefix: shop_",
        "prefx: shop_",
        [
            "5: `features[1]`: key `prefx` is unknown. Did you mean `prefix`? Known: `group`, `features`, `prefix`,"
            " `entities`, `max_age`",
        ],
    ),
    "prefix_that_is_no_name": (
        "prefix: shop_",
        "prefix: Shop-",
        [
            "5: `features[1].prefix`: expected at most 60 characters: a letter a-z, then letters a-z, digits and `_`, given `Shop-`",
        ],
    ),
    "list_without_names": (
        "[count_30d, taken_7d]",
        "[]",
        ["5: `features[1].features`: expected at least one, given a list"],
    ),
    "the_same_feature_twice": (
        "features: [count_30d, taken_7d], prefix: shop_",
        "features: [taken_lifetime]",
        [
            "5: the feature group `takings` adds the column `taken_lifetime`, which the feature group `takings` of line 4 already"
            " adds; remove one of them"
        ],
    ),
    "named_like_a_column_of_the_source": (
        "features: [count_30d, taken_7d], prefix: shop_",
        "features: [taken_7d], prefix: has_",
        [
            "5: the feature group `takings` adds the column `has_taken_7d`, which is already a column of the source; rename it there"
        ],
    ),
    "neither_features_nor_transformers": (
        "features:\n  - takings.taken_lifetime\n  - {group: takings, features: [count_30d, taken_7d], prefix: shop_}\n",
        "",
        [
            "3: `feature_transformers`: expected at least one transformer, `features` of feature groups, or `targets`, given a list"
        ],
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_with_features_of_groups(root: Path, old: str, new: str, expected: list[str]) -> None:
    assert old in JOB
    (root / "data" / "other.csv").write_text("shop_id\n1\n")
    if "has_taken_7d" in expected[0]:
        source = FILES["source/shop/v1/sales_source.yaml"]
        added = source.replace("locations:", "  - {name: has_taken_7d, type: int, description: One.}\nlocations:")
        write(root, {"source/shop/v1/sales_source.yaml": added})
    assert problems(root, JOB.replace(old, new, 1)) == expected


def test_rows_of_another_version_of_the_source_ask(root: Path) -> None:
    source = FILES["source/shop/v1/sales_source.yaml"]
    write(root, {"source/shop/v2/sales_source.yaml": source})
    write(root, {"feature/takings.yaml": GROUP.replace("shop/sales", "shop/sales@v1")})
    assert [use.name for use in planned(root, JOB).uses] == ["takings"]


def test_rows_at_another_time_than_the_groups_ask(root: Path) -> None:
    source = FILES["source/shop/v1/sales_source.yaml"]
    added = source.replace("locations:", "  - {name: paid_at, type: timestamp, description: When.}\nlocations:")
    group = GROUP.replace("source: shop/sales", "source: shop/sales\ntimestamp_col: paid_at")
    write(root, {"source/shop/v1/sales_source.yaml": added, "feature/takings.yaml": group})
    [use] = planned(root, JOB).uses
    assert use.time == ("paid_at", "sold_at")


@pytest.mark.parametrize(
    ("filters", "is_shared"),
    [
        ("[{column: kind, op: in, value: [game, toy]}]", True),
        ("[{column: KIND, op: in, value: [toy, game]}, {column: price, op: gt, value: 1}]", True),
        ("[{column: kind, op: in, value: [toy]}]", False),
        ("[]", False),
    ],
)
def test_rows_that_a_groups_filters_leave_out_ask(root: Path, filters: str, *, is_shared: bool) -> None:
    group = GROUP.replace(
        "source: shop/sales", "source: shop/sales\nfilters: [{column: kind, op: in, value: [toy, game]}]"
    )
    write(root, {"feature/takings.yaml": group})
    text = JOB.replace(
        "config: {location: data/sales.csv}}", f"config: {{location: data/sales.csv}}, filters: {filters}}}"
    )
    plan = planned(root, text)
    assert [len(plan.groups), len(plan.uses)] == ([1, 0] if is_shared else [0, 1])


def test_a_fault_of_a_named_group_is_one_of_the_job_and_that_of_another_group_is_not(root: Path) -> None:
    write(root, {"feature/other.yaml": GROUP.replace("name: takings", "name: other").replace("sum", "summ")})
    assert names(planned(root, JOB))
    write(root, {"feature/takings.yaml": GROUP.replace("sum", "summ")})
    [found] = problems(root, JOB)
    assert found.startswith("7: `features[0].function`: function `summ` is unknown")


def test_a_job_and_a_group_have_different_names(root: Path) -> None:
    assert problems(root, JOB.replace("sales_v1", "takings")) == [
        "1: `job_name`: `takings` is the name of a feature group too; give the job another name"
    ]


def test_a_sink_never_writes_over_a_groups_tables(root: Path) -> None:
    models = root / "models" / "features"
    models.mkdir(parents=True)
    for name in ("takings", "takings__window"):
        (models / f"{name}.sql").write_text(
            "{#- Generated from registry/feature/takings.yaml by `fpjob registry sync` -#}"
        )
        text = JOB.replace("overwrite_parquet", "delta_table").replace("output/sales", f"features.{name}")
        assert problems(root, text) == [
            f"7: `output_sink.config.path`: `features.{name}` would replace tables that the platform keeps; name another place"
        ]


def test_an_editor_knows_features_of_groups() -> None:
    import yaml
    from jsonschema import Draft202012Validator

    schema = Draft202012Validator(job_json_schema())
    assert schema.is_valid(yaml.safe_load(JOB))
    assert schema.is_valid(yaml.safe_load(JOB.replace("feature_transformers: []\n", "")))
    for old, new in [("prefix:", "prefx:"), ("takings.taken_lifetime", "takings"), ("[count_30d, taken_7d]", "[]")]:
        assert not schema.is_valid(yaml.safe_load(JOB.replace(old, new, 1))), new
