"""Read SQL transformers from YAML files that declare parameters, grain and features; a macro computes them.

`transformers/user_largest_amount.yaml` declares what the macro `user_largest_amount` reads and returns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictStr, create_model
from pydantic.dataclasses import dataclass as validated_dataclass

from feature_platform_py.core.data_types import Columns, parse_type
from feature_platform_py.core.document import Place, read_document
from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.fields import (
    STRICT,
    ColumnName,
    FieldError,
    FilledText,
    Flag,
    Mapped,
    Name,
    Text,
    Whole,
    read_part,
)
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.core.text import PARAMETER, slug
from feature_platform_py.features.columns import OutputColumn, Reads, column_named
from feature_platform_py.features.sql import SqlTransformer

MODEL = "custom_features"
"""The model whose table holds the features of all such transformers of a job."""

_VALUES: Mapping[str, Any] = {"text": Text, "integer": Whole, "number": float, "boolean": Flag}


def _matching(pattern: str, expected: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


ClassName = Annotated[FilledText, _matching("[A-Z][A-Za-z0-9]*", "a name such as `UserLargestAmount`")]
ParamName = Annotated[FilledText, _matching("[a-z][a-z0-9_]*", "letters a-z, digits and `_`")]
MacroName = Annotated[FilledText, _matching("[a-z_][a-z0-9_]*", "a macro's name: letters a-z, digits and `_`")]
ColumnPattern = Annotated[
    Name,
    _matching("([a-z_]|<[a-z][a-z0-9_]*>)([a-z0-9_]|<[a-z][a-z0-9_]*>)*", "letters a-z, digits, `_`, `<parameter>`"),
]


@validated_dataclass(frozen=True, kw_only=True, config=STRICT)
class DefinitionPart:
    """A SQL transformer: a macro, and what it reads and returns."""

    name: Annotated[ClassName, Field(description="the transformer's name, as jobs give it")]
    description: Annotated[FilledText, Field(description="what the features are")]
    macro: Annotated[MacroName, Field(description="the macro that returns the features' query")]
    params: Annotated[list[Mapped], Field(min_length=1, description="a list of parameters")]
    keys: Annotated[list[ParamName], Field(min_length=1, description="the parameters that name the key columns")]
    event_time: Annotated[ParamName | None, Field(description="the parameter that names the event time")] = None
    reach_days: Annotated[
        Literal["forever"] | Whole | ParamName | None,
        Field(description="for how many days a row counts: a number, a parameter, or `forever`"),
    ] = None
    features: Annotated[list[Mapped], Field(min_length=1, description="a list of the columns that are added")]


@validated_dataclass(frozen=True, kw_only=True, config=STRICT)
class ParamPart:
    """A parameter: of a column to read, or of a value."""

    name: Annotated[ParamName, Field(description="the parameter's name")]
    description: Annotated[Text, Field(description="what it is")] = ""
    reads: Annotated[
        Literal["key", "time", "number", "text", "category", "any"] | None,
        Field(description="the kind of column that it names"),
    ] = None
    type: Annotated[
        Literal["text", "integer", "number", "boolean"] | None, Field(description="the type of a value")
    ] = None
    default: Annotated[StrictStr | StrictBool | int | float | None, Field(description="the value if none is given")] = (
        None
    )

    def __post_init__(self) -> None:
        if (self.reads is None) == (self.type is None):
            raise FieldError("name", "expected either `reads`, for a column, or `type`, for a value")


@validated_dataclass(frozen=True, kw_only=True, config=STRICT)
class DefinedFeaturePart:
    """An added column; its name may contain parameters, as in `user_<days>d_largest`."""

    name: Annotated[ColumnPattern, Field(description="the column's name")]
    type: Annotated[FilledText, Field(description="a Spark SQL type, or `<param>` for that of the column it names")]
    description: Annotated[FilledText, Field(description="what the feature is")]
    looks_ahead: Annotated[Flag, Field(description="whether rows after the row's event time count")] = False


@dataclass(frozen=True)
class TransformerDefinition:
    """A valid definition file; `package` is the dbt package of the macro, None for the project."""

    part: DefinitionPart
    features: tuple[DefinedFeaturePart, ...]
    package: str | None = None
    package_folder: Path | None = None
    place: Place | None = field(default=None, compare=False, repr=False)


class DefinedTransformer(SqlTransformer):
    """A transformer of a definition file."""

    model: ClassVar[str] = MODEL
    tag: ClassVar[str] = "custom"
    definition: ClassVar[TransformerDefinition]

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        """Return the features, with the parameters in their names."""
        return tuple(
            OutputColumn(
                self._filled(feature.name),
                self._type(feature.type, columns),
                looks_ahead=feature.looks_ahead,
                description=PARAMETER.sub(lambda found: str(getattr(self, found[1])), feature.description),
            )
            for feature in self.definition.features
        )

    def grain(self) -> tuple[str, ...]:
        """Return the columns that the key parameters name."""
        return tuple(getattr(self, name) for name in self.definition.part.keys)

    def event_time(self) -> str | None:
        """Return the column of the event time."""
        name = self.definition.part.event_time
        return getattr(self, name) if name else None

    def reach_days(self) -> int | None:
        """Return the days of the definition; None means for ever."""
        reach = self.definition.part.reach_days
        if reach is None or reach == "forever":
            return None
        return int(getattr(self, reach)) if isinstance(reach, str) else reach

    def packages(self) -> Mapping[str, Path]:
        """Return the package of the definition."""
        package, folder = self.definition.package, self.definition.package_folder
        return {package: folder} if package and folder else {}

    def arguments(self, types: Mapping[str, str]) -> dict[str, Any]:  # noqa: ARG002 - macros ask for types themselves
        """Return the parameters as they are."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    def _filled(self, pattern: str) -> str:
        return PARAMETER.sub(lambda found: slug(str(getattr(self, found[1]))), pattern)

    def _type(self, text: str, columns: Columns | None) -> str | None:
        if not (named := PARAMETER.fullmatch(text)):
            return parse_type(text).text
        column = column_named(getattr(self, named[1]), columns or ())
        return column[1] if column else None


