"""What the catalogue tells of a table, on the engine."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.core.session import open_session
from feature_platform_py.docs_site.profile import BINS, profile_table


def test_numbers_have_ranges_and_texts_their_most_frequent_values(tmp_path: Path) -> None:
    session = open_session("sail", tmp_path / "warehouse")
    session.sql("""
        select
            cast(id as decimal(12, 2)) as `a b`,
            if(id % 3 = 0, null, concat('k', id % 2)) as kind,
            cast(null as double) as empty,
            7 as one
        from range(0, 1000)
    """).createOrReplaceTempView("profiled")
    columns = [("a b", "decimal(12,2)"), ("kind", "string"), ("empty", "double"), ("one", "int")]
    found = profile_table(session, "profiled", columns)
    number = found["a b"]
    assert (number.rows, number.nulls, number.minimum, number.maximum) == (1000, 0, "0.00", "999.00")
    assert len(number.bars) == BINS
    assert sum(rows for _, rows in number.bars) == 1000
    assert len(number.samples) == 5
    assert found["kind"].nulls == 334
    assert found["kind"].bars == (("k0", 333), ("k1", 333))
    assert found["empty"].bars == ()
    assert found["one"].bars == (("7", 1000),)
