"""Parameters, columns, reaches and faults of the transformer of any aggregation over any window."""

from __future__ import annotations

from typing import Any

import pytest

from feature_platform_py import get_transformer
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.features.sql import SqlTransformer
from feature_platform_py.features.windows import Reach, parse_window

COLUMNS = (
    ("u", "bigint"),
    ("t", "timestamp"),
    ("a", "decimal(12,2)"),
    ("d", "double"),
    ("c", "string"),
    ("n", "decimal(20,16)"),
)


def aggregator(*features: Any, **params: Any) -> SqlTransformer:
    found = get_transformer(
        "WindowAggregator", {"keys": "u", "timestamp_col": "t", "features": list(features), **params}
    )
    assert isinstance(found, SqlTransformer)
    return found


def feature(function: str = "sum", windows: Any = "7d", **params: Any) -> dict[str, Any]:
    column = {} if function in ("count", "seconds_since_first", "seconds_since_last") else {"column": "a"}
    return {"function": function, "windows": windows, **column, **params}


@pytest.mark.parametrize(
    ("features", "params", "expected"),
    [
        ([feature(windows=["7d", "30d"])], {}, {"a_sum_7d": "decimal(38,2)", "a_sum_30d": "decimal(38,2)"}),
        (
            [feature("count", ["30d", "month", "previous month"])],
            {},
            dict.fromkeys(["count_30d", "count_month", "count_previous_month"], "bigint"),
        ),
        ([feature("count", column="c")], {}, {"c_count_7d": "bigint"}),
        ([feature(windows="30d offset 30d", name="change")], {}, {"change_30d_offset_30d": "decimal(38,2)"}),
        ([feature("last_k", "lifetime", k=5)], {}, {"a_last_5_lifetime": "array<decimal(12,2)>"}),
        (
            [feature(windows="90d", by={"column": "c", "values": ["rent", "Fast food"]})],
            {},
            {"a_sum_rent_90d": "decimal(38,2)", "a_sum_fast_food_90d": "decimal(38,2)"},
        ),
        ([feature(name="my spend")], {"prefix": "p_"}, {"p_my_spend_7d": "decimal(38,2)"}),
        (
            [feature("avg"), feature("stddev"), feature("min"), feature("count_distinct")],
            {},
            {
                "a_avg_7d": "double",
                "a_stddev_7d": "double",
                "a_min_7d": "decimal(12,2)",
                "a_count_distinct_7d": "bigint",
            },
        ),
        ([feature(column="d"), feature("max", column="d")], {}, {"d_sum_7d": "double", "d_max_7d": "double"}),
        ([feature("seconds_since_last", closed="left")], {}, {"seconds_since_last_7d": "double"}),
    ],
)
def test_names_and_types(features: list[Any], params: dict[str, Any], expected: dict[str, str]) -> None:
    outputs = aggregator(*features, **params).output_columns(COLUMNS)
    assert {column.name: column.type for column in outputs} == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            feature(where=[{"column": "c", "op": "equals", "value": "rent"}]),
            "Sum of `a` over (t - 7 d, t] where c = 'rent'; NULL over no rows.",
        ),
        (
            feature(fill_value=0, windows="12h offset 1d", closed="left"),
            "Sum of `a` over [t - 1 d - 12 h, t - 1 d); 0 over no rows.",
        ),
        (feature(windows="30d offset 30d"), "Sum of `a` over (t - 60 d, t - 30 d]; NULL over no rows."),
        (feature("count", "month"), "Number of rows over the month of t up to t; 0 over no rows."),
        (
            feature("count", "lifetime", closed="none", column="c"),
            "Number of values of `c` over all rows before t; 0 over no rows.",
        ),
        (
            feature("last_k", "previous week", k=3),
            "Last 3 values of `a`, oldest first, over the week before that of t; an empty array over no rows.",
        ),
        (feature("max", "7d", closed="both"), "Greatest value of `a` over [t - 7 d, t]; NULL over no rows."),
    ],
)
def test_a_feature_describes_itself(given: dict[str, Any], expected: str) -> None:
    [column] = aggregator(given).output_columns(COLUMNS)
    assert column.description == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (feature("summ"), "`features[0].function`: function `summ` is unknown. Did you mean `sum`?"),
        ({"function": "sum", "windows": "7d"}, "`features[0]`: `sum` reads a column; name it"),
        (
            feature(windows="mont"),
            "window `mont` is unknown. Did you mean `month`? Expected a length in s, m, h, d or w",
        ),
        (feature(windows="next 30d"), "`next 30d` looks ahead of the row, which is for the targets of a training set"),
        (feature(windows=[]), "`features[0].windows`: expected at least one"),
        (feature(windows="0d"), "window `0d`: expected at least 1 second"),
        (feature(windows="99999d"), "window `99999d`: expected at least 1 second and at most 36500 days"),
        (feature(windows=["7d", "7d"]), "`7d` is given more than once"),
        (feature(windows="7d offset 0d"), "an offset of nothing; leave it out"),
        (feature(k=3), "`features[0].k`: `sum` takes no `k`; remove it"),
        (feature("last_k"), "`features[0]`: `last_k` needs `k`, the number of values"),
        (feature("last_k", k=1001), "`features[0].k`: expected at most 1000"),
        (feature(order_by="c"), "`features[0].order_by`: `sum` does not depend on the order of rows"),
        (feature("avg", fill_value=0), "`features[0].fill_value`: only `sum` takes one; `avg` gives NULL over no rows"),
        (feature(fill_value="none"), "`features[0].fill_value`: expected a number"),
        (feature(closed="rigt"), "`features[0].closed`: value `rigt` is unknown. Did you mean `right`?"),
        (feature("seconds_since_last", column="a"), "`seconds_since_last` is of rows and reads no column"),
        (
            feature(where=[{"column": "c", "op": "equal", "value": "x"}]),
            "`features[0].where[0].op`: value `equal` is unknown. Did you mean `equals`?",
        ),
        (feature(where=[{"column": "c", "value": "x"}]), "`features[0].where[0].op` is missing; expected a comparison"),
        (feature(by={"column": "c", "values": ["a b", "a-b"]}), "`a b` and `a-b` would both be `a_b` in the names"),
        (feature(by={"column": "c", "values": ["--"]}), "`--` leaves no name for its feature"),
        (
            feature(by={"colum": "c", "values": ["x"]}),
            "`features[0].by`: key `colum` is unknown. Did you mean `column`?",
        ),
        ({**feature(), "window": "7d"}, "`features[0]`: key `window` is unknown. Did you mean `windows`?"),
        ("sum", "`features[0]`: expected a mapping"),
    ],
)
def test_a_wrong_feature_is_one_error_that_says_where(given: Any, expected: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        aggregator(given)
    assert expected in str(failure.value)
    assert str(failure.value).count("transformer `WindowAggregator`") == 1


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"keys": ["u", "U"]}, "`keys`: `U`, `u` is given more than once"),
        ({"keys": ["u", "t"]}, "`keys`: `t` is also the event time"),
        ({"time_zone": "Europe/Prag"}, "`time_zone`: `Europe/Prag` is not a time zone"),
        ({"time_zone": "../../etc/passwd"}, "is not a time zone"),
        (
            {"features": [feature(), feature(column="A")]},
            "two features would be called `A_sum_7d`; give one of them a `name`",
        ),
        ({"prefix": "p" * 250}, "a feature's name would be longer than 255 characters"),
    ],
)
def test_wrong_parameters(params: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected.replace("[", r"\[").replace("(", r"\(")):
        aggregator(feature(), **params)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            feature("last"),
            [
                (
                    ("features", 0, "order_by"),
                    "`last` needs an order of rows at one time; name a column in `order_by`, or declare the source's primary key",
                )
            ],
        ),
        (feature("last", order_by="c"), []),
        (
            feature("stddev", column="n"),
            [
                (
                    ("features", 0, "column"),
                    "`n` is decimal(20,16); expected at most 14 decimal places for `stddev`; give the column fewer in the source",
                )
            ],
        ),
        (
            feature(fill_value=0.125),
            [
                (
                    ("features", 0, "fill_value"),
                    "expected a number that fits the sum's type decimal(38,2), given `0.125`",
                )
            ],
        ),
        (
            feature(where=[{"column": "a", "op": "gt", "value": "much"}]),
            [(("features", 0, "where", 0, "value"), "column `a` is decimal(12,2); expected a number, given `much`")],
        ),
        (
            feature(by={"column": "c", "values": [7]}),
            [(("features", 0, "by", "values"), "column `c` is string; expected a text; quote the value, given `7`")],
        ),
    ],
)
def test_faults_of_types(given: dict[str, Any], expected: list[Any]) -> None:
    assert list(aggregator(given).faults(COLUMNS)) == expected