def read_definitions(
    folder: Path, *, package: str | None = None, package_folder: Path | None = None
) -> dict[str, type[DefinedTransformer]]:
    """Return the transformers of a folder's YAML files, by name. Raises ConfigurationError with every problem of every file."""
    problems: list[Problem] = []
    found: dict[str, type[DefinedTransformer]] = {}
    for path in sorted(folder.glob("*.y*ml")):
        try:
            document = read_document(path)
        except ConfigurationError as error:
            problems += error.problems
            continue
        problems += document.problems
        place = Place(document)
        if kind := _transformer(place, problems, package=package, package_folder=package_folder):
            if kind.__name__ in found:
                message = f"`name`: `{kind.__name__}` is the name of another file's transformer; rename one of them"
                problems.append(place.at("name").problem(message))
            found[kind.__name__] = kind
    if problems:
        raise ConfigurationError(dict.fromkeys(problems))
    return found


def _transformer(
    place: Place, problems: list[Problem], *, package: str | None, package_folder: Path | None
) -> type[DefinedTransformer] | None:
    before = len(problems)
    part = read_part(DefinitionPart, place, problems)
    params = [read_part(ParamPart, each, problems) for each in place.at("params").items]
    features = [read_part(DefinedFeaturePart, each, problems) for each in place.at("features").items]
    known = [each for each in params if each]
    for number, each in enumerate(params):
        if each and each.default is not None:
            read_part(_kind(each), place.at("params", number, "default"), problems)
    if part and len(problems) == before:
        problems += _reference_problems(place, part, known, [each for each in features if each])
    if part is None or len(problems) > before:
        return None
    fields: dict[str, Any] = {each.name: _field(each, place.at("params", number)) for number, each in enumerate(known)}
    kind = create_model(part.name, __base__=DefinedTransformer, __doc__=part.description.strip(), **fields)
    kind.definition = TransformerDefinition(
        part, tuple(each for each in features if each), package, package_folder, place
    )
    kind.macro = f"{package}.{part.macro}" if package else part.macro
    return kind


def _kind(part: ParamPart) -> Any:
    return ColumnName if part.reads else _VALUES[str(part.type)]


def _field(part: ParamPart, place: Place) -> tuple[Any, Any]:
    kind = _kind(part)
    marks = [Reads(part.description.rstrip(".") or part.name, part.reads)] if part.reads else []
    described = Field(description=part.description or f"the parameter `{part.name}`")
    if not place.at("default").is_there:
        return Annotated[(kind, *marks, described)], ...
    return Annotated[(kind | None if part.default is None else kind, *marks, described)], part.default


def _reference_problems(
    place: Place, part: DefinitionPart, params: list[ParamPart], features: list[DefinedFeaturePart]
) -> list[Problem]:
    """Return references to parameters and types that do not exist."""
    columns = {each.name for each in params if each.reads}
    every = {each.name for each in params}
    named = [(place.at("keys", number), name, columns) for number, name in enumerate(part.keys)]
    if part.event_time:
        named.append((place.at("event_time"), part.event_time, {each.name for each in params if each.reads == "time"}))
    if isinstance(part.reach_days, str) and part.reach_days != "forever":
        named.append(
            (place.at("reach_days"), part.reach_days, {each.name for each in params if each.type == "integer"})
        )
    for number, feature in enumerate(features):
        at = place.at("features", number)
        named += [(at.at("name"), name, every) for name in PARAMETER.findall(feature.name)]
        named += [(at.at("type"), name, columns) for name in PARAMETER.findall(feature.type)]
    problems = [
        at.problem(f"`{at.name}`: `{name}` is not a suitable parameter; expected {_one_of(known)}")
        for at, name, known in named
        if name not in known
    ]
    return problems + (_event_time_problems(place, part, features) or _type_problems(place, features))


def _one_of(names: set[str]) -> str:
    return f"one of {ticked(sorted(names))}" if names else "a declared one, but the definition declares none"


def _event_time_problems(place: Place, part: DefinitionPart, features: list[DefinedFeaturePart]) -> list[Problem]:
    """Return what prevents computing a table by periods: features without a time, or of later rows."""
    problems = []
    if part.event_time and part.event_time not in part.keys:
        at = place.at("event_time")
        message = f"`{at.name}`: `{part.event_time}` is not one of the `keys`; add it there, or remove `event_time`"
        problems.append(at.problem(message))
    for number in [number for number, feature in enumerate(features) if part.event_time and feature.looks_ahead]:
        at = place.at("features", number, "looks_ahead")
        message = f"`{at.name}`: a late row would change the feature in periods before its own; remove `event_time`"
        problems.append(at.problem(f"{message}, so that the table is computed as a whole"))
    return problems


def _type_problems(place: Place, features: list[DefinedFeaturePart]) -> list[Problem]:
    problems = []
    for number, feature in enumerate(features):
        at = place.at("features", number, "type")
        try:
            PARAMETER.fullmatch(feature.type) or parse_type(feature.type)
        except ValueError as error:
            problems.append(at.problem(f"`{at.name}`: {error}"))
    return problems
