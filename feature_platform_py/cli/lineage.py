"""`fpjob lineage`: show what a column is made of, down to the sources, and which jobs use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click

from feature_platform_py.cli.output import print_json, print_progress
from feature_platform_py.core.errors import BrokenJobsError, ConfigurationError, Problem
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.suggestions import ticked, unknown
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.dbt_files.sync import load_project_registry, planned_jobs
from feature_platform_py.jobs.groups import plan_groups
from feature_platform_py.jobs.plan import TablesPlan
from feature_platform_py.lineage.graph import USE_WORDS, Edge, LineageGraph, Node, mermaid_text
from feature_platform_py.lineage.load import compile_jobs, lineage_of, plans_to_compile
from feature_platform_py.lineage.openlineage import column_lineage_facet


def lineage_command(name: str, *, job: Path | None, target: str | None, output_format: str) -> None:
    """Print the lineage of `relation.column`.

    Raises ConfigurationError for an unknown column, BrokenJobsError at the end if some jobs were left out.
    """
    project = open_project(target=target)
    problems: list[Problem] = []
    graph = lineage_of(compile_jobs(_plans(project, job, problems), project, problems, tell=print_progress))
    nodes = _nodes(name, graph, problems)
    around = LineageGraph(tuple(sorted({edge for node in nodes for edge in graph.around(node).edges})))
    if output_format == "json":
        print_json(around.as_dict())
    elif output_format == "mermaid":
        click.echo(mermaid_text(around), nl=False)
    elif output_format == "openlineage":
        print_json(column_lineage_facet(graph, _of_one_table(name, nodes)))
    else:
        click.echo("\n\n".join("\n".join(_lines(graph, node)) for node in nodes))
    if problems:
        raise BrokenJobsError(problems)


def _plans(project: Project, job: Path | None, problems: list[Problem]) -> dict[Path, TablesPlan]:
    """Return the plans of the jobs, and of the feature groups that no job reads."""
    if job:
        return {job.absolute(): prepare_job(job, project)}
    registry = load_project_registry(project.root)
    jobs = {planned.path: planned.plan for planned in planned_jobs(project, registry, problems)}
    plans = plans_to_compile(jobs, plan_groups(registry, project, problems))
    if not plans:
        raise ConfigurationError(
            f"{project.shown(project.jobs)}: expected a job file, found none; name one with `--job`"
        )
    return plans


def _nodes(name: str, graph: LineageGraph, problems: list[Problem]) -> list[Node]:
    """Return the columns of a name: that of a source or model, or if the job's name is left out, that of each job's table."""
    known: dict[str, list[Node]] = {}
    for node in (each for each in graph.nodes if each.column):
        known.setdefault(node.id, []).append(node)
        job, _, table = node.relation.rpartition("__")
        if node.kind == "model" and job:
            known.setdefault(f"{table}.{node.column}", []).append(node)
    if name not in known:
        relation = name.rpartition(".")[0]
        near = [each for each in known if each.startswith(f"{relation}.")] if relation else []
        text = unknown("column", name, known=near or sorted({each.rpartition(".")[0] for each in known}))
        # It may be a column of a job that was left out.
        raise ConfigurationError("\n".join([text, *map(str, problems)]))
    return known[name]


def _of_one_table(name: str, nodes: list[Node]) -> list[Node]:
    """Return the nodes if they are columns of one dataset, because OpenLineage describes one."""
    if len(nodes) > 1:
        raise ConfigurationError(
            f"`{name}` is a column of several tables; expected one of {ticked(node.id for node in nodes)}"
        )
    return nodes


def _lines(graph: LineageGraph, node: Node) -> Iterator[str]:
    yield node.id
    made_of = list(_tree(node, graph.inputs, lambda edge: edge.source, {node}))
    used_by = list(_tree(node, graph.outputs, lambda edge: edge.target, {node}))
    width = max((len(text) for text, _ in [*made_of, *used_by]), default=0)
    for title, tree in (("made of", made_of), ("goes into", used_by)):
        if tree:
            yield f"\n{title}"
            yield from (f"{text:<{width}}  {uses}".rstrip() for text, uses in tree)


def _tree(
    node: Node, step: Callable[[Node], list[Edge]], end: Callable[[Edge], Node], above: set[Node], indent: str = ""
) -> Iterator[tuple[str, str]]:
    edges = step(node)
    for position, edge in enumerate(edges):
        is_last = position == len(edges) - 1
        other = end(edge)
        label = other.id if other.column else f"job {other.relation}"
        yield f"{indent}{'└─ ' if is_last else '├─ '}{label}", ", ".join(USE_WORDS[use] for use in edge.uses)
        if other not in above:
            yield from _tree(other, step, end, above | {other}, indent + ("   " if is_last else "│  "))
