"""Transformers whose features are SQL: a dbt macro holds it, for models and for DataFrames alike."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from feature_platform_py.core.data_types import Columns
from feature_platform_py.features.feature_set import FeatureSet
from feature_platform_py.features.transformer import FeatureTransformer, columns_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SqlTransformer(FeatureTransformer):
    """A transformer of a macro that returns a query with one row per key: the key columns, and the features.

    `model` is the table of a job that holds the features, `tag` that of its model in dbt;
    `is_by_month` says that rows count in their calendar month. `macro` the name of the macro, with its package's before a dot if that
    is not the project.
    """

    model: ClassVar[str]
    macro: ClassVar[str]
    tag: ClassVar[str]
    is_by_month: ClassVar[bool] = False

    @abstractmethod
    def keys(self) -> tuple[str, ...]:
        """The grain of the features: the columns of a row that say which features it gets."""

    @abstractmethod
    def arguments(self, types: Mapping[str, str]) -> dict[str, Any]:
        """The arguments of the macro; `types` are those of the input's columns by their names."""

    def reads(self) -> tuple[str, ...]:
        """The columns that the features depend on: a table is computed again where one of them has changed."""
        return tuple(dict.fromkeys(column.name for column in self.input_columns()))

    def event_time(self) -> str | None:
        """The column of the event time, if the features have one."""
        return None

    def month_key(self) -> str | None:
        """The key that stands for the month of the event time, if one does."""
        return None

    def reach_days(self) -> int | None:
        """For how many days after its event time a row counts, beyond its own month; None: for ever."""
        return 0

    def packages(self) -> Mapping[str, Path]:
        """The folders of the dbt packages that the macro comes from, by name, apart from the project's."""
        return {}

    def feature_set(self, columns: Columns) -> FeatureSet:
        """What is wanted of the feature table, given the input's columns."""
        return FeatureSet(
            model=self.model,
            macro=self.macro,
            keys=self.keys(),
            features=self.output_columns(columns),
            reads=tuple((name, dict(columns)[name]) for name in self.reads()),
            timestamp_col=self.event_time(),
            reach_days=self.reach_days(),
            params=self.arguments(dict(columns)),
            month_key=self.month_key(),
            is_by_month=self.is_by_month,
            tag=self.tag,
        )

    def transform(self, dataframe: DataFrame) -> DataFrame:
        """The frame joined with the features that the macro computes from it."""
        from feature_platform_py.features.compile_macros import features_of_rows

        columns = columns_of(dataframe)
        spelled = self.spelled_as(columns)
        relation = f"rows_{uuid.uuid4().hex}"
        query = features_of_rows(relation, columns, [spelled.feature_set(columns)], packages=self.packages())
        # Spark's own formatter puts the frame in the place of the name.
        text = query.replace("{", "{{").replace("}", "}}").replace(f"`{relation}`", "{rows}")
        return dataframe.sparkSession.sql(text, rows=dataframe)
