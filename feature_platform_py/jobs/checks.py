"""Check whether a job fits its source: columns, their types, the columns that it adds, and where it writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.document import Place
from feature_platform_py.core.errors import ConfigurationError, FeaturePlatformError, Problem
from feature_platform_py.core.locations import absolute, is_remote, is_table_name, overlap, table_parts
from feature_platform_py.core.project import Project, is_of_sources
from feature_platform_py.core.stores.path import place_of
from feature_platform_py.core.suggestions import printable, ticked
from feature_platform_py.features.catalogue import transformers_of
from feature_platform_py.features.columns import column_named, input_fault, missing_column
from feature_platform_py.features.row_filters import RowFilter, filter_problems
from feature_platform_py.features.sql import SqlTransformer
from feature_platform_py.jobs.config import JobConfig, JobDraft, TransformerSpec, read_job
from feature_platform_py.jobs.groups import find_group_features
from feature_platform_py.jobs.names import group_tables, model_names, name_problems
from feature_platform_py.jobs.plan import INPUT_MODEL, JOINED_MODEL, JoinedColumn
from feature_platform_py.jobs.point_in_time import Use
from feature_platform_py.jobs.scoring import resolve_rows
from feature_platform_py.jobs.split import SPLIT_COLUMN
from feature_platform_py.registry.registry import Registry, load_source_registry
from feature_platform_py.sinks.sink import Sink
from feature_platform_py.sources.input_source import InputSource
from feature_platform_py.sources.resolve import (
    ResolvedSource,
    missing_file,
    resolve_input,
    resolve_query,
)

__all__ = ["CheckedJob", "ResolvedSource", "check_job", "load_checked_job"]

# Feature tables have these columns beside the keys of the job's source.
_FEATURE_TABLE_COLUMNS = frozenset({"_feature_set", "_input_fingerprint", "_input_loaded_at", "period_start"})


@dataclass(frozen=True)
class CheckedJob:
    """A job that fits its source, with its columns spelled as the source spells them."""

    config: JobConfig
    source: ResolvedSource
    columns: tuple[tuple[str, str], ...] | None
    joined_columns: tuple[JoinedColumn, ...] = ()


def load_checked_job(
    path: Path | str,
    project: Project,
    *,
    registry: Registry | None = None,
    columns_of: Callable[[ResolvedSource], Columns | None] = lambda source: source.columns,
    environ: Mapping[str, str] | None = None,
) -> CheckedJob:
    """Return the job of a file, checked against its source on the project's target.

    `columns_of` returns the source's columns. Raises one ConfigurationError with every problem.
    """
    draft = read_job(path, environ=environ, transformers=transformers_of(project.root))
    problems = list(draft.problems)
    source = columns = None
    known_registry = registry or load_source_registry(project.root)
    try:
        source = _resolved(draft, project, known_registry)
        columns = columns_of(source) if source else None
    except ConfigurationError as error:
        problems += error.problems or [draft.place.at("input_source").problem(str(error))]
    except FeaturePlatformError:
        # If the job has faults of its own, a failure of the engine adds nothing.
        if not problems:
            raise
    if source and source.registered:
        draft = _ordered_by(draft, source.registered.primary_key)
    of_groups = find_group_features(draft, source, columns, known_registry, project, problems)
    if draft.asking and draft.asking.split:
        ahead = [each.table.ahead_seconds or 0 for each in of_groups if isinstance(each.table, Use)]
        problems += draft.asking.split.problems(max(ahead, default=0))
    problems += [*check_job(draft, columns, source, joined_columns=of_groups), *name_problems(draft, project)]
    if source and draft.output_sink:
        of_tables = [each.table.source for each in of_groups if each.table.source]
        problems += _sink_problems(draft, draft.output_sink, [*source.parts, *of_tables], project)
    if problems or source is None:
        raise ConfigurationError(dict.fromkeys(problems))
    known = None if columns is None else tuple(columns)
    return CheckedJob(_spelled_as(draft.config(), known or (), of_groups), source, known, of_groups)


def _ordered_by(draft: JobDraft, columns: Sequence[str]) -> JobDraft:
    """Return the draft with rows at one time in the order of the source's primary key, where a transformer needs an order."""
    ordered = tuple(
        replace(each, transformer=each.transformer.ordered_by(columns)) if columns else each
        for each in draft.feature_transformers
    )
    return replace(draft, feature_transformers=ordered)


