"""Compute the lineage of jobs from the SQL that dbt compiles for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from feature_platform_py.core.errors import EngineError, Problem, problems_of
from feature_platform_py.core.locations import is_table_name
from feature_platform_py.core.project import Project
from feature_platform_py.dbt_files.sync import bring_up_to_date
from feature_platform_py.jobs.plan import ENRICHED_MODEL, INPUT_MODEL, JOINED_MODEL, GroupPlan, JobPlan, TablesPlan
from feature_platform_py.lineage.columns import Use, column_inputs, uses_by_column
from feature_platform_py.lineage.graph import Edge, LineageGraph, Node, NodeKind
from feature_platform_py.runs.dbt import CompiledModel, compile_models

_ORDER = get_args(Use)
_ALL = "lineage"


@dataclass(frozen=True)
class CompiledJob:
    """A job or a feature group with the SQL of its models, and the uses of columns in it."""

    plan: TablesPlan
    models: tuple[CompiledModel, ...]
    edges: tuple[tuple[Node, Node, Sequence[Use]], ...]


def plans_to_compile(jobs: Mapping[Path, JobPlan], groups: Iterable[GroupPlan]) -> dict[Path, TablesPlan]:
    """Return the plans of jobs, by their files, and of the groups that none of them reads; the others are compiled with a job."""
    read = {group.name for plan in jobs.values() for group in plan.groups}
    return {**jobs, **{group.file: group for group in groups if group.name not in read}}


def compile_jobs(
    plans: Mapping[Path, TablesPlan],
    project: Project,
    problems: list[Problem],
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> list[CompiledJob]:
    """Return the jobs and groups whose SQL dbt compiles and the lineage parses; add the problems of the others to `problems`.

    Needs and changes no table. Raises EngineError if none is left.
    """
    compiled: list[CompiledJob] = []
    failed: EngineError | None = None
    variables = {path: bring_up_to_date(plan, project, tell=tell) for path, plan in plans.items()}
    known = _compiled_at_once([plan for path, plan in plans.items() if not variables[path]], project)
    for path, plan in plans.items():
        try:
            models = _own_models(plan, known) or _compiled(plan, project, variables[path])
            compiled.append(CompiledJob(plan, models, tuple(_edges(plan, models))))
        except EngineError as error:
            failed = error
            problems += problems_of(error, project.shown(project.root / path))
    if failed and not compiled:
        raise failed
    return compiled


def lineage_of(jobs: Iterable[CompiledJob]) -> LineageGraph:
    """Return the lineage of all columns of the jobs' models, without private ones (`_input_fingerprint`)."""
    uses: dict[tuple[Node, Node], dict[Use, None]] = {}
    for job in jobs:
        for source, target, found in job.edges:
            uses.setdefault((source, target), {}).update(dict.fromkeys(found))
    edges = (Edge(*ends, tuple(sorted(found, key=_ORDER.index))) for ends, found in uses.items())
    return LineageGraph(tuple(sorted(edges)))


def _compiled_at_once(plans: Sequence[TablesPlan], project: Project) -> dict[str, CompiledModel]:
    """Return the models of several jobs and groups by their names, from one call of dbt, which parses the project once.

    Nothing if dbt fails: called for each of them, it says which one is at fault.
    """
    if len(plans) < 2:
        return {}
    names = list(dict.fromkeys(name for plan in plans for name in _names_of_models(plan)))
    models, run = compile_models(project, _ALL, jobs=[plan.name for plan in plans], variables={}, select=names)
    return {} if run.error else {model.name: model for model in models}


def _own_models(plan: TablesPlan, known: Mapping[str, CompiledModel]) -> tuple[CompiledModel, ...]:
    names = _names_of_models(plan)
    return tuple(known[name] for name in names) if known.keys() >= set(names) else ()


def _compiled(plan: TablesPlan, project: Project, variables: Mapping[str, Any]) -> tuple[CompiledModel, ...]:
    """Return the SQL of the models that a run builds, in their order. Raises EngineError if dbt fails."""
    names = _names_of_models(plan)
    models, run = compile_models(project, plan.name, jobs=[plan.name], variables=variables, select=names)
    if run.error:
        raise EngineError(run.error, Path(project.shown(run.log_file)))
    by_name = {model.name: model for model in models}
    return tuple(by_name[name] for name in names)


def _names_of_models(plan: TablesPlan) -> list[str]:
    return [part.table_name(model) for part in plan.parts for model in part.sql_models]


