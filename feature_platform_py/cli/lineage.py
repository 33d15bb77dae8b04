"""`fpjob lineage`: show what a column is made of, down to the sources, and which jobs use it."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.cli.lineage_text import lineage_lines
from feature_platform_py.cli.output import print_csv, print_json, print_progress, print_text
from feature_platform_py.cli.signs import step
from feature_platform_py.core.errors import BrokenJobsError, ConfigurationError, Problem
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.suggestions import printable, suggestion, ticked, unknown
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.dbt_files.sync import load_project_registry, planned_jobs
from feature_platform_py.jobs.find import find_job
from feature_platform_py.jobs.groups import plan_groups
from feature_platform_py.jobs.plan import TablesPlan
from feature_platform_py.lineage.graph import LineageGraph, Node, mermaid_text
from feature_platform_py.lineage.load import compile_jobs, lineage_of, plans_to_compile
from feature_platform_py.lineage.openlineage import column_lineage_facet


def lineage_command(name: str, *, job: str | None, target: str | None, output_format: str, is_all: bool) -> None:
    """Print the lineage of a column: `relation.column`, or a column's name alone.

    Raises ConfigurationError for an unknown column, BrokenJobsError at the end if some jobs were left out.
    """
    project = open_project(target=target)
    problems: list[Problem] = []
    plans = _plans(project, job, problems)
    step(f"compiles the SQL of {len(plans)} jobs and feature groups")
    graph = lineage_of(compile_jobs(plans, project, problems, tell=print_progress))
    nodes = _nodes(name, graph, problems)
    around = LineageGraph(tuple(sorted({edge for node in nodes for edge in graph.around(node).edges})))
    if output_format == "json":
        print_json(around.as_dict())
    elif output_format == "csv":
        edges = around.as_dict()["edges"]
        print_csv(["from", "to", "uses"], [(each["from"], each["to"], ", ".join(each["uses"])) for each in edges])
    elif output_format == "mermaid":
        print_text(mermaid_text(around).rstrip("\n"), is_fitted=False)
    elif output_format == "openlineage":
        print_json(column_lineage_facet(graph, _of_one_table(name, nodes)))
    else:
        shown = "\n\n".join("\n".join(lineage_lines(graph, node, is_all=is_all)) for node in nodes)
        print_text(shown)
    if problems:
        raise BrokenJobsError(problems)


def _plans(project: Project, job: str | None, problems: list[Problem]) -> dict[Path, TablesPlan]:
    """Return the plans of the jobs, and of the feature groups that no job reads."""
    if job:
        file = find_job(job, project)
        return {file.absolute(): prepare_job(file, project)}
    registry = load_project_registry(project.root)
    jobs = {planned.path: planned.plan for planned in planned_jobs(project, registry, problems)}
    plans = plans_to_compile(jobs, plan_groups(registry, project, problems))
    if not plans:
        raise ConfigurationError(
            f"{project.shown(project.jobs)}: expected a job file, found none; name one with `--job`"
        )
    return plans


def _nodes(name: str, graph: LineageGraph, problems: list[Problem]) -> list[Node]:
    """Return the columns that a name means: one of a source or model, that of each job's table if the job's name is left out, or
    for a column's name alone, the columns of this name that something is computed in.
    """
    known: dict[str, list[Node]] = {}
    alone: dict[str, list[Node]] = {}
    for node in (each for each in graph.nodes if each.column):
        known.setdefault(node.id, []).append(node)
        alone.setdefault(str(node.column), []).append(node)
        job, _, table = node.relation.rpartition("__")
        if node.kind == "model" and job:
            known.setdefault(f"{table}.{node.column}", []).append(node)
    if name in known:
        return known[name]
    if name in alone:
        return _origins(alone[name], graph)
    relation = name.rpartition(".")[0]
    near = [each for each in known if each.startswith(f"{relation}.")] if relation else list(alone)
    names = near or sorted({each.rpartition(".")[0] for each in known})
    meant = suggestion(name, names)
    # A project has hundreds of columns.
    text = f"column `{printable(name)}` is unknown. {meant}" if meant else unknown("column", name, known=names)
    # It may be a column of a job that was left out.
    raise ConfigurationError("\n".join([text, *map(str, problems)]))


def _origins(nodes: list[Node], graph: LineageGraph) -> list[Node]:
    """Return the columns that are not merely passed on from a column of the same name."""
    passed = {node for node in nodes if any(edge.source.column == node.column for edge in graph.inputs(node))}
    return [node for node in nodes if node not in passed] or nodes


def _of_one_table(name: str, nodes: list[Node]) -> list[Node]:
    """Return the nodes if they are columns of one dataset, because OpenLineage describes one."""
    if len(nodes) > 1:
        raise ConfigurationError(
            f"`{name}` is a column of several tables; expected one of {ticked(node.id for node in nodes)}"
        )
    return nodes
