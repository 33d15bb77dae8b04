"""The project that a command works on: its root folder and its target."""

from __future__ import annotations

import os
import re
from ast import literal_eval
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from feature_platform_py.core.dbt_packages import link_own_package
from feature_platform_py.core.dbt_settings import dbt_settings
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.locations import is_remote
from feature_platform_py.core.project_files import check_project_files
from feature_platform_py.core.stores.address import SCHEMES, is_store_address
from feature_platform_py.core.stores.path import StorePath, place_of
from feature_platform_py.core.suggestions import printable

# Sail encodes other characters of a table's path twice.
_PLAIN_KEY = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)

SERVER_CATALOG = "server"
"""What `catalog` is in the profile of a target with the catalog of a Spark Connect server."""

SCHEMA = "FP_SCHEMA"
"""The environment variable that names the schema of tables in place of the profile's: an environment."""

SOURCES = "sources"
"""Production's schema of the relations by which the models read files and queries."""

SOURCES_SCHEMA = "FP_SOURCES_SCHEMA"
"""The environment variable that tells dbt the schema of these relations; commands set it."""

PRODUCTION_SCHEMA = "production_schema"
"""The variable of `dbt_project.yml` that names production's schema, for profiles that have environments as targets of their own."""

_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]*")

# dbt's filters of values that are not texts.
_NATIVE = ("as_native", "as_number", "as_bool")


@dataclass(frozen=True)
class Target:
    """One output of the dbt profile: where models are built, and by which engine."""

    name: str
    type: str
    engine: str
    warehouse: Path
    schema: str
    catalog: str | None = None
    production: str | None = None
    """Production's schema, if the target's is that of an environment; None for production itself."""

    @property
    def environment(self) -> str | None:
        """The name of the environment, which is its schema; None for production."""
        return self.schema if self.production else None

    @property
    def sources_schema(self) -> str:
        """The schema of the relations by which the models read files and queries; an environment has one of its own."""
        return f"{SOURCES}__{self.schema}" if self.production else SOURCES

    @property
    def has_session(self) -> bool:
        """Whether the target's tables are a warehouse folder's, in a session of this process; others have a catalog of their own."""
        return self.type == "fpspark" and not self.has_server_catalog

    @property
    def has_server_catalog(self) -> bool:
        """Whether the target's tables are in the catalog of a Spark Connect server, which this process has a session on."""
        return self.type == "fpspark" and self.catalog == SERVER_CATALOG


@dataclass(frozen=True)
class Project:
    """The folder with `dbt_project.yml`, and the chosen target."""

    root: Path
    target: Target

    @property
    def jobs(self) -> Path:
        """The folder of the job files."""
        return self.root / "configs" / "jobs"

    @property
    def notes(self) -> Path:
        """The folder of the warehouse with locks, and with what runs know of the last ones."""
        warehouse, environment = self.target.warehouse, self.target.environment
        return self.environments / environment / "running" if environment else warehouse / ".running"

    @property
    def environments(self) -> Path:
        """The folder of the warehouse with a folder for each environment in which a job has run."""
        return self.target.warehouse / ".environments"

    @property
    def caches(self) -> Path:
        """The folder below `target/` with a folder for each job, of its records and what dbt has parsed."""
        return self._own_folder("target", "jobs")

    @property
    def logs(self) -> Path:
        """The folder with a folder for each job, of dbt's log."""
        return self._own_folder("logs")

    def _own_folder(self, folder: str, *names: str) -> Path:
        environment = self.target.environment
        return (
            self.root.joinpath(folder, "environments", environment)
            if environment
            else self.root.joinpath(folder, *names)
        )

    def in_schema(self, schema: str) -> Project:
        """Return the project with the tables of another schema, which may be production's. Raises ConfigurationError."""
        production = self.target.production or self.target.schema
        check_schema_name(schema, production)
        return replace(
            self, target=replace(self.target, schema=schema, production=None if schema == production else production)
        )

    @property
    def production(self) -> Project:
        """The project with production's tables."""
        return self.in_schema(self.target.production) if self.target.production else self

    def shown(self, path: Path) -> str:
        """Return the path as a user writes it: relative to the working directory if it lies below that."""
        absolute = path if path.is_absolute() else self.root / path
        return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)


