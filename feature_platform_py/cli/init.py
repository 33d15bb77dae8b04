"""`fpjob init`: write a new project, or a new entity, source, feature group, job or transformer."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from feature_platform_py.cli.output import program
from feature_platform_py.cli.questions import asked
from feature_platform_py.core.data_types import kind_of
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.locations import inferred_format, is_table_name
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.suggestions import unknown
from feature_platform_py.registry.placeholders import placeholder_problems
from feature_platform_py.registry.registry import Registry, load_registry
from feature_platform_py.registry.source import RegisteredSource
from feature_platform_py.scaffold.entries import (
    aggregation_of,
    described_fields,
    entity_files,
    feature_file,
    field_entry,
    field_of,
    first_aggregations,
    job_file,
    key_of,
    source_file,
    write_entries,
    write_job,
)
from feature_platform_py.scaffold.guesses import guessed_columns
from feature_platform_py.scaffold.project import IGNORED, write_project
from feature_platform_py.scaffold.transformer import class_name, write_transformer

_TIMES = {"timestamp", "date"}


def project_command(folder: Path) -> None:
    """Write a new project."""
    new = write_project(folder.absolute())
    for path in new.written:
        click.echo(f"wrote {folder / path.name}")
    for path in new.kept if new.written else ():
        click.echo(f"left {folder / path.name} as it is")
    if new.written and any(path.name == ".gitignore" for path in new.kept):
        click.echo(f"add to {folder / '.gitignore'}: {' '.join(IGNORED)}")
    if not new.written:
        click.echo(f"{folder}: the project exists already; nothing was written")
    enter = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    click.echo(f"\nnext: {enter}{program('fpjob')} run configs/jobs/sample_financial_features_job.yaml")
    if any(path.name == "README.md" for path in new.written):
        click.echo("then: README.md shows the way to features of your own data")


def entity_command(
    name: str, *, description: str | None, keys: Sequence[str], fields: Sequence[str], relations: Sequence[str]
) -> None:
    """Write a new entity, and its relations into the entities that it relates to."""
    project = open_project()
    said = asked({"description": description, "key": " ".join(keys)})
    files = entity_files(
        load_registry(project.root),
        name,
        description=said["description"],
        keys=keys or said["key"].split(),
        fields=fields,
        relations=relations,
    )
    _tell(project, write_entries(project, files), "registry sync")


def source_command(name: str, *, kind: str | None, fields: Sequence[str], options: Mapping[str, str | None]) -> None:
    """Write a new source; its fields are those of the data if that is a readable file."""
    project = open_project()
    entities = _entities(load_registry(project.root), options["entity"])
    wanted = {key: options[key] for key in ("description", "owner", "entity", "location")}
    said = asked(wanted, known={"entity": entities})
    location = said["location"]
    data_format = options["format"] or inferred_format(location) or ("delta" if is_table_name(location) else None)
    if data_format is None:
        raise ConfigurationError(f"`{location}` does not show its format; give `--format` delta, parquet, csv or json")
    place: dict[str, Any] = {"location": location, "format": data_format}
    if data_format == "csv":
        place["options"] = {"header": "true"}
    columns = _fields(fields, place, project, options)
    event_time = options["event_time"] or _event_time(columns, options["loaded_at"])
    times = {"event_time": event_time, "loaded_at": options["loaded_at"]}
    roles = {"primary_key": options["primary_key"], **times}
    content = {
        "description": said["description"],
        "owner": said["owner"],
        "entity": said["entity"],
        **{key: value for key, value in times.items() if value},
        **({"primary_key": options["primary_key"]} if options["primary_key"] else {}),
        "fields": described_fields(columns, load_registry(project.root), said["entity"], roles),
        "locations": {"local": place},
    }
    _tell(project, write_entries(project, source_file(name, kind or said["entity"], content)), "registry sync")


def feature_command(name: str, *, features: Sequence[str], options: Mapping[str, str | None]) -> None:
    """Write a new feature group."""
    project = open_project()
    wanted = {key: options[key] for key in ("description", "owner", "entity", "model")}
    entities = _entities(load_registry(project.root), options["entity"])
    said = asked({**wanted, "feature": " ".join(features)}, known={"entity": entities})
    entries = [field_of(text) for text in features or said["feature"].split()]
    content = {key: said[key] for key in wanted} | {"features": entries}
    _tell(project, write_entries(project, feature_file(name, content)), "registry sync")


def group_command(
    name: str, *, keys: Sequence[str], features: Sequence[str], options: Mapping[str, str | None]
) -> None:
    """Write a new feature group that defines its features."""
    project = open_project()
    registry = load_registry(project.root)
    known = {"entity": _entities(registry, options["entity"]), "source": _sources(registry)}
    said = asked({key: options[key] for key in ("description", "owner", "entity", "source")}, known=known)
    source = _source_named(said["source"].replace("/", "."), registry)
    amount = guessed_columns(source, registry).get("amount_col") if source else None
    content = {
        **{key: said[key] for key in ("description", "owner", "entity")},
        "source": f"{source.type}/{source.name}" if source else said["source"],
        **({"keys": dict(map(key_of, keys))} if keys else {}),
        **({"timestamp_col": options["timestamp_col"]} if options["timestamp_col"] else {}),
        "features": [*map(aggregation_of, features)] or first_aggregations(amount, source.entity if source else None),
    }
    _tell(
        project,
        write_entries(project, feature_file(name, content)),
        f"registry sync && plan {name}",
        then=f"dbt build --select +{name}",
    )


def job_command(name: str, *, source: str | None, options: Mapping[str, str | None], categories: Sequence[str]) -> None:
    """Write a new job with the financial transformers that the columns allow."""
    project = open_project()
    said = asked({"source": source, "description": options["description"]})
    if bool(options["category_col"]) != bool(categories):
        raise ConfigurationError(
            "expected `--category-col` and `--category` together, given one of them; add the other"
        )
    registry = load_registry(project.root)
    registered = _source_named(said["source"], registry)
    guesses = guessed_columns(registered, registry) if registered else {}
    roles = ("user_id_col", "timestamp_col", "amount_col")
    params = asked({role: options[role] or guesses.get(role) for role in roles})
    location = next(iter(registered.locations.values())).location if registered else said["source"]
    content = {
        "description": said["description"],
        "input_source": {"source_type": "spark", "config": {"location": location}},
        "feature_transformers": _transformers(params, options["category_col"], categories),
        "output_sink": {"sink_type": "display", "config": {"num_rows": 20}},
    }
    plan = write_job(project, job_file(name, content))
    _tell(
        project,
        [Path("configs", "jobs", f"{plan.job_name}.yaml")],
        f"registry sync && run configs/jobs/{plan.job_name}.yaml",
    )


def transformer_command(name: str, *, is_sql: bool) -> None:
    """Write a new transformer with a test of it."""
    paths = write_transformer(open_project(), name, is_sql=is_sql)
    test = next(path for path in paths if path.parts[0] == "tests")
    python = program("python")
    pip = f"{python} -m pip" if find_spec("pip") else "uv pip"
    install = "" if find_spec("pytest") else f"{pip} install pytest && "
    for path in paths:
        click.echo(f"wrote {path}")
    click.echo(f"\nnext: {install}{python} -m pytest {test}, then name `{class_name(name)}` in a job")


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
    """Return the newest version of a registered source (`name` or `type.name`); None for a path or a table."""
    found = [each for each in registry.sources if name in {each.name, f"{each.type}.{each.name}"}]
    if not found and "/" not in name and "." not in name:
        raise ConfigurationError(unknown("source", name, known=sorted(each.name for each in registry.sources)))
    return max(found, key=lambda each: each.version, default=None)


def _fields(
    given: Sequence[str], place: Mapping[str, Any], project: Project, options: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """Return the fields of a data file; given fields take precedence."""
    said = {field["name"]: field for field in map(field_of, given)}
    if is_table_name(place["location"]):
        if not said:
            raise ConfigurationError(f"`{place['location']}` is a table; declare its columns with `--field name:type`")
        return list(said.values())
    found = {field["name"]: field for field in _fields_of_data(place, project, options)}
    return list({**found, **said}.values())


def _fields_of_data(
    place: Mapping[str, Any], project: Project, options: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    from feature_platform_py.warehouse.external_sources import describe_source, external_source
    from feature_platform_py.warehouse.session import open_warehouse

    warehouse = open_warehouse(project.target.engine, project.target.warehouse)
    source = external_source(place["location"], place["format"], options=place.get("options", {}), folder=project.root)
    # JSON has times as texts; the reader converts declared ones.
    texts = {options["event_time"], options["loaded_at"]} if place["format"] == "json" else set()
    columns = [
        (name, "timestamp" if name in texts and data_type == "string" else data_type)
        for name, data_type in describe_source(warehouse.spark, source, copies=warehouse.copies)
    ]
    return [field_entry(name, data_type, required=name == options["primary_key"]) for name, data_type in columns]


def _entities(registry: Registry, given: str | None) -> list[str]:
    """Return the names of all entities; ConfigurationError if the given one is none of them."""
    known = sorted(each.name for each in registry.entities)
    if given and given not in known:
        add = f"Add it first: {program('fpjob')} init entity {shlex.quote(given)}"
        raise ConfigurationError(f"{unknown('entity', given, known=known)}. {add}")
    return known


def _sources(registry: Registry) -> list[str]:
    """Return the names by which a source may be named, those with the type first."""
    sources = registry.sources
    return list(dict.fromkeys([*(f"{each.type}/{each.name}" for each in sources), *(each.name for each in sources)]))


def _event_time(fields: Sequence[Mapping[str, Any]], loaded_at: str | None) -> str | None:
    """Return the only time among the fields, and say so; with several, none."""
    times = [field["name"] for field in fields if kind_of(field["type"]) in _TIMES and field["name"] != loaded_at]
    if len(times) == 1:
        click.echo(f"took `{times[0]}`, the only time among the fields, as event time; --event-time names another")
        return str(times[0])
    found = f"one of {', '.join(times)}" if times else "there is no time among its fields"
    click.echo(f"left out the event time, which windows need: --event-time names it ({found})")
    return None


def _tell(project: Project, paths: Sequence[Path], following: str, *, then: str = "") -> None:
    """Print what was written, and what to do next; `then` is a command of another program."""
    for path in paths:
        click.echo(f"wrote {path}")
    commands = [f"{program('fpjob')} {command}" for command in following.split(" && ")]
    click.echo(f"\nnext: {' && '.join([*commands, *([then] if then else [])])}")
    for path in paths:
        if lines := [str(each.line) for each in placeholder_problems(project.root / path)]:
            at = f"line{'s' * (len(lines) > 1)} {', '.join(lines)} of {path}"
            click.echo(f"then: write the descriptions at {at}, and {program('fpjob')} registry validate")