def _edges(plan: TablesPlan, models: Sequence[CompiledModel]) -> Iterator[tuple[Node, Node, Sequence[Use]]]:
    read = _read_from_outside(plan)
    relations: dict[str, Sequence[str]] = {}
    outside: dict[str, tuple[NodeKind, str]] = {}
    nodes = {model.relation: model.name for model in models}
    for model in models:
        for relation in _read_by(model, relations) if model.name in read else ():
            if relation not in nodes:
                found_outside = _named(relation, read[model.name])
                relations[relation] = found_outside.columns
                outside[relation] = found_outside.kind, found_outside.name
        inputs = column_inputs(model.sql, relations)
        relations[model.relation] = list(inputs)
        for column, found in inputs.items():
            target = Node("model", model.name, column)
            for (relation, name), uses in uses_by_column(found).items():
                start = Node(*(outside.get(relation) or ("model", nodes[relation])), name)
                if _is_shown(start) and _is_shown(target):
                    yield start, target, uses
    if isinstance(plan, JobPlan):
        yield from _job_edges(plan)


@dataclass(frozen=True)
class _Outside:
    """What a model reads that no model here builds: a source or a model, and its columns. `table` is its name on the target."""

    kind: NodeKind
    name: str
    columns: Sequence[str]
    table: str = ""


def _named(relation: str, read: Sequence[_Outside]) -> _Outside:
    """Return which of the things that a model reads a relation of its SQL is."""
    table = relation.rpartition(".")[2].lower()
    return next((each for each in read if each.table.lower() == table), read[0])


def _read_from_outside(plan: TablesPlan) -> dict[str, list[_Outside]]:
    """Return for each model that reads something which no model here builds what that is."""
    # A job and the groups whose own tables it joins read one source.
    source = _Outside("source", plan.source_name, [column for column, _ in plan.columns])
    found = {part.table_name(INPUT_MODEL): list(_holders(plan)) or [source] for part in plan.parts}
    for use in plan.uses if isinstance(plan, JobPlan) else ():
        columns = use.source.columns if use.source else use.columns
        kind: NodeKind = "source" if len(use.relation) > 1 else "model"
        read = _Outside(kind, ".".join(use.relation), [name for name, _ in columns or ()])
        found[plan.table_name(use.rows_model)] = [read]
    return found


def _holders(plan: TablesPlan) -> Iterator[_Outside]:
    """Yield the sources with the keys of a scoring set."""
    for holder, source in zip(
        plan.source.scoring.holders if plan.source.scoring else (), plan.source.held_by, strict=True
    ):
        is_table = source.format is None or is_table_name(source.location)
        table = source.location.rpartition(".")[2] if is_table else holder.relation[1]
        yield _Outside("source", ".".join(holder.relation), [name for name, _ in source.columns or ()], table)


def _job_edges(plan: JobPlan) -> Iterator[tuple[Node, Node, Sequence[Use]]]:
    yield from _python_edges(plan)
    for feature in plan.features:
        yield Node("model", plan.table_name(plan.output_model), feature.name), Node("job", plan.job_name), ("value",)


def _python_edges(plan: JobPlan) -> Iterator[tuple[Node, Node, Sequence[Use]]]:
    """Yield edges for the columns that Python transformers declare to read and add; their code is not analysed."""
    if not plan.python_sets:
        return
    joined, enriched = plan.table_name(JOINED_MODEL), plan.table_name(ENRICHED_MODEL)
    added = {column.name for each in plan.python_sets for column in each.features}
    for name in [name for name, _ in plan.columns] + [column.name for column in plan.features]:
        if name not in added:
            yield Node("model", joined, name), Node("model", enriched, name), ("value",)
    for spec in plan.config.python_transformers:
        for needed in spec.inputs():
            start = Node("model", enriched if needed.name in added else joined, needed.name)
            for column in spec.outputs(plan.columns):
                yield start, Node("model", enriched, column.name), ("value",)


def _read_by(model: CompiledModel, known: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names of the relations that a model reads and no other model builds."""
    from sqlglot import exp, parse_one

    parsed = parse_one(model.sql, dialect="spark")
    names = {cte.alias for cte in parsed.find_all(exp.CTE)}
    tables = {".".join(part.name for part in table.parts) for table in parsed.find_all(exp.Table)}
    return sorted(tables - names - set(known))


def _is_shown(node: Node) -> bool:
    return not (node.column or "").startswith("_")