def open_project(start: Path | None = None, *, target: str | None = None) -> Project:
    """Return the project around `start` (the working directory by default). Raises ConfigurationError outside of a project."""
    origin = (start or Path.cwd()).resolve()
    if root := find_root(origin):
        check_project_files(root)
        link_own_package(root)
        return Project(root, _load_target(root, target))
    raise ConfigurationError(
        f"{origin}: expected to be inside a project, found no `dbt_project.yml` here or above; change to the project's folder"
    )


def find_root(start: Path) -> Path | None:
    """Return the nearest folder at or above `start` that has a `dbt_project.yml`, or None."""
    return next((folder for folder in (start, *start.parents) if (folder / "dbt_project.yml").is_file()), None)


def connection_of(project: Project) -> Mapping[str, Any]:
    """Return the project's target as the profile has it, rendered; it may hold secrets."""
    profile = _read_profile(project.root / "profiles" / "profiles.yml")
    rendered: Mapping[str, Any] = _rendered_values(profile["outputs"][project.target.name])
    return rendered


def _load_target(root: Path, name: str | None) -> Target:
    profile = _read_profile(root / "profiles" / "profiles.yml")
    outputs: Mapping[str, Mapping[str, Any]] = profile["outputs"]
    chosen = name or _rendered(profile["target"])
    if chosen not in outputs:
        known = ", ".join(f"`{output}`" for output in outputs)
        raise ConfigurationError(f"profiles/profiles.yml: target `{chosen}` is unknown. Known: {known}")
    output = outputs[chosen]
    engine = _rendered(output.get("engine", output["type"]))
    schema = _rendered(output["schema"])
    production = _production_schema(root) or _rendered(output["schema"], variables=_without_schema())
    if (asked := os.environ.get(SCHEMA)) and asked != schema:
        raise ConfigurationError(_schema_is_fixed(chosen, output["schema"], schema))
    if schema != production:
        check_schema_name(schema, production)
    return Target(
        name=chosen,
        type=output["type"],
        engine=engine,
        warehouse=warehouse_place(_rendered(output.get("warehouse", "warehouse")), root, engine=engine),
        schema=schema,
        catalog=_rendered(output["catalog"]) if "catalog" in output else None,
        production=None if schema == production else production,
    )


def is_of_sources(schema: str) -> bool:
    """Return whether a schema, in lower case, is that of production's sources or one of an environment."""
    return schema == SOURCES or schema.startswith(f"{SOURCES}__")


def check_schema_name(schema: str, production: str) -> None:
    """Raise ConfigurationError for a text that cannot be the schema of an environment beside production's."""
    if schema == production:
        return
    # JVM Spark takes names that differ in case for one, and then opens no warehouse that has both.
    if not _SCHEMA_NAME.fullmatch(schema):
        raise ConfigurationError(
            f"`--schema` (`{SCHEMA}`): expected the name of a schema, of lower-case letters, digits and `_`, such as `dev_anna`, given"
            f" `{printable(schema)}`"
        )
    if schema == production.lower():
        raise ConfigurationError(
            f"`--schema` (`{SCHEMA}`): `{schema}` is `{production}`, production's own schema, to Spark; name another one"
        )


def check_schema_is_read(project: Project) -> None:
    """Raise ConfigurationError if the profile fixes the schema, so that dbt would build the project's models in another one."""
    given = _read_profile(project.root / "profiles" / "profiles.yml")["outputs"][project.target.name]["schema"]
    if _rendered(given, variables={**_without_schema(), SCHEMA: project.target.schema}) != project.target.schema:
        raise ConfigurationError(_schema_is_fixed(project.target.name, given, project.target.schema))


def productions_beside(project: Project) -> list[tuple[str, str]]:
    """Return name and schema of each other target of the profile that has the same warehouse and a production of its own.

    A target in which a value cannot be rendered here is left out, and all are if the project says which schema is production's.
    """
    outputs = _read_profile(project.root / "profiles" / "profiles.yml")["outputs"]
    if _production_schema(project.root) or project.target.name not in outputs:
        return []
    there = {name: _place_and_schema(output, project.root) for name, output in outputs.items()}
    own, _ = there.pop(project.target.name)
    return [(name, schema) for name, (place, schema) in there.items() if own and place == own]


