"""The parts of the registry's YAML files, as pydantic validates them."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic.dataclasses import dataclass

from feature_platform_py.core.data_types import parse_type
from feature_platform_py.core.fields import (
    STRICT,
    FileFormat,
    FilledText,
    Flag,
    FormerNames,
    Location,
    Mapped,
    Name,
    Options,
    Text,
    Whole,
    as_tuple,
    json_schema_of,
    one_or_more,
)
from feature_platform_py.features import aggregation
from feature_platform_py.features.row_filters import FilterPart
from feature_platform_py.features.windows import seconds_of
from feature_platform_py.files.declared import ColumnsOfFiles, columns_schema
from feature_platform_py.registry.placeholders import without_placeholder

Description = Annotated[FilledText, AfterValidator(without_placeholder)]
FieldType = Annotated[FilledText, AfterValidator(lambda text: parse_type(text).text)]
Period = Literal["day", "month", "year"]
Cardinality = Literal["1:1", "1:many", "many:1", "many:many"]
Keys = Annotated[tuple[Name, ...], BeforeValidator(as_tuple), one_or_more({"type": "string"})]
Tags = Annotated[tuple[Name, ...], BeforeValidator(as_tuple), one_or_more({"type": "string"})]


def _version(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", value):
        raise ValueError("expected a semantic version such as `1.0.0`")
    return value


def _length(text: str) -> str:
    seconds_of(text)
    return text


def _feature_type(text: str) -> str:
    if "<scale>" not in text:
        return parse_type(text).text
    parse_type(text.replace("<scale>", "0"))
    return re.sub(r"\s", "", text.lower())


def _feature_name(text: str) -> str:
    if not re.fullmatch("(?:[a-z_]|<[a-z][a-z0-9_]*>)(?:[a-z0-9_]|<[a-z][a-z0-9_]*>)*", text):
        raise ValueError("expected letters a-z, digits and `_`, with parameters as `<name>`")
    return text


Version = Annotated[str, BeforeValidator(_version), WithJsonSchema({"type": "string", "pattern": r"^\d+\.\d+\.\d+$"})]
FeatureName = Annotated[Name, AfterValidator(_feature_name)]
FeatureTypes = Annotated[
    tuple[Annotated[FilledText, AfterValidator(_feature_type)], ...],
    BeforeValidator(as_tuple),
    one_or_more({"type": "string"}),
]
_TARGET = "^[a-z][a-z0-9_]*$"
Target = Annotated[str, Field(strict=True, pattern=_TARGET)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EntityPart:
    """An entity: its meaning, its key, and its relations."""

    name: Annotated[Name, Field(description="the entity's name, as its file and its folder are named")]
    description: Annotated[Description, Field(description="what one of it is")]
    version: Annotated[Version, Field(description="a semantic version such as `1.0.0`")]
    is_leaf: Annotated[Flag, Field(description="whether no other entity is part of this one")]
    primary_key: Annotated[Keys, Field(min_length=1, description="the field, or fields, that identify one")]
    fields: Annotated[list[Any], Field(min_length=1, description="a list of fields")]
    relations: Annotated[list[Any], Field(description="a list of relations")] = Field(default_factory=list)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RelationPart:
    """How an entity relates to another; the many side has the fields of the one side's primary key."""

    to: Annotated[Name, Field(description="the other entity's name")]
    type: Annotated[
        Cardinality, Field(description="one of `1:1`, `1:many`, `many:1`, `many:many`, this entity's side first")
    ]
    description: Annotated[Description, Field(description="what the relation means")]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FeatureGroupPart:
    """Features that belong together."""

    name: Annotated[Name, Field(description="the group's name, as its file is named")]
    description: Annotated[Description, Field(description="what the features say, and their grain")]
    owner: Annotated[FilledText, Field(description="who answers for the features")]
    entity: Annotated[Name, Field(description="the entity that the features are about")]
    keys: Annotated[
        dict[Name, Name], Field(description="the entity's primary key, and the columns that hold it where names differ")
    ] = Field(default_factory=dict)
    timestamp_col: Annotated[Name | None, Field(description="the column of the event time")] = None
    features: Annotated[list[Any], Field(min_length=1, description="a list of features")]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DescribedGroupPart(FeatureGroupPart):
    """The features of a model that someone wrote, or of transformers."""

    model: Annotated[Name, Field(description="the dbt model that computes the features")]
    order_by: Annotated[
        Keys,
        Field(description="the feature, or features, by which the last of several rows of one key and time is found"),
    ] = ()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DefinedGroupPart(FeatureGroupPart):
    """Features that are computed from a source as the group says."""

    was: FormerNames = ()
    source: Annotated[
        FilledText, Field(description="the source, as `<type>/<name>`, the newest version, or `<type>/<name>@v1`")
    ]
    filters: Annotated[list[Any], Field(description="conditions that all must hold for a row to count")] = Field(
        default_factory=list
    )
    time_zone: Annotated[
        FilledText | None, Field(description="the time zone of calendar periods, such as `Europe/Prague`")
    ] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DefinedFeaturePart(aggregation.FeaturePart):
    """A feature that is computed: an aggregation over windows, and what the registry says of it."""

    description: Annotated[Description | None, Field(description="what a value means, beside its definition")] = None
    owner: Annotated[FilledText | None, Field(description="who answers for it, if not the group's owner")] = None
    tags: Annotated[Tags, Field(description="words to find the feature by")] = ()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FeaturePart:
    """A feature, or all features of one pattern: `user_<window_days>d_total_spend` for each window."""

    name: Annotated[FeatureName, Field(description="the column's name, with parameters as `<window_days>`")]
    type: Annotated[
        FeatureTypes,
        Field(
            min_length=1, description="a Spark SQL type, or a list of possible ones; `<scale>` is that of the source"
        ),
    ]
    description: Annotated[Description, Field(description="what a value means")]
    owner: Annotated[FilledText | None, Field(description="who answers for it, if not the group's owner")] = None
    tags: Annotated[Tags, Field(description="words to find the feature by")] = ()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SourcePart:
    """A source: its meaning, its fields, and its location on each target."""

    name: Annotated[Name, Field(description="the source's name, as its file is named")]
    description: Annotated[Description, Field(description="what the source holds, and a row's meaning")]
    owner: Annotated[FilledText, Field(description="who answers for the source")]
    entity: Annotated[Name, Field(description="the entity that the rows are about")]
    fields: Annotated[list[Any], Field(min_length=1, description="a list of fields")]
    locations: Annotated[
        dict[Target, Mapped], Field(min_length=1, description="a mapping from each target to a location")
    ]
    event_time: Annotated[
        Name | None, Field(description="the field that says when a row's event happened, if rows are events")
    ] = None
    loaded_at: Annotated[Name | None, Field(description="the field that says when a row arrived")] = None
    available_after: Annotated[
        Annotated[Text, AfterValidator(_length), Field(json_schema_extra={"pattern": "^[0-9]{1,10}[smhdw]$"})] | None,
        Field(description="how long after its event a row is there, such as `6h`, if no field says when it arrived"),
    ] = None
    period: Annotated[
        Period,
        Field(description="how feature tables are partitioned and recomputed: by `day`, `month` or `year`"),
    ] = "month"
    primary_key: Annotated[Keys, Field(description="the field, or fields, that identify a row")] = ()
    freshness: Annotated[Mapped | None, Field(description="how old the newest row may be")] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FieldPart:
    """A field of a source."""

    name: Annotated[Name, Field(description="the column's name")]
    type: Annotated[FieldType, Field(description="a Spark SQL type such as `decimal(12,2)`")]
    required: Annotated[Flag, Field(description="whether every row has a value")] = False
    description: Annotated[Description, Field(description="what the values mean")]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SourceLocationPart:
    """Where a source is on one target."""

    location: Annotated[Location, Field(description="a table name, or a path of the project")]
    format: Annotated[FileFormat, Field(description="one of `delta`, `parquet`, `csv`, `json`")]
    options: Annotated[Options, Field(description="options of the reader")] = Field(default_factory=dict)
    columns: ColumnsOfFiles = Field(default_factory=dict)


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


