"""Table names, paths, and which of them are one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.core.locations import inferred_format, is_remote, is_table_name, overlap


@pytest.mark.parametrize("location", ["sales", "shop.sales", "main.shop.sales", "_x.y1"])
def test_a_table_name_has_one_to_three_parts(location: str) -> None:
    assert is_table_name(location)


@pytest.mark.parametrize(
    "location", ["a.b.c.d", "a/b", "sales.csv", "x.parquet", "a-b", "1a", "a..b", "a b", "", "a\n", "prodejé"]
)
def test_anything_else_is_no_table_name(location: str) -> None:
    assert not is_table_name(location)


def test_a_uri_is_remote_and_a_file_is_not() -> None:
    assert is_remote("s3://bucket/x")
    assert is_remote("dbfs:/x")
    assert not is_remote("file:///x")
    assert not is_remote("/x")
    assert not is_remote("x:y")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("a.csv", "csv"),
        ("a.TSV", "csv"),
        ("x/a.json.gz", "json"),
        ("x.parquet/", "parquet"),
        ("a.txt", None),
        ("csv", None),
    ],
)
def test_an_ending_names_a_format(location: str, expected: str | None) -> None:
    assert inferred_format(location) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "./a//b/", True),
        ("./a", "a/b", True),
        ("a/b/c", "a/b", True),
        ("a/b", "a/bc", False),
        ("shop.sales", "SHOP.SALES", True),
        ("main.shop.sales", "shop.sales", True),
        ("sales", "shop.sales", False),
        ("shop.sales", "other.sales", False),
        ("shop.sales", "shop/sales", False),
        ("s3://bucket/a", "s3://bucket/a/b", True),
        ("s3://bucket/a", "s3://bucket/b", False),
        ("s3://bucket/a", "bucket/a", False),
        ("s3a://bucket/a/", "s3://bucket//a/b/../b", True),
        ("S3://bucket/a", "s3://bucket", True),
        ("s3://bucket/a", "gs://bucket/a", False),
        ("s3://bucket/../other/a", "s3://other/a", True),
    ],
)
def test_places_overlap(tmp_path: Path, one: str, other: str, expected: bool) -> None:
    assert overlap(one, other, root=tmp_path) is expected
    assert overlap(other, one, root=tmp_path) is expected
