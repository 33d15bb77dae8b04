"""The generic transformers: plain PySpark on the columns of one row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.fields import ColumnName
from feature_platform_py.features.columns import OutputColumn, Reads
from feature_platform_py.features.transformer import FeatureTransformer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SimpleAgeCalculator(FeatureTransformer):
    """Age in completed years (int), today in UTC or at the date of a column; NULL before or without a birth date."""

    birthdate_col: Annotated[ColumnName, Reads("birth date", "time"), Field(description="the column of the birth date")]
    output_col: Annotated[ColumnName, Field(description="the name of the new column")] = "age"
    as_of_col: Annotated[
        ColumnName | None,
        Reads("date of the age", "time"),
        Field(description="the column of the date at which the age is wanted; today without it"),
    ] = None

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:  # noqa: ARG002 - the type is fixed
        """Return the age."""
        when = f"at `{self.as_of_col}`" if self.as_of_col else "on the day of the run, in UTC"
        text = f"Completed years from `{self.birthdate_col}`, {when}; NULL if there is no birth date, or a later one."
        # Today is later than the row's event time.
        return (OutputColumn(self.output_col, "int", looks_ahead=self.as_of_col is None, description=text),)

    def transform(self, dataframe: DataFrame) -> DataFrame:
        """Return the months between the two dates, divided by 12 and rounded down."""
        from pyspark.sql import functions as F  # noqa: N812 - what the documentation of PySpark calls it

        born = dataframe[self.birthdate_col].cast("date")
        at = dataframe[self.as_of_col].cast("date") if self.as_of_col else F.lit(datetime.now(UTC).date())
        years = F.floor(F.months_between(at, born) / 12).cast("int")
        return dataframe.withColumn(self.output_col, F.when(born <= at, years))


class WithGreeting(FeatureTransformer):
    """A greeting: "Hello, <name>", or "Hello, World!" without a name."""

    greeting_col_name: Annotated[ColumnName, Field(description="the name of the new column")] = "greeting"
    name_col: Annotated[
        ColumnName | None, Reads("name", "key"), Field(description="the column of the name; without it, the world")
    ] = None

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:  # noqa: ARG002 - the type is fixed
        """Return the greeting."""
        whom = f"of the name in `{self.name_col}`, of the world where it is empty" if self.name_col else "of the world"
        return (OutputColumn(self.greeting_col_name, "string", description=f"A greeting {whom}."),)

    def transform(self, dataframe: DataFrame) -> DataFrame:
        """Return the greeting of each row."""
        from pyspark.sql import functions as F  # noqa: N812 - what the documentation of PySpark calls it

        world = F.lit("Hello, World!")
        if self.name_col is None:
            return dataframe.withColumn(self.greeting_col_name, world)
        name = dataframe[self.name_col].cast("string")
        greeting = F.when(name != "", F.concat(F.lit("Hello, "), name)).otherwise(world)
        return dataframe.withColumn(self.greeting_col_name, greeting)
