"""`fpjob init`: a new project, or a new entity, source, feature group or job in the project."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from feature_platform_py.core.data_types import kind_of
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.locations import inferred_format, is_table_name
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.suggestions import ticked, unknown
from feature_platform_py.registry.registry import Registry, load_registry
from feature_platform_py.registry.source import RegisteredSource
from feature_platform_py.scaffold.entries import (
    entity_files,
    feature_file,
    field_entry,
    field_of,
    job_file,
    source_file,
    write_entries,
    write_job,
)
from feature_platform_py.scaffold.project import write_project
from feature_platform_py.scaffold.transformer import class_name, write_transformer


def project_command(folder: Path) -> None:
    """Write a new project."""
    for path in write_project(folder.absolute()):
        click.echo(f"wrote {folder / path.name}")
    click.echo(f"\nnext: cd {folder} && fpjob run configs/jobs/sample_financial_features_job.yaml")


def entity_command(
    name: str, *, description: str | None, keys: Sequence[str], fields: Sequence[str], relations: Sequence[str]
) -> None:
    """Write a new entity, and its relations into the entities that it relates to."""
    project = open_project()
    asked = _asked({"--description": description, "--key": " ".join(keys)}, hints={"--key": "name:type"})
    files = entity_files(
        load_registry(project.root),
        name,
        description=asked["--description"],
        keys=keys or asked["--key"].split(),
        fields=fields,
        relations=relations,
    )
    _tell(write_entries(project, files), "fpjob registry validate && fpjob registry diagram")


def source_command(name: str, *, kind: str | None, fields: Sequence[str], options: Mapping[str, str | None]) -> None:
    """Write a new source; its fields are those of the data, where that is a file that can be read."""
    project = open_project()
    asked = _asked({f"--{key}": options[key] for key in ("description", "owner", "entity", "location")})
    location = asked["--location"]
    data_format = options["format"] or inferred_format(location) or ("delta" if is_table_name(location) else None)
    if data_format is None:
        raise ConfigurationError(f"`{location}` does not say its format; give `--format` delta, parquet, csv or json")
    place: dict[str, Any] = {"location": location, "format": data_format}
    if data_format == "csv":
        place["options"] = {"header": "true"}
    content = {
        "description": asked["--description"],
        "owner": asked["--owner"],
        "entity": asked["--entity"],
        **{key: options[key] for key in ("event_time", "loaded_at") if options[key]},
        **({"primary_key": options["primary_key"]} if options["primary_key"] else {}),
        "fields": _fields(fields, place, project, key=options["primary_key"]),
        "locations": {"local": place},
    }
    _tell(write_entries(project, source_file(name, kind or asked["--entity"], content)), "fpjob registry sync")


def feature_command(name: str, *, features: Sequence[str], options: Mapping[str, str | None]) -> None:
    """Write a new feature group."""
    project = open_project()
    wanted = {f"--{key}": options[key] for key in ("description", "owner", "entity", "model")}
    asked = _asked({**wanted, "--feature": " ".join(features)}, hints={"--feature": "name:type"})
    entries = [field_of(text) for text in features or asked["--feature"].split()]
    content = {key.removeprefix("--"): asked[key] for key in wanted} | {"features": entries}
    _tell(write_entries(project, feature_file(name, content)), "fpjob registry sync")


def job_command(name: str, *, source: str | None, options: Mapping[str, str | None], categories: Sequence[str]) -> None:
    """Write a new job with the financial transformers that the columns allow."""
    project = open_project()
    asked = _asked({"--source": source, "--description": options["description"]})
    registry = load_registry(project.root)
    registered = _source_named(asked["--source"], registry)
    guesses = _guessed_columns(registered, registry) if registered else {}
    roles = ("user_id_col", "timestamp_col", "amount_col")
    columns = _asked({f"--{role}": options[role] or guesses.get(role) for role in roles})
    params = {role: columns[f"--{role}"] for role in roles}
    location = next(iter(registered.locations.values())).location if registered else asked["--source"]
    content = {
        # In a job file `${` would begin a variable of the environment.
        "description": asked["--description"].replace("${", "$${"),
        "input_source": {"source_type": "spark", "config": {"location": location}},
        "feature_transformers": _transformers(params, options["category_col"], categories),
        "output_sink": {"sink_type": "display", "config": {"num_rows": 20}},
    }
    plan = write_job(project, job_file(name, content))
    _tell([Path("configs", "jobs", f"{plan.job_name}.yaml")], f"fpjob run configs/jobs/{plan.job_name}.yaml")


def transformer_command(name: str, *, is_sql: bool) -> None:
    """Write a new transformer with a test of it."""
    paths = write_transformer(open_project(), name, is_sql=is_sql)
    test = next(path for path in paths if path.parts[0] == "tests")
    _tell(paths, f"python -m pytest {test}, then name `{class_name(name)}` in a job")


def _transformers(params: Mapping[str, str], category: str | None, values: Sequence[str]) -> list[dict[str, Any]]:
    keys = {name: params[name] for name in ("user_id_col", "timestamp_col")}
    listed: list[dict[str, Any]] = [
        {"name": "UserSpendAggregator", "params": {**params, "window_days": 30}},
        {"name": "UserMonthlyTransactionCounter", "params": {**keys, "as_of": "event_time"}},
    ]
    if category and values:
        categorical = {**params, "category_col": category, "target_category_value": list(values), "as_of": "event_time"}
        listed.append({"name": "UserCategoricalSpendAggregator", "params": categorical})
    return listed


def _source_named(name: str, registry: Registry) -> RegisteredSource | None:
    """The newest version of a registered source, by `name` or `type.name`; None for a path or a table."""
    found = [each for each in registry.sources if name in {each.name, f"{each.type}.{each.name}"}]
    if not found and "/" not in name and "." not in name:
        raise ConfigurationError(unknown("source", name, known=sorted(each.name for each in registry.sources)))
    return max(found, key=lambda each: each.version, default=None)


def _guessed_columns(source: RegisteredSource, registry: Registry) -> dict[str, str]:
    """The columns that a source's entity and types suggest: whose rows they are, when, and how much."""
    entity = registry.entity(source.entity)
    names = [name for name, _ in source.columns]
    owners = [registry.entity(each.to).primary_key for each in entity.relations if each.is_to_one]
    keys = [key[0] for key in [*owners, entity.primary_key] if len(key) == 1 and key[0] in names]
    amounts = [
        name for kind in ("decimal", "floating") for name, data_type in source.columns if kind_of(data_type) == kind
    ]
    found = {"user_id_col": keys, "timestamp_col": [source.event_time or ""], "amount_col": amounts}
    return {role: columns[0] for role, columns in found.items() if columns and columns[0]}


