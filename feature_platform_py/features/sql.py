"""The base of SQL transformers: a dbt macro has their SQL, for models and for DataFrames."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.features.feature_set import FeatureSet
from feature_platform_py.features.transformer import FeatureTransformer, columns_of
from feature_platform_py.warehouse.local_frames import spark_frame_of

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
    def grain(self) -> tuple[str, ...]:
        """Return the grain of the features: the columns that decide which features a row gets."""

    @abstractmethod
    def arguments(self, types: Mapping[str, str]) -> dict[str, Any]:
        """Return the arguments of the macro; `types` are the types of the input's columns by name."""

    def reads(self) -> tuple[str, ...]:
        """Return the columns that the features depend on; a change of one recomputes the table's periods."""
        return tuple(dict.fromkeys(column.name for column in self.input_columns()))

    def event_time(self) -> str | None:
        """Return the column of the event time, if the features have one."""
        return None

    def month_key(self) -> str | None:
        """Return the key with the month of the event time, or None."""
        return None

    def reach_days(self) -> int | None:
        """For how many days after its event time a row counts, beyond its own month; None: for ever."""
        return 0

    def packages(self) -> Mapping[str, Path]:
        """Return the folders of the dbt packages with the macro, by name; empty for the project's own."""
        return {}

    def feature_sets(self, columns: Columns) -> tuple[FeatureSet, ...]:
        """Return the feature sets for these columns of the input: one, unless features belong into tables of their own."""
        return (
            FeatureSet(
                model=self.model,
                macro=self.macro,
                keys=self.grain(),
                features=self.output_columns(columns),
                reads=tuple((name, dict(columns)[name]) for name in self.reads()),
                timestamp_col=self.event_time(),
                reach_days=self.reach_days(),
                params=self.arguments(dict(columns)),
                month_key=self.month_key(),
                is_by_month=self.is_by_month,
                tag=self.tag,
            ),
        )

    def transform(self, dataframe: DataFrame) -> DataFrame:
        """Return the frame joined with the features that the macro computes from it."""
        from feature_platform_py.features.compile_macros import features_of_rows

        if spark_frame_of(dataframe) is not dataframe:
            raise ConfigurationError(
                f"`{type(self).__name__}.transform`: expected a DataFrame of Spark, given {type(dataframe).__module__}."
                f"{type(dataframe).__qualname__}; `apply` takes frames of pandas, Polars and Arrow too"
            )
        columns = columns_of(dataframe)
        spelled = self.spelled_as(columns)
        relation = f"rows_{uuid.uuid4().hex}"
        names = [column.name for column in spelled.output_columns(columns)]
        query = features_of_rows(
            relation, columns, spelled.feature_sets(columns), names=names, packages=self.packages()
        )
        # Spark's own formatter replaces the name by the frame.
        text = query.replace("{", "{{").replace("}", "}}").replace(f"`{relation}`", "{rows}")
        return dataframe.sparkSession.sql(text, rows=dataframe)