def check_job(
    config: JobConfig | JobDraft,
    columns: Columns | None,
    source: ResolvedSource | None = None,
    *,
    joined_columns: Sequence[JoinedColumn] = (),
) -> list[Problem]:
    """Return every way in which a job does not fit its source's columns; without columns, what is known without them."""
    problems = [
        *_output_problems(config, columns or (), joined_columns),
        *_look_ahead_problems(config, columns, source),
    ]
    if columns is None:
        return problems
    if config.input_source:
        problems += _source_problems(config.input_source, columns)
    problems += _input_problems(config, columns, source, joined_columns)
    for row_filter in config.input_source.filters if config.input_source else ():
        problems += _filter_on_feature(row_filter, columns, config) or filter_problems(row_filter, columns)
    # If a transformer could not be read, not all of the result's columns are known.
    listed = config.place.at("feature_transformers").value
    if config.output_sink and len(listed or ()) == len(config.feature_transformers):
        problems += config.output_sink.column_problems(_result_columns(config, columns, joined_columns))
    return problems


def _resolved(draft: JobDraft, project: Project, registry: Registry) -> ResolvedSource | None:
    if draft.input_source is None:
        return None
    if draft.input_source.rows is not None:
        return resolve_rows(draft.input_source.rows, draft, registry, project) if draft.asking else None
    if draft.input_source.query is not None:
        return resolve_query(draft.input_source, draft.job_name, project.target)
    source = resolve_input(draft.input_source, registry, project)
    is_embedded = project.target.has_session and project.target.engine != "connect"
    missing = missing_file(draft.input_source, source, root=project.root) if is_embedded else None
    if missing:
        raise ConfigurationError([missing])
    return source


def _missing(place: Place, name: str, columns: Columns, *, there: str) -> Problem:
    return place.problem(f"`{place.name}`: {missing_column(name, columns, there=there)}")


def _source_problems(source: InputSource, columns: Columns) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, _ in columns:
        if name.lower() in first:
            message = f"the source's columns `{first[name.lower()]}` and `{name}` are the same name to Spark"
            yield source.place.at("config", "location").problem(f"{message}; rename one of them")
        first.setdefault(name.lower(), name)


def _input_problems(
    config: JobConfig | JobDraft,
    columns: Columns,
    source: ResolvedSource | None,
    joined_columns: Sequence[JoinedColumn],
) -> Iterator[Problem]:
    """Yield columns that a transformer cannot read: SQL reads the source's, Python also features and those of earlier ones."""
    added = [(each.column.name, each.column.type or "") for each in joined_columns]
    specs = config.feature_transformers
    for position, transformer in enumerate(specs):
        is_sql = isinstance(transformer.transformer, SqlTransformer)
        later = specs if is_sql else specs[position:]
        for needed in transformer.inputs():
            place = transformer.place.at("params", *needed.path)
            known = columns if is_sql else [*columns, *added]
            adding = _adding(needed.name, known, later, columns)
            if adding:
                yield place.problem(f"`{place.name}`: {_not_yet(needed.name, transformer, adding, is_sql=is_sql)}")
            elif fault := input_fault(needed, known, there="source"):
                has_type = column_named(needed.name, known)
                yield place.problem(
                    f"`{place.name}`: {fault}" + (f"; {_type_advice(needed.role, source)}" if has_type else "")
                )
            elif needed.name.lower() in _FEATURE_TABLE_COLUMNS and needed.name in _kept_columns(transformer):
                name = (column_named(needed.name, columns) or (needed.name,))[0]
                message = f"`{place.name}`: `{name}` is a name that feature tables use for a column of their own"
                yield place.problem(f"{message}; rename the source's")
        if is_sql and all(column_named(needed.name, columns) for needed in transformer.inputs()):
            for path, fault in transformer.transformer.faults(columns):
                place = transformer.place.at("params", *path)
                yield place.problem(f"`{place.name}`: {fault}")
        # A column of unknown type is checked when the transformer is applied.
        added += [(column.name, column.type or "") for column in transformer.outputs(columns)]


def _kept_columns(spec: TransformerSpec) -> frozenset[str | None]:
    """Return the source's columns that the transformer's feature table has too; none for one in Python."""
    transformer = spec.transformer
    if not isinstance(transformer, SqlTransformer):
        return frozenset()
    return frozenset({*transformer.grain(), transformer.event_time()})


def _adding(name: str, known: Columns, later: Sequence[TransformerSpec], columns: Columns) -> TransformerSpec | None:
    """Return the transformer that adds a column which does not exist yet, or None."""
    if column_named(name, known):
        return None
    return next(
        (each for each in later if column_named(name, [(output.name, "") for output in each.outputs(columns)])), None
    )


