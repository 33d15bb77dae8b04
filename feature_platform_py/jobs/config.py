"""Read a job file as frozen values with their line numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.document import NOWHERE, Document, Place, read_document, with_environment
from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.fields import read_part
from feature_platform_py.features.catalogue import TRANSFORMER_REGISTRY, unknown_transformer
from feature_platform_py.features.columns import InputColumn, OutputColumn
from feature_platform_py.features.row_filters import plain_value, read_filters
from feature_platform_py.features.sql import SqlTransformer
from feature_platform_py.features.transformer import FeatureTransformer
from feature_platform_py.features.windows import seconds_of
from feature_platform_py.files.declared import read_columns
from feature_platform_py.jobs.schema import (
    AskingPart,
    EntityRowsPart,
    GroupFeaturesPart,
    InputLocationPart,
    InputSourcePart,
    JobPart,
    QueryPart,
    SinkPart,
    SplitPart,
    TargetPart,
    TransformerPart,
    days_of,
)
from feature_platform_py.jobs.split import Split
from feature_platform_py.sinks import sinks_by_type
from feature_platform_py.sinks.sink import Sink
from feature_platform_py.sources.input_source import InputSource
from feature_platform_py.sources.scoring import EntityRows, Instants

Transformers = Mapping[str, type[FeatureTransformer]]


@dataclass(frozen=True)
class TransformerSpec:
    """A transformer of a job, and its name there."""

    name: str
    transformer: FeatureTransformer
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    def inputs(self) -> tuple[InputColumn, ...]:
        """Return the columns that it reads."""
        return self.transformer.input_columns()

    def outputs(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        """Return the columns that it adds, in order; `columns` are the source's, None if unknown."""
        return self.transformer.output_columns(columns)


@dataclass(frozen=True)
class GroupSelection:
    """Features of a feature group that a job names: all if `names` is None. `prefix` comes before their names in the result.

    `entities` are the key columns of this selection alone, as `Asking` has those of the job. Versions that are older than
    `max_age_days` do not count.
    """

    group: str
    names: tuple[str, ...] | None
    prefix: str = ""
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    max_age_days: int | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class TargetSpec:
    """A target of a job, and its place there."""

    part: TargetPart
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Asking:
    """At which time, and for whom, the rows of a job ask for features; empty where the job leaves that to its source.

    `entities` are the columns of the rows that hold an entity's key, in the order of its primary key. Rows count from their load time
    on, or with `known_by` the event time from that. With `closed` left, rows at the very time that is asked for do not count.
    `split` puts the rows into parts by their time.
    """

    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    event_time: str | None = None
    known_by: Literal["loaded_at", "event_time"] | None = None
    closed: Literal["right", "left"] | None = None
    split: Split | None = None

    @property
    def is_given(self) -> bool:
        """Whether the job's file says any of it."""
        return bool(self.entities or self.event_time or self.known_by or self.closed or self.split)


@dataclass(frozen=True)
class JobConfig:
    """A job with a valid file; whether it fits its source's columns is checked separately. `was` are the names that it had before."""

    path: Path
    job_name: str
    description: str
    input_source: InputSource
    feature_transformers: tuple[TransformerSpec, ...]
    output_sink: Sink
    features: tuple[GroupSelection, ...] = ()
    asking: Asking = Asking()
    targets: tuple[TargetSpec, ...] = ()
    allow_look_ahead: bool = False
    drops_immature: bool = False
    was: tuple[str, ...] = ()
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def python_transformers(self) -> tuple[TransformerSpec, ...]:
        """The transformers in Python, in the order of the YAML; the others are SQL."""
        return tuple(each for each in self.feature_transformers if not isinstance(each.transformer, SqlTransformer))

    def line(self, *path: str | int) -> int:
        """Return the line of a key in the file: `config.line("feature_transformers", 0, "params", "amount_col")`."""
        return self.place.at(*path).line


