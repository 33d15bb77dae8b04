"""Read the rows of JSON files: every key of every record, all digits of numbers, declared or inferred types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.data_types import Columns, kind_of, sql_type
from feature_platform_py.core.errors import ConfigurationError, DataCheckError
from feature_platform_py.core.suggestions import printable
from feature_platform_py.files.columns import BadValue, Reading, Readings, bad_value, shown
from feature_platform_py.files.folder import DataFile
from feature_platform_py.files.guesses import Guess
from feature_platform_py.files.options import TextOptions
from feature_platform_py.files.text import text_chunks
from feature_platform_py.files.values import arrow_type, cast_texts

if TYPE_CHECKING:
    import pyarrow as pa

_MULTI_LINE = "with records over several lines, or in a list, give the option `multiLine: true`"


class Number(str):
    """A number as it is written."""

    __slots__ = ()


@dataclass(frozen=True)
class Records:
    """Some records of one file, and the lines on which they start."""

    file: DataFile
    lines: list[int]
    rows: list[dict[str, Any]]


@dataclass
class Shape:
    """The kinds of value of a key so far, and the first place of each kind."""

    date_format: str | None = None
    time_format: str | None = None
    first: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Shape] = field(default_factory=dict)
    items: Shape | None = None
    guess: Guess = field(default_factory=Guess)

    def add(self, values: Sequence[Any], rows: Sequence[int], name: str, records: Records) -> None:
        """Let the values of these rows decide on the type. Raises DataCheckError for a value of another kind than before."""
        import pyarrow as pa

        for kind in dict.fromkeys(_KINDS[each] for each in dict.fromkeys(map(type, values))):
            if kind != "null" and kind not in self.first:
                self._note(kind, values, rows, name, records)
        kind = next(iter(self.first), "null")
        if kind in {"text", "number"}:
            self.guess.add(pa.array(values, pa.string()))
            return
        given = [(value, row) for value, row in zip(values, rows, strict=True) if value is not None]
        there = [value for value, _ in given]
        if kind == "list":
            self.items = self.items or Shape(self.date_format, self.time_format)
            items = [(item, row) for value, row in given for item in value]
            self.items.add([item for item, _ in items], [row for _, row in items], name, records)
        elif kind == "object":
            for key in dict.fromkeys(key for value in there for key in value):
                inner = self.fields.setdefault(key, Shape(self.date_format, self.time_format))
                inner.add([value.get(key) for value in there], [row for _, row in given], f"{name}.{key}", records)

    def _note(self, kind: str, values: Sequence[Any], rows: Sequence[int], name: str, records: Records) -> None:
        value, row = next(each for each in zip(values, rows, strict=True) if _kind(each[0]) == kind)
        place = f"{shown(records.file.path)}:{records.lines[row]}"
        if self.first:
            known, where = next(iter(self.first.items()))
            raise DataCheckError(
                f"{place}: column `{name}`: expected a {known}, as in {where}, given the {kind} `{printable(_text(value))}`;"
                f' to read all as text, declare it: `columns: {{"{name}": {{type: string}}}}`'
            )
        self.first[kind] = place
        self.guess = Guess(self.date_format, self.time_format, is_text=kind == "text")

    @property
    def type(self) -> str:
        """Return the Spark SQL type that holds every value; text if there was none."""
        kind = next(iter(self.first), "null")
        if kind == "list":
            return f"array<{self.items.type if self.items else 'string'}>"
        if kind == "object" and self.fields:
            return "struct<" + ",".join(f"{key}:{shape.type}" for key, shape in self.fields.items()) + ">"
        return "boolean" if kind == "boolean" else self.guess.type or "string"

    @property
    def arrow(self) -> pa.DataType:
        """Return that type as an Arrow type, in which keys keep any characters."""
        import pyarrow as pa

        kind = next(iter(self.first), "null")
        if kind == "list":
            return pa.list_(self.items.arrow if self.items else pa.string())
        if kind == "object" and self.fields:
            return pa.struct([pa.field(key, shape.arrow) for key, shape in self.fields.items()])
        return arrow_type(self.type) if kind != "object" else pa.string()


class JsonRows:
    """The rows of the files of one source; the arguments are those of `CsvRows`. Types of undeclared columns are found out."""

    def __init__(
        self, location: Path, files: Sequence[DataFile], options: TextOptions, *, declared: Columns, readings: Readings
    ) -> None:
        self._location = location
        self._files = files
        self._options = options
        self._declared = {name.lower(): (name, data_type) for name, data_type in declared}
        self._readings = readings
        self._shapes: dict[str, Shape] = {}
        self._partitions = {name: Guess() for name in files[0].partition}

    def parts(self) -> Iterator[Records]:
        """Yield all records, some megabytes at a time."""
        for file in self._files:
            yield from _records(file, self._options)

    def learn(self, part: Records) -> None:
        """Let these records decide on the types."""
        import pyarrow as pa

        numbers = range(len(part.rows))
        for name in dict.fromkeys(key for row in part.rows for key in row):
            if name not in self._shapes:
                self._check_new(name, part)
                self._shapes[name] = Shape(self._options.date_format, self._options.time_format)
            if self._type_of(name) is None and self._options.infers:
                self._shapes[name].add([row.get(name) for row in part.rows], numbers, name, part)
        for name, guess in self._partitions.items():
            guess.add(pa.array([part.file.partition[name]], pa.string()))

    def types(self) -> dict[str, tuple[Reading, Any]]:
        """Return how each column is read, by its key: the reading, and the Arrow type of inferred columns."""
        found: dict[str, tuple[Reading, Any]] = {}
        for name, shape in self._shapes.items():
            declared = self._type_of(name) or (None if self._options.infers else "string")
            found[name] = self._reading(name, declared or shape.guess.type), None if declared else shape.arrow
        for name, guess in self._partitions.items():
            found[name] = self._reading(name, self._type_of(name) or guess.type or "string"), None
        return found

    def finish(self) -> None:
        """Raise ConfigurationError for declared columns that no record has."""
        there = {
            (self._readings[name].rename or name).lower() if name in self._readings else name.lower()
            for name in self.types()
        }
        listed, file = ", ".join(f"`{name}`" for name in self.types()), shown(self._location)
        missing = [name for key, (name, _) in self._declared.items() if key not in there]
        missing += [name for name in self._readings if name not in self.types()]
        if missing and self.types():
            raise ConfigurationError(
                "\n".join(
                    f"{file}: column `{name}` is declared, but no record has it. Existing columns: {listed}"
                    for name in missing
                )
            )
        if not self.types() and not self._declared:
            raise ConfigurationError(f"{file}: expected at least one JSON record, or declared columns; given none")

    def empty(self) -> pa.Table:
        """Return the table without rows: the declared columns."""
        import pyarrow as pa

        return pa.table({name: pa.array([], arrow_type(data_type)) for name, data_type in self._declared.values()})

    def typed(self, part: Records, types: Mapping[str, tuple[Reading, Any]]) -> pa.Table:
        """Return the records with those types. Raises DataCheckError for the first values that do not fit."""
        import pyarrow as pa

        columns: dict[str, Any] = {}
        faults: list[tuple[int, str, BadValue]] = []
        rows = list(range(len(part.rows)))
        for name, (reading, found) in types.items():
            of_folder = part.file.partition
            values = [of_folder[name] if name in of_folder else row.get(name) for row in part.rows]
            try:
                target = found if found is not None else arrow_type(reading.type or "string")
                columns[reading.rename or name] = _built(values, target, reading, rows)
            except _BadError as error:
                faults.append((error.bad.row, name, error.bad))
        if faults:
            ordered = sorted(faults, key=lambda each: each[0])
            messages = [bad_value(part.file.path, part.lines[row], name, bad) for row, name, bad in ordered]
            raise DataCheckError("\n".join(messages))
        return pa.table(columns)

    def _type_of(self, name: str) -> str | None:
        reading = self._readings.get(name, Reading())
        target = (reading.rename or name).lower()
        return reading.type or (self._declared[target][1] if target in self._declared else None)

    def _reading(self, name: str, data_type: str | None) -> Reading:
        reading = self._readings.get(name, Reading())
        kind = kind_of(data_type or "string")
        given = {"date": self._options.date_format, "timestamp": self._options.time_format}.get(kind)
        return Reading(data_type, reading.format or given, reading.decimal, reading.group, reading.rename or name)

    def _check_new(self, name: str, part: Records) -> None:
        same = next((each for each in [*self._shapes, *self._partitions] if each.lower() == name.lower()), None)
        if same is not None:
            row = next(number for number, row in enumerate(part.rows) if name in row)
            raise DataCheckError(
                f"{shown(part.file.path)}:{part.lines[row]}: the key `{printable(name)}` and the column `{printable(same)}` are"
                " the same name to Spark; spell them the same way"
            )


class _BadError(Exception):
    def __init__(self, bad: BadValue) -> None:
        self.bad = bad


_KINDS = {type(None): "null", Number: "number", str: "text", bool: "boolean", list: "list", dict: "object"}


def _kind(value: Any) -> str:
    return _KINDS[type(value)]


def _text(value: Any) -> str:
    """Return the value as JSON, a text as itself."""
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)

    def quoted(inner: Any) -> str:
        is_text = isinstance(inner, str) and not isinstance(inner, Number)
        return json.dumps(inner, ensure_ascii=False) if is_text else _text(inner)

    if isinstance(value, list):
        return "[" + ", ".join(map(quoted, value)) + "]"
    return "{" + ", ".join(f"{quoted(key)}: {quoted(inner)}" for key, inner in value.items()) + "}"


def _built(values: Sequence[Any], target: pa.DataType, reading: Reading, rows: Sequence[int]) -> pa.Array:
    """Return the values as an Arrow array; `rows` are the positions of their records."""
    import pyarrow as pa

    types = pa.types
    if types.is_list(target):
        _check_kind(values, "list", target, rows)
        items = [(item, row) for value, row in zip(values, rows, strict=True) for item in value or ()]
        inner = _built([item for item, _ in items], target.value_type, Reading(), [row for _, row in items])
        return pa.ListArray.from_arrays(_offsets(values), inner)
    if types.is_map(target):
        _check_kind(values, "object", target, rows)
        pairs = [
            (key, item, row) for value, row in zip(values, rows, strict=True) for key, item in (value or {}).items()
        ]
        places = [row for _, _, row in pairs]
        keys = _built([key for key, _, _ in pairs], target.key_type, Reading(), places)
        inner = _built([item for _, item, _ in pairs], target.item_type, Reading(), places)
        return pa.MapArray.from_arrays(_offsets(values), keys, inner)
    if types.is_struct(target):
        _check_kind(values, "object", target, rows)
        fields = list(target)
        arrays = [
            _built([None if value is None else value.get(each.name) for value in values], each.type, Reading(), rows)
            for each in fields
        ]
        is_null = pa.array([value is None for value in values], pa.bool_())
        return pa.StructArray.from_arrays(arrays, fields=fields, mask=is_null)
    if set(map(type, values)) <= {str, Number, type(None)}:
        texts = pa.array(values, pa.string())
    else:
        texts = pa.array([None if value is None else _text(value) for value in values], pa.string())
    found, bad = cast_texts(texts, Reading(_spark_type(target), reading.format, reading.decimal, reading.group))
    if bad:
        raise _BadError(BadValue(rows[bad.row], bad.value, bad.expected))
    return found


def _offsets(values: Sequence[Any]) -> pa.Array:
    """Return where the items of each value start; NULL for one that is NULL."""
    import pyarrow as pa

    offsets, end = list[int | None](), 0
    for value in values:
        offsets.append(None if value is None else end)
        end += len(value or ())
    return pa.array([*offsets, end], pa.int32())


def _check_kind(values: Sequence[Any], kind: str, target: pa.DataType, rows: Sequence[int]) -> None:
    for value, row in zip(values, rows, strict=True):
        if value is not None and _kind(value) != kind:
            raise _BadError(BadValue(row, _text(value), str(target)))


def _spark_type(target: pa.DataType) -> str:
    from pyspark.sql.pandas.types import from_arrow_type

    return sql_type(from_arrow_type(target))


def _records(file: DataFile, options: TextOptions) -> Iterator[Records]:
    chunks = text_chunks(file.path, encoding=options.encoding, compression=options.compression)
    if options.is_multi_line:
        documents = list(_documents(file.path, b"".join(chunks).decode()))
        if documents:
            yield Records(file, [line for line, _ in documents], [row for _, row in documents])
        return
    line, pending = 1, b""
    for chunk in _with_end(chunks):
        lines = (pending + chunk).split(b"\n")
        pending = lines.pop()
        there = [(line + number, text) for number, text in enumerate(lines) if text.strip()]
        line += len(lines)
        if there:
            rows = [_record(text, file.path, number) for number, text in there]
            yield Records(file, [number for number, _ in there], rows)


def _with_end(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield from chunks
    yield b"\n"


def _record(text: bytes, file: Path, line: int) -> dict[str, Any]:
    try:
        found = _DECODER.decode(text.decode())
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        given = printable(text.decode().strip())
        raise DataCheckError(
            f"{shown(file)}:{line}: expected a JSON object on each line, given `{given}`: {reason}; {_MULTI_LINE}"
        ) from None
    return _object(found, file, line)


def _object(found: Any, file: Path, line: int) -> dict[str, Any]:
    if not isinstance(found, dict):
        given = printable(_text(found))
        raise DataCheckError(f"{shown(file)}:{line}: expected a JSON object, given `{given}`; {_MULTI_LINE}")
    return found


def _documents(file: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a text, one after another or in lists, each with its line."""
    position = 0
    while (position := _next(text, position)) < len(text):
        line = text.count("\n", 0, position) + 1
        try:
            found, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            at = text.count("\n", 0, error.pos) + 1 if isinstance(error, json.JSONDecodeError) else line
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise DataCheckError(f"{shown(file)}:{at}: expected JSON, given what does not parse: {reason}") from None
        for each in found if isinstance(found, list) else [found]:
            yield line, _object(each, file, line)


def _next(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key `{next(key for key in keys if keys.count(key) > 1)}` appears twice")
    return found


def _integer(text: str) -> Number:
    return Number("0" if text == "-0" else text)


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=Number, parse_int=_integer, parse_constant=Number)
