"""Describe the tables with features at the times at which a job's rows ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from feature_platform_py.core.data_types import Columns, common_key_type, parse_type
from feature_platform_py.features.columns import OutputColumn
from feature_platform_py.features.feature_set import FeatureSet
from feature_platform_py.features.row_filters import RowFilter
from feature_platform_py.features.windows import parse_window, whole_days
from feature_platform_py.registry.definition import Definition
from feature_platform_py.registry.feature import FeatureGroup, Versions
from feature_platform_py.registry.source import RegisteredSource
from feature_platform_py.sources.resolve import ResolvedSource

ASKS = "_asks"
"""The column that marks the rows that ask; the others count."""
KNOWN_AT = "_known_at"
"""The column that tells apart copies of rows for times at which not all rows were there, where rows may arrive late."""


@dataclass(frozen=True, repr=False, kw_only=True)
class Use:
    """Features of one group, for one choice of a job's key columns: a table of them, and a view of the rows that it needs.

    Without a group they are targets: rows up to `ahead_seconds` after the time that is asked for count. They are known where the
    newest row, by its time or by its column `newest_of`, is no older than that.

    `relation` has the two names of a dbt source, or the name of a model; `source` is what the target reads for the former.
    `keys` are the columns of the rows that count, each with the column of the asking rows; `time` is the pair of their times,
    None for rows that count always.
    `columns` are read, with the types in which both kinds of rows have them. A row counts for `reach_days` days, None: for ever;
    `known` says from when on, where that is not its event time: `loaded_at`, a column, or `available_after`, in seconds.
    With `has_copies`, the view has further copies of rows, for times at which others were still to arrive.
    """

    name: str
    group: FeatureGroup | None
    definition: Definition | Versions
    relation: tuple[str, ...]
    source: ResolvedSource | None
    keys: Mapping[str, str]
    time: tuple[str, str] | None
    columns: tuple[tuple[str, str], ...]
    filters: tuple[RowFilter, ...]
    reach_days: int | None
    known: Mapping[str, str | int]
    feature_set: FeatureSet
    ahead_seconds: int | None = None
    newest_of: str | None = None

    @property
    def has_copies(self) -> bool:
        """Whether the rows are there again for times at which some were not; else windows that end earlier say the same."""
        return bool(self.known) and "available_after" not in self.feature_set.params

    @property
    def rows_model(self) -> str:
        """The model of the rows that count, and the rows that ask."""
        return f"{self.name}_rows"

    @property
    def grain(self) -> tuple[str, ...]:
        """The columns that decide which features a row gets."""
        return self.feature_set.keys

    @property
    def row_columns(self) -> dict[str, dict[str, str]]:
        """For each key column of the table, the column of the asking rows, and the type in which both are compared."""
        types, columns = dict(self.columns), {**self.keys, **dict([self.time] if self.time else [])}
        return {name: {"column": columns[name], "type": types[name]} for name in self.grain}

    @property
    def counts_rows_at_t(self) -> bool:
        """Whether rows at the very time that is asked for count in one of the features."""
        if isinstance(self.definition, Versions) or self.ahead_seconds is not None:
            return False
        features = self.feature_set.params["features"]
        return any(
            each.get("closed", "right") in ("right", "both") and not all(map(_ends_before_t, each["windows"]))
            for each in features
        )

    @property
    def asked(self) -> str:
        """Whose features are asked for, in words: `customer as user_id`."""
        return ", ".join(column if column == key else f"{column} as {key}" for key, column in self.keys.items())

    @property
    def reads(self) -> str:
        """Where the rows that count are, in words."""
        return self.source.shown if self.source else f"the model {self.relation[0]}"

    @property
    def counting(self) -> str:
        """Which rows are read, in words."""
        if self.time is None:
            return "of these keys"
        if self.ahead_seconds is not None:
            return f"at most {self.ahead_seconds / 86_400:,g} days after"
        reach = "any time before" if self.reach_days is None else f"at most {self.reach_days:,} days before"
        later = {
            "loaded_at": "loaded by then, as {} says",
            "available_after": "there by then, {:,} s after their event",
        }
        return ", ".join([reach, *(later[name].format(value) for name, value in self.known.items())])


@dataclass(frozen=True)
class Asker:
    """Who asks, and when: the columns of the asking rows that hold an entity's key, and their time, as (name, type).

    With `known_by` `event_time`, rows count at their time, whenever they arrived. With `is_open`, rows at the time asked for do not.
    """

    keys: Columns
    time: tuple[str, str] | None
    known_by: str | None = None
    is_open: bool = False


def windowed_use(
    name: str,
    group: FeatureGroup | None,
    definition: Definition,
    source: ResolvedSource,
    *,
    asker: Asker,
    features: Iterable[str],
) -> Use:
    """Return the named features of a group that says what it computes, for the rows of `asker`."""
    keys = tuple(definition.keys.values())
    time = definition.aggregator.timestamp_col
    columns = _common_columns(definition.source.columns, keys, time, asker)
    known = {} if asker.known_by == "event_time" else _known(definition.source)
    aggregator = definition.aggregator.open_at_the_end() if asker.is_open else definition.aggregator
    found = aggregator.chosen(features, columns, model=name)
    filtered = [each.column for each in definition.filters]
    types = dict(columns)
    read = tuple((each, types[each]) for each in dict.fromkeys([*dict(found.reads), *filtered]))
    return Use(
        name=name,
        group=group,
        definition=definition,
        relation=definition.source.dbt_source,
        source=source,
        keys={key: column for key, (column, _) in zip(keys, asker.keys, strict=True)},
        time=_times(time, asker),
        columns=read,
        filters=definition.filters,
        reach_days=None if found.reach_days is None else whole_days(found.reach_days, found.reach_periods),
        known=known,
        feature_set=_asked(found, read, known),
    )


def target_use(
    name: str,
    definition: Definition,
    source: ResolvedSource,
    *,
    asker: Asker,
    features: Iterable[str],
    ahead_seconds: int,
) -> Use:
    """Return the named targets of one horizon, for the rows of `asker`: all rows count by their event time, whenever they arrived."""
    ahead = replace(asker, known_by="event_time", is_open=False)
    use = windowed_use(name, None, definition, source, asker=ahead, features=features)
    return replace(use, ahead_seconds=ahead_seconds, newest_of=definition.source.loaded_at)


def _known(source: RegisteredSource) -> dict[str, str | int]:
    declared = {"loaded_at": source.loaded_at, "available_after": source.available_after}
    return {name: value for name, value in declared.items() if value is not None}


def _asked(feature_set: FeatureSet, columns: Columns, known: Mapping[str, str | int]) -> FeatureSet:
    """Return a feature set over rows of which some only ask. Its table has no periods, so how far rows reach does not matter there."""
    delay = known.get("available_after")
    # A delay that is the same for all rows moves the windows' ends; else rows are there once for each time at which they are known.
    texts = [text for each in feature_set.params.get("features", ()) for text in each["windows"]] if delay else []
    is_moved = isinstance(delay, int) and all(parse_window(text).outlasts(delay) for text in texts)
    copies = [(KNOWN_AT, "bigint")] if known and not is_moved else []
    params = {**feature_set.params, "keys": [*feature_set.params["keys"], *dict(copies)], "asking": ASKS}
    return replace(
        feature_set,
        reads=(*columns, (ASKS, "boolean"), *copies),
        reach_days=None,
        reach_periods={},
        params=params | ({"available_after": delay} if is_moved else {}),
    )


def version_use(
    name: str,
    group: FeatureGroup,
    versions: Versions,
    *,
    asker: Asker,
    features: Iterable[str],
    max_age_days: int | None,
) -> Use:
    """Return the named features of a group whose rows are versions, or one row for each key, for the rows of `asker`."""
    types = {each.name: each.types[0] for each in group.features}
    wanted = set(features)
    named = [name for name in types if name in wanted]
    keys, time = [column for column, _ in versions.keys.values()], versions.timestamp_col
    own = [*versions.keys.values(), *([(time, "timestamp")] if time else [])]
    common = _common_columns([*own, *types.items()], keys, time, asker)
    columns = [(each, dict(common)[each]) for each in dict.fromkeys([*dict(own), *named, *versions.order_by])]
    outputs = [OutputColumn(each, types[each], description=_description(group, each)) for each in named]
    found = FeatureSet(
        model=name,
        macro="latest_version" if time else "one_row_per_key",
        keys=(*keys, *([time] if time else [])),
        features=tuple(outputs),
        reads=tuple(columns),
        timestamp_col=time,
        reach_days=None,
        params=_version_params(keys, versions, named, columns, max_age_days, is_open=asker.is_open),
        tag="version",
    )
    return Use(
        name=name,
        group=group,
        definition=versions,
        relation=(group.model,),
        source=None,
        keys={key: column for key, (column, _) in zip(keys, asker.keys, strict=True)},
        time=_times(time, asker),
        columns=tuple(columns),
        filters=(),
        reach_days=max_age_days,
        known={},
        feature_set=_asked(found, columns, {}) if time else found,
    )


def _version_params(
    keys: list[str], versions: Versions, named: list[str], columns: Columns, max_age_days: int | None, *, is_open: bool
) -> dict[str, Any]:
    if versions.timestamp_col is None:
        return {"keys": keys, "columns": named}
    types = {name: data_type for name, data_type in columns if name not in keys}
    params = {"keys": keys, "event_time": versions.timestamp_col, "columns": named, "types": types}
    optional = {"order_by": list(versions.order_by) or None, "max_age_days": max_age_days}
    return params | optional | ({"closed": "left"} if is_open else {})


def _description(group: FeatureGroup, name: str) -> str:
    feature = group.feature_of(name)
    return feature.description if feature else ""


def _ends_before_t(window: str) -> bool:
    return " offset " in window or window.startswith("previous ")


def _times(time: str | None, asker: Asker) -> tuple[str, str] | None:
    return (time, asker.time[0]) if time and asker.time else None


def _common_columns(columns: Columns, keys: Sequence[str], time: str | None, asker: Asker) -> list[tuple[str, str]]:
    """Return the columns of the rows that count, keys and time with the types to which both kinds of rows are widened."""
    types = dict(columns)
    common = {key: common_key_type(types[key], asking) for key, (_, asking) in zip(keys, asker.keys, strict=True)}
    if time and asker.time:
        kinds = {parse_type(each).kind for each in (types[time], asker.time[1])}
        common[time] = "date" if kinds == {"date"} else "timestamp"
    return [(name, common.get(name) or data_type) for name, data_type in columns]


def use_names(groups: Sequence[str], taken: Iterable[str]) -> list[str]:
    """Return a name for each use of a group, in order: the group's, with `_2`, `_3` where that is taken."""
    names: list[str] = []
    known = set(taken)
    for group in groups:
        number = 1
        while {name := group if number == 1 else f"{group}_{number}", f"{name}_rows"} & known:
            number += 1
        known |= {name, f"{name}_rows"}
        names.append(name)
    return names
