"""Transformers by name: built in, registered, or nearly spelled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from feature_platform_py import (
    FeatureTransformer,
    OutputColumn,
    SimpleAgeCalculator,
    get_transformer,
    register_transformer,
)
from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.features import catalogue
from feature_platform_py.features.catalogue import TRANSFORMER_REGISTRY


class Doubled(FeatureTransformer):
    """Adds nothing that anyone wants."""

    column: str

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        return (OutputColumn("doubled", "int"),)

    def transform(self, dataframe: object) -> object:  # type: ignore[override]
        return dataframe


@pytest.fixture(autouse=True)
def _nothing_stays_registered() -> Iterator[None]:
    kept = dict(catalogue._registered)
    yield
    catalogue._registered.clear()
    catalogue._registered.update(kept)


def test_a_transformer_comes_with_its_parameters() -> None:
    found = get_transformer("SimpleAgeCalculator", {"birthdate_col": "born"})
    assert found.model_dump() == {"birthdate_col": "born", "output_col": "age", "as_of_col": None}


def test_an_unknown_name_says_which_is_near() -> None:
    with pytest.raises(ConfigurationError) as error:
        get_transformer("SimpleAgeCalculater", {})
    assert str(error.value).startswith(
        "transformer `SimpleAgeCalculater` is unknown. Did you mean `SimpleAgeCalculator`? Known: `UserSpendAggregator`,"
    )


def test_all_that_is_wrong_in_parameters_is_said_at_once() -> None:
    params = {"user_id_col": "u", "timestamp": "t", "amount_col": 5, "window_days": [0]}
    with pytest.raises(ConfigurationError) as error:
        get_transformer("UserSpendAggregator", params)
    assert sorted(str(error.value).splitlines()) == [
        "transformer `UserSpendAggregator`: `amount_col`: expected a text, given `5`",
        "transformer `UserSpendAggregator`: `window_days[0]`: expected at least 1, given `0`",
        "transformer `UserSpendAggregator`: key `timestamp` is unknown. Did you mean `timestamp_col`? "
        "Known: `user_id_col`, `timestamp_col`, `amount_col`, `window_days`",
    ]


def test_a_rule_of_several_parameters_names_the_transformer() -> None:
    with pytest.raises(ConfigurationError, match="transformer `UserSpendAggregator`: `window_days`: 7 is given more"):
        get_transformer(
            "UserSpendAggregator",
            {"user_id_col": "u", "timestamp_col": "t", "amount_col": "a", "window_days": [7, 7]},
        )


def test_a_registered_class_is_known_by_its_name() -> None:
    assert register_transformer(Doubled) is Doubled
    assert get_transformer("Doubled", {"column": "a"}) == Doubled(column="a")
    assert "Doubled" in TRANSFORMER_REGISTRY
    assert "Doubled" in list(TRANSFORMER_REGISTRY)


def test_a_registered_class_may_have_another_name() -> None:
    register_transformer("Twice")(Doubled)
    assert TRANSFORMER_REGISTRY["Twice"] is Doubled


def test_registering_a_class_again_changes_nothing() -> None:
    register_transformer(Doubled)
    register_transformer(Doubled)
    assert TRANSFORMER_REGISTRY["Doubled"] is Doubled


def test_a_name_belongs_to_one_class() -> None:
    with pytest.raises(
        ConfigurationError, match=r"transformer `WithGreeting`: `\S+generic.WithGreeting` already has the name"
    ):
        register_transformer("WithGreeting")(Doubled)


def test_the_column_that_is_read_is_spelled_as_it_is_there() -> None:
    found = get_transformer("SimpleAgeCalculator", {"birthdate_col": "BORN"}).spelled_as([("born", "date")])
    assert found == get_transformer("SimpleAgeCalculator", {"birthdate_col": "born"})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"birthdate": "born"}, "key `birthdate` is unknown. Did you mean `birthdate_col`?"),
        ({"birthdate_col": 7}, "`birthdate_col`: expected a text, given `7`"),
        ({}, "`birthdate_col` is missing"),
    ],
)
def test_wrong_parameters_in_python_are_the_message_that_yaml_gets(params: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        SimpleAgeCalculator(**params)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError) as by_name:
        get_transformer("SimpleAgeCalculator", params)
    assert str(raised.value) == str(by_name.value)
    assert str(raised.value).startswith(f"transformer `SimpleAgeCalculator`: {message}")
