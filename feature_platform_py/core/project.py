"""The project that a command works on: its root folder and its target."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project_files import check_project_files


@dataclass(frozen=True)
class Target:
    """One output of the dbt profile: where models are built, and by which engine."""

    name: str
    type: str
    engine: str
    warehouse: Path
    schema: str
    catalog: str | None = None

    @property
    def has_session(self) -> bool:
        """Whether the target's tables are in a Spark session of this process; a workspace is reached by SQL."""
        return self.type == "fpspark"


@dataclass(frozen=True)
class Project:
    """The folder with `dbt_project.yml`, and the chosen target."""

    root: Path
    target: Target

    @property
    def jobs(self) -> Path:
        """The folder of the job files."""
        return self.root / "configs" / "jobs"

    def shown(self, path: Path) -> str:
        """Return the path as a user writes it: relative to the working directory if it lies below that."""
        absolute = path if path.is_absolute() else self.root / path
        return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)


def open_project(start: Path | None = None, *, target: str | None = None) -> Project:
    """Return the project around `start` (the working directory by default). Raises ConfigurationError outside of a project."""
    origin = (start or Path.cwd()).resolve()
    if root := find_root(origin):
        check_project_files(root)
        return Project(root, _load_target(root, target))
    raise ConfigurationError(
        f"{origin}: expected to be inside a project, found no `dbt_project.yml` here or above; change to the project's folder"
    )


def find_root(start: Path) -> Path | None:
    """Return the nearest folder at or above `start` that has a `dbt_project.yml`, or None."""
    return next((folder for folder in (start, *start.parents) if (folder / "dbt_project.yml").is_file()), None)


def _load_target(root: Path, name: str | None) -> Target:
    profile = _read_profile(root / "profiles" / "profiles.yml")
    outputs: Mapping[str, Mapping[str, Any]] = profile["outputs"]
    chosen = name or _rendered(profile["target"])
    if chosen not in outputs:
        known = ", ".join(f"`{output}`" for output in outputs)
        raise ConfigurationError(f"profiles/profiles.yml: target `{chosen}` is unknown. Known: {known}")
    output = outputs[chosen]
    return Target(
        name=chosen,
        type=output["type"],
        engine=_rendered(output.get("engine", output["type"])),
        warehouse=root / _rendered(output.get("warehouse", "warehouse")),
        schema=_rendered(output["schema"]),
        catalog=_rendered(output["catalog"]) if "catalog" in output else None,
    )


def _read_profile(path: Path) -> Mapping[str, Any]:
    import yaml

    if not path.is_file():
        raise ConfigurationError(f"{path}: the dbt profile is missing; restore the file from the project")
    try:
        profiles = yaml.safe_load(path.read_text(encoding="utf-8"))
        profile: Mapping[str, Any] = next(iter(profiles.values()))
        is_profile = {"outputs", "target"} <= profile.keys() and all(
            {"type", "schema"} <= output.keys() for output in profile["outputs"].values()
        )
    except (AttributeError, StopIteration, UnicodeDecodeError, yaml.YAMLError):
        is_profile = False
    if not is_profile:
        raise ConfigurationError(
            f"{path}: expected a dbt profile with `target` and `outputs`, each with its `type` and `schema`;"
            " restore the file from the project"
        )
    return profile


def _rendered(value: str) -> str:
    """Return the value as dbt renders it in a profile, with `env_var` as the only function."""
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(autoescape=False)
    environment.globals = {"env_var": os.environ.get}
    return environment.from_string(value).render()


def template() -> Path:
    """Return the folder of the files that a new project starts from: in the installed package, or the checkout itself."""
    package = Path(__file__).parents[1]
    return package / "project" if (package / "project").is_dir() else package.parent
