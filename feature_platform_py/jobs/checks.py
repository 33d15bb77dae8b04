"""Whether a job fits its source: columns, their types, the columns it adds, and where it writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from feature_platform_py.core.data_types import Columns, kind_of
from feature_platform_py.core.document import Place
from feature_platform_py.core.errors import ConfigurationError, FeaturePlatformError, Problem
from feature_platform_py.core.locations import absolute, is_remote, is_table_name, overlap, table_parts
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import printable, suggestion, ticked
from feature_platform_py.jobs.config import (
    InputSource,
    JobConfig,
    JobDraft,
    RowFilter,
    SinkSpec,
    TransformerSpec,
    read_job,
)
from feature_platform_py.jobs.filter_values import comparison_fault
from feature_platform_py.jobs.resolve import ResolvedSource, missing_file, resolve_input
from feature_platform_py.registry.registry import Registry, load_source_registry

__all__ = ["CheckedJob", "ResolvedSource", "check_job", "load_checked_job"]

# Feature tables keep these beside the keys of the job's source.
_FEATURE_TABLE_COLUMNS = frozenset({"_feature_set", "_input_fingerprint", "_input_loaded_at", "period_start"})
_WANTED = {
    "user": "a column of plain values",
    "event time": "a date or timestamp column",
    "amount": "a numeric column",
    "category": "a string column",
}


@dataclass(frozen=True)
class CheckedJob:
    """A job that fits its source: its columns are spelled as the source spells them."""

    config: JobConfig
    source: ResolvedSource
    columns: tuple[tuple[str, str], ...] | None


def load_checked_job(
    path: Path | str,
    project: Project,
    *,
    registry: Registry | None = None,
    columns_of: Callable[[ResolvedSource], Columns | None] = lambda source: source.columns,
    environ: Mapping[str, str] | None = None,
) -> CheckedJob:
    """The job of a file, checked against its source on the project's target.

    `columns_of` is asked for the source's columns. Raises one ConfigurationError with every problem.
    """
    draft = read_job(path, environ=environ)
    problems = list(draft.problems)
    source = columns = None
    try:
        source = _resolved(draft, project, registry or load_source_registry(project.root))
        columns = columns_of(source) if source else None
    except ConfigurationError as error:
        problems += error.problems or [draft.place.at("input_source").problem(str(error))]
    except FeaturePlatformError:
        # An engine that fails on a job with faults says nothing that counts beside them.
        if not problems:
            raise
    problems += check_job(draft, columns)
    if source and draft.output_sink:
        problems += _sink_problems(draft, draft.output_sink, source, project)
    if problems or source is None:
        raise ConfigurationError(dict.fromkeys(problems))
    known = None if columns is None else tuple(columns)
    return CheckedJob(_spelled_as(draft.config(), known or ()), source, known)


def check_job(config: JobConfig | JobDraft, columns: Columns | None) -> list[Problem]:
    """Everything in which a job does not fit its source's columns, or what can be said without these."""
    problems = list(_output_problems(config, columns or ()))
    if columns is None:
        return problems
    if config.input_source:
        problems += _source_problems(config.input_source, columns)
    for transformer in config.feature_transformers:
        problems += _input_problems(transformer, columns)
    for row_filter in config.input_source.filters if config.input_source else ():
        problems += _filter_problems(row_filter, columns)
    # With a transformer that could not be read, not all of the result's columns are known.
    listed = config.place.at("feature_transformers").value
    if config.output_sink and len(listed or ()) == len(config.feature_transformers):
        problems += _partition_problems(config.output_sink, _result_columns(config, columns))
    return problems


def _resolved(draft: JobDraft, project: Project, registry: Registry) -> ResolvedSource | None:
    if draft.input_source is None:
        return None
    source = resolve_input(draft.input_source, registry, project.target.name, root=project.root)
    is_embedded = project.target.name in {"local", "spark"}
    missing = missing_file(draft.input_source, source, root=project.root) if is_embedded else None
    if missing:
        raise ConfigurationError([missing])
    return source


def _column(name: str, columns: Columns) -> tuple[str, str] | None:
    """The source's column of the name, as Spark finds it: whatever the case."""
    # An exact match first: where two columns differ only in case, messages name the one that was meant.
    exact = [column for column in columns if column[0] == name]
    return next(iter(exact + [column for column in columns if column[0].lower() == name.lower()]), None)


def _missing(place: Place, name: str, names: Sequence[str], *, there: str) -> Problem:
    said = f"`{place.name}`: column `{printable(name)}` is missing in the {there}."
    return place.problem(" ".join(filter(None, [said, suggestion(name, names), f"Its columns: {ticked(names)}"])))


def _source_problems(source: InputSource, columns: Columns) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, _ in columns:
        if name.lower() in first:
            message = f"the source's columns `{first[name.lower()]}` and `{name}` are one name to Spark"
            yield source.place.at("config", "location").problem(f"{message}; rename one of them")
        first.setdefault(name.lower(), name)


def _input_problems(transformer: TransformerSpec, columns: Columns) -> Iterator[Problem]:
    for needed in transformer.inputs():
        place = transformer.place.at("params", needed.param)
        column = _column(needed.name, columns)
        if column is None:
            yield _missing(place, needed.name, [name for name, _ in columns], there="source")
        elif kind_of(column[1]) not in needed.kinds:
            message = f"`{place.name}`: expected {_WANTED[needed.role]} as the {needed.role}"
            yield place.problem(f"{message}, `{column[0]}` is {column[1]}; {_type_advice(needed.role)}")
        elif needed.role in {"user", "event time"} and column[0].lower() in _FEATURE_TABLE_COLUMNS:
            message = f"`{place.name}`: `{column[0]}` is a name that feature tables keep for a column of their own"
            yield place.problem(f"{message}; rename the source's")


