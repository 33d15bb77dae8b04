"""A workspace on the loopback address: the server of a SQL warehouse and of REST routes, with a lakehouse behind it.

As a program, `python -m tests.databricks.workspace PROJECT FOLDER`, it serves the sources of a project's copy from FOLDER, prints the
variables of the environment that name it as a line of JSON, and ends when its input does; FOLDER.jsonl has the statements that came.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType

import yaml

from feature_platform_py.registry.source import load_sources
from tests.databricks.lakehouse import LEADING, Lakehouse
from tests.databricks.server import PATH, FakeWarehouse, Rows, Statement


class Workspace:
    """A server of a lakehouse; `with Workspace(folder) as workspace` serves until the block ends.

    `log` is a file to which each statement is written as a line of JSON, for readers in other processes.
    """

    def __init__(self, folder: Path, *, log: Path | None = None) -> None:
        self.lakehouse = Lakehouse(folder)
        self._log = log
        self.server = FakeWarehouse(self._answer, rest=self.lakehouse.rest)

    def _answer(self, statement: Statement) -> Rows:
        if self._log:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(statement.text) + "\n")
        return self.lakehouse.answer(statement)

    @property
    def sent(self) -> list[str]:
        """The statements that arrived, with single spaces and without the comment that dbt puts before each."""
        return [" ".join(LEADING.sub("", each.text, count=1).split()) for each in self.server.statements]

    def forget(self) -> None:
        """Have nothing sent so far."""
        self.server.statements.clear()

    def environment(self, token: str = "token") -> dict[str, str]:
        """The variables that name this workspace."""
        return self.server.environment(token)

    def load_sources(self, project: Path) -> None:
        """Have the registered sources of a project that are files on `local` as tables, where `databricks` looks for them."""
        for source in load_sources(project):
            if {"local", "databricks"} <= source.locations.keys():
                name = source.locations["databricks"].location.rpartition(".")[2]
                self.lakehouse.load(name, project / source.locations["local"].location, list(source.columns))

    def __enter__(self) -> Workspace:
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)


def connect_profile(project: Path) -> None:
    """Have the profile of a project's copy reach a loopback address, which has no TLS."""
    path = project / "profiles" / "profiles.yml"
    profiles = yaml.safe_load(path.read_text(encoding="utf-8"))
    for profile in profiles.values():
        parameters = profile["outputs"]["databricks"]["connection_parameters"]
        host = "{{ env_var('DATABRICKS_HOST', '') or env_var('DATABRICKS_SERVER_HOSTNAME') }}"
        parameters["_connection_uri"] = host + PATH
    path.write_text(yaml.safe_dump(profiles), encoding="utf-8")


if __name__ == "__main__":
    project_folder, warehouse_folder = (Path(argument).resolve() for argument in sys.argv[1:3])
    connect_profile(project_folder)
    with Workspace(warehouse_folder, log=warehouse_folder.with_suffix(".jsonl")) as workspace:
        workspace.load_sources(project_folder)
        print(json.dumps(workspace.environment()), flush=True)  # noqa: T201 - the client reads it
        sys.stdin.read()
