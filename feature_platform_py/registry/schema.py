"""The parts of the registry's YAML files, as pydantic validates them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.dataclasses import dataclass

from feature_platform_py.core.data_types import parse_type
from feature_platform_py.jobs.fields import (
    STRICT,
    FileFormat,
    FilledText,
    Flag,
    Location,
    Mapped,
    Name,
    Options,
    Whole,
    as_tuple,
)

FieldType = Annotated[FilledText, AfterValidator(lambda text: parse_type(text).text)]
Period = Literal["day", "month", "year"]
Target = Annotated[str, Field(strict=True, pattern="^[a-z][a-z0-9_]*$")]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SourcePart:
    """A source: what it is, its fields, and where it is on each target."""

    name: Annotated[Name, Field(description="the source's name, as its file is named")]
    description: Annotated[FilledText, Field(description="what the source holds, and a row's meaning")]
    owner: Annotated[FilledText, Field(description="who answers for the source")]
    entity: Annotated[Name, Field(description="the entity that the rows are about")]
    fields: Annotated[list[Any], Field(min_length=1, description="a list of fields")]
    locations: Annotated[
        dict[Target, Mapped], Field(min_length=1, description="a mapping from each target to a location")
    ]
    event_time: Annotated[Name, Field(description="the field that says when a row's event happened")]
    loaded_at: Annotated[Name | None, Field(description="the field that says when a row arrived")] = None
    period: Annotated[
        Period,
        Field(description="how feature tables are partitioned and recomputed: by `day`, `month` or `year`"),
    ] = "month"
    primary_key: Annotated[
        tuple[Name, ...],
        BeforeValidator(as_tuple),
        Field(description="the field, or fields, that identify a row"),
    ] = ()
    freshness: Annotated[Mapped | None, Field(description="how old the newest row may be")] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FieldPart:
    """A field of a source."""

    name: Annotated[Name, Field(description="the column's name")]
    type: Annotated[FieldType, Field(description="a Spark SQL type such as `decimal(12,2)`")]
    required: Annotated[Flag, Field(description="whether every row has a value")] = False
    description: Annotated[FilledText, Field(description="what the values mean")]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LocationPart:
    """Where a source is on one target."""

    location: Annotated[Location, Field(description="a table name, or a path of the project")]
    format: Annotated[FileFormat, Field(description="one of `delta`, `parquet`, `csv`, `json`")]
    options: Annotated[Options, Field(description="options of the reader")] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FreshnessPart:
    """How old a source's newest row may be."""

    warn_after: Annotated[Mapped | None, Field(description="a count and a period")] = None
    error_after: Annotated[Mapped | None, Field(description="a count and a period")] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LagPart:
    """A length of time."""

    count: Annotated[Whole, Field(ge=1, description="how many periods")]
    period: Annotated[Literal["minute", "hour", "day"], Field(description="one of `minute`, `hour`, `day`")]
