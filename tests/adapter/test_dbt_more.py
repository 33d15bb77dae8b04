"""Further cases of dbt's suite for adapters: those that mean something without a database server."""

from __future__ import annotations

import pytest
from dbt.tests.adapter.aliases.test_aliases import BaseAliasErrors, BaseAliases, BaseSameAliasDifferentSchemas
from dbt.tests.adapter.concurrency.test_concurrency import BaseConcurrency
from dbt.tests.adapter.dbt_clone.test_dbt_clone import BaseCloneNotPossible
from dbt.tests.adapter.dbt_show.test_dbt_show import BaseShowLimit, BaseShowSqlHeader
from dbt.tests.adapter.empty.test_empty import BaseTestEmpty, BaseTestEmptyInlineSourceRef
from dbt.tests.adapter.ephemeral.test_ephemeral import BaseEphemeralErrorHandling
from dbt.tests.adapter.hooks.test_model_hooks import (
    BasePrePostModelHooksOnSeeds,
    BasePrePostModelHooksOnSnapshots,
)
from dbt.tests.adapter.incremental.test_incremental_merge_exclude_columns import BaseMergeExcludeColumns
from dbt.tests.adapter.incremental.test_incremental_microbatch import BaseMicrobatch
from dbt.tests.adapter.incremental.test_incremental_on_schema_change import BaseIncrementalOnSchemaChange
from dbt.tests.adapter.incremental.test_incremental_predicates import BaseIncrementalPredicates
from dbt.tests.adapter.incremental.test_incremental_unique_id import BaseIncrementalUniqueKey
from dbt.tests.adapter.persist_docs.test_persist_docs import BasePersistDocsColumnMissing
from dbt.tests.adapter.python_model.test_python_model import (
    BasePythonIncrementalTests,
    BasePythonMetaGetTests,
    BasePythonModelTests,
)
from dbt.tests.adapter.python_model.test_spark import PANDAS_MODEL, PYSPARK_MODEL
from dbt.tests.adapter.query_comment.test_query_comment import BaseQueryComments
from dbt.tests.adapter.relations.test_changing_relation_type import BaseChangeRelationTypeValidator
from dbt.tests.adapter.relations.test_dropping_schema_named import BaseDropSchemaNamed
from dbt.tests.adapter.simple_seed.test_seed import BaseTestEmptySeed
from dbt.tests.adapter.store_test_failures_tests.test_store_test_failures import BaseStoreTestFailures
from dbt.tests.adapter.unit_testing.test_case_insensitivity import BaseUnitTestCaseInsensivity
from dbt.tests.adapter.unit_testing.test_invalid_input import BaseUnitTestInvalidInput
from dbt.tests.adapter.unit_testing.test_types import BaseUnitTestingTypes
from dbt.tests.adapter.utils.test_current_timestamp import BaseCurrentTimestampNaive
from dbt.tests.adapter.utils.test_date_spine import BaseDateSpine
from dbt.tests.adapter.utils.test_dateadd import BaseDateAdd
from dbt.tests.adapter.utils.test_last_day import BaseLastDay
from dbt.tests.adapter.utils.test_split_part import BaseSplitPart
from dbt.tests.adapter.utils.test_validate_sql import BaseValidateSqlMethod
from dbt.tests.util import run_dbt


class TestAliases(BaseAliases):
    pass


class TestAliasErrors(BaseAliasErrors):
    pass


class TestSameAliasDifferentSchemas(BaseSameAliasDifferentSchemas):
    pass


class TestClone(BaseCloneNotPossible):
    pass


class TestConcurrency(BaseConcurrency):
    pass


class TestShowLimit(BaseShowLimit):
    pass


class TestShowSqlHeader(BaseShowSqlHeader):
    pass


class TestEmptyFlag(BaseTestEmpty):
    pass


class TestEmptyFlagInlineSourceRef(BaseTestEmptyInlineSourceRef):
    pass


class TestEphemeralErrorHandling(BaseEphemeralErrorHandling):
    pass