def json_schema_texts() -> dict[str, str]:
    """Return the JSON Schemas of the registry's files for editors, by the kind of file."""
    entity = _schema_of(EntityPart, fields=_list_of(FieldPart), relations=_list_of(RelationPart))
    lag = _schema_of(LagPart)
    source = _schema_of(
        SourcePart,
        fields=_list_of(FieldPart),
        locations={
            "patternProperties": {_TARGET: _schema_of(SourceLocationPart, columns=columns_schema())},
            "additionalProperties": False,
        },
        freshness=_schema_of(FreshnessPart, warn_after=lag, error_after=lag),
    )
    feature = {
        "oneOf": [
            _schema_of(DescribedGroupPart, features=_list_of(FeaturePart)),
            _schema_of(DefinedGroupPart, features=_list_of(DefinedFeaturePart), filters=_list_of(FilterPart)),
        ]
    }
    schemas = {"entity": entity, "source": source, "feature": feature}
    version = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {kind: json.dumps(version | schema, indent=2) + "\n" for kind, schema in schemas.items()}


def _schema_of(kind: type[Any], **inner: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a part, with the schemas of its untyped fields."""
    schema = json_schema_of(kind)
    for key, value in inner.items():
        schema["properties"][key] |= value
    return schema


def _list_of(kind: type[Any]) -> dict[str, Any]:
    return {"items": _schema_of(kind)}