def _place_and_schema(output: Mapping[str, Any], root: Path) -> tuple[tuple[str, ...] | None, str]:
    """Return where an output's tables are, None if that cannot be told, and its schema without that of an environment."""
    from jinja2 import TemplateError

    def given(key: str, default: str = "") -> str:
        value = output.get(key, default)
        return _rendered(value, variables=_without_schema()) if isinstance(value, str) else str(value)

    try:
        if output["type"] == "fpspark" and given("catalog") != SERVER_CATALOG:
            engine = given("engine", output["type"])
            folder = warehouse_place(given("warehouse", "warehouse"), root, engine=engine)
            return ("folder", str(folder.resolve())), given("schema")
        return (output["type"], given("host"), given("port"), given("catalog")), given("schema")
    except (ConfigurationError, TemplateError):
        return None, ""


def _schema_is_fixed(target: str, given: str, schema: str) -> str:
    return (
        f"profiles/profiles.yml: target `{target}`: expected a `schema` that `--schema` and `{SCHEMA}` can set, given `{given}`; write"
        f" `schema: \"{{{{ env_var('{SCHEMA}', '{schema}') }}}}\"`"
    )


def _without_schema() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if name != SCHEMA}


def _production_schema(root: Path) -> str | None:
    """Return what `dbt_project.yml` says of production's schema, if it does; the project's files have been checked."""
    settings = dbt_settings(root).get("vars")
    named = settings.get(PRODUCTION_SCHEMA) if isinstance(settings, dict) else None
    return str(named) if named else None


def warehouse_place(location: str, root: Path, *, engine: str) -> Path:
    """Return the path of a profile's warehouse. Raises ConfigurationError for an address that the engine cannot use."""
    if is_remote(location) and not is_store_address(location):
        known = ", ".join(f"`{scheme}://`" for scheme in SCHEMES)
        raise ConfigurationError(
            f"profiles/profiles.yml: `warehouse`: expected a folder, or an address that begins with one of {known}, given"
            f" `{location}`; name another there, or with `FP_WAREHOUSE`"
        )
    place = place_of(str(Path(location).expanduser()) if not is_remote(location) else location, root)
    if isinstance(place, StorePath):
        _check_store_place(place, engine)
    return place


def _check_store_place(place: StorePath, engine: str) -> None:
    if engine not in ("sail", "spark"):
        raise ConfigurationError(
            f"profiles/profiles.yml: `warehouse`: the engine `{engine}` cannot use the object store `{place}`; expected a folder that"
            " client and server see, or one of the engines `sail` and `spark`"
        )
    if not place.key or not _PLAIN_KEY.fullmatch(place.key):
        raise ConfigurationError(
            f"profiles/profiles.yml: `warehouse`: expected a folder below the bucket, of letters, digits and any of `_.-`, such as"
            f" `s3://bucket/warehouse`, given `{place}`"
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


def _rendered_values(value: Any) -> Any:
    match value:
        case str():
            text, is_native = _rendered(value), any(f"| {name}" in value for name in _NATIVE)
            return _native(text) if is_native else text
        case dict():
            return {name: _rendered_values(each) for name, each in value.items()}
        case list():
            return [_rendered_values(each) for each in value]
        case _:
            return value


def _native(text: str) -> Any:
    """Return the Python literal that a text is, else the text."""
    try:
        return literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _rendered(value: str, *, variables: Mapping[str, str] | None = None) -> str:
    """Return the value as dbt renders it in a profile, with `env_var` as the only function."""
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(autoescape=False, finalize=lambda each: "" if each is None else each)
    known = os.environ if variables is None else variables
    environment.globals = {"env_var": lambda name, default="": known.get(name, default)}
    environment.filters |= dict.fromkeys(_NATIVE, lambda each: each)
    return environment.from_string(value).render()


def template() -> Path:
    """Return the folder of the files that a new project starts from: in the installed package, or the checkout itself."""
    package = Path(__file__).parents[1]
    return package / "project" if (package / "project").is_dir() else package.parent
