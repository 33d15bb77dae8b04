"""The statement that asks for a query's columns alone."""

from __future__ import annotations

import pytest

from feature_platform_py.sources.statement import query_fault, without_rows


@pytest.mark.parametrize(
    ("query", "inner"),
    [
        ("select 1", "select 1"),
        ("select 1;", "select 1"),
        ("select 1 ; ;", "select 1 "),
        ("select 1; -- done", "select 1"),
        ("select 1 -- done;", "select 1 -- done;"),
        ("select ';' as a /* ; */;\n", "select ';' as a /* ; */"),
        ("with a as (select 1) select `;` from a", "with a as (select 1) select `;` from a"),
        ("select 'not ended; ", "select 'not ended; "),
    ],
)
def test_a_query_is_asked_for_its_columns_alone(query: str, inner: str) -> None:
    assert without_rows(query) == f"select * from (\n{inner}\n) limit 0"


@pytest.mark.parametrize("query", ["select ';'", "select 1;", "select 1; -- ; select 2", "select '%(a)s'"])
def test_a_single_query_has_no_fault(query: str) -> None:
    assert query_fault(query, ()) is None


@pytest.mark.parametrize("query", ["select 1; select 2", "select 1;\ndrop table t;"])
def test_two_statements_are_a_fault(query: str) -> None:
    assert query_fault(query, ()) == "expected a single query, without another statement after its `;`"
