"""Define the parts of a job YAML for pydantic, and the JSON Schema for editors."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictStr, WithJsonSchema
from pydantic.dataclasses import dataclass

from feature_platform_py.core.fields import (
    STRICT,
    ColumnName,
    FieldError,
    FileFormat,
    FilledText,
    Flag,
    FormerNames,
    Location,
    Mapped,
    Name,
    Options,
    Text,
    as_tuple,
    json_schema_of,
    one_or_more,
)
from feature_platform_py.core.suggestions import ticked, unknown
from feature_platform_py.features.aggregation import FeaturePart
from feature_platform_py.features.catalogue import BUILT_IN
from feature_platform_py.features.row_filters import FilterPart, filter_value
from feature_platform_py.features.windows import MAX_SECONDS, parse_window, seconds_of
from feature_platform_py.files.declared import ColumnsOfFiles, columns_schema
from feature_platform_py.jobs.time_values import Length, TimeValue, is_day, micros_of, time_of
from feature_platform_py.sinks import sinks_by_type
from feature_platform_py.sources.statement import query_fault

MAX_DAYS = MAX_SECONDS // 86_400
MAX_TIMES = 100_000
_FEATURES = ("features", "feature_transformers", "targets")
JOB_NAME_PATTERN = "[a-z][a-z0-9_]{0,59}"


def _job_name(value: str) -> str:
    if not re.fullmatch(JOB_NAME_PATTERN, value):
        raise ValueError("expected at most 60 characters: a letter a-z, then letters a-z, digits and `_`")
    return value


def _sink_type(value: Any) -> str:
    known = sinks_by_type()
    if not isinstance(value, str):
        raise ValueError(f"expected one of {ticked(known)}")  # noqa: TRY004 - pydantic wants a ValueError
    if value not in known:
        raise ValueError(unknown("value", value, known=known))
    return value


def _prefix(value: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_]{0,59}", value):
        raise ValueError("expected at most 60 characters: a letter a-z, then letters a-z, digits and `_`")
    return value


def _max_age(value: str) -> str:
    days_of(value)
    return value


def days_of(value: str) -> int:
    """Return a length of time such as `365d` or `2w` in days. Raises ValueError for another one."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([dw])", value)
    days = int(found[1]) * (7 if found[2] == "w" else 1) if found else 0
    if not 0 < days <= MAX_DAYS:
        raise ValueError(f"expected a length in days or weeks of at most {MAX_DAYS} days, such as `365d`")
    return days


def _next_window(value: str) -> str:
    return parse_window(value, is_ahead=True).text


def _parameter_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,254}", value):
        raise ValueError("expected a parameter's name: letters, digits and `_`, as after the `:` in the query")
    return value


def _parameter_value(value: Any) -> Any:
    if not isinstance(value, str | int | float | date):
        raise ValueError("expected a text, a number, true, false or a date")  # noqa: TRY004 - pydantic wants a ValueError
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("expected a whole number of at most 64 bits")
    return filter_value(value)


