"""The adapter through dbt: claims beyond dbt's own suite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from dbt.adapters import factory
from dbt.cli.main import dbtRunner
from dbt.tests.util import run_dbt, write_file
from dbt_common.exceptions import DbtRuntimeError
from grpc import StatusCode
from pyspark.errors.exceptions.connect import SparkConnectGrpcException

from feature_platform_py.core.errors import ConfigurationError, DataCheckError, EngineError
from feature_platform_py.core.messages import FAULTS, Code, Message, decode_event, fault
from feature_platform_py.files.copy import FilesChangedError
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import open_session, open_warehouse
from feature_platform_py.warehouse.warehouse import Warehouse


def rows(project, select: str) -> list[tuple]:
    return project.run_sql(select.format(schema=project.test_schema), fetch="all")


def write_model(project, name: str, text: str) -> None:
    write_file(text, project.project_root, "models", name)


class TestThreads:
    @pytest.fixture(scope="class")
    def models(self):
        base = "{{ config(materialized='table') }} select id, id % 7 as day from range(200000)"
        wide = "{{ config(materialized='table', partition_by='day') }} select * from {{ ref('base') }} where day < %d"
        return {"base.sql": base} | {f"part_{number}.sql": wide % number for number in range(1, 8)}

    def test_eight_models_are_built_by_four_threads(self, project):
        for _ in range(2):
            results = run_dbt(["run", "--threads", "4"])
            written = {result.node.name: result.adapter_response["rows_affected"] for result in results}
            assert written.pop("base") == 200_000
            assert written == {
                f"part_{number}": len([i for i in range(200_000) if i % 7 < number]) for number in range(1, 8)
            }


class TestResults:
    @pytest.fixture(scope="class")
    def models(self):
        return {
            "plain.sql": "select 1 as id\nunion all\nselect 2 as id\n",
            "stored.sql": "{{ config(materialized='table') }}\nselect * from {{ ref('plain') }}",
            "frame.py": "def model(dbt, session):\n    return dbt.ref('stored').limit(1)\n",
            "merged.sql": "{{ config(materialized='incremental', unique_key='id') }}\n"
            "select id, {{ 1 if is_incremental() else 0 }} as run from {{ ref('stored') }}"
            "{% if is_incremental() %} where id = 2{% endif %}",
        }

    def test_run_results_tell_the_rows_written(self, project):
        written = {result.node.name: result.adapter_response for result in run_dbt(["run"])}
        assert written["stored"] == {"_message": "OK 2 rows", "rows_affected": 2}
        assert written["frame"]["rows_affected"] == 1
        assert written["plain"] == {"_message": "OK"}
        written = {result.node.name: result.adapter_response for result in run_dbt(["run"])}
        assert written["merged"]["rows_affected"] == 1

    def test_compiled_sql_is_the_models_select(self, project):
        run_dbt(["run"])
        compiled = Path(project.project_root, "target", "compiled", "test", "models", "stored.sql").read_text()
        assert compiled.strip() == f"select * from `{project.test_schema}`.`plain`"

    def test_rows_are_fetched_as_utc(self, project):
        assert str(rows(project, "select timestamp'2020-01-01 00:00:00'")[0][0]) == "2020-01-01 00:00:00"

    def test_the_catalog_is_what_another_session_finds(self, project, warehouse_folder):
        run_dbt(["run"])
        found = json.loads((warehouse_folder / "catalog.json").read_text())["relations"]
        assert {(entry["name"], entry["kind"]) for entry in found if entry["schema"] == project.test_schema} == {
            ("plain", "view")
        }


class TestFailures:
    @pytest.fixture(scope="class")
    def models(self):
        return {"numbers.sql": "{{ config(materialized='table') }} select '1' as number"}

    def test_a_failing_model_leaves_its_table(self, project):
        run_dbt(["run"])
        write_model(project, "numbers.sql", "{{ config(materialized='table') }} select cast('x' as int) as number")
        message = run_dbt(["run"], expect_pass=False).results[0].message
        assert "Database Error in model numbers (models/numbers.sql)\n  Cannot cast string 'x'" in message
        assert rows(project, "select number from {schema}.numbers") == [("1",)]

    def test_a_python_model_fails_with_its_line(self, project):
        write_model(project, "broken.py", "def model(dbt, session):\n    return [1, 2][3]\n")
        message = run_dbt(["run", "--select", "broken"], expect_pass=False).results[0].message
        assert "models/broken.py:2: IndexError: list index out of range" in message

    def test_a_python_model_must_return_a_frame(self, project):
        write_model(project, "broken.py", "def model(dbt, session):\n    return 1\n")
        message = run_dbt(["run", "--select", "broken"], expect_pass=False).results[0].message
        assert (
            "`model` returned a `builtins.int`. Expected a DataFrame of PySpark or pandas, or a pyarrow Table"
            in message
        )


class TestChanges:
    @pytest.fixture(scope="class")
    def models(self):
        return {"changing.sql": "select 1 as a", "above.sql": "select * from {{ ref('changing') }}"}

    def test_columns_partitions_and_kinds_may_change(self, project):
        for config, select in [
            ("materialized='table'", "select 1 as a"),
            ("materialized='table', partition_by=['b']", "select 'x' as a, date'2020-01-01' as b"),
            ("materialized='view'", "select 2 as c"),
            ("materialized='incremental'", "select 3 as d"),
            ("materialized='view'", "select 4 as e"),
            ("materialized='table'", "select 5 as f"),
        ]:
            write_model(project, "changing.sql", f"{{{{ config({config}) }}}} {select}")
            run_dbt(["run", "--select", "changing"])
            # The view above is not rebuilt here.
            assert rows(project, "select * from {schema}.changing") == rows(project, select)
            run_dbt(["run", "--select", "above"])
            assert rows(project, "select * from {schema}.above") == rows(project, select)


class TestGrants:
    @pytest.fixture(scope="class")
    def models(self):
        config = "{{ config(materialized='%s', grants={'select': ['everybody']}) }} select 1 as a"
        return {f"a_{kind}.sql": config % kind for kind in ("table", "view", "incremental")}

    def test_grants_are_refused(self, project):
        for result in run_dbt(["run"], expect_pass=False):
            assert (
                '`grants`: a folder of tables has no users, given {"select": ["everybody"]}; remove' in result.message
            )


class TestCustomStrategy:
    @pytest.fixture(scope="class")
    def macros(self):
        return {
            "replace_partitions.sql": """
            {% macro get_incremental_replace_partitions_sql(arg_dict) %}
                insert into {{ arg_dict['target_relation'] }} replace where day in (2, 3)
                select {{ arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') }}
                from {{ arg_dict['temp_relation'] }}
            {% endmacro %}
            """
        }

    @pytest.fixture(scope="class")
    def models(self):
        config = "materialized='incremental', incremental_strategy='replace_partitions', partition_by='day'"
        return {
            "days.sql": f"{{{{ config({config}) }}}}"
            "{% if is_incremental() %} select 'new' as state, id + 2 as day from range(2)"
            "{% else %} select 'old' as state, id as day from range(4) {% endif %}"
        }

    def test_a_project_brings_its_own_strategy(self, project):
        run_dbt(["run"])
        result = run_dbt(["run"]).results[0]
        assert result.adapter_response["rows_affected"] == 2
        assert rows(project, "select day, state from {schema}.days order by day") == [
            (0, "old"), (1, "old"), (2, "new"), (3, "new"),
        ]  # fmt: skip


class TestSources:
    @pytest.fixture(scope="class")
    def project_config_update(self):
        return {"on-run-start": "{{ register() }}"}

    @pytest.fixture(scope="class")
    def macros(self):
        return {
            "register.sql": """
            {% macro register() %}{% if execute %}
                {% do adapter.register_source(
                    api.Relation.create(schema=target.schema, identifier='spend'),
                    'data/spend.csv', var('format', 'csv'), {'header': true},
                    [{'name': 'amount', 'type': 'decimal(12,2)'}]
                ) %}
            {% endif %}{% endmacro %}
            """
        }

    @pytest.fixture(scope="class")
    def models(self):
        return {
            "sources.yml": "sources: [{name: bank, schema: '{{ target.schema }}', tables: [{name: spend}]}]",
            "total.sql": "{{ config(materialized='table') }} "
            "select sum(amount) as total from {{ source('bank', 'spend') }}",
        }

    def write_spend(self, project, *amounts: str) -> None:
        folder = Path(project.project_root, "data")
        folder.mkdir(exist_ok=True)
        (folder / "spend.csv").write_text("\n".join(["id,amount", *(f"1,{amount}" for amount in amounts)]) + "\n")

    def test_a_source_lies_relative_to_the_project(self, project):
        self.write_spend(project, "1.50", "2.25")
        run_dbt(["run"])
        assert str(rows(project, "select total from {schema}.total")[0][0]) == "3.75"

    def test_a_value_that_does_not_parse_is_shown_with_its_line(self, project):
        self.write_spend(project, "1.50")
        run_dbt(["run"])
        self.write_spend(project, "1.50", '"12,50"')
        with pytest.raises(DbtRuntimeError) as raised:
            run_dbt(["run"])
        fault = "data/spend.csv:3: column `amount`: `12,50` is not a decimal(12,2)"
        assert f"source `{project.test_schema}.spend`: {fault}" in str(raised.value)
        assert str(rows(project, "select total from {schema}.total")[0][0]) == "1.50"

    def test_a_wrong_declaration_stops_the_run_with_the_reason(self, project):
        self.write_spend(project, "1")
        with pytest.raises(DbtRuntimeError, match="`orc` is unknown"):
            run_dbt(["run", "--vars", "format: orc"])

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (EngineError("schema `raw`: another warehouse."), "schema `raw`: another warehouse"),
            (
                SparkConnectGrpcException("gone", grpc_status_code=StatusCode.UNAVAILABLE),
                "the Spark Connect server is gone",
            ),
        ],
    )
    def test_a_fault_of_the_engine_is_none_of_the_source(self, project, monkeypatch, error, said):
        self.write_spend(project, "1")
        message, faults = self.failed_run(monkeypatch, error)
        assert said in message
        assert "source `" not in message
        assert faults == []

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (DataCheckError("the files changed while they were read"), Code.SOURCE_FAULT),
            (ConfigurationError("reworded"), Code.SOURCE_FAULT),
            (ValueError("the Spark Connect server is gone: [RETRIES_EXCEEDED]"), Code.SOURCE_FAULT),
            (FilesChangedError("spend.csv"), Code.SOURCE_CHANGED),
        ],
    )
    def test_a_fault_of_the_source_has_a_code(self, project, monkeypatch, error, code):
        self.write_spend(project, "1")
        message, faults = self.failed_run(monkeypatch, error)
        told = fault(code, f"source `{project.test_schema}.spend`: {error}")
        assert faults == [told]
        assert told.text in message

    def failed_run(self, monkeypatch, error) -> tuple[str, list[Message]]:
        """What dbt says of a run in which a source cannot be registered, and the faults that the runner is told of."""
        heard = []

        def failing(*_):
            raise error

        def listen(event) -> None:
            if event.info.name == "AdapterEventDebug" and (found := decode_event(event.data.base_msg, FAULTS)):
                heard.append(found)

        monkeypatch.setattr(Warehouse, "register_source", failing)
        with pytest.raises(DbtRuntimeError) as raised:
            run_dbt(["run"], callbacks=[listen])
        return str(raised.value), heard


class TestSharedSession:
    @pytest.fixture(scope="class")
    def models(self):
        return {"one.sql": "{{ config(materialized='table') }} select 1 as one"}

    def test_what_dbt_built_is_there_for_the_process(self, project, warehouse_folder):
        run_dbt(["run"])
        name = TableName(project.test_schema, "one")
        assert open_session("sail", warehouse_folder).table(str(name)).count() == 1
        assert open_warehouse("sail", warehouse_folder).columns(name) == [("one", "int")]

    def test_hooks_change_the_folder_too(self, project, warehouse_folder):
        folder = warehouse_folder / project.test_schema
        for statement in (
            "create table {schema}.made (a int, b string)",
            "insert into {schema}.made values (1, 'x'), (2, 'y')",
            "create or replace view {schema}.seen as select a from {schema}.made",
            "/* a remark */ alter table {schema}.made add columns (c decimal(12,2), d int)",
            "delete from {schema}.made where a = 1",
        ):
            rows(project, statement)
        assert rows(project, "select * from {schema}.made") == [(2, "y", None, None)]
        assert (folder / "made" / "_delta_log").is_dir()
        rows(project, "truncate table {schema}.made;")
        assert rows(project, "select * from {schema}.seen") == []
        rows(project, "drop table if exists {schema}.made")
        assert not (folder / "made").exists()


class TestDebug:
    @pytest.fixture(autouse=True)
    def nobody_else(self, project, monkeypatch):
        """`dbt debug` makes an adapter of its own, as it does in a process of its own."""
        monkeypatch.setattr(factory.FACTORY, "adapters", {})

    def debug(self, project) -> str:
        outcome, text = dbtRunner(), []
        outcome.callbacks.append(lambda event: text.append(event.info.msg))
        folders = ["--project-dir", str(project.project_root), "--profiles-dir", project.profiles_dir]
        self.result = outcome.invoke(["debug", *folders])
        return "\n".join(text)

    def test_debug_checks_the_connection(self, project):
        said = self.debug(project)
        assert self.result.success
        assert "OK connection ok" in said
        assert "All checks passed!" in said

    @pytest.mark.parametrize(
        ("setting", "said"),
        [
            ({"engine": "sial"}, "profile: engine `sial` is unknown. Known: `connect`, `sail`, `spark`"),
            ({"warehouse": "dbt_project.yml"}, "dbt_project.yml"),
            (
                {"catalog": "server"},
                "expected `catalog: folder`, or `catalog: server` with `engine: connect`, given `server` with",
            ),
        ],
    )
    def test_debug_says_what_is_wrong_with_the_profile(self, project, setting, said):
        path = Path(project.profiles_dir, "profiles.yml")
        kept = path.read_text()
        profile = yaml.safe_load(kept)
        profile["test"]["outputs"]["default"] |= setting
        path.write_text(yaml.safe_dump(profile))
        try:
            assert said in self.debug(project)
            assert not self.result.success
        finally:
            path.write_text(kept)