@dataclass(frozen=True)
class JobDraft:
    """The parts of a job file that could be read, and the problems of the rest."""

    path: Path
    job_name: str
    description: str
    input_source: InputSource | None
    features: tuple[GroupSelection, ...]
    asking: Asking | None
    targets: tuple[TargetSpec, ...]
    allow_look_ahead: bool
    drops_immature: bool
    was: tuple[str, ...]
    feature_transformers: tuple[TransformerSpec, ...]
    output_sink: Sink | None
    problems: tuple[Problem, ...]
    place: Place

    def config(self) -> JobConfig:
        """Return the job. Raises ConfigurationError with every problem."""
        if self.problems or self.input_source is None or self.output_sink is None:
            raise ConfigurationError(self.problems)
        return JobConfig(
            path=self.path,
            job_name=self.job_name,
            description=self.description,
            input_source=self.input_source,
            features=self.features,
            asking=self.asking or Asking(),
            targets=self.targets,
            allow_look_ahead=self.allow_look_ahead,
            drops_immature=self.drops_immature,
            was=self.was,
            feature_transformers=self.feature_transformers,
            output_sink=self.output_sink,
            place=self.place,
        )


def load_job_config(
    path: Path | str, *, environ: Mapping[str, str] | None = None, transformers: Transformers = TRANSFORMER_REGISTRY
) -> JobConfig:
    """Return the job of a YAML file; `environ` has the values of `${VAR}`, by default the process's environment.

    Raises ConfigurationError with every problem of the file.
    """
    return read_job(path, environ=environ, transformers=transformers).config()


def read_job(
    path: Path | str, *, environ: Mapping[str, str] | None = None, transformers: Transformers = TRANSFORMER_REGISTRY
) -> JobDraft:
    """Return the parts of the file that can be read, and its problems. Raises ConfigurationError if it is not a YAML mapping."""
    document = read_document(Path(path))
    document = with_environment(document, os.environ if environ is None else environ, never=frozenset({("job_name",)}))
    place, problems = Place(document), list(document.problems)
    job = read_part(JobPart, place, problems)
    return JobDraft(
        path=Path(path),
        job_name=job.job_name if job else "",
        description=job.description if job else "",
        input_source=_input_source(place.at("input_source"), problems),
        features=_selections(place.at("features"), problems),
        asking=_asking(place),
        targets=tuple(
            TargetSpec(part, each)
            for each in place.at("targets").items
            if (part := read_part(TargetPart, each, problems))
        ),
        allow_look_ahead=job.allow_look_ahead if job else True,
        drops_immature=bool(job and job.immature == "drop"),
        was=job.was if job else (),
        feature_transformers=_transformers(place.at("feature_transformers"), transformers, problems),
        output_sink=_sink(place.at("output_sink"), problems),
        problems=tuple(dict.fromkeys(problems)),
        place=place,
    )


def _input_source(place: Place, problems: list[Problem]) -> InputSource | None:
    if not isinstance(place.value, dict):
        return None
    part = read_part(InputSourcePart, place, problems)
    filters = read_filters(place.at("filters"), problems)
    if not isinstance(place.at("config").value, dict):
        return None
    if place.at("source_type").value == "entity":
        rows = read_part(EntityRowsPart, place.at("config"), problems)
        empty = part.on_empty if part else "warn"
        return InputSource("entity", filters=filters, place=place, on_empty=empty, rows=_rows(rows)) if rows else None
    # Check the columns of a source that can be found, whatever else is wrong.
    is_query = place.at("source_type").value == "databricks_sql"
    kind: type[InputLocationPart | QueryPart] = QueryPart if is_query else InputLocationPart
    config = read_part(kind, place.at("config"), problems) or _location_alone(place.at("config", "location"))
    if config is None:
        return None
    source_type = part.source_type if part else "spark"
    on_empty = part.on_empty if part else "warn"
    if isinstance(config, QueryPart):
        parameters = MappingProxyType({name: plain_value(value) for name, value in config.parameters.items()})
        return InputSource(
            source_type, query=config.query, filters=filters, place=place, parameters=parameters, on_empty=on_empty
        )
    options = MappingProxyType(config.options)
    readings = read_columns(place.at("config", "columns"), problems)
    return InputSource(
        source_type, config.location, None, config.format, options, filters, place, readings=readings, on_empty=on_empty
    )


