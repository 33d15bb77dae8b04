"""dbt's own basic suite for adapters. Cases that this adapter cannot pass are listed in `docs/adapter.md`."""

from __future__ import annotations

import pytest
from dbt.tests.adapter.basic import expected_catalog as catalog
from dbt.tests.adapter.basic.test_adapter_methods import BaseAdapterMethod
from dbt.tests.adapter.basic.test_base import BaseSimpleMaterializations
from dbt.tests.adapter.basic.test_docs_generate import BaseDocsGenerate, BaseDocsGenReferences
from dbt.tests.adapter.basic.test_empty import BaseEmpty
from dbt.tests.adapter.basic.test_ephemeral import BaseEphemeral
from dbt.tests.adapter.basic.test_generic_tests import BaseGenericTests
from dbt.tests.adapter.basic.test_get_catalog_for_single_relation import BaseGetCatalogForSingleRelation
from dbt.tests.adapter.basic.test_incremental import (
    BaseIncremental,
    BaseIncrementalBadStrategy,
    BaseIncrementalNotSchemaChange,
)
from dbt.tests.adapter.basic.test_singular_tests import BaseSingularTests
from dbt.tests.adapter.basic.test_singular_tests_ephemeral import BaseSingularTestsEphemeral
from dbt.tests.adapter.basic.test_snapshot_check_cols import BaseSnapshotCheckCols
from dbt.tests.adapter.basic.test_snapshot_timestamp import BaseSnapshotTimestamp
from dbt.tests.adapter.basic.test_table_materialization import BaseTableMaterialization
from dbt.tests.adapter.basic.test_validate_connection import BaseValidateConnection
from dbt_common.contracts.metadata import CatalogTable, ColumnMetadata, TableMetadata

TYPES = {
    "id_type": "bigint",
    "text_type": "string",
    "time_type": "timestamp",
    "view_type": "view",
    "table_type": "table",
}


class TestSimpleMaterializations(BaseSimpleMaterializations):
    pass


class TestTableMaterialization(BaseTableMaterialization):
    pass


class TestSingularTests(BaseSingularTests):
    pass


class TestSingularTestsEphemeral(BaseSingularTestsEphemeral):
    pass


class TestGenericTests(BaseGenericTests):
    pass


class TestEphemeral(BaseEphemeral):
    pass


class TestEmpty(BaseEmpty):
    pass


class TestIncremental(BaseIncremental):
    pass


class TestIncrementalBadStrategy(BaseIncrementalBadStrategy):
    pass


class TestIncrementalNotSchemaChange(BaseIncrementalNotSchemaChange):
    pass


class TestSnapshotCheckCols(BaseSnapshotCheckCols):
    pass


class TestSnapshotTimestamp(BaseSnapshotTimestamp):
    pass


class TestAdapterMethods(BaseAdapterMethod):
    pass


class TestValidateConnection(BaseValidateConnection):
    pass


class TestDocsGenerate(BaseDocsGenerate):
    @pytest.fixture(scope="class")
    def expected_catalog(self, project):
        return catalog.base_expected_catalog(project, role=None, model_stats=catalog.no_stats(), **TYPES)


class TestDocsGenReferences(BaseDocsGenReferences):
    @pytest.fixture(scope="class")
    def expected_catalog(self, project):
        return catalog.expected_references_catalog(
            project, role=None, model_stats=catalog.no_stats(), bigint_type="bigint", **TYPES
        )


class TestCatalogForSingleRelation(BaseGetCatalogForSingleRelation):
    @pytest.fixture(scope="class")
    def expected_catalog_my_seed(self, project):
        return catalog_table(
            project.test_schema,
            "my_seed",
            "table",
            id="bigint",
            first_name="string",
            email="string",
            ip_address="string",
            updated_at="timestamp",
        )

    @pytest.fixture(scope="class")
    def expected_catalog_my_view_model(self, project):
        return catalog_table(
            project.test_schema,
            "my_view_model",
            "view",
            id="bigint",
            first_name="string",
            email="string",
            ip_address="string",
            updated_at="timestamp",
        )


def catalog_table(schema: str, name: str, kind: str, **columns: str) -> CatalogTable:
    return CatalogTable(
        metadata=TableMetadata(type=kind, schema=schema, name=name),
        columns={
            column: ColumnMetadata(type=dtype, index=index, name=column)
            for index, (column, dtype) in enumerate(columns.items(), start=1)
        },
        stats={},
    )
