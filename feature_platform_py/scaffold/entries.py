"""Make new entries of the registry and new jobs, and write them if they are valid."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from feature_platform_py.core.data_types import parse_type
from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project
from feature_platform_py.core.suggestions import ticked, unknown
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.jobs.names import model_names
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.registry.entity import Entity
from feature_platform_py.registry.placeholders import placeholder
from feature_platform_py.registry.registry import OPPOSITE, Registry, load_registry

_NAME = re.compile("[a-z][a-z0-9_]*")
# What a source's own settings say of a field.
_ROLES = {
    "primary_key": "Identifies one row.",
    "event_time": "When the row's event happened.",
    "loaded_at": "When the row arrived.",
}
_SCHEMAS = {"entity": "../../entity", "source": "../../../source", "feature": "../feature"}


def check_name(name: str) -> str:
    """Return the name. Raises ConfigurationError if files cannot have it."""
    if not _NAME.fullmatch(name) or len(name) > 60:
        raise ConfigurationError(f"name `{name}`: expected a-z, 0-9 and `_`, a letter first, at most 60 of them")
    return name


def field_of(text: str, *, key_of_entity: str | None = None) -> dict[str, Any]:
    """Return a field from `name:type` or `name:type:required` (a key always is). Raises ConfigurationError for anything else.

    The name may contain colons; the type begins after the first colon that a type follows.
    """
    is_key = key_of_entity is not None
    about = f"Identifies one `{key_of_entity}`." if is_key else None
    told = text.removesuffix(":required")
    for colon in [found.start() for found in re.finditer(":", told) if found.start()]:
        with suppress(ValueError):
            data_type = parse_type(told[colon + 1 :]).text
            return field_entry(told[:colon], data_type, required=is_key or told != text, description=about)
    colon = told.find(":")
    if colon > 0 and told[colon + 1 :]:
        # The check of the file reports a wrong type, with its line.
        return field_entry(told[:colon], told[colon + 1 :], required=is_key or told != text, description=about)
    raise ConfigurationError(
        f"field `{text}`: expected `name:type` or `name:type:required`, such as `amount:decimal(12,2):required`"
    )


def field_entry(name: str, data_type: str, *, required: bool, description: str | None = None) -> dict[str, Any]:
    """Return a field for a registry file; if the description is missing, with a text that asks for it."""
    told = description or placeholder(name)
    return {"name": name, "type": data_type, **({"required": True} if required else {}), "description": told}


def described_fields(
    fields: Sequence[dict[str, Any]], registry: Registry, entity: str, roles: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """Return a source's fields without the placeholders that what is known can replace.

    A field that its entity has means the same there; `roles` are the fields by what the source says of them.
    """
    known = registry.entities_by_name.get(entity)
    told = {column: _ROLES[role] for role, column in roles.items() if column}
    told |= {each.name: each.description.strip() for each in (known.fields if known else ()) if each.description}
    return [
        {**field, "description": told.get(field["name"], field["description"])}
        if field["description"] == placeholder(field["name"])
        else field
        for field in fields
    ]


def entity_files(
    registry: Registry,
    name: str,
    *,
    description: str,
    keys: Sequence[str],
    fields: Sequence[str],
    relations: Sequence[str],
) -> dict[Path, str]:
    """Return the files of a new entity: its own, and those of its related entities, which declare the relation too.

    A relation is `other:1:many`; the many side gets the fields of the other's key.
    """
    own = [field_of(key, key_of_entity=name) for key in keys]
    all_fields = {field["name"]: field for field in [*own, *(field_of(text) for text in fields)]}
    told, files = [], {}
    for text in relations:
        other_name, _, kind = text.partition(":")
        if kind not in OPPOSITE:
            raise ConfigurationError(f"relation `{text}`: expected `entity:type`, the type one of {ticked(OPPOSITE)}")
        other = registry.entities_by_name.get(other_name)
        if other is None:
            raise ConfigurationError(
                f"relation `{text}`: {unknown('entity', other_name, known=sorted(registry.entities_by_name))}"
            )
        told.append({"to": other_name, "type": kind, "description": _relation_in_words(name, kind, other_name)})
        if kind == "many:1":
            keys_there = [each for each in other.fields if each.name in other.primary_key]
            for each in keys_there:
                entry = field_entry(each.name, each.type, required=True, description=each.description.strip())
                all_fields.setdefault(each.name, entry)
        files[other.file] = _with_relation(other, name, OPPOSITE[kind])
    entity = {
        "name": check_name(name),
        "description": description,
        "version": "1.0.0",
        "is_leaf": not any(each["type"] == "1:many" for each in told),
        "primary_key": [field["name"] for field in own] if len(own) != 1 else own[0]["name"],
        "fields": list(all_fields.values()),
        **({"relations": told} if told else {}),
    }
    return {Path("registry", "entity", name, f"{name}.yaml"): _text("entity", entity), **files}


def _relation_in_words(name: str, kind: str, other: str) -> str:
    number = "one" if kind.endswith(":1") else "any number of"
    return f"Each `{name}` has {number} `{other}`."


def source_file(name: str, kind: str, content: Mapping[str, Any]) -> dict[Path, str]:
    """Return the file of the first version of a new source."""
    path = Path("registry", "source", check_name(kind), "v1", f"{check_name(name)}_source.yaml")
    return {path: _text("source", {"name": name, **content})}


def feature_file(name: str, content: Mapping[str, Any]) -> dict[Path, str]:
    """Return the file of a new feature group."""
    return {Path("registry", "feature", f"{check_name(name)}.yaml"): _text("feature", {"name": name, **content})}


def key_of(text: str) -> tuple[str, str]:
    """Return a field of an entity's key and the column that holds it, from `field:column`."""
    field, colon, column = text.partition(":")
    if not (field and colon and column):
        raise ConfigurationError(f"key `{text}`: expected `field:column`, such as `user_id:payee_id`")
    return field, column


