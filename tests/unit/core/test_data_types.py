"""Spark SQL type strings."""

from __future__ import annotations

import pytest

from feature_platform_py.core.data_types import common_key_type, kind_of, parse_type


@pytest.mark.parametrize(
    ("text", "canonical", "kind"),
    [
        ("bigint", "bigint", "integer"),
        (" BIGINT ", "bigint", "integer"),
        ("long", "bigint", "integer"),
        ("integer", "int", "integer"),
        ("decimal(12, 2)", "decimal(12,2)", "decimal"),
        ("numeric(5)", "decimal(5,0)", "decimal"),
        ("decimal", "decimal(10,0)", "decimal"),
        ("real", "float", "floating"),
        ("varchar(20)", "varchar(20)", "string"),
        ("timestamp_ltz", "timestamp", "timestamp"),
        ("timestamp_ntz", "timestamp_ntz", "timestamp"),
        ("array< decimal(5,1) >", "array<decimal(5,1)>", "nested"),
        ("map<string,array<int>>", "map<string,array<int>>", "nested"),
        ("struct<a:int,b:struct<c:string>>", "struct<a:int,b:struct<c:string>>", "nested"),
    ],
)
def test_a_type_has_one_spelling_and_a_kind(text: str, canonical: str, kind: str) -> None:
    parsed = parse_type(text)
    assert (parsed.text, parsed.kind) == (canonical, kind)
    assert parse_type(parsed.text) == parsed


def test_a_decimal_has_digits() -> None:
    parsed = parse_type("decimal(12,2)")
    assert (parsed.precision, parsed.scale) == (12, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "number",
        "bigint(3)",
        "string(3)",
        "varchar",
        "varchar(1,2)",
        "decimal(39,2)",
        "decimal(0)",
        "decimal(5,6)",
        "decimal(5",
        "array<>",
        "array<int,int>",
        "map<int>",
        "struct<a>",
        "struct<a b:int>",
        "array<int>>",
        "int) using csv --",
        "string' comment 'x",
        "array<" * 5000 + "int" + ">" * 5000,
    ],
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_type(text)


def test_a_type_that_only_an_engine_knows_is_of_no_kind() -> None:
    assert kind_of("interval day to second") == "other"
    assert kind_of("decimal(12,2)") == "decimal"


@pytest.mark.parametrize(
    "text",
    [
        "struct<`Street Name`:string,`no$`:bigint,E:array<string>>",
        "map<string,struct<`a``b,c<`:decimal(3,2),`x:y`:array<struct<Ä:int>>>>",
    ],
)
def test_names_of_fields_keep_their_letters(text: str) -> None:
    assert parse_type(text).text.replace("`Ä`", "Ä") == text
    assert parse_type(parse_type(text).text) == parse_type(text)


def test_a_field_without_its_backticks_is_refused() -> None:
    with pytest.raises(ValueError, match="Spark SQL type"):
        parse_type("struct<Street Name:string>")


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("bigint", "bigint", "bigint"),
        ("int", "bigint", "bigint"),
        ("tinyint", "smallint", "smallint"),
        ("bigint", "decimal(10,2)", "decimal(21,2)"),
        ("decimal(12,4)", "decimal(10,2)", "decimal(12,4)"),
        ("decimal(38,0)", "decimal(38,10)", None),
        ("varchar(5)", "string", "string"),
        ("date", "date", "date"),
        ("date", "timestamp", None),
        ("string", "bigint", None),
        ("boolean", "int", None),
        ("bigint", "double", None),
        ("float", "double", None),
    ],
)
def test_keys_are_widened_only_where_equal_values_stay_equal(one: str, other: str, common: str | None) -> None:
    assert common_key_type(one, other) == common_key_type(other, one) == common
