"""Columns with odd names, nested types and changing case, through everything that dbt does with a relation."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from dbt.tests.util import run_dbt, write_file

from feature_platform_py.core.sql_text import quoted

ODD_NAMES = (
    "x.y",
    "a`b",
    'say "hi"',
    "it's",
    "größe",
    "select",
    "1st",
    "{{ x }}",
    "a,b",
    "tab\there",
    "日本",
    "a b",
    "(p)",
)
TYPES = {
    "m": ("map<string,int>", "map('a', 1, 'b', 2)"),
    "s": ("struct<a:int,b:decimal(10,2)>", "named_struct('a', 1, 'b', cast(2.5 as decimal(10,2)))"),
    "o": ("struct<`x y`:int,`d``e`:array<string>>", "named_struct('x y', 1, 'd`e', array('q'))"),
    "n": (
        "array<map<string,struct<k:decimal(38,18),l:array<int>>>>",
        "array(map('a', named_struct('k', cast(1 as decimal(38,18)), 'l', array(1, 2))))",
    ),
    "a,b": ("decimal(12,2)", "cast(1.5 as decimal(12,2))"),
    "p`q": ("timestamp", "timestamp'2020-01-01 00:00:00'"),
}


def rows(project, select: str) -> list[tuple]:
    return project.run_sql(select.replace("{schema}", project.test_schema), fetch="all")


def columns(project, name: str) -> list[tuple[str, str]]:
    relation = project.adapter.Relation.create(schema=project.test_schema, identifier=name, type="table")
    with project.adapter.connection_named("columns"):
        return [(each.name, each.dtype) for each in project.adapter.get_columns_in_relation(relation)]


def write_model(project, name: str, text: str) -> None:
    write_file(text, project.project_root, "models", name)


def message(project, *arguments: str) -> str:
    return str(run_dbt(list(arguments), expect_pass=False).results[0].message)


class TestChangedCase:
    @pytest.mark.parametrize("change", ["ignore", "append_new_columns", "sync_all_columns", "fail"])
    @pytest.mark.parametrize("strategy", ["append", "merge", "delete+insert"])
    def test_a_column_in_another_case_is_the_same_column(self, project, strategy, change):
        name = f"{strategy.replace('+', '_')}_{change}"
        key = "" if strategy == "append" else ", unique_key='id'"
        config = f"materialized='incremental', incremental_strategy='{strategy}', on_schema_change='{change}'{key}"
        write_model(project, f"{name}.sql", f"{{{{ config({config}) }}}} select 1 as id, 'a' as Amount")
        run_dbt(["run", "--select", name])
        write_model(project, f"{name}.sql", f"{{{{ config({config}) }}}} select 'b' as aMOUNT, 2 as ID")
        run_dbt(["run", "--select", name])
        assert columns(project, name) == [("id", "int"), ("Amount", "string")]
        assert rows(project, f"select * from {{schema}}.{name} order by 1") == [(1, "a"), (2, "b")]

    @pytest.mark.parametrize("strategy", ["append", "merge", "delete+insert", "microbatch"])
    def test_a_column_that_a_model_no_longer_selects_keeps_its_values(self, project, strategy):
        name = f"narrowed_{strategy.replace('+', '_')}"
        options = {
            "merge": ", unique_key='id'",
            "delete+insert": ", unique_key='id'",
            "microbatch": ", event_time='t', begin='2020-01-01', batch_size='year'",
        }.get(strategy, "")
        config = (
            f"{{{{ config(materialized='incremental', incremental_strategy='{strategy}',"
            f" on_schema_change='append_new_columns'{options}) }}}} "
        )
        write_model(project, f"{name}.sql", config + "select 1 as id, 'a' as v, timestamp'2020-05-01 00:00:00' as t")
        run_dbt(["run", "--select", name, *self._year(strategy, 2020)])
        write_model(project, f"{name}.sql", config + "select timestamp'2021-05-01 00:00:00' as t, 5 as n, 2 as id")
        run_dbt(["run", "--select", name, *self._year(strategy, 2021)])
        assert rows(project, f"select id, v, n, year(t) from {{schema}}.{name} order by 1") == [
            (1, "a", None, 2020), (2, None, 5, 2021),
        ]  # fmt: skip

    def _year(self, strategy: str, year: int) -> list[str]:
        if strategy != "microbatch":
            return []
        return ["--event-time-start", f"{year}-01-01", "--event-time-end", f"{year + 1}-01-01"]

    def test_a_type_that_changes_with_the_case_is_changed(self, project):
        config = "{{ config(materialized='incremental', on_schema_change='sync_all_columns') }} "
        write_model(project, "retyped.sql", config + "select 1 as Id, 'a' as gone")
        run_dbt(["run", "--select", "retyped"])
        write_model(project, "retyped.sql", config + "select cast(2 as bigint) as iD, 'n' as added")
        run_dbt(["run", "--select", "retyped"])
        assert columns(project, "retyped") == [("Id", "bigint"), ("added", "string")]
        assert rows(project, "select * from {schema}.retyped order by 1") == [(1, None), (2, "n")]


class TestNestedTypes:
    def test_columns_of_any_type_are_added(self, project):
        config = "{{ config(materialized='incremental', on_schema_change='append_new_columns') }} select 1 as id"
        added = "".join(f", {value} as {quoted(name)}" for name, (_, value) in TYPES.items())
        write_model(project, "wide.sql", config)
        run_dbt(["run", "--select", "wide"])
        write_model(project, "wide.sql", config + added)
        run_dbt(["run", "--select", "wide"])
        assert columns(project, "wide") == [("id", "int"), *((name, dtype) for name, (dtype, _) in TYPES.items())]
        nulls, values = sorted(rows(project, "select * from {schema}.wide"), key=lambda row: row[1] is not None)
        assert nulls == (1, *[None] * len(TYPES))
        assert values == rows(project, f"select 1{added}")[0]

    def test_alter_table_reads_names_types_and_comments(self, project):
        rows(project, "create or replace table {schema}.altered using delta as select 1 as id")
        rows(
            project, "alter table {schema}.altered add columns (`a,b` decimal(10,2) comment 'x, y', c map<string,int>)"
        )
        rows(project, "alter table {schema}.altered add column d struct<a:int,b:decimal(10,2)>")
        assert columns(project, "altered")[1:] == [
            ("a,b", "decimal(10,2)"), ("c", "map<string,int>"), ("d", "struct<a:int,b:decimal(10,2)>"),
        ]  # fmt: skip

    def test_a_contract_compares_types_in_full(self, project):
        write_model(project, "agreed.sql", "{{ config(materialized='table') }} " + self._select())
        for given, is_good in [("decimal(10,2)", True), ("decimal(10,3)", False)]:
            types = [dtype.replace("decimal(10,2)", given) for dtype, _ in TYPES.values()]
            write_model(project, "agreed.yml", self._contract(types))
            assert run_dbt(["run", "--select", "agreed"], expect_pass=is_good).results[0].status == (
                "success" if is_good else "error"
            )

    def test_unit_tests_know_nested_values(self, project):
        write_model(
            project, "given.sql", "select array('x') as tags, map('k', 1) as m, named_struct('x y', 1) as s, 'a' as t"
        )
        write_model(
            project, "counted.sql", "select size(tags) as n, m['k'] as k, s.`x y` as s, t from {{ ref('given') }}"
        )
        unit_test = (
            "unit_tests: [{name: nested, model: counted, given: [{input: ref('given'), rows: [{tags: \"array('it''s', 'b')\", "
            "m: \"map('k', 7)\", s: \"named_struct('x y', 3)\", t: 'back\\slash ''quoted'''}]}], "
            "expect: {rows: [{n: 2, k: 7, s: 3, t: 'back\\slash ''quoted'''}]}}]"
        )
        write_model(project, "counted.yml", unit_test)
        run_dbt(["run", "--select", "given"])
        assert [each.status for each in run_dbt(["test", "--select", "counted"])] == ["pass"]

    def _select(self) -> str:
        return "select " + ", ".join(f"{value} as {quoted(name)}" for name, (_, value) in TYPES.items())

    def _contract(self, types: list[str]) -> str:
        import yaml

        listed = [{"name": name, "data_type": dtype, "quote": True} for name, dtype in zip(TYPES, types, strict=True)]
        model = {"name": "agreed", "config": {"contract": {"enforced": True}}, "columns": listed}
        return yaml.safe_dump({"models": [model]}, allow_unicode=True)


class TestSeeds:
    @pytest.fixture(scope="class")
    def seeds(self):
        head = ",".join('"' + name.replace('"', '""') + '"' for name in ODD_NAMES)
        values = (
            "number,big,share,flag,day,moment,text\n"
            "1E+5,-9223372036854775808,0.00000001,true,2020-02-29,2020-01-01 00:00:01,a\n,,,,,,\n"
        )
        return {
            "odd.csv": f"{head}\n{','.join(str(number) for number in range(len(ODD_NAMES)))}\n",
            "values.csv": values,
        }

    @pytest.fixture(scope="class")
    def project_config_update(self):
        return {
            "seeds": {
                "test": {
                    "values": {"+column_types": {"text": "string"}},
                    "odd": {"+column_types": {"x.y": "decimal(10,2)", "a`b": "string"}},
                }
            }
        }

    def test_seeds_have_columns_of_any_name(self, project):
        types = {"x.y": "decimal(10,2)", "a`b": "string"}
        for _ in range(2):
            run_dbt(["seed", "--select", "odd"])
            assert columns(project, "odd") == [(name, types.get(name, "bigint")) for name in ODD_NAMES]
            assert rows(project, "select * from {schema}.odd") == [(Decimal("0.00"), "1", *range(2, len(ODD_NAMES)))]

    def test_seeds_lose_no_value(self, project):
        run_dbt(["seed", "--select", "values"])
        assert rows(project, "select * from {schema}.values order by number nulls last") == [
            (100000, -(2**63), 1e-8, True, datetime(2020, 2, 29).date(), datetime(2020, 1, 1, 0, 0, 1), "a"),
            (None,) * 7,
        ]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("a,b\n9223372036854775808,1\n", "seed `bad`: column `a`: `9223372036854775808` is not a bigint. Give"),
            ("Id,iD\n1,2\n", "seed `bad`: expected columns whose names differ in more than case, given `Id`, `iD`"),
        ],
    )
    def test_what_a_seed_cannot_hold_is_an_error(self, project, text, said):
        path = Path(project.project_root, "seeds", "bad.csv")
        path.write_text(text)
        assert said in message(project, "seed", "--select", "bad")
        path.unlink()


class TestOddNames:
    @pytest.fixture(scope="class")
    def models(self):
        listed = ", ".join(f"{number} as {quoted(name)}" for number, name in enumerate(ODD_NAMES))
        # Jinja in a model's text is the model's own.
        select = "{% raw %}select " + listed + "{% endraw %}"
        config = "{{ config(materialized='%s'%s) }} "
        return {
            "stored.sql": config % ("table", ", partition_by=['a b', '(p)']") + select,
            "seen.sql": config % ("view", "") + "select * from {{ ref('stored') }}",
            "merged.sql": config % ("incremental", ", unique_key='`x.y`', on_schema_change='sync_all_columns'")
            + "select * from {{ ref('seen') }}",
            "replaced.sql": config % ("incremental", ", incremental_strategy='delete+insert', unique_key='`x.y`'")
            + "select * from {{ ref('seen') }}",
        }

    def test_models_of_every_kind_have_columns_of_any_name(self, project):
        for _ in range(2):
            assert len(run_dbt(["run"])) == 4
        for name in ("stored", "seen", "merged", "replaced"):
            assert [column for column, _ in columns(project, name)] == list(ODD_NAMES)
            assert rows(project, f"select * from {{schema}}.{name}") == [tuple(range(len(ODD_NAMES)))]

    def test_snapshots_have_columns_of_any_name(self, project):
        run_dbt(["run", "--select", "stored"])
        config = "strategy='check', check_cols='all', unique_key='`x.y`', hard_deletes='new_record'"
        text = (
            f"{{% snapshot kept %}}{{{{ config({config}) }}}} select * from {{{{ ref('stored') }}}}{{% endsnapshot %}}"
        )
        write_file(text, project.project_root, "snapshots", "kept.sql")
        for _ in range(2):
            run_dbt(["snapshot"])
        assert rows(project, "select * from {schema}.kept")[0][: len(ODD_NAMES)] == tuple(range(len(ODD_NAMES)))