def _rows(part: EntityRowsPart) -> EntityRows:
    every = seconds_of(part.every) if part.every else 1
    return EntityRows(
        part.entity,
        Instants(part.from_ or part.at, every, part.number),
        seconds_of(part.active_within) if part.active_within else None,
        part.source,
        MappingProxyType(part.keys),
        part.timestamp_col,
    )


def _location_alone(place: Place) -> InputLocationPart | None:
    return read_part(InputLocationPart, Place(Document(place.document.file, {"location": place.value})), [])


def _asking(place: Place) -> Asking | None:
    """Return what the file says of the rows' keys and times; None if it is wrong, which `JobPart` has reported."""
    keys = AskingPart.__pydantic_fields__  # type: ignore[attr-defined]
    values = {name: value for name, value in place.document.values.items() if name in keys}
    part = read_part(AskingPart, replace(place, document=replace(place.document, values=values)), [])
    if part is None:
        return None
    split = _split(part.split, place.at("split")) if part.split else None
    return Asking(MappingProxyType(part.entities), part.event_time, part.known_by, part.closed, split)


def _split(part: SplitPart, place: Place) -> Split:
    return Split(part.valid_from, part.test_from, seconds_of(part.gap) if part.gap else 0, place)


def _selections(place: Place, problems: list[Problem]) -> tuple[GroupSelection, ...]:
    return tuple(found for each in place.items if (found := _selection(each, problems)))


def _selection(place: Place, problems: list[Problem]) -> GroupSelection | None:
    if isinstance(place.value, dict):
        part = read_part(GroupFeaturesPart, place, problems)
        return _mapped_selection(part, place) if part else None
    group, dot, feature = place.value.partition(".") if isinstance(place.value, str) else ("", "", "")
    if not (group and dot and feature):
        expected = "expected `<group>.<feature>`, `<group>.*` for all of its features, or a mapping with the `group`"
        problems.append(place.problem(f"`{place.name}`: {expected}, given {place.given}"))
        return None
    return GroupSelection(group, None if feature == "*" else (feature,), place=place)


def _mapped_selection(part: GroupFeaturesPart, place: Place) -> GroupSelection:
    entities, max_age = MappingProxyType(part.entities), days_of(part.max_age) if part.max_age else None
    return GroupSelection(part.group, part.features, part.prefix, entities, max_age, place)


def _transformers(place: Place, known: Transformers, problems: list[Problem]) -> tuple[TransformerSpec, ...]:
    specs = [_transformer(each, known, problems) for each in place.items]
    return tuple(spec for spec in specs if spec)


def _transformer(place: Place, known: Transformers, problems: list[Problem]) -> TransformerSpec | None:
    read_part(TransformerPart, place, problems)
    name, params = place.at("name"), place.at("params")
    if not isinstance(name.value, str):
        return None
    if name.value not in known:
        problems.append(name.problem(unknown_transformer(name.value, known)))
        return None
    found = read_part(known[name.value], params, problems) if isinstance(params.value, dict) else None
    return None if found is None else TransformerSpec(str(name.value), found, place)


def _sink(place: Place, problems: list[Problem]) -> Sink | None:
    if not isinstance(place.value, dict):
        return None
    read_part(SinkPart, place, problems)
    sink_type, config = place.at("sink_type").value, place.at("config")
    if not isinstance(sink_type, str) or sink_type not in sinks_by_type() or not isinstance(config.value, dict | None):
        return None
    return sinks_by_type()[sink_type].read(sink_type, place, problems)
