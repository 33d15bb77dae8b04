"""Render the SQL of a batch's features at the times of asking rows, with the project's macros, and join them to these rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feature_platform_py import get_transformer
from feature_platform_py.features import compile_macros
from feature_platform_py.features.row_filters import RowFilter, filter_variable
from feature_platform_py.features.windows import parse_window, whole_days
from tests.property.asking_tables import Batch

if TYPE_CHECKING:
    from feature_platform_py.core.data_types import Columns

TEMPLATE = """
{% set joins = [] %}
{% for use in var('uses') %}
    {% set asking, relation = api.Relation.create(identifier='asking_rows'), api.Relation.create(identifier=use.relation) %}
    {% set query %}
with

input_rows as (
    {{ point_in_time_rows(asking=asking, relation=relation, **use.rows) }}
)

select * from (
    {{ context[use.macro]('input_rows', **use.arguments) }}
) as features_of_rows
    {% endset %}
    {% do joins.append({'name': use.name, 'query': query, 'keys': use.grain, 'row_columns': use.row_columns}) %}
{% endfor %}
{{ _rows_with_features('asking_rows', var('columns'), joins, var('features')) }}
"""
_OPEN_AT_THE_END = {"right": "none", "both": "left"}


@dataclass(frozen=True)
class Use:
    """The answers of one relation: the macros' arguments, and the names of the features."""

    name: str
    relation: str
    macro: str
    rows: Mapping[str, Any]
    arguments: Mapping[str, Any]
    features: Sequence[str]

    @property
    def pairs(self) -> dict[str, str]:
        """The columns of the relation that asking rows have too, with their names there."""
        return {**self.rows["keys"], **self.rows.get("event_time", {})}

    def variable(self) -> dict[str, Any]:
        types = self.rows["columns"]
        row_columns = {name: {"column": column, "type": types[name]} for name, column in self.pairs.items()}
        told = {name: value for name, value in vars(self).items() if name != "features"}
        return told | {"grain": list(self.pairs), "row_columns": row_columns}


def uses_of(tried: Batch, columns: Mapping[str, Columns]) -> list[Use]:
    """Return the relations that answer a batch; `columns` are the sources' names and Spark types."""
    late = {"loaded_at": tried.loaded_at, "available_after": tried.available_after}
    late = {name: value for name, value in late.items() if value is not None}
    filters = [_filter(each, columns["events"]) for each in tried.filters]

    def windows(name: str, features: Sequence[Mapping[str, Any]], keys: Mapping[str, str], **rows: Any) -> list[Use]:
        # A delay that is the same for all rows moves the end of most windows; rows of the others have copies.
        moved = [each for each in features if not tried.loaded_at and _is_moved(each, rows.get("available_after"))]
        parts = [(name, [each for each in features if each not in moved], False), (f"{name}_moved", moved, True)]
        return [
            _Windows(tried, part, keys, columns["events"], is_moved).use(part_name, rows)
            for part_name, part, is_moved in parts
            if part
        ]

    found = windows("windows", tried.features, tried.keys, filters=filters, **late)
    found += windows("others", tried.others, tried.other, **late)
    if tried.targets:
        window = parse_window(tried.targets[0]["windows"][0].removeprefix("next "))
        newest = {"newest_of": tried.loaded_at} if tried.loaded_at else {}
        ahead = window.seconds + window.offset
        found += windows("targets", tried.targets, tried.keys, ahead_seconds=ahead, **newest)
    found += [_versions(tried, columns["versions"], late)] if tried.versions is not None else []
    return [*found, *([_people(tried, columns["people"])] if tried.people is not None else [])]