class TestHooksOnSeeds(BasePrePostModelHooksOnSeeds):
    pass


class TestHooksOnSnapshots(BasePrePostModelHooksOnSnapshots):
    pass


class TestMergeExcludeColumns(BaseMergeExcludeColumns):
    pass


class TestMicrobatch(BaseMicrobatch):
    # The suite writes the time zone as `-0`, which is no time zone in Spark.
    @pytest.fixture(scope="class")
    def input_model_sql(self):
        return """
            {{ config(materialized='table', event_time='event_time') }}
            select 1 as id, timestamp'2020-01-01 00:00:00' as event_time
            union all
            select 2 as id, timestamp'2020-01-02 00:00:00' as event_time
            union all
            select 3 as id, timestamp'2020-01-03 00:00:00' as event_time
        """

    @pytest.fixture(scope="class")
    def insert_two_rows_sql(self, project):
        rows = "(4, timestamp'2020-01-04 00:00:00'), (5, timestamp'2020-01-05 00:00:00')"
        return f"insert into {project.test_schema}.input_model values {rows}"


class TestIncrementalOnSchemaChange(BaseIncrementalOnSchemaChange):
    pass


class TestIncrementalPredicates(BaseIncrementalPredicates):
    @pytest.fixture(scope="class")
    def project_config_update(self):
        return {
            "models": {
                "+incremental_predicates": ["DBT_INTERNAL_DEST.id != 2"],
                "+incremental_strategy": "delete+insert",
            }
        }


class TestIncrementalUniqueKey(BaseIncrementalUniqueKey):
    pass


class TestPersistDocsColumnMissing(BasePersistDocsColumnMissing):
    # There are no comments to look at: this claims that the run does not mind.
    def test_missing_column(self, project):
        assert len(run_dbt(["run"])) == 1


class TestPythonModel(BasePythonModelTests):
    pass


class TestPythonIncremental(BasePythonIncrementalTests):
    pass


class TestPythonMetaGet(BasePythonMetaGetTests):
    pass


class TestPythonDataFrames:
    @pytest.fixture(scope="class")
    def models(self):
        return {"pandas_df.py": PANDAS_MODEL, "pyspark_df.py": PYSPARK_MODEL}

    def test_frames_of_pandas_and_of_pyspark_become_the_same_table(self, project):
        assert len(run_dbt(["run"])) == 2
        rows = [
            project.run_sql(f"select * from {project.test_schema}.{name} order by 1", fetch="all")
            for name in ("pandas_df", "pyspark_df")
        ]
        assert rows[0] == rows[1]
        assert len(rows[0]) == 5


class TestQueryComments(BaseQueryComments):
    pass


class TestChangeRelationType(BaseChangeRelationTypeValidator):
    pass


class TestDropSchemaNamed(BaseDropSchemaNamed):
    pass


class TestEmptySeed(BaseTestEmptySeed):
    pass


class TestStoreTestFailures(BaseStoreTestFailures):
    pass


class TestUnitTestCaseInsensitivity(BaseUnitTestCaseInsensivity):
    pass


class TestUnitTestInvalidInput(BaseUnitTestInvalidInput):
    pass


class TestUnitTestTypes(BaseUnitTestingTypes):
    @pytest.fixture
    def data_types(self):
        return [
            ["1", "1"],
            ["'1'", "1"],
            ["true", "true"],
            ["date '2020-01-02'", "2020-01-02"],
            ["timestamp '2013-11-03 00:00:00'", "2013-11-03 00:00:00"],
            ["cast('1.5' as decimal(12,2))", "1.5"],
        ]


class TestCurrentTimestamp(BaseCurrentTimestampNaive):
    pass


class TestValidateSql(BaseValidateSqlMethod):
    pass


class TestDateAdd(BaseDateAdd):
    pass


class TestDateSpine(BaseDateSpine):
    pass


class TestLastDay(BaseLastDay):
    pass


class TestSplitPart(BaseSplitPart):
    pass
