"""`fpjob docs build` and `fpjob docs serve`."""

from __future__ import annotations

from pathlib import Path

import click

from feature_platform_py.cli.ending import Stopped
from feature_platform_py.cli.output import print_json, print_progress, print_text
from feature_platform_py.cli.signs import step
from feature_platform_py.core.errors import BrokenJobsError, Problem
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.dbt_files.sync import load_project_registry
from feature_platform_py.docs_site.serve import HOST, site_server
from feature_platform_py.docs_site.site import DEFAULT_FOLDER, build_site


def build_command(*, output: Path | None, target: str | None, output_format: str) -> None:
    """Write the docs site, and print what it holds. Raises BrokenJobsError at the end if some jobs were left out."""
    project = open_project(target=target)
    folder = _folder(project, output)
    registry = load_project_registry(project.root)
    problems: list[Problem] = []
    content = build_site(project, registry, folder, problems=problems, tell=_told)
    profiled = sum(each["profile"] is not None for each in content["features"])
    if output_format == "json":
        counts = {"features": len(content["features"]), "built": profiled, "jobs": len(content["jobs"])}
        print_json({"site": project.shown(folder / "index.html"), **counts})
    else:
        counted = f"{len(content['features'])} features, {profiled} of them built, {len(content['jobs'])} jobs"
        print_text(f"{project.shown(folder / 'index.html')}: {counted}")
    if problems:
        raise BrokenJobsError(problems)


def serve_command(*, output: Path | None, port: int) -> None:
    """Serve the site until interrupted."""
    project = open_project()
    with site_server(_folder(project, output), port) as server:
        click.echo(f"http://{HOST}:{server.server_port}/  (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt as error:
            if isinstance(error, Stopped):
                raise
            click.echo("ended")


def _told(text: str) -> None:
    step(text)
    print_progress(f"  {text}")


def _folder(project: Project, output: Path | None) -> Path:
    return output.absolute() if output else project.root / DEFAULT_FOLDER