def _type_advice(role: str) -> str:
    advice = "name another column, or give this one its type in an entry under `registry/source/`"
    recognised = "; times in files are recognised where every one is written like 2024-01-31 or 2024-01-31 12:30:00"
    return advice + (recognised if role == "event time" else "")


def _filter_problems(row_filter: RowFilter, columns: Columns) -> Iterator[Problem]:
    column = _column(row_filter.column, columns)
    if column is None:
        names = [name for name, _ in columns]
        yield _missing(row_filter.place.at("column"), row_filter.column, names, there="source")
        return
    values = row_filter.value if isinstance(row_filter.value, tuple) else (row_filter.value,)
    for position, value in enumerate(values):
        fault = None if value is None else comparison_fault(value, column[1])
        if fault:
            place = row_filter.place.at("value", *([position] if isinstance(row_filter.value, tuple) else []))
            yield place.problem(f"`{place.name}`: column `{column[0]}` is {column[1]}; {fault}, given {place.given}")


def _output_problems(config: JobConfig | JobDraft, columns: Columns) -> Iterator[Problem]:
    """Columns that two transformers add, or that the source has already."""
    taken = {name.lower(): "is a column of the source already; rename it there" for name, _ in columns}
    for transformer in config.feature_transformers:
        outputs = [column.name for column in transformer.outputs(columns)]
        for name in [name for name in outputs if name.lower() in taken]:
            message = f"transformer `{transformer.name}` adds the column `{name}`, which {taken[name.lower()]}"
            yield transformer.place.problem(message)
        first = f"transformer `{transformer.name}` of line {transformer.place.line}"
        taken |= {
            name.lower(): f"{first} adds already; remove one of them" for name in outputs if name.lower() not in taken
        }


def _result_columns(config: JobConfig | JobDraft, columns: Columns) -> list[str]:
    added = [column.name for transformer in config.feature_transformers for column in transformer.outputs(columns)]
    return [name for name, _ in columns] + added


def _partition_problems(sink: SinkSpec, names: Sequence[str]) -> Iterator[Problem]:
    known = [(name, "") for name in names]
    seen: set[str] = set()
    for position, name in enumerate(sink.config.get("partition_by", ())):
        place = sink.place.at("config", "partition_by", position)
        if _column(name, known) is None:
            yield _missing(place, name, names, there="result")
        elif name.lower() in seen:
            yield place.problem(f"`{place.name}`: `{name}` is given twice; remove one of them")
        seen.add(name.lower())
    if names and seen == {name.lower() for name in names}:
        message = "expected at least one column that is not in `partition_by`; remove some"
        yield sink.place.at("config", "partition_by").problem(message)


def _sink_problems(draft: JobDraft, sink: SinkSpec, source: ResolvedSource, project: Project) -> Iterator[Problem]:
    """A sink writes neither onto its own input nor onto the tables that the job builds."""
    if sink.kind == "display":
        return
    place, path = sink.place.at("config", "path"), str(sink.config["path"])
    is_table = sink.kind == "delta_table" and is_table_name(path)
    written = _folder(path, project, project.target.schema) if is_table else _as_path(path)
    read = _folder(source.location, project, None) if source.format is None else source.location
    if overlap(written, read, root=project.root) or (is_table and overlap(path, source.location, root=project.root)):
        message = f"`{place.name}`: `{path}` is, holds or lies in the job's own input `{source.location}`"
        yield place.problem(f"{message}; name another place")
    elif _is_built_by_job(path, written, draft.job_name, project):
        yield place.problem(
            f"`{place.name}`: `{path}` would replace tables that the platform keeps; name another place"
        )


def _folder(table: str, project: Project, schema: str | None) -> str:
    """The folder of a table in an embedded warehouse; its name where the engine has a catalog of its own."""
    if project.target.type != "fpspark" or not is_table_name(table):
        return table
    _, named_schema, name = table_parts(table)
    return str(project.target.warehouse / (schema if schema and "." not in table else named_schema) / name)


def _as_path(path: str) -> str:
    return f"./{path}" if is_table_name(path) else path


def _is_built_by_job(path: str, written: str, job_name: str, project: Project) -> bool:
    if is_table_name(path) and path.rpartition(".")[2].lower().startswith(f"{job_name}__"):
        return True
    if is_remote(written) or is_table_name(written):
        return False
    tables = absolute(str(project.target.warehouse / project.target.schema), project.root)
    folder = absolute(written, project.root)
    is_own = folder.is_relative_to(tables) and folder.name.startswith(f"{job_name}__")
    return is_own or tables.is_relative_to(folder)


def _spelled_as(config: JobConfig, columns: Columns) -> JobConfig:
    """The job with every column of its source spelled as the source spells it."""

    def spelled(name: str) -> str:
        column = _column(name, columns)
        return column[0] if column else name

    source = config.input_source
    filters = tuple(replace(each, column=spelled(each.column)) for each in source.filters)
    transformers = tuple(_spelled_params(each, spelled) for each in config.feature_transformers)
    sink = config.output_sink
    if "partition_by" in sink.config:
        known = [(name, "") for name in _result_columns(config, columns)]
        partitions = [found[0] if (found := _column(name, known)) else name for name in sink.config["partition_by"]]
        sink = replace(sink, config={**sink.config, "partition_by": partitions})
    return replace(
        config,
        input_source=replace(source, filters=filters),
        feature_transformers=transformers,
        output_sink=sink,
    )


def _spelled_params(transformer: TransformerSpec, spelled: Callable[[str], str]) -> TransformerSpec:
    names: dict[str, Any] = {needed.param: spelled(needed.name) for needed in transformer.inputs()}
    return replace(transformer, params=replace(transformer.params, **names))
