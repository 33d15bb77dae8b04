"""Runs jobs in one process, as its standard input asks: a line of JSON in for each, a line of JSON out.

An engine is chosen by the process, once: JVM Spark and Spark Connect cannot be in one, and a JVM takes seconds to start.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from feature_platform_py import Job
from feature_platform_py.warehouse.session import close_warehouse


def main() -> None:
    """Run `{"project": folder, "job": name}` after another; the answer has `error`, and how each feature table was computed."""
    target, answers = sys.argv[1] or None, os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    project = None
    for line in sys.stdin:
        request = json.loads(line)
        if project and project != request["project"]:
            opened = Job(Path(project, "configs/jobs", f"{request['job']}.yaml"), target=target).project.target
            close_warehouse(opened.engine, opened.warehouse)
        project = request["project"]
        os.chdir(project)
        print(json.dumps(_run(request["job"], target)), file=answers, flush=True)


def _run(name: str, target: str | None) -> dict[str, Any]:
    try:
        report = Job(Path("configs/jobs", f"{name}.yaml"), target=target).run()
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}
    works = {node.name: node.work.extent for node in report.nodes if node.work}
    return {"error": "", "works": works, "rows": report.sink.rows}


main()
