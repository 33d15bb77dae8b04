"""The one module that calls dbt: in process, quietly, with each node reported as it finishes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_platform_py.core.project import Project

_COUNTED = ("model", "test")


@dataclass(frozen=True)
class NodeResult:
    """How one dbt node ended; `rows` is None for nodes that write none, `seconds` is dbt's own execution time."""

    name: str
    kind: str
    status: str
    seconds: float
    rows: int | None = None
    message: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the node did what it should."""
        return self.status in ("success", "pass", "warn", "no-op")


@dataclass(frozen=True)
class DbtRun:
    """The nodes of one dbt invocation, in the order in which they finished, and the log that tells the rest."""

    nodes: tuple[NodeResult, ...]
    log_file: Path
    error: str = ""

    @property
    def is_good(self) -> bool:
        """Whether dbt ran, and every node did what it should."""
        return not self.error and all(node.is_good for node in self.nodes)


def build(
    project: Project,
    job_name: str,
    *,
    variables: Mapping[str, Any],
    select: Sequence[str],
    exclude: Sequence[str] = (),
    is_full_refresh: bool = False,
    on_node: Callable[[NodeResult], None] = lambda _: None,
) -> DbtRun:
    """Run `dbt build` on the selected nodes with the job's variables, and return how each node ended."""
    log_file = project.root / "logs" / job_name / "dbt.log"
    nodes: list[NodeResult] = []

    def watch(event: Any) -> None:
        if event.info.name == "NodeFinished" and (node := _finished(event.data)):
            nodes.append(node)
            on_node(node)

    arguments = [
        "build",
        *("--project-dir", str(project.root), "--profiles-dir", str(project.root / "profiles")),
        *("--target", project.target.name, "--vars", json.dumps(variables)),
        *("--target-path", str(project.root / "target" / "jobs" / job_name), "--log-path", str(log_file.parent)),
        *("--log-level", "none", "--log-level-file", "debug", "--no-use-colors", "--no-use-colors-file"),
        *("--exclude-resource-type", "unit_test", "--no-write-json", "--no-version-check"),
        *(["--full-refresh"] if is_full_refresh else []),
        *("--select", *select),
        *(["--exclude", *exclude] if exclude else []),
    ]
    error = _invoke(arguments, watch)
    return DbtRun(nodes=tuple(nodes), log_file=log_file, error=error)


def _invoke(arguments: Sequence[str], watch: Callable[[Any], None]) -> str:
    """Invoke dbt; the message of the exception that stopped it before its nodes ran, or nothing."""
    from dbt.cli.main import dbtRunner

    result = dbtRunner(callbacks=[watch]).invoke(list(arguments))
    return "" if result.exception is None else str(result.exception)


def _finished(data: Any) -> NodeResult | None:
    kind = data.node_info.resource_type
    if kind not in _COUNTED:
        return None
    response = dict(data.run_result.adapter_response)
    rows = response.get("rows_affected")
    return NodeResult(
        name=data.node_info.node_name,
        kind=kind,
        status=data.node_info.node_status,
        seconds=data.run_result.execution_time,
        rows=int(rows) if rows is not None else None,
        message=data.run_result.message,
    )