def _not_yet(name: str, transformer: TransformerSpec, adding: TransformerSpec, *, is_sql: bool) -> str:
    if adding is transformer:
        return f"{_added(name, adding)} itself; name an existing column"
    if not is_sql:
        return f"{_added(name, adding)}, which comes later; put `{adding.name}` before `{transformer.name}`"
    return (
        f"{_added(name, adding)}. In any order of the list, transformers in SQL run first, and read the source's columns only, because"
        f" their tables are kept and follow the source; those in Python run after them. Put `{printable(name)}` into the source, or"
        f" write `{transformer.name}` in Python"
    )


def _added(name: str, adding: TransformerSpec) -> str:
    kind = "SQL" if isinstance(adding.transformer, SqlTransformer) else "Python"
    return f"column `{printable(name)}` is added by the {kind} transformer `{adding.name}` of line {adding.place.line}"


def _filter_on_feature(row_filter: RowFilter, columns: Columns, config: JobConfig | JobDraft) -> list[Problem]:
    place = row_filter.place.at("column")
    if adding := _adding(row_filter.column, columns, config.feature_transformers, columns):
        reason = "filters choose rows of the source before any transformer runs"
        return [place.problem(f"`{place.name}`: {_added(row_filter.column, adding)}; {reason}")]
    return []


def _type_advice(role: str, source: ResolvedSource | None) -> str:
    """Return how to give a source's column another type: in the registry for a text file, else where the data is written."""
    if source is not None and source.query is not None:
        return "name another column, or cast this one in the query"
    if source is not None and source.format not in {"csv", "json"}:
        return "name another column, or write the data with another type"
    if source is not None and source.registered:
        return "name another column, or correct the type of this one in the source's entry under `registry/source/`"
    advice = "name another column, or give this one its type in an entry under `registry/source/`"
    recognised = (
        "; a column of a file is a time if all of its values are written like 2024-01-31 or 2024-01-31 12:30:00"
    )
    is_csv = source is not None and source.format == "csv"
    return advice + (recognised if role == "event time" and is_csv else "")


def _output_problems(
    config: JobConfig | JobDraft, columns: Columns, joined_columns: Sequence[JoinedColumn]
) -> Iterator[Problem]:
    """Yield columns that are added twice, or that the source already has."""
    taken = {name.lower(): "is already a column of the source; rename it there" for name, _ in columns}
    of_groups = [each for each in joined_columns if each.group]
    adding = [(f"the feature group `{each.group.name}`", each.place, [each.column]) for each in of_groups if each.group]
    adding += [
        (f"transformer `{each.name}`", each.place, [*each.outputs(columns)]) for each in config.feature_transformers
    ]
    if config.asking and config.asking.split:
        adding.append(("the split", config.asking.split.place, [SPLIT_COLUMN]))
    adding += [("a target", each.place, [each.column]) for each in joined_columns if each.group is None]
    for shown, place, outputs in adding:
        names = [column.name for column in outputs]
        for name in [name for name in names if name.lower() in taken]:
            yield place.problem(f"{shown} adds the column `{name}`, which {taken[name.lower()]}")
        first = f"{shown} of line {place.line} already adds; remove one of them"
        taken |= {name.lower(): first for name in names if name.lower() not in taken}


def _look_ahead_problems(
    config: JobConfig | JobDraft, columns: Columns | None, source: ResolvedSource | None
) -> Iterator[Problem]:
    """Yield transformers that look ahead of the rows of a training set, where what came later must not be known."""
    registered = source.registered if source else None
    time = config.asking.event_time if config.asking else None
    if source and source.scoring:
        time = source.event_time
    is_other_time = time is not None and (registered is None or time.lower() != (registered.event_time or "").lower())
    is_split = config.asking is not None and config.asking.split is not None
    if config.allow_look_ahead or not (config.targets or is_split or is_other_time):
        return
    keys = [key for key, is_there in (("targets", config.targets), ("split", is_split)) if is_there]
    why = f"the job has {ticked(keys)}" if keys else f"the job's rows are known as of `{time}`"
    for spec in config.feature_transformers:
        if looking := [column.name for column in spec.outputs(columns) if column.looks_ahead]:
            advice = "have it know no more than the row's time (`as_of`, `as_of_col`), remove it, or say `allow_look_ahead: true`"
            message = f"transformer `{spec.name}` adds {ticked(looking)}, which looks ahead of the row, and {why}"
            yield spec.place.problem(f"{message}; {advice}")


def _result_columns(
    config: JobConfig | JobDraft, columns: Columns, joined_columns: Sequence[JoinedColumn]
) -> list[tuple[str, str]]:
    """Return the result's names and types; the type is empty if only the written result shows it."""
    outputs = [column for transformer in config.feature_transformers for column in transformer.outputs(columns)]
    split = [SPLIT_COLUMN] if config.asking and config.asking.split else []
    added = [*(each.column for each in joined_columns), *outputs, *split]
    return [*columns, *((column.name, column.type or "") for column in added)]