def _fields(
    given: Sequence[str], place: Mapping[str, Any], project: Project, *, key: str | None
) -> list[dict[str, Any]]:
    """The fields of the data, where it is a file; what is given of one counts."""
    said = {field["name"]: field for field in map(field_of, given)}
    if is_table_name(place["location"]):
        if not said:
            raise ConfigurationError(f"`{place['location']}` is a table; give its columns with `--field name:type`")
        return list(said.values())
    found = {field["name"]: field for field in _fields_of_data(place, project, key)}
    return list({**found, **said}.values())


def _fields_of_data(place: Mapping[str, Any], project: Project, key: str | None) -> list[dict[str, Any]]:
    from feature_platform_py.core.external_sources import describe_source, external_source
    from feature_platform_py.core.session import open_warehouse

    warehouse = open_warehouse(project.target.engine, project.target.warehouse)
    options = place.get("options", {})
    source = external_source(place["location"], place["format"], options=options, folder=project.root)
    columns = describe_source(warehouse.spark, source, copies=warehouse.copies)
    return [field_entry(name, data_type, required=name == key) for name, data_type in columns]


def _asked(given: Mapping[str, str | None], hints: Mapping[str, str] | None = None) -> dict[str, str]:
    """The values of the flags, asking for those that are missing; without a terminal that is one error naming them all."""
    missing = [flag for flag, value in given.items() if not value]
    if missing and not sys.stdin.isatty():
        raise ConfigurationError(f"expected {ticked(missing)}, given none; without a terminal nothing can be asked")
    asked = {flag: str(click.prompt(f"{flag[2:]} {(hints or {}).get(flag, '')}".strip(), err=True)) for flag in missing}
    return {flag: value or asked[flag] for flag, value in given.items()}


def _tell(paths: Sequence[Path], following: str) -> None:
    for path in paths:
        click.echo(f"wrote {path}")
    click.echo(f"\nnext: {following}")