JobName = Annotated[
    Text,
    AfterValidator(_job_name),
    Field(description="a name for the job and its tables", json_schema_extra={"pattern": f"^{JOB_NAME_PATTERN}$"}),
]
KeyColumns = Annotated[
    tuple[ColumnName, ...], BeforeValidator(as_tuple), Field(min_length=1), one_or_more({"type": "string"})
]
Entities = Annotated[
    dict[Name, KeyColumns],
    Field(
        description="entities, and the columns of the rows that hold the key of each, in the order of its primary key"
    ),
]
EventTime = Annotated[
    ColumnName | None, Field(description="the column with the time at which a row's features must have been known")
]
KnownBy = Annotated[
    Literal["loaded_at", "event_time"] | None,
    Field(
        description="what decides whether a row was known: when it was there, as its source declares, or its event time alone"
    ),
]
ClosedAt = Annotated[
    Literal["right", "left"] | None,
    Field(description="`left` if rows at the very time that is asked for do not count"),
]
FeatureNames = Annotated[
    tuple[Name, ...], BeforeValidator(as_tuple), Field(min_length=1), one_or_more({"type": "string"})
]
ParameterName = Annotated[StrictStr, AfterValidator(_parameter_name)]
ParameterValue = Annotated[
    Any, AfterValidator(_parameter_value), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
ReadOptions = Annotated[Options, Field(description="options of the reader, such as a CSV file's delimiter")]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SplitPart:
    """The parts of a training set, by the rows' time."""

    valid_from: Annotated[TimeValue | None, Field(description="the first time of the part `valid`")] = None
    test_from: Annotated[TimeValue | None, Field(description="the first time of the part `test`")] = None
    gap: Annotated[
        Length | None, Field(description="how long before a later part rows are left out, such as `30d`")
    ] = None

    def __post_init__(self) -> None:
        if self.valid_from is None and self.test_from is None:
            raise FieldError(
                "valid_from",
                "a split needs the first time of a later part; add `test_from`, or `valid_from` and `test_from`",
            )
        if self.valid_from is None or self.test_from is None:
            return
        if micros_of(self.test_from) <= micros_of(self.valid_from):
            raise FieldError("test_from", "expected a time after `valid_from`")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class JobPart:
    """A job of the feature platform: rows of a source, features added, written to a sink."""

    job_name: JobName
    description: Annotated[Text, Field(description="the purpose of the job")] = ""
    was: FormerNames = ()
    input_source: Annotated[Mapped, Field(description="the source of the rows")]
    entities: Entities = Field(default_factory=dict)
    event_time: EventTime = None
    known_by: KnownBy = None
    closed: ClosedAt = None
    split: Annotated[SplitPart | None, Field(description="the parts of a training set, by the rows' time")] = None
    allow_look_ahead: Annotated[
        Flag, Field(description="whether features may look ahead of their row, beside targets or at times of the job")
    ] = False
    features: Annotated[
        list[Any], Field(description="features of feature groups: `<group>.<feature>`, `<group>.*`, or mappings")
    ] = Field(default_factory=list)
    feature_transformers: Annotated[
        list[Any], Field(description="a list of transformers, in the order of their columns")
    ] = Field(default_factory=list)
    targets: Annotated[
        list[Any], Field(description="what is to be predicted: aggregations over windows ahead of the row")
    ] = Field(default_factory=list)
    immature: Annotated[
        Literal["keep", "drop"] | None,
        Field(
            description="what happens to rows with a target that is not known yet: `keep` them with NULL, or `drop` them"
        ),
    ] = None
    output_sink: Annotated[Mapped, Field(description="the sink of the result")]

    def __post_init__(self) -> None:
        if self.immature and not self.targets:
            raise FieldError("immature", "only targets may not be known yet, and the job has none; remove it")
        if not (self.features or self.feature_transformers or self.targets):
            raise FieldError(
                "feature_transformers", "expected at least one transformer, `features` of feature groups, or `targets`"
            )


@dataclass(frozen=True, kw_only=True, config=STRICT)
class AskingPart:
    """The keys of a job that say for whom, and at which time, its rows ask for features."""

    entities: Entities = Field(default_factory=dict)
    event_time: EventTime = None
    known_by: KnownBy = None
    closed: ClosedAt = None
    split: SplitPart | None = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class InputSourcePart:
    """Where the rows come from."""

    source_type: Annotated[
        Literal["databricks_spark", "spark", "databricks_sql", "entity"],
        Field(description="one of `databricks_spark`, `spark`, `databricks_sql`, `entity`"),
    ]
    config: Annotated[Mapped, Field(description="a mapping with the `location`, the `query` or the `entity`")]
    filters: Annotated[list[Any], Field(description="conditions that all must hold for a row")] = Field(
        default_factory=list
    )
    on_empty: Annotated[
        Literal["warn", "error"],
        Field(description="what happens without rows: a warning and an empty result, or an error"),
    ] = "warn"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class InputLocationPart:
    """Data by its location."""

    location: Annotated[Location, Field(description="a table name, or the path of a file or folder")]
    format: Annotated[FileFormat | None, Field(description="how the files are written")] = None
    options: ReadOptions = Field(default_factory=dict)
    columns: ColumnsOfFiles = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class QueryPart:
    """Data by a query of a SQL warehouse."""

    query: Annotated[FilledText, Field(description="a SQL query")]
    parameters: Annotated[
        dict[ParameterName, ParameterValue], Field(description="values of the query's `:name` markers")
    ] = Field(default_factory=dict)

    def __post_init__(self) -> None:
        if fault := query_fault(self.query, self.parameters):
            raise FieldError("query", fault)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EntityRowsPart:
    """The keys of an entity, at a time or at the times of a grid: the rows of a scoring set."""

    entity: Annotated[Name, Field(description="the entity whose keys are the rows")]
    at: Annotated[
        TimeValue | None,
        Field(description="the time of the rows: a day, or a time with its zone; the time of the run if left out"),
    ] = None
    every: Annotated[Length | None, Field(description="how far apart the times of a grid are, such as `7d`")] = None
    from_: Annotated[TimeValue | None, Field(alias="from", description="the first time of a grid")] = None
    to: Annotated[TimeValue | None, Field(description="a grid has no later time")] = None
    active_within: Annotated[
        Length | None, Field(description="only keys with a row in this time before, such as `90d`")
    ] = None
    source: Annotated[
        FilledText | None,
        Field(description="the source whose rows have the keys, as `<type>/<name>`, if not those of the entity"),
    ] = None
    keys: Annotated[
        dict[Name, Name],
        Field(description="the entity's primary key, and the columns of `source` that hold it where names differ"),
    ] = Field(default_factory=dict)
    timestamp_col: Annotated[
        Name | None, Field(description="the column of `source` with the event time, if not its own")
    ] = None

    def __post_init__(self) -> None:
        grid = {"every": self.every, "from": self.from_, "to": self.to}
        given = [name for name, value in grid.items() if value is not None]
        if given and self.at is not None:
            raise FieldError(given[0], "the rows have one time (`at`), or those of a grid; remove one of them")
        if given and len(given) < len(grid):
            missing = [name for name in grid if name not in given]
            raise FieldError(given[0], f"a grid needs `every`, `from` and `to`; add {ticked(missing)}")
        if given:
            self._check_grid(self.from_, self.to, seconds_of(self.every or ""))
        for key in ("keys", "timestamp_col"):
            if getattr(self, key) and self.source is None:
                raise FieldError(key, "only a `source` that is named here has columns of other names; add it")
        if self.timestamp_col and not self.active_within:
            raise FieldError("timestamp_col", "only `active_within` looks at the time of rows; add it, or remove this")

    def _check_grid(self, start: Any, end: Any, seconds: int) -> None:
        if is_day(start) != is_day(end):
            raise FieldError("to", "expected two days, or two times with a zone, as `from` and `to`")
        if end < start:
            raise FieldError("to", f"expected a time that is not before `from`, {start}")
        if is_day(start) and seconds % 86_400:
            raise FieldError("every", "expected whole days between days; give `from` and `to` as times with a zone")
        if self.number > MAX_TIMES:
            raise FieldError("every", f"expected a grid of at most {MAX_TIMES:,} times, this has {self.number:,}")

    @property
    def number(self) -> int:
        """How many times there are."""
        if not self.every:
            return 1
        start, end = micros_of(time_of(self.from_)), micros_of(time_of(self.to))
        return (end - start) // (seconds_of(self.every) * 1_000_000) + 1


@dataclass(frozen=True, kw_only=True, config=STRICT)
class GroupFeaturesPart:
    """Features of a feature group."""

    group: Annotated[Name, Field(description="a feature group's name")]
    features: Annotated[FeatureNames | None, Field(description="the names of its features; all if left out")] = None
    prefix: Annotated[Text, AfterValidator(_prefix), Field(description="what to put before their names")] = ""
    entities: Entities = Field(default_factory=dict)
    max_age: Annotated[
        Annotated[Text, AfterValidator(_max_age)] | None,
        Field(description="how old a version of the features may be, in days or weeks: `365d`"),
    ] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TargetPart(FeaturePart):
    """What is to be predicted: an aggregation of a source's rows over windows that begin at the row's time."""

    is_ahead: ClassVar[bool] = True

    source: Annotated[
        FilledText, Field(description="the source, as `<type>/<name>`, the newest version, or `<type>/<name>@v1`")
    ]
    entity: Annotated[Name, Field(description="the entity whose rows count")]
    keys: Annotated[
        dict[Name, Name],
        Field(description="the entity's primary key, and the source's columns that hold it where names differ"),
    ] = Field(default_factory=dict)
    timestamp_col: Annotated[
        Name | None, Field(description="the source's column of the event time, if not its own")
    ] = None
    windows: Annotated[
        tuple[Annotated[Text, AfterValidator(_next_window)], ...],
        BeforeValidator(as_tuple),
        one_or_more({"type": "string"}),
        Field(min_length=1, description="windows ahead of the row, such as `next 30d` or `next 30d offset 7d`"),
    ]

    def __post_init__(self) -> None:
        if self.closed != "right":
            raise FieldError("closed", "the window of a target is (t, t + N]; remove it, or give the window an offset")
        super().__post_init__()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TransformerPart:
    """A transformer and its parameters."""

    name: Annotated[Text, Field(description="a transformer's name")]
    params: Annotated[Mapped, Field(description="the transformer's parameters")]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SinkPart:
    """Where the result goes."""

    sink_type: Annotated[Any, AfterValidator(_sink_type), Field(description="a kind of sink such as `display`")]
    config: Annotated[Mapped, Field(description="the sink's settings")] = Field(default_factory=dict)


def json_schema_text() -> str:
    """Return the JSON Schema of the job format, as the text of `configs/job.schema.json`."""
    return json.dumps(job_json_schema(), indent=2) + "\n"


def job_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the job format: a shape for each source type, transformer and sink."""
    schema = json_schema_of(JobPart)
    parts = schema["properties"]
    parts["input_source"]["oneOf"] = [
        _shape(InputSourcePart, "config", ["databricks_spark", "spark"], InputLocationPart, tag="source_type"),
        _shape(InputSourcePart, "config", ["databricks_sql"], QueryPart, tag="source_type"),
        _shape(InputSourcePart, "config", ["entity"], EntityRowsPart, tag="source_type"),
    ]
    location = parts["input_source"]["oneOf"][0]["properties"]["config"]
    location["properties"]["columns"] |= columns_schema()
    for shape in parts["input_source"]["oneOf"]:
        shape["properties"]["filters"]["items"] = json_schema_of(FilterPart)
    names = {"type": "string", "pattern": r"^[^.]+\..+$"}
    parts["features"]["items"] = {"oneOf": [names, json_schema_of(GroupFeaturesPart)]}
    parts["targets"]["items"] = json_schema_of(TargetPart)
    del parts["targets"]["items"]["properties"]["closed"]
    schema["anyOf"] = [{"required": [key], "properties": {key: {"minItems": 1}}} for key in _FEATURES]
    parts["feature_transformers"]["items"] = {
        "oneOf": [_shape(TransformerPart, "params", [name], kind, tag="name") for name, kind in BUILT_IN.items()]
    }
    parts["output_sink"]["oneOf"] = [
        _shape(SinkPart, "config", [name], kind.sink_types[name].part, tag="sink_type")
        for name, kind in sinks_by_type().items()
    ]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _shape(outer: type[Any], key: str, values: list[str], inner: type[Any], *, tag: str) -> dict[str, Any]:
    """Return the schema of the outer part for these values of its tag, with the matching shape of the key."""
    schema = json_schema_of(outer)
    schema["title"] = values[0]
    schema["properties"][tag] = {"enum": values}
    schema["properties"][key] = json_schema_of(inner)
    return schema