def test_the_primary_key_orders_rows_at_one_time() -> None:
    ordered = aggregator(feature("last"), feature("first", order_by="c"), feature()).ordered_by(["id"])
    told = ordered.arguments({**dict(COLUMNS), "id": "bigint"})["features"]
    assert [each.get("order_by") for each in told] == [["id"], ["c"], None]


def test_features_without_an_end_have_a_table_of_their_own() -> None:
    found = aggregator(feature(windows=["7d", "lifetime"]), feature("count", "previous month")).feature_sets(COLUMNS)
    assert [
        (each.model, [column.name for column in each.features], each.reach_days, each.reach_periods) for each in found
    ] == [
        ("window_features", ["a_sum_7d", "count_previous_month"], 7, {"month": 2}),
        ("lifetime_features", ["a_sum_lifetime"], None, {}),
    ]


@pytest.mark.parametrize(
    ("text", "is_zoned", "expected"),
    [
        ("7d", False, Reach(days=7)),
        ("36h", False, Reach(days=2)),
        ("1w offset 1d", False, Reach(days=8)),
        ("90s", True, Reach(days=1)),
        ("lifetime", False, Reach(is_forever=True)),
        ("month", False, Reach(periods={"month": 1})),
        ("previous quarter", False, Reach(periods={"quarter": 2})),
        ("previous month", True, Reach(days=63)),
    ],
)
def test_for_how_long_a_row_counts(text: str, *, is_zoned: bool, expected: Reach) -> None:
    assert parse_window(text).reach(is_zoned=is_zoned) == expected