def _sink_problems(
    draft: JobDraft, sink: Sink, sources: Sequence[ResolvedSource], project: Project
) -> Iterator[Problem]:
    """Yield problems of a sink that would write onto what the job reads or onto tables that dbt's models build."""
    if sink.location is None:
        return
    place, is_table = sink.place.at("config", "path"), is_table_name(sink.location)
    path = place.value
    if overlapped := [each for each in sources if is_written(sink.location, path, each, project)]:
        message = f"`{place.name}`: `{path}` is, holds or lies in the job's own input `{overlapped[0].location}`"
        yield place.problem(f"{message}; name another place")
    elif _is_kept(sink.location, draft.job_name, project):
        yield place.problem(
            f"`{place.name}`: `{path}` would replace tables that the platform keeps; name another place"
        )
    elif is_table and (stored := _other_spelling(path, project)):
        yield place.problem(
            f"`{place.name}`: the warehouse has the table `{path}` as `{stored}`, the same name to Spark;"
            " spell it that way, or name another table"
        )


def is_written(location: str, path: str, source: ResolvedSource, project: Project) -> bool:
    """Return whether a sink at `location`, in the file's words `path`, would write onto a source."""
    written = _folder(location, project, project.target.schema)
    read = _folder(source.location, project, None) if source.format is None else source.location
    is_same_table = is_table_name(location) and overlap(path, source.location, root=project.root)
    return overlap(written, read, root=project.root) or is_same_table


def _folder(table: str, project: Project, schema: str | None) -> str:
    """Return the folder of a table in a warehouse folder, or its name if the engine has a catalog of its own."""
    if not project.target.has_session or not is_table_name(table):
        return table
    _, named_schema, name = table_parts(table)
    return str(project.target.warehouse / (schema if schema and "." not in table else named_schema) / name)


def _is_kept(place: str, job_name: str, project: Project) -> bool:
    """Return whether a table or folder is, or contains, a table of any job or a registered source."""
    if is_table_name(place):
        _, schema, name = table_parts(place if "." in place else f"{project.target.schema}.{place}")
        return _is_of_platform(schema, name, job_name, project)
    warehouse = project.target.warehouse
    if is_remote(place) != is_remote(str(warehouse)):
        return False
    folder = place_of(place, project.root)
    if not is_remote(place):
        warehouse, folder = absolute(str(warehouse), project.root), absolute(place, project.root)
    if not folder.is_relative_to(warehouse):
        return warehouse.is_relative_to(folder)
    schema, name, *_ = *folder.relative_to(warehouse).parts, "", ""
    is_schema = schema.lower() in {"", project.target.schema.lower()} and not name
    return is_schema or _is_of_platform(schema, name, job_name, project)


def _is_of_platform(schema: str, name: str, job_name: str, project: Project) -> bool:
    if schema.lower() != project.target.schema.lower():
        return is_of_sources(schema.lower())
    models = {model.lower() for model in (*model_names(project.root), INPUT_MODEL, JOINED_MODEL)}
    is_of_job = name.lower().startswith(f"{job_name}__") or name.lower().rpartition("__")[2] in models
    return is_of_job or name.lower() in group_tables(project.root)


def _other_spelling(table: str, project: Project) -> str | None:
    """Return the table as the warehouse folder spells it, if that differs from the given name only in case."""
    if not project.target.has_session:
        return None
    _, schema, name = table_parts(table if "." in table else f"{project.target.schema}.{table}")
    stored = [
        f"{folder.parent.name}.{folder.name}"
        for folder in project.target.warehouse.glob("*/*")
        if f"{folder.parent.name}.{folder.name}".lower() == f"{schema}.{name}".lower()
    ]
    return None if not stored or f"{schema}.{name}" in stored else stored[0]


def _spelled_as(config: JobConfig, columns: Columns, joined_columns: Sequence[JoinedColumn]) -> JobConfig:
    """Return the job with its columns spelled as the source spells them."""

    def spelled(name: str) -> str:
        column = column_named(name, columns)
        return column[0] if column else name

    source = config.input_source
    filters = tuple(replace(each, column=spelled(each.column)) for each in source.filters)
    every = [(name, "") for name, _ in _result_columns(config, columns, joined_columns)]
    transformers = tuple(
        replace(each, transformer=each.transformer.spelled_as(every)) for each in config.feature_transformers
    )
    return replace(
        config,
        input_source=replace(source, filters=filters),
        feature_transformers=transformers,
        output_sink=config.output_sink.spelled_as(every),
    )