def aggregation_of(text: str) -> dict[str, Any]:
    """Return a feature of a group from `function:column:window,window`, or from `function:windows` of rows."""
    function, *column, windows = text.split(":") if ":" in text else ("", "")
    if not function or not windows or len(column) > 1:
        raise ConfigurationError(
            f"feature `{text}`: expected `function:column:windows`, such as `sum:amount:7d,30d`, or `count:30d`"
        )
    given = [window.strip() for window in windows.split(",")]
    return {"function": function, **({"column": column[0]} if column else {}), "windows": given}


def first_aggregations(amount: str | None, entity: str | None) -> list[dict[str, Any]]:
    """Return the features that a group begins with: counts of rows, and sums and averages of an amount if it is known."""
    windows = ["7d", "30d", "lifetime"]
    counts = {"function": "count", "windows": windows}
    if entity:
        counts["description"] = f"A row is about one `{entity}`."
    sums = [{"function": each, "column": amount, "windows": windows[:2]} for each in ("sum", "avg") if amount]
    return [counts, *sums]


def job_file(name: str, content: Mapping[str, Any]) -> dict[Path, str]:
    """Return the file of a new job."""
    text = "# yaml-language-server: $schema=../job.schema.json\n" + _dumped({"job_name": name, **_plain(content)})
    return {Path("configs", "jobs", f"{check_name(name)}.yaml"): text}


def _plain(value: Any) -> Any:
    """Return the value for a job file, where `${` would begin a variable of the environment."""
    match value:
        case str():
            return value.replace("${", "$${")
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value


def write_entries(project: Project, files: Mapping[Path, str]) -> list[Path]:
    """Write registry files if the registry is valid with them.

    Otherwise raise ConfigurationError with every problem, and write nothing.
    """
    absolute = {project.root / path: text for path, text in files.items()}
    _check_new(project, [path for path in files if not path.is_absolute()])
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(project.root / "registry", copy / "registry")
        for path, text in absolute.items():
            replace_file(copy / path.relative_to(project.root), text)
        try:
            load_registry(copy, models=model_names(project.root))
        except ConfigurationError as error:
            raise ConfigurationError(
                [Problem(each.file.removeprefix(f"{folder}/"), each.line, each.message) for each in error.problems]
            ) from error
    for path, text in absolute.items():
        replace_file(path, text)
    return sorted(path.relative_to(project.root) for path in absolute)


def write_job(project: Project, files: Mapping[Path, str]) -> JobPlan:
    """Write a job file if the job can be planned; otherwise raise ConfigurationError and write nothing."""
    [(path, text)] = files.items()
    _check_new(project, [path])
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder) / path.name
        replace_file(beside, text)
        try:
            plan = prepare_job(beside, project)
        except ConfigurationError as error:
            raise ConfigurationError(
                [Problem(path.as_posix(), each.line, each.message) for each in error.problems] or str(error)
            ) from error
    replace_file(project.root / path, text)
    return plan


def write_new(project: Project, files: Mapping[Path, str]) -> list[Path]:
    """Write new files. Raises ConfigurationError, and writes nothing, if one exists."""
    _check_new(project, list(files))
    for path, text in files.items():
        replace_file(project.root / path, text)
    return sorted(files)


def _check_new(project: Project, paths: Sequence[Path]) -> None:
    for path in paths:
        if (project.root / path).exists():
            raise ConfigurationError(f"{path}: the file exists already; edit it, or choose another name")


def _with_relation(other: Entity, name: str, kind: str) -> str:
    """Return the text of an entity's file with one more relation; the rest does not change."""
    text = other.file.read_text(encoding="utf-8").rstrip("\n") + "\n"
    entry = _dumped([{"to": name, "type": kind, "description": _relation_in_words(other.name, kind, name)}])
    found = re.search(r"^relations: *(\[ *\])? *(#.*)?\n(?P<indent> *)", text, re.MULTILINE)
    indent = found["indent"] if found and other.relations else "  "
    lines = "".join(f"{indent}{line}\n" for line in entry.splitlines())
    if found:
        return text[: found.start()] + "relations:\n" + lines + text[found.start("indent") :]
    if other.relations:
        raise ConfigurationError(
            f"{other.file.name}: its `relations` are written in one line; write one to a line, or add the relation to `{name}` there"
        )
    return f"{text}\nrelations:\n{lines}"


def _text(kind: str, content: Mapping[str, Any]) -> str:
    return f"# yaml-language-server: $schema={_SCHEMAS[kind]}.schema.json\n" + _dumped(content)


def _dumped(content: Any) -> str:
    import yaml

    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))