@dataclass(frozen=True)
class _Windows:
    tried: Batch
    features: Sequence[Mapping[str, Any]]
    keys: Mapping[str, str]
    columns: Columns
    is_moved: bool

    def use(self, name: str, rows: Mapping[str, Any]) -> Use:
        tried = self.tried
        definitions = [self._definition(each) for each in self.features]
        params = {"keys": list(self.keys), "timestamp_col": "at", "features": definitions}
        params |= {"time_zone": tried.zone} if tried.zone else {}
        sets = get_transformer("WindowAggregator", params).feature_sets(self.columns)
        types = {name: data_type for each in sets for name, data_type in each.reads} | {
            each: tried.common[each] for each in (*self.keys, "at")
        }
        aggregator = get_transformer("WindowAggregator", params)
        arguments = aggregator.arguments({**dict(self.columns), **types})
        if self.is_moved:
            arguments["available_after"] = rows["available_after"]
            rows = {name: value for name, value in rows.items() if name != "available_after"}
        is_late = {"loaded_at", "available_after"} & rows.keys()
        arguments |= {"keys": [*arguments["keys"], *(["_known_at"] if is_late else [])], "asking": "_asks"}
        if name == "targets":
            arguments["features"] = [_looking_ahead(each) for each in arguments["features"]]
        reaches = [
            None if each.reach_days is None else whole_days(each.reach_days, each.reach_periods) for each in sets
        ]
        reach = {} if None in reaches else {"reach_days": max(reaches) if name != "targets" else 0}
        told = {"keys": dict(self.keys), "event_time": {"at": "asked"}, "columns": types, **reach, **rows}
        names = [each for argument in arguments["features"] for each in argument["windows"].values()]
        return Use(name, "events", "aggregate", told, arguments, names)

    def _definition(self, feature: Mapping[str, Any]) -> dict[str, Any]:
        closed = feature.get("closed", "right")
        if self.tried.closed == "left":
            closed = _OPEN_AT_THE_END.get(closed, closed)
        windows = [each.removeprefix("next ") for each in feature["windows"]]
        return {**feature, "closed": closed if windows == feature["windows"] else "right", "windows": windows}


def _is_moved(feature: Mapping[str, Any], delay: int | None) -> bool:
    return delay is not None and all(
        parse_window(text, is_ahead="next" in text).outlasts(delay) for text in feature["windows"]
    )


def _looking_ahead(argument: Mapping[str, Any]) -> dict[str, Any]:
    """Return a macro's feature with a window that looks ahead, named after it."""
    ((window, name),) = argument["windows"].items()
    slug = window.replace(" ", "_")
    return {**argument, "windows": {f"next {window}": f"{name.removesuffix(slug)}next_{slug}"}}


def _versions(tried: Batch, columns: Columns, late: Mapping[str, Any]) -> Use:
    types = dict(columns)
    read = {
        name: tried.common.get(name) or types[name] for name in (*tried.keys, "at", "kind", "cents", *tried.order_by)
    }
    rows = {"keys": dict(tried.keys), "event_time": {"at": "asked"}, "columns": read, **late}
    age = {} if tried.max_age_days is None else {"max_age_days": tried.max_age_days}
    rows |= {} if tried.max_age_days is None else {"reach_days": tried.max_age_days}
    arguments = {
        "keys": [*tried.keys, *(["_known_at"] if late else [])],
        "event_time": "at",
        "columns": ["kind", "cents"],
        "types": {"at": tried.common["at"]},
        "asking": "_asks",
        "closed": tried.closed,
        **({"order_by": list(tried.order_by)} if tried.order_by else {}),
        **age,
    }
    return Use("latest", "versions", "latest_version", rows, arguments, arguments["columns"])


def _people(tried: Batch, columns: Columns) -> Use:
    types = dict(columns)
    read = {name: tried.common.get(name) or types[name] for name in (*tried.keys, "colour", "day")}
    rows = {"keys": dict(tried.keys), "columns": read}
    arguments = {"keys": list(tried.keys), "columns": ["colour", "day"]}
    return Use("by_key", "people", "one_row_per_key", rows, arguments, arguments["columns"])


def _filter(condition: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    value = condition.get("value")
    value = tuple(value) if isinstance(value, list) else value
    return filter_variable(RowFilter(condition["column"], condition["op"], value), columns)


def query(uses: Sequence[Use], columns: Columns) -> str:
    """Return the SQL of the asking rows, which have `columns`, with their features."""
    features = [{"name": name, "table": use.name} for use in uses for name in use.features]
    variables = {
        "uses": [each.variable() for each in uses],
        "columns": [{"name": name, "type": data_type} for name, data_type in columns],
        "features": features,
    }
    return rendered(TEMPLATE, variables)


def rendered(template: str, variables: dict[str, Any]) -> str:
    """Return the SQL of a template that calls the project's macros."""
    with compile_macros._lock:
        root = compile_macros._macro_project(compile_macros._project_root(), ())
        arguments = ["compile", "--inline", template, "--no-introspect", "--no-populate-cache"]
        manifest = compile_macros._manifest(root, compile_macros._stamp(root))
        result = compile_macros._dbt(root, arguments, variables, manifest=manifest)
    text: str = result[0].node.compiled_code
    return text
