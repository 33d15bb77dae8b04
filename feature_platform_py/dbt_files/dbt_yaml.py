"""Write the registry as content of dbt's YAML files: sources and groups, with tests of columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from feature_platform_py.core.locations import is_table_name, table_parts
from feature_platform_py.core.project import PRODUCTION_SCHEMA, SCHEMA, SOURCES, SOURCES_SCHEMA
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.registry.references import references_of
from feature_platform_py.registry.registry import Registry
from feature_platform_py.registry.source import RegisteredSource, SourceLocation

# Words that an engine does not read as a column.
_RESERVED = re.compile(
    "all|and|anti|any|array|as|asc|at|authorization|between|both|by|case|cast|check|collate|"
    "column|constraint|create|cross|current_catalog|current_database|current_date|current_schema|"
    "current_time|current_timestamp|current_user|default|delete|desc|describe|distinct|div|drop|"
    "else|end|escape|except|exists|false|fetch|filter|for|foreign|from|full|function|grant|"
    "group|grouping|having|if|in|inner|insert|intersect|interval|into|is|join|lateral|leading|"
    "left|like|limit|localtime|localtimestamp|map|minus|natural|not|null|offset|on|only|or|"
    "order|outer|over|overlaps|primary|qualify|references|regexp|right|rlike|rollup|row|rows|"
    "select|semi|session_user|set|some|struct|table|then|time|to|trailing|true|union|unique|"
    "unknown|update|user|using|values|when|where|window|with|within",
    re.IGNORECASE,
)


class _Jinja(str):
    """An expression of Jinja, which stands for itself among values."""

    __slots__ = ()
    __repr__ = str.__str__


# As in `Target.sources_schema`. Plain dbt lacks the variable of commands: `FP_SCHEMA` or the project tells it of an environment.
_SOURCES_SCHEMA = _Jinja(
    f"env_var('{SOURCES_SCHEMA}', '{SOURCES}' if target.schema == (var('{PRODUCTION_SCHEMA}', '')"
    f" or ('' if env_var('{SCHEMA}', '') == target.schema else target.schema)) else '{SOURCES}__' ~ target.schema)"
)
# Text that dbt calls as a function if it is an argument of a test.
_CALL = re.compile(r"\s*(?:env_var|ref|var|source|doc)\s*\(.+\)\s*")


def schema_of_sources() -> AsIs:
    """Return the expression for the schema of the relations by which models read files and queries."""
    return AsIs("{{ " + _SOURCES_SCHEMA + " }}")


def source_content(source: RegisteredSource, registry: Registry) -> dict[str, Any]:
    """Return the dbt source of a registered source: a table with its columns, and a test for each rule of the registry."""
    kind, name = source.dbt_source
    files = (None, _SOURCES_SCHEMA, name)
    names = {
        target: table_parts(place.location) if is_table_name(place.location) else files
        for target, place in source.locations.items()
    }
    # Other targets over the warehouse folder read the location of `local`, as in `resolve_input`.
    database, schema, identifier = names.get("local", files)
    table = {
        "name": name,
        "description": source.description,
        "identifier": _by_target({target: parts[2] for target, parts in names.items()}, identifier),
        "config": _source_config(source),
        "data_tests": _table_tests(source, registry),
        "columns": _source_columns(source, registry),
    }
    content = {
        "name": kind,
        "database": _by_target({target: parts[0] for target, parts in names.items()}, database),
        "schema": _by_target({target: parts[1] for target, parts in names.items()}, schema),
        "tables": [table],
    }
    return {"sources": [content]}


def groups_content(registry: Registry) -> dict[str, Any]:
    """Return a dbt group for each owner of feature groups; owners whose names differ only in punctuation share one."""
    owners = {group_name(owner): owner for owner in sorted({group.owner for group in registry.feature_groups})}
    return {"groups": [{"name": name, "owner": {"name": owner}} for name, owner in owners.items()]}


def group_name(owner: str) -> str:
    """Return an owner as the name of a dbt group."""
    return re.sub(r"[\W_]+", "_", owner.lower()).strip("_") or "owner"


class AsIs(str):
    """Text that is not escaped for dbt: an expression to render, or text that dbt does not render."""

    __slots__ = ()


def as_dbt_reads_it(content: Any) -> Any:
    """Return the content with texts escaped so that dbt renders each to itself, also with braces of Jinja."""
    match content:
        case AsIs():
            return str(content)
        case str():
            has_jinja = any(braces in content for braces in ("{{", "{%", "{#"))
            text = content.replace("{", "{{ '{' }}") if has_jinja else content
            return text.replace("(", "{{ '(' }}", 1) if _CALL.fullmatch(content) else text
        case dict():
            return {as_dbt_reads_it(key): as_dbt_reads_it(value) for key, value in content.items()}
        case list() | tuple():
            return [as_dbt_reads_it(value) for value in content]
        case _:
            return content


def _source_config(source: RegisteredSource) -> dict[str, Any]:
    locations = {
        target: {"location": place.location, "format": place.format, "options": dict(place.options)} | _readings(place)
        for target, place in sorted(source.locations.items())
    }
    meta = {"owner": source.owner, "entity": source.entity, "version": source.version, "locations": locations}
    if source.freshness is None:
        return {"meta": meta}
    lags = {"warn_after": source.freshness.warn_after, "error_after": source.freshness.error_after}
    freshness = {key: {"count": lag[0], "period": lag[1]} for key, lag in lags.items() if lag}
    return {
        "meta": meta,
        "loaded_at_field": quoted(source.loaded_at or source.event_time or ""),
        "freshness": freshness,
    }


def _readings(place: SourceLocation) -> dict[str, Any]:
    """Return how columns of text files are read; empty if nothing is declared."""
    readings = [{"name": name, **asdict(reading)} for name, reading in place.readings.items()]
    return {"columns": readings} if readings else {}


def _table_tests(source: RegisteredSource, registry: Registry) -> list[Any]:
    # dbt renders the values of a test's arguments, but not their keys.
    types = {"declared_types": {"arguments": {"columns": {AsIs(name): kind for name, kind in source.columns}}}}
    keys = {"unique_key": {"arguments": {"columns": list(source.primary_key)}}}
    odd = [test for name, tests in _column_tests(source, registry).items() if not is_plain(name) for test in tests]
    return [types, *([keys] if len(source.primary_key) > 1 else []), *odd]


def _source_columns(source: RegisteredSource, registry: Registry) -> list[dict[str, Any]]:
    tests = _column_tests(source, registry)
    return [
        {"name": field.name, "data_type": field.type, "description": field.description}
        | ({"data_tests": tests[field.name]} if tests[field.name] and is_plain(field.name) else {})
        for field in source.fields
    ]


def _column_tests(source: RegisteredSource, registry: Registry) -> dict[str, list[Any]]:
    """Return dbt's own tests of each column; tests of a name that SQL must quote name the column themselves."""
    tests: dict[str, list[Any]] = {
        field.name: [_column_test("not_null", field.name)] if field.required else [] for field in source.fields
    }
    if len(source.primary_key) == 1:
        tests[source.primary_key[0]].append(_column_test("unique", source.primary_key[0]))
    for reference in references_of(source, registry):
        # dbt's own test supports one column and one table.
        if len(reference.columns) == len(reference.sources) == 1:
            kind, name = reference.sources[0].dbt_source
            column = reference.columns[0]
            field = column if is_plain(column) else quoted(column)
            arguments = {"to": AsIs(f"source('{kind}', '{name}')"), "field": field}
            tests[column].append(_column_test("relationships", column, arguments))
    return tests


def _column_test(test: str, column: str, arguments: Mapping[str, Any] | None = None) -> Any:
    # Quote here, because the adapter of Databricks does not quote a name with a backtick.
    named = {} if is_plain(column) else {"column_name": AsIs(quoted(column))}
    given = named | dict(arguments or {})
    return {test: {"arguments": given}} if given else test


def is_plain(name: str) -> bool:
    """Return whether SQL reads the name as a column without quotes on every engine."""
    return bool(re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)) and not _RESERVED.fullmatch(name)


def _by_target(values: Mapping[str, str | None], default: str | None) -> AsIs:
    """Return an expression that chooses by target; the values are identifiers, checked when the registry is read."""
    others = {target: value for target, value in sorted(values.items()) if value != default}
    lookup = f"{others!r}.get(target.name, {default!r})"
    return AsIs("{{ " + lookup + " }}")
