"""Any aggregation over any window: counts, sums, extremes, distinct and last values, of rows up to the row's event time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Annotated, Any, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.document import KeyPath
from feature_platform_py.core.fields import ColumnName, FieldError, Text, as_tuple, one_or_more
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.features.aggregation import FeaturePart, input_columns
from feature_platform_py.features.columns import InputColumn, OutputColumn, Reads
from feature_platform_py.features.feature_set import FeatureSet
from feature_platform_py.features.sql import SqlTransformer
from feature_platform_py.features.windows import Closed, Reach, Window

BOUNDED = "window_features"
LIFETIME = "lifetime_features"
"""The models of features whose windows end, and of those over `lifetime`, which a late row changes for ever."""


def _time_zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"`{value}` is not a time zone; expected a name such as `Europe/Prague`") from error


class WindowAggregator(SqlTransformer):
    """Aggregations of a key's rows over windows that end at each row's event time."""

    model: ClassVar[str] = BOUNDED
    macro: ClassVar[str] = "aggregate"
    tag: ClassVar[str] = "window"

    keys: Annotated[
        tuple[ColumnName, ...],
        BeforeValidator(as_tuple),
        one_or_more({"type": "string"}),
        Reads("key", "key"),
        Field(min_length=1, description="the column that identifies whose rows count, or a list of columns"),
    ]
    timestamp_col: Annotated[
        ColumnName,
        Reads("event time", "time"),
        Field(description="the column of the event time, a date or a timestamp"),
    ]
    features: Annotated[
        tuple[FeaturePart, ...], BeforeValidator(as_tuple), Field(min_length=1, description="a list of features")
    ]
    prefix: Annotated[Text, Field(description="a text before every feature's name")] = ""
    time_zone: Annotated[
        Annotated[Text, AfterValidator(_time_zone)] | None,
        Field(description="the time zone of calendar periods, such as `Europe/Prague`; the session's by default"),
    ] = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        keys = [name.lower() for name in self.keys]
        if repeated := sorted({name for name in self.keys if keys.count(name.lower()) > 1}):
            raise FieldError("keys", f"{ticked(repeated)} is given more than once; give each key once")
        if self.timestamp_col.lower() in keys:
            raise FieldError(
                "keys",
                f"`{self.timestamp_col}` is also the event time; expected columns that identify whose rows count",
            )
        names: set[str] = set()
        for column in self.output_columns(None):
            if column.name.lower() in names:
                raise FieldError("features", f"two features would be called `{column.name}`; give one of them a `name`")
            names.add(column.name.lower())
        return self

    def input_columns(self) -> tuple[InputColumn, ...]:
        """Return the keys, the event time, and the columns of the features."""
        return (*super().input_columns(), *input_columns(self.features))

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        """Return a column per feature, category and window, in the order of the definitions."""
        return tuple(column for _, _, column in self._outputs(columns))

    def grain(self) -> tuple[str, ...]:
        """Return (keys, event time)."""
        return *self.keys, self.timestamp_col

    def event_time(self) -> str:
        """Return the event time."""
        return self.timestamp_col

    def spelled_as(self, columns: Columns) -> Self:
        """Return the transformer with its columns spelled as in the input."""

        features = tuple(part.spelled(columns) for part in self.features)
        return super().spelled_as(columns).model_copy(update={"features": features})

    def ordered_by(self, columns: Sequence[str]) -> Self:
        """Return the transformer with these columns as the order of rows at one time, where it names none."""
        features = tuple(
            replace(part, order_by=tuple(columns)) if part.how.is_ordered and not part.order_by else part
            for part in self.features
        )
        return self.model_copy(update={"features": features})

    def faults(self, columns: Columns) -> Iterator[tuple[KeyPath, str]]:
        """Yield where and why a feature does not fit the types of its columns."""
        for position, part in enumerate(self.features):
            for path, message in part.faults(columns):
                yield ("features", position, *path), message

    def arguments(self, types: Mapping[str, str]) -> dict[str, Any]:
        """Return the macro's arguments for all features."""
        return self._arguments(list(self._outputs(tuple(types.items()))), tuple(types.items()))

    def feature_sets(self, columns: Columns) -> tuple[FeatureSet, ...]:
        """Return the features with windows that end as one set, and those over `lifetime` as another."""
        found = []
        for model, is_lifetime in ((BOUNDED, False), (LIFETIME, True)):
            outputs = [each for each in self._outputs(columns) if each[1].is_lifetime == is_lifetime]
            if outputs:
                found.append(self._feature_set(model, outputs, columns))
        return tuple(found)

    def open_at_the_end(self) -> Self:
        """Return the transformer with windows in which rows at t itself do not count."""
        opened: dict[Closed, Closed] = {"right": "none", "both": "left"}
        features = tuple(replace(part, closed=opened.get(part.closed, part.closed)) for part in self.features)
        return self.model_copy(update={"features": features})

    def chosen(self, names: Iterable[str], columns: Columns, *, model: str) -> FeatureSet:
        """Return the features of these names as one set, whatever their windows: that of the model."""
        wanted = set(names)
        return self._feature_set(model, [each for each in self._outputs(columns) if each[2].name in wanted], columns)

    def _feature_set(
        self, model: str, outputs: list[tuple[FeaturePart, Window, OutputColumn]], columns: Columns
    ) -> FeatureSet:
        types = dict(columns)
        used = [name for part, _, _ in outputs for name in part.columns_read()]
        reach = Reach.longest(window.reach(is_zoned=self.time_zone is not None) for _, window, _ in outputs)
        return FeatureSet(
            model=model,
            macro=self.macro,
            keys=self.grain(),
            features=tuple(column for _, _, column in outputs),
            reads=tuple((name, types[name]) for name in dict.fromkeys([*self.grain(), *used])),
            timestamp_col=self.timestamp_col,
            reach_days=None if reach.is_forever else reach.days,
            reach_periods=reach.periods,
            params=self._arguments(outputs, columns),
            tag=self.tag,
        )

    def _arguments(self, outputs: list[tuple[FeaturePart, Window, OutputColumn]], columns: Columns) -> dict[str, Any]:
        types = dict(columns)
        features, used = [], []
        for _, group in groupby(outputs, key=lambda each: id(each[0])):
            found = list(group)
            part = found[0][0]
            features.append(part.macro_argument({window.text: column.name for _, window, column in found}, columns))
            used += [part.column] if part.column else []
            used += part.order_by
        arguments: dict[str, Any] = {
            "keys": list(self.keys),
            "event_time": self.timestamp_col,
            "features": features,
            "types": {name: types[name] for name in dict.fromkeys([self.timestamp_col, *used])},
        }
        return arguments | ({"time_zone": self.time_zone} if self.time_zone else {})

    def _outputs(self, columns: Columns | None) -> Iterator[tuple[FeaturePart, Window, OutputColumn]]:
        for part in self.features:
            yield from part.outputs(self.prefix, columns)
